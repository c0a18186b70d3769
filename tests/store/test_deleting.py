"""Deleting exchanges: what stays is read as before, and of what went no byte is left."""

import multiprocessing
import random
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimitap.errors import DamagedRecording, NoRecording, RecordingUnavailable, UsageError
from kimitap.exchange import Exchange, Outcome
from kimitap.store import Recording, RecordingWriter, delete, deleting, merging, packs, sweep
from tests.support.recording_again import SEED, TURNS, write_twice
from tests.support.requests_made import START, asked, conversation, dumped, prose, reply
from tests.support.writing_processes import start


@pytest.fixture
def where(tmp_path: Path) -> str:
    return str(tmp_path / "k.db")


def record(writer: RecordingWriter, body: bytes, seed: int, path: str = "/v1/chat") -> int:
    number = writer.begin(asked(body, seed % 1000, path=path))
    writer.respond(number, 200, "OK", (("Server", f"s{seed % 3}"),), "HTTP/1.1", START)
    writer.append(number, reply(seed))
    writer.finish(number, Outcome.COMPLETE, ended_at=START + timedelta(seconds=seed % 1000 + 1))
    return number


def read(where: str) -> dict[int, Exchange]:
    with Recording.open(where) as recording:
        return {exchange.number: exchange for exchange in recording.exchanges()}


def assert_same(one: dict[int, Exchange], other: dict[int, Exchange]) -> None:
    """Each exchange is the same, byte for byte; where its bodies are cut, too."""
    assert one.keys() == other.keys()
    for number, exchange in one.items():
        assert exchange == other[number], number
        assert exchange.request.content == other[number].request.content


def assert_tidy(where: str) -> None:
    """Nothing refers to what is not there, and nothing is there that nothing refers to."""
    with closing(sqlite3.connect(where)) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        kept = {body for (body,) in db.execute("SELECT request_id FROM exchange")} - {None}
        assert {body for (body,) in db.execute("SELECT id FROM body")} == kept
        named = "SELECT id FROM exchange WHERE request_headers_id = :p OR response_headers_id = :p "
        in_bodies = pieces_of_bodies(where, kept)
        for (piece,) in db.execute("SELECT id FROM piece").fetchall():
            used = db.execute(named + "OR response_id = :p", {"p": piece}).fetchone()
            assert used or piece in in_bodies, piece
        for table in ("arrivals", "segment"):
            lost = (
                f"SELECT count(*) FROM {table} WHERE exchange_id NOT IN (SELECT id FROM exchange)"
            )
            assert db.execute(lost).fetchone() == (0,)
        data = dict(db.execute("SELECT id, data FROM pack"))
        leans = dict(db.execute("SELECT id, dictionary_id FROM pack"))
        for pack, dictionary in leans.items():
            assert dictionary is None or leans[dictionary] is None
            lengths = db.execute(
                "SELECT start, length FROM piece WHERE pack_id = ? ORDER BY start, length", (pack,)
            ).fetchall()
            help_ = None
            if dictionary is not None:
                help_ = packs.decompressor(packs.decompress(data[dictionary], None))
            content = packs.decompress(data[pack], help_)
            assert lengths, pack
            assert sum(length for _, length in lengths) == len(content)


def pieces_of_bodies(where: str, bodies: set[int]) -> set[int]:
    with Recording.open(where) as recording, recording._transaction():
        return {id_ for one in recording._content.lists(bodies).values() for id_ in one.ids}


def two_sessions(where: str, turns: int = 12) -> tuple[list[int], list[int]]:
    """The numbers of two sessions of one agent, recorded side by side; they share much."""
    one, other = conversation(turns, 1), conversation(turns, 1)
    other = [
        body.replace(b'"role":"user","content":"', b'"role":"user","content":"B ') for body in other
    ]
    first, second = [], []
    with RecordingWriter(where) as writer:
        for turn in range(turns):
            first.append(record(writer, one[turn], turn))
            second.append(record(writer, other[turn], 500 + turn))
    return first, second


