"""A long recording read in steps: each adds to what was there, and the end is the same."""

from pathlib import Path

from kimitap.analysis import Analysis
from kimitap.store import Recording, RecordingWriter
from tests.support.recorded import lost, next_turn, record


def test_read_in_steps_it_says_in_the_end_what_it_says_read_at_once(tmp_path: Path) -> None:
    exchanges = [*lost(), *(next_turn(4, f"In May {n}.") for n in range(5))]
    where = record(tmp_path / "a.db", exchanges)
    with Recording.open(where) as one, Recording.open(where) as other:
        stepwise, at_once = Analysis(one), Analysis(other)
        at_once.refresh()
        unread = []
        while not unread or unread[-1]:
            assert len(stepwise.refresh(within_s=0)) == 1
            unread.append(stepwise.unread)
        assert unread == [7, 6, 5, 4, 3, 2, 1, 0]
        assert stepwise.sessions == at_once.sessions
        assert stepwise.findings == at_once.findings
        assert stepwise.findings


def test_threads_keep_their_names_while_more_is_read(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", [*lost(), next_turn(4, "In May.")])
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        names = []
        for _ in range(4):
            analysis.refresh(within_s=0)
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
        changed = analysis.refresh(within_s=0)
        assert number in changed
        assert not analysis.turns[number].in_flight
        assert analysis.unread == 2
