"""The scribe over a real recording: what waits is written, each exchange's in order."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from kimitap.errors import RecordingUnavailable
from kimitap.exchange import Exchange, Outcome
from kimitap.recorder.scribe import Scribe
from kimitap.recorder.slips import (
    Answered,
    AnyNews,
    AnySlip,
    Arrived,
    Begun,
    Ended,
    Freed,
    Kept,
    Missed,
    Resumed,
    Settled,
    Spoiled,
    Trouble,
)
from kimitap.store import Recording, RecordingWriter, opening

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Desk:
    """A scribe, and all that it has told."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.news: list[AnyNews] = []
        self.scribe = Scribe(str(where), self.news.append)
        self.scribe.step()
        self.news.clear()

    def told[T](self, kind: type[T]) -> list[T]:
        """The news of this kind, in their order."""
        return [one for one in self.news if isinstance(one, kind)]

    def write(self, *slips: AnySlip) -> int:
        """Hand over `slips` and let all be written; in how many steps."""
        self.scribe.take(slips)
        steps = 0
        while self.scribe.waits:
            self.scribe.step()
            steps += 1
            assert steps < 100, self.news
        return steps

    def die(self) -> None:
        """Let the scribe be gone as by kill -9, and have another one in its place."""
        assert self.scribe._writer
        self.scribe._writer._connection.close()
        self.news.clear()
        self.scribe = Scribe(str(self.where), self.news.append)

    def exchanges(self) -> list[Exchange]:
        """What is in the recording."""
        with Recording.open(str(self.where)) as recording:
            return list(recording.exchanges())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    one = Desk(tmp_path / "kimitap.db")
    yield one
    one.scribe.close()


def freed(desk: Desk) -> dict[int, int]:
    """How many slips of each ticket wait no more."""
    counts: Counter[int] = Counter()
    for one in desk.told(Freed):
        counts.update(dict(one.slips))
    return counts


def begun(ticket: int) -> Begun:
    exchange = Exchange(0, START, "POST", "http", "127.0.0.1", 8080, f"/{ticket}")
    exchange = replace(exchange, origin=f"flow {ticket}")
    return Begun(ticket, exchange, b'{"messages":[]}')


def answered(ticket: int, status: int = 200) -> Answered:
    return Answered(ticket, status, "OK", (("Server", "s"),), "HTTP/1.1", START)


def arrived(ticket: int, *parts: bytes) -> Arrived:
    return Arrived(ticket, [(1.0, part) for part in parts], sum(map(len, parts)))


def replace_start(slip: AnySlip, start: int) -> Arrived:
    """The same parts, behind so many bytes of the response."""
    assert isinstance(slip, Arrived)
    return msgspec.structs.replace(slip, start=start)


def ended(ticket: int) -> Ended:
    return Ended(ticket, Outcome.COMPLETE, "", START + timedelta(seconds=2))


def test_a_request_is_one_step_and_all_that_waits_of_its_answer_another(desk: Desk) -> None:
    slips = [begun(1), answered(1), arrived(1, b"data: a\n\n", b"data: b\n\n"), ended(1)]
    assert desk.write(*slips) == 2
    assert [one.ticket for one in desk.told(Kept)] == [1]
    assert [one.ticket for one in desk.told(Settled)] == [1]
    assert freed(desk) == {1: len(slips)}
    (exchange,) = desk.exchanges()
    assert exchange.outcome is Outcome.COMPLETE
    assert exchange.status == 200
    assert exchange.response == b"data: a\n\ndata: b\n\n"
    assert [segment.length for segment in exchange.segments] == [9, 9]


def test_what_comes_in_pieces_is_the_same_as_what_comes_at_once(desk: Desk) -> None:
    for slip in (begun(1), answered(1), arrived(1, b"a"), arrived(1, b"b"), ended(1)):
        desk.write(slip)
    desk.write(begun(2), answered(2), arrived(2, b"a"), arrived(2, b"b"), ended(2))
    desk.write(begun(3), answered(3), arrived(3, b"a"))
    desk.write(arrived(3, b"b"), ended(3))
    one, two, three = desk.exchanges()
    for other in (two, three):
        assert (one.response, one.segments, one.status) == (
            other.response,
            other.segments,
            other.status,
        )


def test_exchanges_that_interleave_are_each_in_order(desk: Desk) -> None:
    desk.write(
        *(begun(1), begun(2), answered(1), answered(2)),
        *(arrived(1, b"1a"), arrived(2, b"2a"), arrived(1, b"1b"), arrived(2, b"2b")),
        *(ended(2), Missed(99, 1, "why", START), ended(1)),
    )
    assert [exchange.response for exchange in desk.exchanges()] == [b"1a1b", b"2a2b"]