def test_what_stays_is_read_as_before_and_nothing_else_is_left(where: str) -> None:
    first, second = two_sessions(where)
    before = read(where)
    assert delete(where, first).exchanges == len(first)
    assert_same(read(where), {n: e for n, e in before.items() if n in second})
    assert_tidy(where)


@pytest.mark.parametrize("kept", ["first", "second", "none"])
def test_the_file_shrinks(where: str, kept: str) -> None:
    first, second = two_sessions(where, turns=40)
    size = Path(where).stat().st_size
    gone = {"first": second, "second": first, "none": first + second}[kept]
    assert delete(where, gone).compacted
    assert Path(where).stat().st_size < 0.85 * size
    assert_tidy(where)


def test_no_byte_of_what_was_deleted_is_left_in_the_file(where: str) -> None:
    secret = bytes(random.Random(1).choices(range(0x21, 0x7F), k=3000)).replace(b'"', b"'")
    secret = secret.replace(b"\\", b"/")  # so random that it is stored nearly as it is
    with RecordingWriter(where) as writer:
        gone = record(writer, b'{"messages":["%b"]}' % secret, 1)
        record(writer, b'{"messages":["hello, hello"]}', 2)
    runs = [secret[at : at + 12] for at in range(3000 - 12)]
    delete(where, [gone])
    left = Path(where).read_bytes()
    assert not any(run in left for run in runs)
    assert not Path(f"{where}-wal").exists() or not Path(f"{where}-wal").stat().st_size


def test_no_byte_of_it_is_left_while_a_recorder_has_the_file_open(where: str) -> None:
    secret = bytes(random.Random(2).choices(b"abcdefghijklmnopqrstuvwxyz0123456789", k=3000))
    with RecordingWriter(where) as writer:
        gone = record(writer, b'{"messages":["%b"]}' % secret, 1)
        stays = record(writer, b'{"messages":["hello, hello"]}', 2)
        assert Path(f"{where}-wal").stat().st_size
        assert not delete(where, [gone]).compacted
        left = Path(where).read_bytes() + Path(f"{where}-wal").read_bytes()
        assert not any(secret[at : at + 12] in left for at in range(3000 - 12))
        record(writer, b'{"messages":["hello again"]}', 3)
    assert min(read(where)) == stays
    assert_tidy(where)


def test_nothing_goes_from_a_damaged_recording(where: str) -> None:
    first, _ = two_sessions(where, turns=3)
    with sqlite3.connect(where) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("DELETE FROM pack WHERE id = (SELECT max(id) FROM pack)")
    connection.close()
    with pytest.raises(DamagedRecording, match="verify --save"):
        delete(where, first)
    with sqlite3.connect(where) as connection:
        assert connection.execute("SELECT count(*) FROM exchange").fetchone() == (6,)
    connection.close()


def test_what_an_interrupted_deletion_left_is_swept(where: str) -> None:
    first, second = two_sessions(where, turns=3)
    before = read(where)
    with sqlite3.connect(where) as connection:  # as `delete` does first
        connection.execute("PRAGMA foreign_keys=OFF")
        for table, column in (("arrivals", "exchange_id"), ("exchange", "id")):
            marks = ",".join("?" * len(first))
            connection.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", first)
    connection.close()
    sweep(where)
    assert_same(read(where), {n: e for n, e in before.items() if n in second})
    assert_tidy(where)


def test_numbers_are_never_used_again(where: str) -> None:
    first, second = two_sessions(where, turns=2)
    highest = max(first + second)
    delete(where, first + second)
    assert read(where) == {}
    with RecordingWriter(where) as writer:
        assert record(writer, b"{}", 1) == highest + 1


def test_what_is_not_there_is_not_missed(where: str) -> None:
    first, _ = two_sessions(where, turns=2)
    assert delete(where, [*first, 999]).exchanges == 2
    assert delete(where, first).exchanges == 0


def test_a_recording_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NoRecording):
        delete(str(tmp_path / "none.db"), [1])
    assert not (tmp_path / "none.db").exists()


