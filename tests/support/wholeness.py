"""What must hold of a recording after every fault."""

import sqlite3
from contextlib import closing
from pathlib import Path

from kimitap.exchange import Exchange
from kimitap.store import Loss, Recording, RecordingWriter
from kimitap.store.verifying import verify
from tests.support.proxy import wait_for


def exchanges(where: Path) -> list[Exchange]:
    """All of a recording, by number."""
    with Recording.open(str(where)) as recording:
        return list(recording.exchanges())


def by_path(where: Path) -> dict[str, Exchange]:
    """All of a recording by path; asserts that no path was recorded twice."""
    found = exchanges(where)
    paths = {exchange.path: exchange for exchange in found}
    assert len(paths) == len(found), sorted(exchange.path for exchange in found)
    return paths


def losses(where: Path) -> tuple[Loss, ...]:
    """What the recording says that it lacks."""
    with Recording.open(str(where)) as recording:
        return recording.losses()


def ended(where: Path, count: int, patience_s: float = 60.0) -> list[Exchange]:
    """All exchanges, once there are `count` and each has ended."""

    def look() -> bool:
        query = "SELECT count(*), count(ended_us) FROM exchange"
        with closing(sqlite3.connect(where, timeout=60)) as database:
            there, done = database.execute(query).fetchone()
        return bool(there >= count and done == there)

    wait_for(look, f"{count} exchanges in {where.name}", patience_s)
    return exchanges(where)


def assert_whole(where: Path) -> None:
    """It opens for a writer, and nothing in it is damaged or half referenced."""
    RecordingWriter(str(where)).close()
    verdict = verify(str(where))
    assert verdict.damages == ()
    with closing(sqlite3.connect(where, timeout=60)) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("SELECT count(*) FROM segment").fetchone() == (0,)
        unended = "SELECT count(*) FROM exchange WHERE ended_us IS NULL"
        assert database.execute(unended).fetchone() == (0,)
