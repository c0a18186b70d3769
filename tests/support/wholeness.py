"""What must hold of a recording after every fault."""

import sqlite3
from contextlib import closing
from pathlib import Path

from kimitap.exchange import Exchange
from kimitap.store import Loss, Recording, RecordingWriter
from kimitap.store.verifying import verify
from tests.support.proxy import wait_for


def asked(where: Path, query: str, *values: str) -> list[tuple[int, ...]]:
    """What the recording answers; nothing as long as its writer has not made its tables."""
    with closing(sqlite3.connect(where, timeout=60)) as database:
        if not database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'exchange'").fetchall():
            return []
        return database.execute(query, values).fetchall()


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


def recorded(where: Path, path: str, patience_s: float = 60.0) -> Exchange:
    """The exchange of that path, once it is there and has ended."""

    def look() -> int | None:
        query = "SELECT id FROM exchange WHERE path = ? AND ended_us IS NOT NULL"
        rows = asked(where, query, path)
        return int(rows[0][0]) if rows else None

    number = wait_for(look, f"{path} in {where.name}", patience_s)
    assert number
    with Recording.open(str(where)) as recording:
        return recording.exchange(number)


def losses(where: Path) -> tuple[Loss, ...]:
    """What the recording says that it lacks."""
    with Recording.open(str(where)) as recording:
        return recording.losses()


def ended(where: Path, count: int, patience_s: float = 60.0) -> list[Exchange]:
    """All exchanges, once there are `count` and each has ended."""

    def look() -> bool:
        rows = asked(where, "SELECT count(*), count(ended_us) FROM exchange")
        return bool(rows) and rows[0][0] >= count and rows[0][0] == rows[0][1]

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
