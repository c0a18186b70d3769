"""`kimitap delete`: whole sessions, for good, and never without being sure."""

import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kimitap.cli import run
from kimitap.exchange import Exchange
from kimitap.store import Recording, RecordingWriter
from tests.support.recordings import healthy_tool_turn, lost_tool_turn, recording


def other_agent(exchanges: list[Exchange]) -> list[Exchange]:
    agent = (("User-Agent", "other/1.0"),)
    return [replace(one, client="127.0.0.1:2", request_headers=agent) for one in exchanges]


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """A lost turn in session 1, a healthy one in session 3."""
    exchanges = [*lost_tool_turn(), *other_agent(healthy_tool_turn())]
    return recording(tmp_path / "k.db", exchanges)


def numbers(where: Path) -> list[int]:
    with Recording.open(str(where)) as opened:
        return opened.numbers()


def test_a_session_is_deleted_and_the_others_stay(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["delete", str(where), "s1", "--yes"]) == 0
    assert capsys.readouterr().out == f"s1: 2 exchanges deleted from {where}\n"
    assert numbers(where) == [3, 4]
    assert run(["check", str(where)]) == 0


def test_the_database_may_be_an_option_and_several_sessions_go_at_once(where: Path) -> None:
    assert run(["delete", "s1", "s3", "--yes", "--db", str(where)]) == 0
    assert numbers(where) == []


def test_while_somebody_records_the_space_stays(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RecordingWriter(str(where)):
        assert run(["delete", str(where), "s1", "--yes"]) == 0
    assert capsys.readouterr().out.endswith("; the space is free for what comes\n")
    assert numbers(where) == [3, 4]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["s1"], "say --yes"),
        (["--yes"], "say which sessions"),
        (["s9", "--yes"], "has no s9; it has s1, s3"),
        (["s1", "s9", "--yes"], "has no s9"),
        (["t1", "--yes"], "only whole sessions"),
        (["1", "--yes"], "only whole sessions"),
    ],
)
def test_what_is_not_sure_deletes_nothing(
    where: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(["delete", str(where), *words]) == 2
    heard = capsys.readouterr()
    assert said in heard.err
    assert heard.err.count("\n") == 1
    assert numbers(where) == [1, 2, 3, 4]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_one_line(
    where: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where.chmod(0o400)
    assert run(["delete", str(where), "s1", "--yes"]) == 2
    assert "change the permissions" in capsys.readouterr().err


def asked(where: Path, answer: bytes) -> tuple[int, str]:
    """The exit status and what was said, on a terminal where somebody types the answer."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kimitap.cli", "delete", str(where), "s1"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
    )
    os.close(theirs)
    os.write(ours, answer)
    said = b""
    while True:
        try:
            some = os.read(ours, 4096)
        except OSError:  # Linux's end of a terminal
            break
        if not some:
            break
        said += some
    os.close(ours)
    return process.wait(60), said.decode()


def test_on_a_terminal_it_tells_what_would_go_and_asks(where: Path) -> None:
    status, said = asked(where, b"n\n")
    assert status == 2
    assert "1 thread · 2 turns" in said
    assert "Delete for good" in said
    assert "nothing was deleted" in said
    assert numbers(where) == [1, 2, 3, 4]
    status, said = asked(where, b"y\n")
    assert status == 0
    assert "2 exchanges deleted" in said
    assert numbers(where) == [3, 4]
