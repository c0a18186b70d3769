"""`kimitap diff` of one recording and of two, of places and of whole runs, as a user types it."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import chdir, closing
from pathlib import Path

import pytest

from kimitap.cli import run
from kimitap.exchange import Exchange
from tests.support import chat
from tests.support.chat import exchange
from tests.support.recordings import healthy_tool_turn, lost_tool_turn, recording

Diff = Callable[..., tuple[int, str, str]]
SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEF"


@pytest.fixture
def diff(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Diff:
    """Run `kimitap diff` beside old.db and new.db: its status, stdout and stderr."""
    monkeypatch.delenv("KIMITAP_DB", raising=False)
    recording(tmp_path / "old.db", two_turns("notes.txt"))
    recording(tmp_path / "new.db", two_turns("other.txt"))

    def call(*words: str) -> tuple[int, str, str]:
        with chdir(tmp_path):
            status = run(["diff", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def two_turns(name: str, task: str = "Look, then write.", begin: int = 1) -> list[Exchange]:
    """A session of two turns; the second writes the file `name`."""
    asked = [chat.system("Be terse."), chat.user(task)]
    look = chat.assistant("", chat.call("look", {}, "a"))
    write = chat.assistant("", chat.call("write", {"path": name}, "b"))
    seen = [*asked, look, chat.result(f"token {SECRET}", "a")]
    tools = [chat.tool("look"), chat.tool("write")]
    headers = (("X-Session-Id", f"run-{begin}"),)
    return [
        exchange(n, chat.request(*sent, tools=tools), chat.choice(reply), headers=headers)
        for n, sent, reply in ((begin, asked, look), (begin + 1, seen, write))
    ]


@pytest.mark.parametrize("kind", ["", "t", "s"])
def test_places_of_two_recordings_are_compared(diff: Diff, kind: str) -> None:
    number = "2" if not kind else "1"
    status, said, _ = diff(f"old.db:{kind}{number}", f"new.db:{kind}{number}", "--format", "text")
    assert status == 0
    at = "" if kind else " (s1 t1, turn 2)"
    assert said.startswith(f"old.db:{kind}{number}{at} against new.db:{kind}{number}{at}\n")
    assert '"path": "[-notes-].txt"' in said
    if kind:
        assert "The same up to turn 2, where old t1 calls write" in said


def test_a_page_on_two_requests_names_both_sides_and_their_numbers(diff: Diff) -> None:
    for words in (["old.db", "1"], ["old.db", "1", "2"]):
        _, said, _ = diff(*words)
        for row in (
            "| database | `old.db` | `old.db` |",
            "| exchange | `1` | `2` |",
            "| session | `s1` | `s1` |",
            "| thread | `t1` | `t1` |",
            "| turn | `1` | `2` |",
            "| model | `kimi-k2` | `kimi-k2` |",
            "| duration | 1.00 s | 1.00 s | ×1.00 |",
        ):
            assert row in said, (row, said)


@pytest.mark.parametrize("form", ["markdown", "text", "html", "json", "patch"])
def test_two_requests_of_one_thread_are_told_apart_in_every_format(diff: Diff, form: str) -> None:
    _, said, _ = diff("old.db", "1", "2", "--format", form)
    assert "t1 against t1" not in said
    named = {"markdown": "| turn | `1` | `2` |", "json": '"exchange 1 (s1 t1, turn 1)"'}
    named["patch"] = "--- a/exchange-1-s1-t1-turn-1.txt\n+++ b/exchange-2-s1-t1-turn-2.txt"
    both = "exchange 1 (s1 t1, turn 1) against exchange 2 (s1 t1, turn 2)"
    assert named.get(form, both) in said


@pytest.mark.parametrize(
    "words",
    [
        ["old.db:s1", "new.db:s1"],
        ["s1", "new.db:s1", "--db", "old.db"],
        ["old.db", "s1", "s1", "--other", "new.db"],
        ["old.db", "s1", "--other", "new.db"],
        ["s1", "--db", "old.db", "--other", "new.db"],
        ["old.db", "s1", "new.db:s1"],
    ],
)
def test_two_recordings_are_named_in_several_ways(diff: Diff, words: list[str]) -> None:
    status, said, err = diff(*words, "--format", "json")
    assert (status, err) == (0, "")
    told = json.loads(said)
    assert (told["old"], told["new"], told["same"]) == ("old.db:s1", "new.db:s1", False)


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json", "patch"])
@pytest.mark.parametrize(
    "words", [["old.db", "1"], ["old.db:s1", "new.db:s1"], ["old.db", "new.db"]]
)
def test_every_format_tells_every_kind_and_no_secret(
    diff: Diff, words: list[str], form: str
) -> None:
    status, said, err = diff(*words, "--format", form)
    if form == "patch" and words == ["old.db", "new.db"]:
        assert (status, said) == (2, "")
        assert "not as patch" in err
        return
    assert (status, err) == (0, "")
    assert said.strip()
    assert SECRET[:12] not in said


def test_markdown_is_what_it_was_and_the_default(diff: Diff) -> None:
    assert diff("old.db", "1") == diff("old.db", "1", "--format", "markdown")
    assert diff("old.db", "1")[1].startswith("## request 1 → 2")


def test_the_lost_turn_is_told_in_text_and_as_a_patch(tmp_path: Path, diff: Diff) -> None:
    recording(tmp_path / "lost.db", lost_tool_turn())
    status, said, _ = diff("lost.db", "1", "--format", "text", "--exit-code")
    assert status == 1
    assert "The request does not give all back that was said before." in said
    assert "tool_calls[0].name (absent after)" in said
    assert "-call write_to_file:" in diff("lost.db", "1", "--format", "patch")[1]


def test_the_exit_code_tells_whether_they_part(diff: Diff) -> None:
    assert diff("old.db:s1", "new.db:s1")[0] == 0
    for form in ("markdown", "text", "patch"):
        assert diff("old.db:s1", "new.db:s1", "--exit-code", "--format", form)[0] == 1
        assert diff("old.db", "s1", "s1", "--exit-code", "--format", form)[0] == 0
    assert diff("old.db", "new.db", "--exit-code")[0] == 1
    assert diff("old.db", "old.db", "--exit-code")[0] == 0


def test_a_healthy_turn_does_not_part_from_the_next(tmp_path: Path, diff: Diff) -> None:
    recording(tmp_path / "healthy.db", healthy_tool_turn())
    assert diff("healthy.db", "1", "--exit-code")[0] == 0
    assert diff("healthy.db", "2", "--exit-code")[0] == 0


def test_folders_of_runs_are_paired_by_task(tmp_path: Path, diff: Diff) -> None:
    for side, name in (("old", "notes.txt"), ("new", "other.txt")):
        (tmp_path / side / "more").mkdir(parents=True)
        recording(tmp_path / side / "tea.db", two_turns("tea.txt", "Brew."))
        recording(tmp_path / side / "more" / f"{side}.db", two_turns(name))
        (tmp_path / side / "notes.md").write_text("no recording")
    status, said, err = diff("old", "new", "--format", "json", "--exit-code")
    assert (status, err) == (1, "")
    told = json.loads(said)
    assert (told["paired"], told["parted"]) == (2, 1)
    found = {(s["old"], s["new"]): (s["parts_at"], s["part"]) for s in told["sessions"]}
    assert found == {
        ("more/old.db:s1", "more/new.db:s1"): (2, "calls"),
        ("tea.db:s1", "tea.db:s1"): (None, None),
    }


def test_another_program_s_database_in_a_folder_is_passed_over(tmp_path: Path, diff: Diff) -> None:
    (tmp_path / "runs").mkdir()
    recording(tmp_path / "runs" / "a.db", two_turns("notes.txt"))
    with closing(sqlite3.connect(tmp_path / "runs" / "x.db")) as database:
        database.execute("CREATE TABLE stamps (country TEXT)")
    status, said, err = diff("runs", "new.db", "--format", "text")
    assert status == 0
    assert "1 of 1 pairs of sessions part." in said
    assert err.startswith("kimitap: passed over: ")


@pytest.mark.parametrize("words", [["old.db:s1", "new.db:s1"], ["old.db", "new.db"]])
def test_a_word_of_the_first_side_may_be_read_as_another(diff: Diff, words: list[str]) -> None:
    assert diff(*words, "--exit-code")[0] == 1
    assert diff(*words, "--exit-code", "--read-as", "notes.txt=other.txt")[0] == 0


def test_a_file_is_written_for_its_owner_only(tmp_path: Path, diff: Diff) -> None:
    assert diff("old.db:s1", "new.db:s1", "--format", "html", "-o", "two.html") == (0, "", "")
    assert (tmp_path / "two.html").read_text().startswith("<!DOCTYPE html>")
    assert (tmp_path / "two.html").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["old.db"], "say one place or two"),
        (["old.db", "1", "2", "3"], "say one place or two"),
        (["old.db:s1", "new.db"], "say one place or two"),
        (["old.db:s1", "new.db:t1"], "cannot be compared"),
        (["old.db:s9", "new.db:s1"], "has no s9"),
        (["old.db:s1", "new.db:s9"], "has no s9"),
        (["gone.db:s1", "new.db:s1"], "gone.db"),
        (["old.db", "gone.db"], "gone.db"),
        (["old.db", "s1", "x1"], "'x1' names no place"),
        (["old.db", "s1", "--db", "new.db"], "two databases named"),
        (["old.db:s1", "new.db:s1", "--other", "x.db"], "two databases named"),
        (["old.db", "empty"], "holds no recording"),
        (["old.db", "2", "--format", "text"], "no request follows"),
        (["old.db:s1", "new.db:s1", "-o", "old.db"], "would overwrite the recording"),
        (["old.db:s1", "new.db:s1", "-o", "no/such/x"], "cannot be written"),
        (["old.db", "new.db", "--format", "patch"], "not as patch"),
        (["old.db", "new.db", "--read-as", "x"], "--read-as x says nothing"),
        (["old.db", "s1", "s1", "--read-as", "a=b"], "--read-as goes with two recordings"),
    ],
)
def test_wrong_use_is_one_clear_line(
    tmp_path: Path, diff: Diff, words: list[str], named: str
) -> None:
    (tmp_path / "empty").mkdir()
    status, said, err = diff(*words)
    assert (status, said) == (2, "")
    (line,) = err.splitlines()
    assert named in line
