"""Small packs become large ones: everything is read as before, and the file is smaller."""

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from kimitap.exchange import Exchange, Outcome
from kimitap.store import (
    Recording,
    RecordingWriter,
    census,
    delete,
    deleting,
    merging,
    opening,
    sweep,
    writing,
)
from kimitap.store.census import Census
from kimitap.store.verifying import verify
from tests.support.requests_made import START, asked, conversation, reply


@pytest.fixture
def where(tmp_path: Path) -> str:
    return str(tmp_path / "k.db")


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few exchanges are enough to be merged."""
    monkeypatch.setattr(merging, "ENOUGH", 20_000)
    monkeypatch.setattr(merging, "AT_THE_END", 1)


def record(writer: RecordingWriter, body: bytes, seed: int) -> int:
    number = writer.begin(asked(body, seed))
    writer.respond(number, 200, "OK", (("Server", "s"),), "HTTP/1.1", START)
    writer.append(number, reply(seed))
    writer.finish(number, Outcome.COMPLETE, ended_at=START)
    return number


def read(where: str) -> list[Exchange]:
    with Recording.open(where) as recording:
        return list(recording.exchanges())


def counted(where: str, table: str) -> int:
    with closing(sqlite3.connect(where)) as db:
        (count,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)


def small_ones(where: str) -> dict[int, bytes]:
    """The packs that lean on another, by id."""
    with closing(sqlite3.connect(where)) as db:
        return dict(db.execute("SELECT id, data FROM pack WHERE dictionary_id IS NOT NULL"))


def assert_holds(seen: Sequence[Exchange], bodies: Sequence[bytes], first: int = 0) -> None:
    assert [one.request.content for one in seen] == list(bodies)
    assert [one.response for one in seen] == [
        b"".join(data for _, data in reply(seed)) for seed in range(first, first + len(bodies))
    ]


@pytest.mark.usefixtures("eager")
def test_what_was_merged_is_read_as_before_by_who_had_it_open_and_by_others(where: str) -> None:
    bodies = conversation(20)
    with RecordingWriter(where) as writer:
        for seed, body in enumerate(bodies):
            record(writer, body, seed)
        before = counted(where, "pack")
        with Recording.open(where) as recording:
            open_before = recording.exchanges()
            first = next(open_before)
            late = recording.exchange(len(bodies), late=True)
            while writer.tidy(at_the_end=True):
                pass
            assert counted(where, "pack") < before / 3
            assert late.request.content == bodies[-1]
            assert_holds([first, *open_before], bodies)
    assert_holds(read(where), bodies)
    assert not verify(where).damages


@pytest.mark.usefixtures("eager")
def test_nothing_is_stored_twice_and_nothing_forgotten_after_a_merge(where: str) -> None:
    bodies = conversation(12)
    with RecordingWriter(where) as writer:
        for seed, body in enumerate(bodies[:6]):
            record(writer, body, seed)
        pieces = counted(where, "piece")
        assert writer.tidy()
        record(writer, bodies[5], 5)
        assert counted(where, "piece") == pieces
        for seed, body in enumerate(bodies[6:], 6):
            record(writer, body, seed)
    seen = read(where)
    del seen[6]
    assert_holds(seen, bodies)


def test_a_closed_recording_is_smaller_than_its_parts_were_and_has_no_empty_pages(
    where: str,
) -> None:
    with RecordingWriter(where) as writer:
        for seed, body in enumerate(conversation(60)):
            record(writer, body, seed)
        parts = sum(map(len, small_ones(where).values()))
    assert sum(map(len, small_ones(where).values())) < 0.95 * parts
    with closing(sqlite3.connect(where)) as db:
        assert db.execute("PRAGMA freelist_count").fetchone() == (0,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_short_recording_is_left_as_it_is(where: str) -> None:
    with RecordingWriter(where) as writer:
        for seed, body in enumerate(conversation(3, words=20)):
            record(writer, body, seed)
        before = small_ones(where)
    assert small_ones(where) == before


@pytest.mark.usefixtures("eager")
def test_of_what_was_merged_no_copy_is_left(where: str) -> None:
    with RecordingWriter(where) as writer:
        for seed, body in enumerate(conversation(10)):
            record(writer, body, seed)
        before = small_ones(where)
        while writer.tidy(at_the_end=True):
            pass
        with closing(sqlite3.connect(where)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        whole = Path(where).read_bytes()
    gone = [data for id_, data in before.items() if id_ not in small_ones(where)]
    assert len(gone) > 10
    for data in gone:  # a piece of it that lies on one page
        assert data[40:100] not in whole


@pytest.mark.usefixtures("eager")
def test_what_is_remembered_wrongly_is_not_merged(where: str) -> None:
    """As after a transaction that came to nothing, whose ids others got."""
    bodies = conversation(6)
    with RecordingWriter(where) as writer:
        for seed, body in enumerate(bodies):
            record(writer, body, seed)
        small = writer._exchanges.small
        taken: dict[int, Sequence[int]] = {}
        while (ready := small.ready(at_the_end=True)) is not None:
            dictionary, taken = ready, dict(small.take(ready))
        founders = {dictionary, max(taken) + 500}
        for pack in founders:
            small.add(dictionary, pack, 50_000, (1, 2, 3))
        for pack, pieces in taken.items():
            small.add(dictionary, pack, 50_000, pieces[:-1])
        before = counted(where, "pack")
        while writer.tidy():
            pass
        assert counted(where, "pack") == before
    assert_holds(read(where), bodies)


@pytest.mark.usefixtures("eager")
def test_two_recorders_merge_side_by_side(where: str) -> None:
    bodies = conversation(20)
    with RecordingWriter(where) as one, RecordingWriter(where) as other:
        for seed, body in enumerate(bodies):
            record(random.Random(seed).choice((one, other)), body, seed)
            one.tidy()
            other.tidy()
    assert_holds(read(where), bodies)
    assert not verify(where).damages


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("seed", range(4))
def test_a_recorder_merges_between_two_steps_of_a_deletion(
    where: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = conversation(24, seed)
    with RecordingWriter(where) as writer:
        numbers = [record(writer, body, i) for i, body in enumerate(bodies)]
        merged: list[bool] = []
        random_ = random.Random(seed)

        def meanwhile(_: float) -> None:
            if random_.random() < 0.5:
                merged.append(writer.tidy(at_the_end=True))

        monkeypatch.setattr(writing, "DELETING_S", 0)
        monkeypatch.setattr(deleting, "LONGEST_S", 0)
        monkeypatch.setattr(deleting.time, "sleep", meanwhile)
        gone = random_.sample(numbers, 12)
        delete(where, gone)
        assert True in merged
    seen = {one.number: one for one in read(where)}
    assert seen.keys() == set(numbers) - set(gone)
    for number, exchange in seen.items():
        assert exchange.request.content == bodies[number - 1]
        assert exchange.response == b"".join(data for _, data in reply(number - 1))
    assert not verify(where).damages
    with closing(sqlite3.connect(where)) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.usefixtures("eager")
def test_nothing_is_merged_while_somebody_deletes(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deletion would begin again each time, and never end."""
    with RecordingWriter(where) as writer:
        numbers = [record(writer, body, i) for i, body in enumerate(conversation(20))]
        assert writer.untidy
        merged: list[bool] = []
        monkeypatch.setattr(deleting.time, "sleep", lambda _: merged.append(writer.tidy()))
        delete(where, numbers[:10])
        assert merged
        assert True not in merged
        monkeypatch.setattr(writing, "DELETING_S", 0)
        assert writer.tidy()
    assert not verify(where).damages


