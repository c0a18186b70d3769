"""Two places against each other in every format: nothing that acts, nothing that leaks."""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimitap.conversation import Timings, ToolCall, Turn, Usage
from kimitap.diff import Comparison, compare_sessions, compare_threads
from kimitap.export.differences import DIFFERENCES
from kimitap.export.differences.canonical import canonical
from kimitap.export.differences.patch import patch
from kimitap.export.html import POLICY
from kimitap.export.measures import of_threads
from tests.support.two_runs import HOSTILE, SECRET, calls, session, thread

LOOKS = calls(["look", "read", "write"])
PARTED = compare_threads(
    thread(1, *LOOKS), thread(11, *LOOKS[:2], ToolCall("write", '{"path": "other.txt"}'))
)
EQUAL = compare_threads(thread(1, *LOOKS), thread(11, *LOOKS))
HOSTILES = compare_threads(
    thread(1, ToolCall(HOSTILE, HOSTILE), asked=HOSTILE, prompt=HOSTILE, model=HOSTILE),
    thread(11, ToolCall("a", '{"x": 1}'), asked="b", says=HOSTILE),
)


def told(comparison: Comparison) -> dict[str, Any]:
    found = json.loads(DIFFERENCES["json"](comparison))
    assert isinstance(found, dict)
    return found


# --- where they part ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_the_first_turn_that_differs_is_named_first(form: str) -> None:
    page = DIFFERENCES[form](PARTED)
    sentence = page.index("The same up to turn 3, where t1")
    assert sentence < page.index("other.txt", sentence + 300 if form == "html" else 0)
    assert "t11" in page


def test_the_text_marks_the_words_that_differ() -> None:
    page = DIFFERENCES["text"](PARTED)
    assert '-   "path": "[-notes-].txt"' in page
    assert '+   "path": "{+other+}.txt"' in page
    assert "=  1     #1      #11" in page
    assert "!  3     #3      #13" in page


def test_what_is_the_same_is_not_told_in_full() -> None:
    page = DIFFERENCES["text"](EQUAL)
    assert "The same in all 4 turns." in page
    assert "── turn" not in page
    assert told(EQUAL)["same"] is True
    assert told(EQUAL)["threads"][0]["parts_at"] is None


def test_programs_get_the_place_the_fields_and_the_words() -> None:
    (found,) = told(PARTED)["threads"]
    assert (found["parts_at"], found["turns"], found["same_turns"]) == (3, 4, 3)
    part = next(part for part in found["details"] if part["turn"] == 3)
    assert (part["old_exchange"], part["new_exchange"], part["differs"]) == (3, 13, ["reply"])
    reply = next(row for row in part["messages"] if row["reply"])
    field = next(f for f in reply["fields"] if f["field"] == "tool_calls[0].arguments")
    changed = next(line for line in field["lines"] if line["change"] == "changed")
    differing = ["".join(r["text"] for r in changed[s] if r["differs"]) for s in ("old", "new")]
    assert differing == ["notes", "other"]


def test_settings_tools_and_models_are_compared_field_by_field() -> None:
    page = DIFFERENCES["text"](
        compare_threads(thread(1, *LOOKS), thread(11, *LOOKS, model="kimi-k2-thinking"))
    )
    assert "Models: kimi-k2-0905 and kimi-k2-thinking." in page
    assert "+ kimi-k2-{+thinking+}" in page


def test_another_system_prompt_is_told_where_nothing_else_differs() -> None:
    old, new = (f"You are a careful assistant: be {how}." for how in ("terse", "verbose"))
    comparison = compare_threads(thread(1, *LOOKS, prompt=old), thread(11, *LOOKS, prompt=new))
    page = DIFFERENCES["text"](comparison)
    assert "The same in all 4 turns. Their system prompts differ." in page
    assert "assistant: be {+verbose+}." in page


def test_numbers_stand_side_by_side_with_their_ratio() -> None:
    comparison = compare_threads(thread(1, *LOOKS), thread(11, *LOOKS, speed=25.0))
    speed = next(
        m for m in told(comparison)["threads"][0]["measures"] if "reply speed" in m["name"]
    )
    assert (speed["old"], speed["new"], speed["ratio"]) == (50.0, 25.0, 0.5)
    line = next(x for x in DIFFERENCES["text"](comparison).split("\n") if "reply speed" in x)
    assert line.split() == [
        "reply",
        "speed",
        "50.00",
        "tokens/s",
        "25.00",
        "tokens/s",
        "×0.50",
    ]
    assert "| reply speed | 50.00 tokens/s | 25.00 tokens/s | ×0.50 |" in DIFFERENCES["markdown"](
        comparison
    )


def test_a_long_reply_counts_for_more_in_the_speed_than_a_short_one() -> None:
    def turn(tokens: int, seconds: float) -> Turn:
        one = thread(1, *LOOKS).turns[0]
        timings = Timings(predicted_n=tokens, predicted_ms=1000 * seconds)
        return replace(one, reply=replace(one.reply, usage=Usage(10, tokens), timings=timings))

    (speed,) = (
        m for m in of_threads([turn(1000, 10), turn(5, 0.01)], []) if m.name == "reply speed"
    )
    assert speed.old == pytest.approx(1005 / 10.01)


