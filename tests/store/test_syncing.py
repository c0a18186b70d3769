"""What was committed is on the disk within a second, and nobody waits for that."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kimitap.exchange import Exchange, Outcome
from kimitap.store import RecordingWriter, syncing
from kimitap.store.syncing import EACH_S, Syncer
from tests.support.proxy import wait_for

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PATIENCE_S = 60.0
TRIES_TO_WRITE = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute("BEGIN IMMEDIATE")
"""


class Clock:
    """Time that passes only when the test says so, for one thread that naps."""

    def __init__(self) -> None:
        self.naps = threading.Semaphore(0)
        self._go_on = threading.Semaphore(0)
        self.slept_s = 0.0

    def nap(self, seconds: float) -> None:
        self.slept_s += seconds
        self.naps.release()
        assert self._go_on.acquire(timeout=PATIENCE_S)

    def passes(self) -> None:
        """Let the nap end in which the thread is."""
        assert self.naps.acquire(timeout=PATIENCE_S)
        self._go_on.release()


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The length of what each sync found there."""
    lengths: list[int] = []

    def sync(handle: int) -> None:
        os.fsync(handle)
        lengths.append(os.fstat(handle).st_size)

    monkeypatch.setattr(syncing, "_sync", sync)
    return lengths


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "kimitap.db"


@pytest.fixture
def writer(where: Path) -> Iterator[RecordingWriter]:
    with RecordingWriter(str(where)) as one:
        yield one


def log_of(where: Path) -> int:
    return where.with_name(where.name + "-wal").stat().st_size


def test_all_that_was_committed_is_synced_before_half_a_second_has_passed(
    where: Path, writer: RecordingWriter, synced: list[int]
) -> None:
    clock = Clock()
    syncer = Syncer(str(where), clock.nap)
    number = writer.begin(Exchange(0, START, "POST", "http", "h", 1, "/"))
    for turn in range(1, 6):
        before = log_of(where)
        writer.append(number, [(turn, os.urandom(5000))])
        syncer.soon()
        assert log_of(where) > before
        clock.passes()
        wait_for(lambda turn=turn: len(synced) == turn, "a sync", PATIENCE_S)
        assert synced[-1] == log_of(where)
    assert clock.slept_s == EACH_S * len(synced) <= 0.5 * 5
    clock_ends(syncer, clock)


def clock_ends(syncer: Syncer, clock: Clock) -> None:
    """Close a syncer that naps by that clock."""
    closing_ = threading.Thread(target=syncer.close)
    closing_.start()
    clock.passes()
    closing_.join(PATIENCE_S)
    assert not closing_.is_alive()


def test_what_is_committed_while_a_sync_goes_on_is_in_the_next(
    where: Path, writer: RecordingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []

    def sync(handle: int) -> None:
        lengths.append(log_of(where))
        if len(lengths) == 1:
            writer.append(number, [(1.0, os.urandom(5000))])
            syncer.soon()

    monkeypatch.setattr(syncing, "_sync", sync)
    clock = Clock()
    syncer = Syncer(str(where), clock.nap)
    number = writer.begin(Exchange(0, START, "POST", "http", "h", 1, "/"))
    syncer.soon()
    clock.passes()
    clock.passes()
    wait_for(lambda: len(lengths) == 2, "another sync", PATIENCE_S)
    assert lengths[0] < lengths[1] == log_of(where)
    clock_ends(syncer, clock)


def test_where_nothing_is_committed_nothing_is_synced(
    where: Path, writer: RecordingWriter, synced: list[int]
) -> None:
    clock = Clock()
    syncer = Syncer(str(where), clock.nap)
    assert not clock.naps.acquire(timeout=0.2)
    assert synced == []
    clock_ends(syncer, clock)


def test_the_end_syncs_what_was_committed_last(
    where: Path, writer: RecordingWriter, synced: list[int]
) -> None:
    syncer = Syncer(str(where))
    writer.begin(Exchange(0, START, "POST", "http", "h", 1, "/"))
    syncer.close()
    assert synced[-1] == log_of(where)


def test_a_sync_gives_up_no_lock_of_sqlites(
    where: Path, writer: RecordingWriter, synced: list[int]
) -> None:
    """Closing a file gives up all locks that a process has on it; but the log has none."""
    syncer = Syncer(str(where))
    number = writer.begin(Exchange(0, START, "POST", "http", "h", 1, "/"))
    with writer._transaction():
        syncer._try(where.with_name(where.name + "-wal"))
        assert synced
        words = [sys.executable, "-c", TRIES_TO_WRITE, str(where)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert "database is locked" in done.stderr
    writer.finish(number, Outcome.COMPLETE)
    syncer.close()


def test_a_recording_that_is_moved_away_hinders_nothing(
    where: Path, writer: RecordingWriter, synced: list[int]
) -> None:
    syncer = Syncer(str(where))
    for file in where.parent.glob("kimitap.db*"):
        file.rename(file.with_name(f"moved-{file.name}"))
    syncer.soon()
    syncer.close()
    assert synced == []
    again = Syncer(str(where))
    writer.begin(Exchange(0, START, "POST", "http", "h", 1, "/"))
    again.close()
    assert synced == [log_of(where)]


@pytest.mark.parametrize(
    "where", ["postgresql+psycopg://recorder@127.0.0.1:1/kimitap", "nonsense://x", "sqlite://"]
)
def test_a_server_syncs_for_itself_and_what_is_no_place_is_left_to_who_opens_it(where: str) -> None:
    syncer = Syncer(where)
    syncer.soon()
    syncer.close()
