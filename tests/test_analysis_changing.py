"""A recording as it grows and shrinks: read in steps, and with sessions deleted under it."""

from dataclasses import replace
from pathlib import Path

from kimitap.analysis import Analysis
from kimitap.exchange import Outcome
from kimitap.store import Recording, RecordingWriter, delete
from tests.support.recorded import lost, next_turn, record
from tests.support.recordings import healthy_tool_turn


def test_read_in_steps_it_says_in_the_end_what_it_says_read_at_once(tmp_path: Path) -> None:
    exchanges = [*lost(), *(next_turn(4, f"In May {n}.") for n in range(5))]
    where = record(tmp_path / "a.db", exchanges)
    with Recording.open(where) as one, Recording.open(where) as other:
        stepwise, at_once = Analysis(one), Analysis(other)
        at_once.refresh()
        unread = []
        while not unread or unread[-1]:
            assert len(stepwise.read(within_s=0)) == 1
            stepwise.weave()
            unread.append(stepwise.unread)
        assert unread == [7, 6, 5, 4, 3, 2, 1, 0]
        assert stepwise.sessions == at_once.sessions
        assert stepwise.findings == at_once.findings
        assert stepwise.findings


def test_sessions_stay_as_they_were_until_all_is_woven_again(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", lost())
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.read(within_s=0)
        assert (analysis.sessions, analysis.count, analysis.unread) == ((), 1, 2)
        analysis.weave()
        (before,) = analysis.sessions
        analysis.read()
        assert analysis.sessions == (before,)
        assert analysis.findings == ()
        analysis.weave()
        assert analysis.sessions != (before,)
        assert analysis.findings


def test_threads_keep_their_names_while_more_is_read(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", [*lost(), next_turn(4, "In May.")])
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        names = []
        for _ in range(4):
            analysis.read(within_s=0)
            analysis.weave()
            names.append([thread.name for thread in analysis.threads])
    assert names[0] == names[1][: len(names[0])]
    assert all(name in names[-1] for name in names[0])


def test_what_ends_while_a_rest_is_unread_is_taken_up(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", lost())
    fresh = next_turn(4, "In May.")
    with RecordingWriter(where) as writer, Recording.open(where) as recording:
        number = writer.begin(fresh)
        analysis = Analysis(recording)
        analysis.refresh()
        assert analysis.turns[number].in_flight
        writer.advance(number, parts=[(0.1, fresh.response)])
        for one in lost():
            writer.add(one)
        writer.close()
        changed = analysis.read(within_s=0)
        assert number in changed
        assert not analysis.turns[number].in_flight
        assert analysis.unread == 2


def test_what_was_deleted_is_dropped_and_all_else_is_as_read_anew(tmp_path: Path) -> None:
    talk = [replace(one, client="127.0.0.1:2") for one in lost()]
    where = record(tmp_path / "a.db", [*lost(), *healthy_tool_turn(), *talk])
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        first = analysis.sessions[0]
        numbers = {turn.exchange for thread in first.threads for turn in thread.turns}
        delete(where, numbers)
        assert analysis.refresh() == numbers
        assert analysis.refresh() == frozenset()
        with Recording.open(where) as again:
            anew = Analysis(again)
            anew.refresh()
        assert analysis.turns == anew.turns
        assert analysis.sessions == anew.sessions
        assert analysis.findings == anew.findings
        assert all(analysis.thread_of(number) is None for number in numbers)


def test_what_is_recorded_after_a_deletion_is_read(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", lost())
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        delete(where, [1, 2, 3])
        with RecordingWriter(where) as writer:
            for one in lost():
                writer.add(one)
        assert analysis.refresh() == {1, 2, 3, 4, 5, 6}
        assert sorted(analysis.turns) == [4, 5, 6]
        assert {finding.place.exchange for finding in analysis.findings} <= {4, 5, 6}
        assert analysis.findings


def test_what_was_in_flight_and_then_deleted_is_dropped(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", [])
    with RecordingWriter(where) as writer, Recording.open(where) as recording:
        number = writer.begin(next_turn(1, "In May."))
        analysis = Analysis(recording)
        analysis.refresh()
        writer.finish(number, Outcome.COMPLETE)
        delete(where, [number])
        assert analysis.refresh() == {number}
        assert (analysis.turns, analysis.sessions) == ({}, ())
