import os
import random
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from kimitap.store import Recording, RecordingWriter
from tests.support.requests_made import asked, conversation, reply
from tests.support.writing_processes import hold_one_open, start, write_session

KILLS = 20
TURNS = 40
LONG = 90
"""Turns that no machine writes before it is killed."""


@pytest.fixture
def where(tmp_path: Path) -> str:
    return str(tmp_path / "k.db")


def received(pipe) -> list[tuple[str, int, int]]:
    """All that a process sent before it ended."""
    messages = []
    while True:
        try:
            messages.append(pipe.recv())
        except (EOFError, ConnectionResetError):
            return messages


def killed_at(where: str, seed: int) -> list[tuple[str, int, int]]:
    """What a writer had promised when it was killed."""
    process, pipe = start(write_session, where, seed, LONG)
    opened = pipe.recv()
    time.sleep(random.Random(seed).uniform(0, 0.15))
    os.kill(process.pid, signal.SIGKILL)
    messages = [opened, *received(pipe)]
    process.join()
    return messages


def assert_kept(where: str, seed: int, promises: list[tuple[str, int, int]]) -> None:
    """Everything promised is there, byte for byte."""
    bodies = conversation(LONG, seed, words=60)
    numbers = {turn: number for what, turn, number in promises if what == "begun"}
    appended = {turn: parts for what, turn, parts in promises if what == "appended"}
    finished = {turn for what, turn, _ in promises if what == "finished"}
    with Recording.open(where) as recording:
        for turn, number in numbers.items():
            read = recording.exchange(number)
            assert read.request.content == bodies[turn]
            parts = reply(1000 * seed + turn, events=30)
            promised = b"".join(data for _, data in parts[: appended.get(turn, 0)])
            whole = b"".join(data for _, data in parts)
            assert read.response.startswith(promised)
            assert whole.startswith(read.response)
            assert sum(segment.length for segment in read.segments) == len(read.response)
            if turn in finished:
                assert (read.outcome, read.response) == (Outcome.COMPLETE, whole)


def test_a_writer_killed_at_any_moment_loses_nothing_that_it_promised(where: str):
    RecordingWriter(where).close()
    history = []
    for seed in range(KILLS):
        history.append((seed, killed_at(where, seed)))
        assert_kept(where, *history[-1])
    assert sum(len(promises) for _, promises in history) > 5 * KILLS
    RecordingWriter(where).close()
    for seed, promises in history:
        assert_kept(where, seed, promises)
    with Recording.open(where) as recording:
        assert recording.in_flight() == []
        outcomes = {read.outcome for read in recording.exchanges()}
    assert outcomes == {Outcome.COMPLETE, Outcome.INTERRUPTED}
    with sqlite3.connect(where) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT count(*) FROM segment").fetchone() == (0,)


def test_two_recorders_write_one_database(where: str):
    writers = [start(write_session, where, seed, TURNS) for seed in (7, 7, 8)]
    promises = [received(pipe) for _, pipe in writers]
    for process, _ in writers:
        process.join()
        assert process.exitcode == 0
    for seed, promised in zip((7, 7, 8), promises, strict=True):
        assert len([turn for what, turn, _ in promised if what == "begun"]) == TURNS
        assert_kept(where, seed, promised)
    with sqlite3.connect(where) as connection:
        pieces = connection.execute("SELECT count(*), count(DISTINCT digest) FROM piece").fetchone()
        assert pieces[0] == pieces[1]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        used = connection.execute(
            "SELECT count(*) FROM pack WHERE id NOT IN (SELECT pack_id FROM piece)"
        ).fetchone()
    assert used == (0,)


def test_what_a_living_recorder_has_open_is_left_open_until_it_dies(where: str):
    process, pipe = start(hold_one_open, where)
    number = pipe.recv()
    RecordingWriter(where).close()
    with Recording.open(where) as recording:
        assert recording.in_flight() == [number]
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert recording.exchange(number).outcome is Outcome.IN_FLIGHT
        RecordingWriter(where).close()
        read = recording.exchange(number)
    assert (read.outcome, read.response, read.detail) == (
        Outcome.INTERRUPTED,
        b"half",
        "the recorder died",
    )
    assert (read.ended_at - read.started_at).total_seconds() == 0.5


def pretend(where: str, **columns: object) -> None:
    """Say something else about the recorder."""
    with sqlite3.connect(where) as connection:
        for name, value in columns.items():
            connection.execute(f"UPDATE recorder SET {name} = ?", (value,))


@pytest.mark.parametrize(
    ("columns", "second", "dead"),
    [
        ({"process_started": "another boot:1"}, 0, True),  # the number was given anew
        ({"host": "elsewhere"}, 10**9, False),  # cannot be asked
        ({"host": "elsewhere"}, 0, True),  # silent for more than a day
        ({}, 0, False),  # this process lives
        ({"closed_us": 1}, 0, True),
    ],
)
def test_a_dead_recorder_is_told_from_a_living_one(where: str, columns, second: int, dead: bool):
    writer = RecordingWriter(where)
    number = writer.begin(asked(b"{}", second))
    pretend(where, **columns)
    RecordingWriter(where).close()
    with Recording.open(where) as recording:
        assert recording.in_flight() == ([] if dead else [number])
    writer.close()


def test_a_reader_in_the_middle_holds_no_writer_up(where: str):
    with RecordingWriter(where) as writer, Recording.open(where) as recording:
        writer.begin(asked(b"{}"))
        exchanges = recording.exchanges()
        assert next(exchanges).number == 1
        for turn in range(40):
            writer.begin(asked(b"{}", turn))
        assert len(recording.numbers()) == 41
