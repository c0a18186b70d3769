"""The command line as a user types it: real files; real processes where the process matters."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest

from kimitap.cli import recording as recording_commands
from kimitap.cli import run
from kimitap.exchange import Exchange
from kimitap.rules import RULES
from tests.support import chat
from tests.support.chat import exchange
from tests.support.recordings import healthy_tool_turn, lost_tool_turn, recording


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


Kimitap = Callable[..., Done]


@pytest.fixture
def kimitap(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Kimitap:
    """Run a command in `cwd`, in this process."""

    def call(*words: str | Path, cwd: Path, **env: str) -> Done:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        with chdir(cwd):
            status = run([str(word) for word in words])
        said = capsys.readouterr()
        return Done(status, said.out, said.err)

    monkeypatch.delenv("KIMITAP_DB", raising=False)
    return call


def kimitap_process(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "kimitap.cli", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def lost(tmp_path: Path) -> Path:
    return recording(tmp_path / "lost.db", lost_tool_turn())


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    return recording(tmp_path / "healthy.db", healthy_tool_turn())


def test_check_finds_the_lost_turn_and_exits_with_1(kimitap: Kimitap, lost: Path) -> None:
    done = kimitap("check", lost, cwd=lost.parent)
    assert done.returncode == 1, done.stderr
    assert "tool-turn-lost" in done.stdout
    assert "write_to_file" in done.stdout
    assert "what to do:" in done.stdout
    assert "1 error" in done.stdout.splitlines()[-1]


def test_check_of_a_healthy_recording_exits_with_0(kimitap: Kimitap, healthy: Path) -> None:
    done = kimitap("check", healthy, cwd=healthy.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing wrong found" in done.stdout


def test_the_json_has_the_promised_shape(kimitap: Kimitap, lost: Path) -> None:
    document = json.loads(kimitap("check", "lost.db", "--json", cwd=lost.parent).stdout)
    counts = ["sessions", "threads", "turns"]
    assert list(document) == ["kimitap", "database", *counts, "findings", "echoes"]
    assert (document["database"], document["sessions"], document["threads"]) == ("lost.db", 1, 1)
    assert document["turns"] == 2
    (finding,) = document["findings"]
    assert list(finding) == [
        "rule",
        "severity",
        "side",
        "message",
        "session",
        "thread",
        "exchange",
        "message_index",
        "part",
        "related",
        "evidence",
    ]
    assert (finding["rule"], finding["severity"], finding["side"]) == (
        "tool-turn-lost",
        "error",
        "agent",
    )
    assert (finding["session"], finding["thread"]) == ("s1", "t1")
    assert (finding["exchange"], finding["message_index"], finding["part"]) == (2, 2, None)
    assert [related["exchange"] for related in finding["related"]] == [1]
    assert {e["exchange"] for e in finding["evidence"]} == {1, 2}


def test_fail_on_never_exits_with_0(kimitap: Kimitap, lost: Path) -> None:
    assert kimitap("check", lost, "--fail-on", "never", cwd=lost.parent).returncode == 0


def test_rules_are_selected_and_ignored_by_name(kimitap: Kimitap, lost: Path) -> None:
    ignored = kimitap("check", lost, "--ignore", "tool-turn-lost", cwd=lost.parent)
    assert ignored.returncode == 0
    selected = kimitap("check", lost, "--select", "dropped-reply,tool-turn-lost", cwd=lost.parent)
    assert selected.returncode == 1
    other = kimitap("check", lost, "--select", "dropped-reply", cwd=lost.parent)
    assert other.returncode == 0


def test_an_unknown_rule_is_one_clear_line(kimitap: Kimitap, lost: Path) -> None:
    done = kimitap("check", lost, "--select", "no-such-rule", cwd=lost.parent)
    assert_refused(done, "no-such-rule")


def test_an_empty_recording_is_no_failure_and_says_so(kimitap: Kimitap, tmp_path: Path) -> None:
    empty = recording(tmp_path / "empty.db", [])
    done = kimitap("check", empty, cwd=tmp_path)
    assert done.returncode == 0
    assert "empty" in done.stdout


def test_show_prints_the_conversation_and_the_ghost(kimitap: Kimitap, lost: Path) -> None:
    done = kimitap("show", lost, cwd=lost.parent)
    assert done.returncode == 0, done.stderr
    assert "Write Test.md with one line." in done.stdout
    assert "tool-turn-lost" in done.stdout


def test_show_of_one_exchange_leaves_the_others_out(kimitap: Kimitap, lost: Path) -> None:
    done = kimitap("show", lost, "1", cwd=lost.parent)
    heads = [line.split()[1] for line in done.stdout.splitlines() if line.strip().startswith("──")]
    assert heads == ["#1"]


def test_show_prints_what_no_dialect_speaks(kimitap: Kimitap, tmp_path: Path) -> None:
    props = exchange(1, {}, {"total_slots": 2}, path="/props", status=404)
    where = recording(tmp_path / "props.db", [props])
    done = kimitap("show", where, "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "POST /props" in done.stdout
    assert "total_slots" in done.stdout
    done = kimitap("show", where, cwd=tmp_path)
    assert "#1 settings: POST /props → 404" in done.stdout


@pytest.mark.parametrize("places", [("1",), ("t1",), ("s1",), ("1", "2")])
def test_diff_writes_the_report_for_any_place(
    kimitap: Kimitap, lost: Path, places: tuple[str, ...]
) -> None:
    done = kimitap("diff", *places, "--db", lost, cwd=lost.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("## tool-turn-lost")
    assert "functions.write_to_file:0" in done.stdout
    assert "test-agent/1.0" in done.stdout


def test_two_turns_that_do_not_follow_are_compared_but_not_judged(
    kimitap: Kimitap, lost: Path
) -> None:
    done = kimitap("diff", "2", "1", "--db", lost, cwd=lost.parent)
    assert done.returncode == 0, done.stderr
    assert "do not follow one another" in done.stdout
    assert "tool-turn-lost" not in done.stdout


@pytest.mark.parametrize("kind", ["t", "s"])
def test_two_threads_or_sessions_are_compared_up_to_where_they_part(
    kimitap: Kimitap, tmp_path: Path, kind: str
) -> None:
    where = recording(tmp_path / "two.db", [*two_runs(1, "notes.txt"), *two_runs(3, "other.txt")])
    done = kimitap("diff", f"{kind}1", f"{kind}3", "--db", where, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"## {kind}1 against {kind}3")
    assert "The same up to turn 2, where t1 calls write" in done.stdout
    assert "| `=` | 1 | 1 | 3 | `calls look" in done.stdout
    assert "| `!` | 2 | 2 | 4 | `calls write" in done.stdout
    assert "#### Turn 2: request 2 against request 4" in done.stdout


def two_runs(number: int, name: str) -> list[Exchange]:
    """A run of two turns; the second writes the file `name`."""
    asked = [chat.user("Look, then write the notes.")]
    look = chat.assistant("", chat.call("look", {}, f"a{number}"))
    write = chat.assistant("", chat.call("write", {"path": name}, f"b{number}"))
    seen = [*asked, look, chat.result("notes.txt", f"a{number}")]
    tools = [chat.tool("look"), chat.tool("write")]
    header = (("X-Session-Id", f"run-{number}"),)
    return [
        exchange(n, chat.request(*sent, tools=tools), chat.choice(reply), headers=header)
        for n, sent, reply in ((number, asked, look), (number + 1, seen, write))
    ]


@pytest.mark.parametrize("places", [("t1", "1"), ("s1", "t1"), ("t1", "t99"), ("s99", "s1")])
def test_places_that_cannot_be_compared_are_one_clear_line(
    kimitap: Kimitap, lost: Path, places: tuple[str, str]
) -> None:
    named = "99" if "99" in "".join(places) else "cannot be compared"
    assert_refused(kimitap("diff", *places, "--db", lost, cwd=lost.parent), named)


def test_a_reply_without_successor_has_a_report_too(kimitap: Kimitap, lost: Path) -> None:
    done = kimitap("diff", "2", "--db", lost, cwd=lost.parent)
    assert done.returncode == 0, done.stderr
    assert "The reply of exchange 2" in done.stdout


@pytest.mark.parametrize("place", ["99", "t99", "s99", "x1", "0", "t", "-1"])
def test_a_place_that_is_not_there_is_one_clear_line(
    kimitap: Kimitap, lost: Path, place: str
) -> None:
    assert_refused(kimitap("diff", "--db", lost, "--", place, cwd=lost.parent), place.strip("-"))


def test_the_database_comes_from_the_environment_if_no_option_says_it(
    kimitap: Kimitap, lost: Path
) -> None:
    done = kimitap("check", cwd=lost.parent, KIMITAP_DB="lost.db")
    assert done.returncode == 1
    other = kimitap("check", "--db", "nowhere.db", cwd=lost.parent, KIMITAP_DB="lost.db")
    assert_refused(other, "nowhere.db")


def test_the_default_is_sessions_under_the_current_directory(
    kimitap: Kimitap, tmp_path: Path
) -> None:
    (tmp_path / "sessions").mkdir()
    recording(tmp_path / "sessions" / "kimitap.db", lost_tool_turn())
    assert kimitap("check", cwd=tmp_path).returncode == 1


def test_rules_lists_all_and_explains_one(kimitap: Kimitap, tmp_path: Path) -> None:
    listed = kimitap("rules", cwd=tmp_path)
    rows = [line.split()[0] for line in listed.stdout.splitlines() if line.startswith("  ")]
    assert rows == [rule.name for rule in RULES]
    explained = kimitap("rules", "tool-turn-lost", cwd=tmp_path)
    assert "What to do" in explained.stdout
    assert_refused(kimitap("rules", "nonsense", cwd=tmp_path), "nonsense")


@pytest.mark.parametrize("command", ["check", "show", "tui"])
def test_a_missing_database_is_one_clear_line(
    kimitap: Kimitap, tmp_path: Path, command: str
) -> None:
    assert_refused(kimitap(command, "--db", "missing.db", cwd=tmp_path), "missing.db")
    assert not (tmp_path / "missing.db").exists()


def test_a_bare_database_that_is_missing_is_one_clear_line(
    kimitap: Kimitap, tmp_path: Path
) -> None:
    assert_refused(kimitap("missing.db", cwd=tmp_path), "missing.db")


def test_a_file_that_is_no_database_is_one_clear_line(kimitap: Kimitap, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but longer than a header of SQLite " * 9)
    for command in ("check", "show"):
        assert_refused(kimitap(command, "notes.txt", cwd=tmp_path), "notes.txt")


def test_the_screens_without_a_terminal_point_to_show(kimitap: Kimitap, lost: Path) -> None:
    assert_refused(kimitap(lost, cwd=lost.parent), "kimitap show")


def test_the_process_exits_with_the_status_and_one_line(lost: Path) -> None:
    assert kimitap_process("check", lost, cwd=lost.parent).returncode == 1
    assert_refused(kimitap_process("check", "--db", "no.db", cwd=lost.parent), "no.db")


def test_a_reader_that_closes_the_pipe_is_no_failure(lost: Path) -> None:
    command = f"{sys.executable} -m kimitap.cli show {lost} | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_command_is_one_clear_line(kimitap: Kimitap, tmp_path: Path) -> None:
    assert_refused(kimitap("chekc", cwd=tmp_path), "chekc")


def test_the_version_is_said(tmp_path: Path) -> None:
    assert kimitap_process("--version", cwd=tmp_path).stdout.startswith("kimitap 0.1.0")


def assert_refused(done: Done | subprocess.CompletedProcess[str], word: str) -> None:
    """Exit status 2, one line on stderr that holds `word`, no traceback."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("kimitap: ")
    assert word in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["check"], ["show"], ["tui"], ["migrate"], []])
