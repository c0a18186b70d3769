"""A report on a whole long session: its size is told before, and it is written part by part."""

import tracemalloc
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from kimitap.cli import run
from kimitap.evidence import Wanted, files, gather, subject_at, written_bytes
from kimitap.exchange import Exchange, Outcome
from kimitap.redact import Level
from kimitap.store import RecordingWriter
from tests.support import chat
from tests.support.evidence import analysed, case_of, read, reported
from tests.support.recorded import OPENING, TOOLS, lost, record

TURNS = 40


def growing() -> list[Exchange]:
    """A conversation whose every request repeats what was said: 40 KB more with each."""
    said = [*OPENING]
    made = []
    for number in range(1, TURNS + 1):
        said.append(chat.user(f"{number}: " + '"the ship\'s log"\n' * 2_500))
        made.append(
            chat.exchange(
                number,
                chat.request(*said, tools=TOOLS),
                chat.choice(chat.assistant(f"Read {number}.")),
                stream=True,
            )
        )
        said.append(chat.assistant(f"Read {number}."))
    return made


def test_the_files_are_made_part_by_part(tmp_path: Path) -> None:
    wanted = Wanted(Level.NONE, whole=True)
    with (
        analysed(tmp_path / "a.db", growing()) as analysis,
        case_of(analysis, tmp_path / "case.db", wanted=wanted) as case,
    ):
        assert len(case.exchanges) == TURNS
        sizes: dict[str, int] = {}
        tracemalloc.start()
        for name, parts in files(case):
            sizes[name] = sum(map(len, parts))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert sizes["exchanges.jsonl"] > 40_000_000
        assert peak < sizes["exchanges.jsonl"]


def test_the_size_that_is_told_is_about_that_of_the_files(tmp_path: Path) -> None:
    turns = growing()[:12]
    wanted = Wanted(Level.NONE, whole=True)
    done, folder = reported(tmp_path, turns, wanted=wanted)
    with read(str(tmp_path / "whole.db")) as analysis:
        told = written_bytes(gather(analysis, subject_at(analysis), wanted).exchanges)
    there = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert done.exchanges == len(turns)
    assert 0.9 < told / there < 1.1


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("kimitap.evidence.LARGE", 1000)
    monkeypatch.chdir(tmp_path)
    record(tmp_path / "a.db", lost())


@pytest.mark.usefixtures("small_is_large")
def test_a_large_report_wants_a_yes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["report", "a.db", "-o", "out"]) == 2
    said = capsys.readouterr().err
    assert "the report will have about " in said and " are free" in said
    assert said.endswith("kimitap: nobody can be asked here: say --yes to write it\n")
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]
    assert run(["report", "a.db", "-o", "out", "--yes"]) == 0
    assert (tmp_path / "out" / "report.md").is_file()


@pytest.mark.usefixtures("small_is_large")
def test_a_no_writes_no_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    typed = StringIO("n\n")
    monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", typed)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run(["report", "a.db", "-o", "out"]) == 2
    assert capsys.readouterr().err.endswith("kimitap: nothing was written\n")
    assert not (tmp_path / "out").exists()


def test_a_small_report_asks_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    record(tmp_path / "a.db", lost())
    assert run(["report", "a.db", "-o", "out"]) == 0
    assert capsys.readouterr().err == ""


def test_what_is_under_way_is_the_same_however_often_it_is_read(tmp_path: Path) -> None:
    begun = chat.exchange(4, chat.request(*OPENING), outcome=Outcome.IN_FLIGHT)
    waiting = replace(begun, ended_at=None)
    with RecordingWriter(str(tmp_path / "a.db")) as writer:
        for one in [*lost(), waiting]:
            writer.add(one)
        with read(str(tmp_path / "a.db")) as analysis:
            taken = gather(analysis, subject_at(analysis), Wanted(whole=True)).exchanges
        before = list(taken)
        writer.add(chat.exchange(5, chat.request(*OPENING)))
        assert list(taken) == before
        assert before[-1].outcome is Outcome.INTERRUPTED
