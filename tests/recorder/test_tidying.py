"""The writer's process makes the recording smaller by itself, while nothing comes."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from kimitap.exchange import Exchange, Outcome
from kimitap.recorder.frames import packed_slips
from kimitap.recorder.slips import AnySlip, Arrived, Begun, Ended
from kimitap.store import Recording
from tests.support.requests_made import START, reply

EXCHANGES = 12
PATIENCE_S = 60.0
CODE = "import sys; from kimitap.recorder.writing import main; main(sys.argv[1])"


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "k.db"


@pytest.fixture
def writer(where: Path) -> Iterator[BinaryIO]:
    """The input of a writer's process."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(where)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert process.stdin
    with process.stdin as pipe:
        yield pipe
    process.wait(PATIENCE_S)


def put(pipe: BinaryIO, *slips: AnySlip) -> None:
    for part in packed_slips(slips):
        pipe.write(part)
    pipe.flush()


def whole(ticket: int) -> tuple[AnySlip, ...]:
    """All slips of an exchange with a long reply."""
    exchange = Exchange(0, START, "POST", "http", "127.0.0.1", 8080, "/v1/chat/completions")
    parts = reply(ticket, events=400)
    size = sum(len(data) for _, data in parts)
    return (
        Begun(ticket, exchange, b'{"messages":[]}'),
        Arrived(ticket, parts, size),
        Ended(ticket, Outcome.COMPLETE, "", START + timedelta(seconds=30)),
    )


def counted(where: Path, query: str) -> int:
    with closing(sqlite3.connect(where, timeout=PATIENCE_S)) as db:
        (count,) = db.execute(query).fetchone()
    return int(count)


def test_small_packs_are_merged_while_nothing_comes(where: Path, writer: BinaryIO) -> None:
    for ticket in range(1, EXCHANGES + 1):
        put(writer, *whole(ticket))
    packs = "SELECT count(*) FROM pack WHERE dictionary_id IS NOT NULL"
    ended = "SELECT count(*) FROM exchange WHERE ended_us IS NOT NULL"
    deadline = time.monotonic() + PATIENCE_S
    while not where.exists() or counted(where, "SELECT count(*) FROM sqlite_master") == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    while counted(where, ended) < EXCHANGES or counted(where, packs) > EXCHANGES // 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    put(writer, *whole(EXCHANGES + 1))  # it goes on
    while counted(where, ended) <= EXCHANGES:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with Recording.open(str(where)) as recording:
        seen = [exchange.response for exchange in recording.exchanges()]
    assert seen == [
        b"".join(data for _, data in reply(ticket, events=400))
        for ticket in range(1, EXCHANGES + 2)
    ]