@pytest.mark.usefixtures("eager")
def test_a_sweep_beside_a_recorder_that_merges_all_the_time_comes_to_its_end(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = conversation(40)
    with RecordingWriter(where) as writer:
        numbers = [record(writer, body, i) for i, body in enumerate(bodies[:10])]
        while writer.tidy(at_the_end=True):
            pass
        with closing(sqlite3.connect(where)) as db:  # as a deletion that was ended too soon
            db.execute("DELETE FROM arrivals WHERE exchange_id <= 5")
            db.execute("DELETE FROM exchange WHERE id <= 5")
            db.commit()
        merged: list[bool] = []
        look = Census.look_ahead

        def look_ahead(one: Census, connection: Connection, deadline: float) -> bool:
            complete = look(one, connection, deadline)
            for _ in range(4):
                numbers.append(record(writer, bodies[len(numbers)], len(numbers)))
            merged.append(writer.tidy(at_the_end=True))
            assert len(merged) < 6, "overtaken for ever"
            return complete

        monkeypatch.setattr(Census, "look_ahead", look_ahead)
        sweep(where)
        assert merged[0]
        assert not merged[-1]
    assert_holds(read(where), bodies[5 : len(numbers)], first=5)
    assert not verify(where).damages


def test_a_census_in_small_parts_beside_a_recorder_is_the_same_as_one_at_once(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = conversation(60)
    with RecordingWriter(where) as writer:
        for seed, body in enumerate(bodies[:30]):
            record(writer, body, seed)
        open_ = writer.begin(asked(bodies[30], 30))
        monkeypatch.setattr(census, "_AT_ONCE", 7)
        parts, rest = Census(), iter(range(31, 60))
        with closing(opening.reader(where)) as reader:
            complete = False
            while not complete:
                with reader.begin():
                    complete = parts.look_ahead(reader, 0.0)
                if (seed := next(rest, 0)) and seed % 2:
                    record(writer, bodies[seed], seed)
            writer.finish(open_, Outcome.COMPLETE)
            whole = Census()
            with reader.begin():
                parts.look(reader)
                whole.look(reader)
    assert len(whole.bodies) > 40
    for name in ("parents", "children", "contents", "dictionaries", "bodies", "pieces"):
        assert getattr(parts, name) == getattr(whole, name)


@pytest.mark.usefixtures("eager")
def test_an_older_file_without_room_to_shrink_is_merged_all_the_same(where: str) -> None:
    with closing(sqlite3.connect(where)) as db:
        db.execute("PRAGMA auto_vacuum=NONE")
        db.execute("CREATE TABLE t (a)")
        db.execute("DROP TABLE t")
    bodies = conversation(10)
    with RecordingWriter(where) as writer:
        for seed, body in enumerate(bodies):
            record(writer, body, seed)
        before = counted(where, "pack")
    assert counted(where, "pack") < before
    assert_holds(read(where), bodies)