def test_nothing_is_deleted_where_one_exchange_is_in_flight(where: str) -> None:
    with RecordingWriter(where) as writer:
        done = record(writer, b"{}", 1)
        held = writer.begin(asked(b'{"a":1}'))
        with pytest.raises(UsageError, match="#2 is still being recorded"):
            delete(where, [done, held])
        assert read(where).keys() == {done, held}
        writer.append(held, [(0.1, b"data")])
        writer.finish(held, Outcome.COMPLETE)
        assert delete(where, [done, held]).exchanges == 2


def test_what_a_dead_recorder_left_open_can_be_deleted(where: str) -> None:
    writer = RecordingWriter(where)
    held = writer.begin(asked(b'{"a":1}'))
    with closing(sqlite3.connect(where)) as db, db:
        db.execute("UPDATE recorder SET process_started = 'another boot:1'")
    assert delete(where, [held]).exchanges == 1
    writer._connection.close()
    assert_tidy(where)


def test_a_recorder_of_another_kimitap_is_not_trusted_to_heed_it(where: str) -> None:
    with RecordingWriter(where) as writer:
        number = record(writer, b"{}", 1)
        with closing(sqlite3.connect(where)) as db, db:
            db.execute("UPDATE recorder SET version = '0.0.1'")
        with pytest.raises(RecordingUnavailable, match="another version"):
            delete(where, [number])
        assert read(where).keys() == {number}


def test_a_reader_that_remembers_reads_no_old_bytes_under_new_ids(where: str) -> None:
    first, second = two_sessions(where)
    with Recording.open(where) as recording:
        list(recording.exchanges())
        generation = recording.generation()
        delete(where, second)
        assert recording.generation() > generation
        with RecordingWriter(where) as writer:
            fresh = [record(writer, body, 900 + i) for i, body in enumerate(conversation(12, 9))]
        seen = {exchange.number: exchange for exchange in recording.exchanges()}
    assert_same(seen, read(where))
    assert seen.keys() == {*first, *fresh}


def test_a_writer_that_remembers_stores_again_what_was_deleted(where: str) -> None:
    bodies = conversation(8, 3)
    with RecordingWriter(where) as writer:
        gone = [record(writer, body, i) for i, body in enumerate(bodies)]
        stays = record(writer, conversation(1, 4)[0], 100)
        assert not delete(where, gone).compacted  # somebody writes
        again = [record(writer, body, i) for i, body in enumerate(bodies)]
    seen = read(where)
    assert seen.keys() == {stays, *again}
    assert [seen[number].request.content for number in again] == bodies
    for i, number in enumerate(again):
        assert seen[number].response == b"".join(data for _, data in reply(i))
    assert_tidy(where)


def test_a_recorder_that_lives_stores_again_what_was_deleted_under_it(where: str) -> None:
    go_on = multiprocessing.get_context("forkserver").Event()
    process, pipe = start(write_twice, where, go_on)
    gone = pipe.recv()
    done = delete(where, gone[:-1])
    assert (done.exchanges, done.compacted) == (TURNS - 1, False)
    go_on.set()
    again = pipe.recv()
    process.join()
    seen = read(where)
    assert seen.keys() == {gone[-1], *again}
    assert [seen[number].request.content for number in again] == conversation(TURNS, SEED)
    for turn, number in enumerate(again):
        assert seen[number].response == b"".join(data for _, data in reply(turn))
    assert_tidy(where)


class Between:
    """A recorder that writes the next of `bodies` between any two transactions of a deletion."""

    def __init__(self, where: str, bodies: Sequence[bytes]) -> None:
        self._writer = RecordingWriter(where)
        self._left = list(bodies)
        self.numbers: list[int] = []

    def sleep(self, _: float) -> None:
        if self._left:
            self.numbers.append(record(self._writer, self._left.pop(0), len(self._left)))

    def close(self) -> None:
        self._writer.close()