def test_what_streams_of_many_is_written_in_few_steps_each_in_order(desk: Desk) -> None:
    tickets = range(1, 41)
    desk.write(*map(begun, tickets), *map(answered, tickets))
    desk.news.clear()
    sent = []
    for part in (b"a", b"b"):
        slips = [arrived(ticket, b"%d%b" % (ticket, part)) for ticket in tickets]
        assert desk.write(*slips) < 5
        sent += slips
    assert freed(desk) == dict.fromkeys(tickets, len(sent) // len(tickets))
    desk.write(*(arrived(ticket, b"c") for ticket in tickets), *map(ended, tickets))
    assert [exchange.response for exchange in desk.exchanges()] == [
        b"%da%dbc" % (ticket, ticket) for ticket in tickets
    ]
    assert len(desk.told(Settled)) == 40


def test_of_many_that_stream_the_one_that_cannot_be_written_is_given_up_alone(desk: Desk) -> None:
    desk.write(begun(1), begun(2), begun(3), answered(1), answered(2), answered(3))
    desk.write(arrived(1, b"a"), Arrived(2, [(1e300, b"a")], 1), arrived(3, b"a"))
    desk.write(*map(ended, (1, 2, 3)))
    assert [one.ticket for one in desk.told(Spoiled)] == [2]
    first, second, third = desk.exchanges()
    assert first.response == third.response == b"a"
    assert second.outcome is Outcome.IN_FLIGHT


def test_a_database_that_refuses_many_at_once_has_them_wait(desk: Desk) -> None:
    desk.write(begun(1), begun(2))
    with closing(sqlite3.connect(desk.where)) as other:
        assert desk.scribe._writer
        opening.pragma(desk.scribe._writer._connection, "busy_timeout=10")
        other.execute("BEGIN IMMEDIATE")
        desk.scribe.take([arrived(1, b"a"), arrived(2, b"a")])
        desk.scribe.step()
        assert desk.scribe.refused
        assert len(desk.told(Trouble)) == 1
    assert desk.write() >= 1
    assert not desk.scribe.in_trouble
    desk.write(ended(1), ended(2))
    assert [exchange.response for exchange in desk.exchanges()] == [b"a", b"a"]


def test_much_that_waits_of_one_answer_is_written_in_several_steps(desk: Desk) -> None:
    parts = [bytes([i]) * 1_000_000 for i in range(10)]
    assert desk.write(begun(1), *(arrived(1, part) for part in parts), ended(1)) > 3
    assert desk.exchanges()[0].response == b"".join(parts)


def test_what_cannot_be_written_for_a_reason_of_its_own_is_given_up_alone(desk: Desk) -> None:
    desk.write(begun(1), begun(2), answered(1, status=1 << 70), ended(1), answered(2), ended(2))
    desk.write(arrived(1, b"late"))
    assert [one.ticket for one in desk.told(Spoiled)] == [1]
    assert [one.ticket for one in desk.told(Settled)] == [2]
    first, second = desk.exchanges()
    assert (first.outcome, first.status) == (Outcome.IN_FLIGHT, None)
    assert (second.outcome, second.status) == (Outcome.COMPLETE, 200)


def test_the_end_of_an_answer_in_a_recording_moved_away_ends_no_other(desk: Desk) -> None:
    desk.write(begun(1), answered(1))
    for file in desk.where.parent.glob("kimitap.db*"):
        file.rename(file.with_name(f"moved-{file.name}"))
    desk.write(begun(2), answered(2), arrived(1, b"one"), ended(1))
    desk.write(arrived(2, b"two"), ended(2))
    assert [one.ticket for one in desk.told(Spoiled)] == [1]
    (exchange,) = desk.exchanges()
    assert (exchange.path, exchange.response) == ("/2", b"two")


def test_however_often_a_database_refuses_nothing_is_given_up_for_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write(begun(1), answered(1))
    refused = RecordingUnavailable("locked")
    refused.__cause__ = sqlite3.OperationalError()
    troubles: list[Exception] = [*[refused] * 10, ValueError(), *[refused] * 10, ValueError()]
    advance = RecordingWriter.advance

    def fail(*words: object, **named: object) -> None:
        if troubles:
            raise troubles.pop()
        advance(*words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(RecordingWriter, "advance", fail)
    desk.write(arrived(1, b"a"), ended(1))
    assert troubles == []
    assert desk.told(Spoiled) == []
    assert desk.exchanges()[0].response == b"a"


def test_what_cannot_be_written_is_given_up_though_others_can(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write(begun(1), answered(1))

    def fail(*_: object, **__: object) -> None:
        raise ValueError

    monkeypatch.setattr(RecordingWriter, "advance", fail)
    desk.scribe.take([ended(1)])
    for other in range(2, 5):
        desk.scribe.step()
        desk.scribe.take([begun(other)])
        desk.scribe.step()
    assert [one.ticket for one in desk.told(Spoiled)] == [1]


def test_what_a_database_refuses_waits_whole_and_counts_once_for_each_exchange(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write(begun(1), begun(2))
    monkeypatch.setattr("kimitap.store.opening.WRITER_PATIENCE_S", 0.1)
    desk.scribe.close()
    desk.scribe = Scribe(str(desk.where), desk.news.append)
    desk.write(begun(3), begun(4))
    with closing(sqlite3.connect(desk.where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        desk.scribe.take([answered(3), arrived(3, b"a"), ended(3), answered(4), begun(5)])
        desk.scribe.take([Missed(99, 1, "why", START)])
        for _ in range(5):
            desk.scribe.step()
            assert desk.scribe.refused
        assert desk.scribe.unwritten == 3
        assert desk.told(Trouble)
    desk.write(ended(4), ended(5))
    assert [e.outcome for e in desk.exchanges()[2:]] == [Outcome.COMPLETE] * 3
    assert desk.told(Spoiled) == []


# --- after another one's death ------------------------------------------------------------------

SLIPS = [begun(1), answered(1), arrived(1, b"a", b"b"), arrived(1, b"cd", b"e"), ended(1)]
SLIPS[3] = replace_start(SLIPS[3], 2)


@pytest.mark.parametrize(
    ("written", "acknowledged", "together"),
    [(w, a, True) for w in range(6) for a in range(min(w, 4) + 1)]
    + [(w, 0, False) for w in range(6)],
)
def test_another_goes_on_wherever_one_died_and_writes_nothing_twice(
    desk: Desk, written: int, acknowledged: int, together: bool
) -> None:
    desk.write(begun(2), answered(2), arrived(2, b"other"))
    for slip in SLIPS[:written]:
        desk.write(slip)
    desk.die()
    rest = [Resumed([(1, "flow 1"), (2, "flow 2")]), *SLIPS[acknowledged:]]
    if together:
        desk.write(*rest)
    else:
        for slip in rest:
            desk.write(slip)
    other = arrived(2, b"s")
    desk.write(replace_start(other, 5), ended(2))
    exchanges = {exchange.path: exchange for exchange in desk.exchanges()}
    assert len(desk.exchanges()) == 2
    assert exchanges["/2"].response == b"others"
    one = exchanges["/1"]
    assert (one.outcome, one.status, one.response) == (Outcome.COMPLETE, 200, b"abcde")
    assert [segment.length for segment in one.segments] == [1, 1, 2, 1]
    assert one.request.content == b'{"messages":[]}'
    assert desk.told(Spoiled) == []
    assert {news.ticket for news in desk.told(Settled)} == {1, 2}
    assert desk.scribe._resumed == desk.scribe._found == desk.scribe._begun == {}


def test_what_another_program_ended_meanwhile_is_told_as_lost(desk: Desk) -> None:
    desk.write(begun(1), answered(1), arrived(1, b"a"))
    desk.die()
    with closing(sqlite3.connect(desk.where)) as other:
        other.execute("UPDATE recorder SET closed_us = 1")
        other.commit()
    RecordingWriter(str(desk.where)).close()
    desk.write(Resumed([(1, "flow 1")]), replace_start(arrived(1, b"b"), 1), ended(1))
    assert [one.ticket for one in desk.told(Spoiled)] == [1]
    (exchange,) = desk.exchanges()
    assert (exchange.outcome, exchange.response) == (Outcome.INTERRUPTED, b"a")


def test_what_began_in_a_recording_that_is_gone_is_told_as_lost_by_the_next(desk: Desk) -> None:
    desk.write(begun(1), answered(1))
    desk.die()
    for file in desk.where.parent.glob("kimitap.db*"):
        file.unlink()
    desk.write(Resumed([(1, "flow 1")]), arrived(1, b"a"), ended(1))
    assert [one.ticket for one in desk.told(Spoiled)] == [1]
    assert desk.exchanges() == []


def test_a_loss_that_may_have_been_noted_is_noted_once(desk: Desk) -> None:
    desk.write(Missed(9, 2, "why", START))
    desk.die()
    desk.write(Resumed([]), Missed(9, 2, "why", START), Missed(10, 3, "why", START))
    with Recording.open(str(desk.where)) as recording:
        assert [loss.count for loss in recording.losses()] == [2, 3]