def test_a_folder_is_one_clear_line(kimitap: Kimitap, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "sessions").mkdir()
    done = kimitap(*command, "sessions", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "kimitap: sessions is a folder: name the database inside it\n"


def test_a_folder_named_like_a_place_hides_no_place(kimitap: Kimitap, lost: Path) -> None:
    (lost.parent / "t1").mkdir()
    assert kimitap("show", "t1", "--db", lost, cwd=lost.parent).returncode == 0


@pytest.mark.parametrize("command", ["check", "migrate"])
def test_what_takes_only_a_database_takes_any_word_for_one(
    kimitap: Kimitap, tmp_path: Path, command: str
) -> None:
    done = kimitap(command, "recorded", cwd=tmp_path)
    assert (done.returncode, "there is no recording at recorded" in done.stderr) == (2, True)
    done = kimitap(command, "one", "two", cwd=tmp_path)
    assert (done.returncode, "takes one database" in done.stderr) == (2, True)


def test_check_of_what_no_dialect_speaks_does_not_call_it_empty(
    kimitap: Kimitap, tmp_path: Path
) -> None:
    recording(tmp_path / "k.db", [exchange(1, {}, {}, path="/props")])
    done = kimitap("check", "k.db", cwd=tmp_path)
    assert done.returncode == 0
    assert "1 other exchange:" in done.stdout
    assert "empty" not in done.stdout


def test_a_password_in_an_url_is_not_said(kimitap: Kimitap, lost: Path) -> None:
    url = f"sqlite://me:secret@/{lost}"
    for words in (["check", url], ["check", url, "--json"], ["migrate", url]):
        done = kimitap(*words, cwd=lost.parent)
        assert "secret" not in done.stdout + done.stderr


def test_a_database_whose_name_is_no_utf_8_is_checked(lost: Path) -> None:
    name = lost.rename(lost.with_name(os.fsdecode(b"l\xff.db"))).name
    for words in (["check", name], ["check", name, "--json"], ["show", name, "9"]):
        done = kimitap_process(*words, cwd=lost.parent)
        assert "Traceback" not in done.stderr
        assert done.returncode == (2 if "9" in words else 1)


def test_the_demo_names_the_command_that_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", [".venv/bin/kimitap", "demo"])
    assert recording_commands._myself() == ".venv/bin/kimitap"
    monkeypatch.setattr(sys, "argv", ["cli/__main__.py", "demo"])
    assert recording_commands._myself() == "kimitap"