@pytest.mark.parametrize("seed", [1, 2, 9])
@pytest.mark.parametrize("from_the_end", [False, True])
@pytest.mark.parametrize("merged", [False, True])
def test_what_is_recorded_between_two_steps_is_whole(
    where: str, seed: int, from_the_end: bool, merged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "AT_THE_END", 1000 if merged else 1 << 30)
    first, second = two_sessions(where, turns=8)
    kept = first if from_the_end else second
    bodies = conversation(25, seed)
    between = Between(where, bodies)
    monkeypatch.setattr(deleting, "LONGEST_S", 0)
    monkeypatch.setattr(deleting.time, "sleep", between.sleep)
    before = read(where)
    delete(where, second if from_the_end else first)
    between.close()
    assert len(between.numbers) > (2 if merged else 5)
    seen = read(where)
    assert_same({n: seen[n] for n in kept}, {n: before[n] for n in kept})
    assert [seen[n].request.content for n in between.numbers] == bodies[: len(between.numbers)]
    assert seen.keys() == {*kept, *between.numbers}
    assert_tidy(where)


def test_two_who_delete_at_once_do_not_harm_each_other(where: str) -> None:
    first, second = two_sessions(where, turns=30)
    with RecordingWriter(where) as writer:
        stays = [record(writer, body, 300 + i) for i, body in enumerate(conversation(30, 1))]
    before = read(where)
    others = [threading.Thread(target=delete, args=(where, some)) for some in (first, second)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert_same(read(where), {number: before[number] for number in stays})
    assert_tidy(where)


shared_texts = [prose(random.Random(seed), 40 + 60 * seed) for seed in range(6)]


@st.composite
def recordings(draw: st.DrawFn) -> list[tuple[list[int], int, bool]]:
    """Of each exchange the texts in its request, its reply, and whether it is to be deleted."""
    texts = st.lists(st.integers(0, 30), max_size=8)
    return draw(
        st.lists(st.tuples(texts, st.integers(0, 12), st.booleans()), min_size=1, max_size=14)
    )


@settings(max_examples=60, deadline=None)
@given(recordings())
def test_any_exchanges_can_go_and_all_others_stay(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[list[int], int, bool]]
) -> None:
    where = str(tmp_path_factory.mktemp("random") / "k.db")
    with RecordingWriter(where) as writer:
        for texts, seed, _ in made:
            messages = [
                {"role": "user", "content": shared_texts[n] if n < 6 else f"{n} " * n * 9}
                for n in texts
            ]
            record(writer, dumped({"messages": messages, "stream": True}), seed)
    before = read(where)
    gone = [number for number, (_, _, drop) in enumerate(made, 1) if drop]
    assert delete(where, gone).exchanges == len(gone)
    assert_same(read(where), {n: e for n, e in before.items() if n not in gone})
    assert_tidy(where)


def test_random_deletions_one_after_another_leave_nothing_half_referenced(where: str) -> None:
    random_ = random.Random(5)
    alive: dict[int, Exchange] = {}
    seeds = count()
    for _ in range(6):
        with RecordingWriter(where) as writer:
            for body in conversation(random_.randint(1, 10), random_.choice((1, 1, 2))):
                record(writer, body, next(seeds), random_.choice(("/v1/chat", "/v1/other")))
        alive = read(where)
        gone = random_.sample(sorted(alive), k=len(alive) // 2)
        delete(where, gone)
        alive = {number: e for number, e in alive.items() if number not in gone}
        assert_same(read(where), alive)
        assert_tidy(where)


def test_what_is_recorded_while_another_deletes_is_whole(where: str) -> None:
    first, second = two_sessions(where, turns=60)
    bodies = conversation(60, 1)
    numbers: list[int] = []
    go_on = threading.Event()

    def write() -> None:
        with RecordingWriter(where) as writer:
            go_on.set()
            for turn, body in enumerate(bodies):
                numbers.append(record(writer, body, turn))

    recorder = threading.Thread(target=write)
    recorder.start()
    go_on.wait()
    delete(where, first)
    recorder.join()
    seen = read(where)
    assert seen.keys() == {*second, *numbers}
    assert [seen[number].request.content for number in numbers] == bodies
    delete(where, second)
    assert_same(read(where), {n: e for n, e in seen.items() if n in numbers})
    assert_tidy(where)