def test_a_thread_without_a_counterpart_is_told_as_one() -> None:
    side = thread(31, asked="Give a title.", says="Tea")
    comparison = compare_sessions(session(thread(1, *LOOKS)), session(thread(11, *LOOKS), side))
    found = {(t["old"], t["new"]): t["change"] for t in told(comparison)["threads"]}
    assert found == {("t1", "t11"): "same", ("", "t31"): "new"}
    assert "══ > t31 ══" in DIFFERENCES["text"](comparison)


def test_more_than_the_limit_is_counted_and_json_has_all() -> None:
    names = [f"tool_{i}" for i in range(30)]
    others = [f"other_{i}" for i in range(30)]
    comparison = compare_threads(thread(1, *calls(names)), thread(101, *calls(others)))
    assert "… 10 more turns differ" in DIFFERENCES["text"](comparison)
    assert len(told(comparison)["threads"][0]["details"]) == 30


def test_a_long_line_is_cut_in_its_middle_and_says_so() -> None:
    long = "x" * 50_000
    comparison = compare_threads(thread(1, says=f"a{long}"), thread(11, says=f"b{long}"))
    page = DIFFERENCES["text"](comparison)
    assert "characters) …" in page
    assert len(page) < 20_000


# --- what acts or leaks -------------------------------------------------------------------------


@pytest.mark.parametrize("form", [*DIFFERENCES])
def test_no_format_tells_a_secret_or_holds_what_a_terminal_acts_on(form: str) -> None:
    page = DIFFERENCES[form](HOSTILES)
    assert SECRET[:16] not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "masked" in page


class Parsed(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs


def test_the_page_loads_nothing_and_nothing_recorded_becomes_markup() -> None:
    page = Parsed(DIFFERENCES["html"](HOSTILES))
    assert not {"script", "img", "iframe", "object", "form", "base"} & set(page.tags)
    names = {name for name, _ in page.attributes}
    assert not {name for name in names if name.startswith("on")} | ({"src"} & names)
    assert [value for name, value in page.attributes if name == "href"] == ["data:,"]
    assert ("content", POLICY) in page.attributes
    assert "49" not in re.findall(r"\b49\b", DIFFERENCES["html"](HOSTILES))
    assert page.tags["style"] == 1


# --- the patch ----------------------------------------------------------------------------------

needs_patch = pytest.mark.skipif(
    not (shutil.which("patch") and shutil.which("diff")), reason="needs the tools patch and diff"
)
LINES = st.sampled_from(["a", "b", "", "-", "+x", " c", "@@ -1 +1 @@", "\\", "--- a", "ä\r", "d "])
CASES: dict[str, Callable[[], Comparison]] = {
    "another call": lambda: PARTED,
    "hostile text": lambda: HOSTILES,
    "a longer thread": lambda: compare_threads(thread(1, *LOOKS[:1]), thread(11, *LOOKS)),
    "a thread more": lambda: compare_sessions(
        session(thread(1, *LOOKS)), session(thread(11, *LOOKS), thread(31, asked="Name it."))
    ),
    "far apart": lambda: compare_threads(
        thread(1, *calls(["x", *"abcdefgh", "y"])), thread(21, *calls(["z", *"abcdefgh", "w"]))
    ),
    "lines that look like a patch": lambda: compare_threads(
        thread(1, says="--- a\n+++ b\n@@ -1 +1 @@\n-x\n\n\n"),
        thread(11, says="\n+++ b\n@@ -1 +1 @@\n-y\n\\ No newline at end of file"),
    ),
}


@needs_patch
@pytest.mark.parametrize("name", CASES)
def test_the_patch_makes_the_one_side_of_the_other(name: str, tmp_path: Path) -> None:
    comparison = CASES[name]()
    old, new, change = tmp_path / "old.txt", tmp_path / "new.txt", tmp_path / "change.patch"
    old.write_text(canonical(comparison, "old"))
    new.write_text(canonical(comparison, "new"))
    change.write_text(patch(comparison))
    assert old.read_bytes() != new.read_bytes()
    back = tmp_path / "back.txt"
    for words, result, wanted in (([], tmp_path / "made.txt", new), (["--reverse"], back, old)):
        source = old if result.name == "made.txt" else new
        command = ["patch", "--fuzz=0", "-o", str(result), *words, str(source), str(change)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert result.read_bytes() == wanted.read_bytes()


@needs_patch
@given(st.lists(LINES, max_size=40), st.lists(LINES, max_size=40))
@settings(max_examples=30)
def test_the_patch_of_any_two_texts_applies(old: list[str], new: list[str]) -> None:
    comparison = compare_threads(thread(1, says="\n".join(old)), thread(11, says="\n".join(new)))
    sides = [canonical(comparison, side) for side in ("old", "new")]
    with TemporaryDirectory() as folder:
        Path(folder, "old").write_text(sides[0])
        Path(folder, "change").write_text(patch(comparison))
        words = ["patch", "--fuzz=0", "-s", "-o", "made", "old", "change"]
        if sides[0] != sides[1]:
            subprocess.run(words, cwd=folder, check=True)
            assert Path(folder, "made").read_text() == sides[1]


@needs_patch
def test_its_lines_are_those_that_diff_itself_finds(tmp_path: Path) -> None:
    for side in ("old", "new"):
        (tmp_path / side).write_text(canonical(PARTED, side))
    done = subprocess.run(
        ["diff", "-u", "old", "new"], cwd=tmp_path, capture_output=True, text=True
    )
    assert patch(PARTED).split("\n")[2:] == done.stdout.split("\n")[2:]


def test_sides_that_say_the_same_make_no_patch() -> None:
    assert patch(EQUAL) == ""
