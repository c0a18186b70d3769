"""What is old goes, at a pause if there is one; what is left is whole."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from kimitap.store import Recording, RecordingWriter, delete
from kimitap.store.glimpse import Glimpse
from kimitap.store.retention import Cut, older_than, plan, shrink_to, used_bytes
from kimitap.store.times import to_us
from kimitap.store.verifying import verify
from tests.support.requests_made import START, asked, conversation, reply

MINUTE = timedelta(minutes=1)


def at(number: int, minute: float, lasts: float | None = 1.0, opened: float = -1e6) -> Glimpse:
    start_us = to_us(START + minute * MINUTE)
    end_us = None if lasts is None else start_us + round(lasts * 60e6)
    opened_us = to_us(START + opened * MINUTE)
    row = ("POST", "h", "/", "c", "complete", 200, 10, opened_us)
    return Glimpse(number, start_us, end_us, *row)


def limit(minute: float) -> datetime:
    return START + minute * MINUTE


WORK = [at(1, 0), at(2, 2), at(3, 30), at(4, 32), at(5, 34)]


def test_a_conversation_that_went_on_at_the_limit_stays_whole() -> None:
    assert older_than(WORK, limit(33)) == Cut((1, 2), torn=False)


def test_all_that_is_old_goes_where_a_pause_follows() -> None:
    assert older_than(WORK, limit(29)) == Cut((1, 2), torn=False)
    assert older_than(WORK, limit(90)) == Cut((1, 2, 3, 4, 5), torn=False)


def test_without_a_pause_what_is_old_goes_and_that_is_told() -> None:
    assert older_than(WORK[2:], limit(33)) == Cut((3, 4), torn=True)


def test_nothing_old_is_nothing() -> None:
    assert older_than(WORK, limit(-1)) == Cut((), torn=False)
    assert older_than([], limit(5)) == Cut((), torn=False)


def test_a_long_answer_is_no_pause() -> None:
    assert older_than([at(1, 0, 40), at(2, 41), at(3, 90)], limit(60)) == Cut((1, 2), torn=False)
    assert older_than([at(1, 0, 40), at(2, 41), at(3, 90)], limit(20)) == Cut((1,), torn=True)


def test_what_is_in_flight_stays() -> None:
    assert older_than([at(1, 0), at(2, 1, None), at(3, 90)], limit(60)).numbers == (1,)


def test_what_was_imported_is_taken_in_the_order_of_time() -> None:
    imported = at(2, 0, opened=50.5)
    assert older_than([at(1, 50), imported, at(3, 51)], limit(20)) == Cut((2,), torn=False)


@pytest.mark.parametrize("back", [60, 1e6])
def test_what_was_recorded_while_the_clock_was_behind_is_not_older_than_what_came_before(
    back: float,
) -> None:
    """By an hour, or since a machine without a battery begins in 1970."""
    behind = [at(n, minute - back, opened=50 - back) for n, minute in ((3, 52), (4, 53))]
    some = [at(1, 0), at(2, 50), *behind, at(5, 90)]
    assert older_than(some, limit(20)) == Cut((1,), torn=False)
    assert older_than(some, limit(80)).numbers == (1, 2, 3, 4)


def test_what_was_recorded_while_the_clock_was_ahead_keeps_nothing_that_came_after() -> None:
    some = [at(1, 0), at(2, 1e5), at(3, 30), at(4, 60)]
    assert older_than(some, limit(50), now=limit(61)) == Cut((1, 3), torn=False)


def test_a_recording_whose_clock_was_put_back_loses_only_what_is_old_to_prune(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, now = str(tmp_path / "k.db"), datetime.now(UTC)

    def record(at: datetime, body: bytes) -> None:
        monkeypatch.setattr("kimitap.store.writing._now_us", lambda: to_us(at))
        with RecordingWriter(where) as writer:
            number = writer.begin(replace(asked(body), started_at=at))
            writer.append(number, [(0.1, random.Random(body).randbytes(40_000))])
            writer.finish(number, Outcome.COMPLETE, ended_at=at + MINUTE)

    record(now - timedelta(days=40), b"old")
    record(now - timedelta(days=1), b"yesterday")
    record(datetime(1970, 1, 1, 0, 5, tzinfo=UTC), b"no battery")
    record(now - timedelta(days=1, hours=1), b"an hour behind")
    assert plan(where, age=timedelta(days=30)).numbers == (1,)
    used = used_bytes(where)
    assert plan(where, most=used - 50_000).numbers == (1, 2)


@pytest.fixture
def where(tmp_path: Path) -> str:
    """Ten sessions of eight turns, an hour apart."""
    path = str(tmp_path / "k.db")
    with RecordingWriter(path) as writer:
        for session in range(10):
            for turn, body in enumerate(conversation(8, seed=session)):
                second = session * 3600 + turn * 5
                number = writer.begin(asked(body, second))
                writer.respond(number, 200, "OK", (), "HTTP/1.1", START)
                writer.append(number, reply(session * 100 + turn))
                ended = START + timedelta(seconds=second + 3)
                writer.finish(number, Outcome.COMPLETE, ended_at=ended)
    return path


def numbers(where: str) -> list[int]:
    with Recording.open(where) as recording:
        return recording.numbers()


def test_a_recording_shrinks_to_a_size_by_whole_sessions(where: str) -> None:
    before = used_bytes(where)
    gone = shrink_to(where, before // 2)
    left = numbers(where)
    assert used_bytes(where) <= before // 2
    assert left == list(range(gone + 1, 81))
    assert gone % 8 == 0
    assert len(left) > 16
    assert verify(where).damages == ()


def test_a_size_that_fits_takes_nothing(where: str) -> None:
    assert shrink_to(where, used_bytes(where)) == 0


def test_a_size_that_nothing_fits_takes_all(where: str) -> None:
    assert shrink_to(where, 1) == 80
    assert numbers(where) == []


def test_a_plan_says_what_would_go_and_about_how_much_that_frees(where: str) -> None:
    used = used_bytes(where)
    planned = plan(where, most=used // 2)
    assert planned.used == used
    assert planned.since == START
    assert planned.until is not None and planned.until > START + timedelta(hours=3)
    assert len(numbers(where)) == 80, "a plan deletes nothing"
    assert delete(where, planned.numbers).exchanges == len(planned.numbers)
    freed = used - used_bytes(where)
    assert planned.frees is not None and 0.8 * freed < planned.frees < 1.2 * freed


def test_a_plan_weighs_what_turns_share_with_the_last_of_them(where: str) -> None:
    all_but_last = plan(where, age=datetime.now(UTC) - START - timedelta(seconds=36)).numbers
    assert all_but_last == tuple(range(1, 9))
    whole = plan(where, age=timedelta(0))
    assert whole.numbers == tuple(range(1, 81))
    assert whole.frees is not None and whole.used is not None
    assert 0.7 * whole.used < whole.frees <= whole.used


def test_a_plan_for_age_and_size_takes_what_either_takes(where: str) -> None:
    age = datetime.now(UTC) - START - timedelta(minutes=90)
    used = used_bytes(where)
    old, large = plan(where, age), plan(where, most=used // 2)
    assert len(old.numbers) == 16
    assert plan(where, age, used // 2).numbers == tuple(sorted({*old.numbers, *large.numbers}))
    assert plan(where, age, used).numbers == old.numbers
    assert plan(where).numbers == ()
