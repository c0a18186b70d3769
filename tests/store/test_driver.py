"""Statements handed to the driver itself: the same rows and the same errors as by SQLAlchemy."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.exc import DBAPIError

from kimitap.errors import RecordingUnavailable
from kimitap.store import opening, tables
from kimitap.store.driver import Driver
from kimitap.store.migrating import ensure_schema
from kimitap.store.trouble import translated

PACK = tables.pack.insert()
PIECE = tables.piece.insert()
PIECES = select(tables.piece.c.digest, tables.piece.c.length).where(
    tables.piece.c.pack_id == bindparam("pack")
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    where = str(tmp_path / "kimitap.db")
    with opening.writer(where) as one:
        ensure_schema(where, one)
        yield one


def test_rows_go_in_with_their_defaults_and_come_out(connection: Connection) -> None:
    driver = Driver(connection)
    with connection.begin():
        pack = driver.insert(PACK, {"dictionary_id": None, "data": b"\x00\xff"})
        rows = [
            {"digest": bytes([i]) * 16, "pack_id": pack, "start": i, "length": 1} for i in range(3)
        ]
        driver.run_for_each(PIECE, rows)
        assert list(driver.rows(PIECES, {"pack": pack})) == [(bytes([i]) * 16, 1) for i in range(3)]
    assert connection.execute(select(tables.pack.c.data)).scalar() == b"\x00\xff"


def test_a_value_that_was_not_given_is_the_columns_default(connection: Connection) -> None:
    driver = Driver(connection)
    at = {"host": "h", "pid": 1, "process_started": "", "version": "", "opened_us": 1}
    with connection.begin():
        recorder = driver.insert(tables.recorder.insert(), at)
        pack = driver.insert(PACK, {"data": b""})
        digest = {"digest": b"d" * 16, "pack_id": pack, "start": 0, "length": 0}
        headers = driver.insert(PIECE, digest)
        row = {
            **dict.fromkeys(("outcome", "method", "scheme", "host", "path", "http_version"), "x"),
            "client": "",
            "request_values": "",
            "port": 1,
            "started_us": 1,
            "recorder_id": recorder,
            "request_headers_id": headers,
        }
        driver.insert(tables.exchange.insert(), row)
    found = connection.execute(select(tables.exchange)).one()
    assert (found.detail, found.reason, found.lost_bytes, found.status) == ("", "", 0, None)


def test_an_id_is_that_of_the_row_just_inserted(connection: Connection) -> None:
    driver = Driver(connection)
    with connection.begin():
        ids = [driver.insert(PACK, {"data": bytes([i])}) for i in range(3)]
    found = connection.execute(select(tables.pack.c.id, tables.pack.c.data)).all()
    assert [(row.id, row.data) for row in found] == [(id_, bytes([i])) for i, id_ in enumerate(ids)]


def test_what_the_database_refuses_is_raised(connection: Connection) -> None:
    driver = Driver(connection)
    row = {"digest": b"d" * 16, "pack_id": 1, "start": 0, "length": 0}
    with connection.begin():
        driver.insert(PACK, {"data": b""})
        driver.insert(PIECE, row)
    with pytest.raises(DBAPIError, match="UNIQUE"), connection.begin():
        driver.insert(PIECE, row)
    with pytest.raises(DBAPIError, match="UNIQUE"), connection.begin():
        driver.run_for_each(PIECE, [row, row])


def test_a_database_that_may_not_be_written_is_said(connection: Connection) -> None:
    driver = Driver(connection)
    connection.exec_driver_sql("PRAGMA query_only=ON")
    connection.rollback()
    with pytest.raises(DBAPIError, match="readonly"), connection.begin():
        driver.insert(PACK, {"data": b""})
    refused = pytest.raises(RecordingUnavailable, match="may not be written")
    with refused, translated("x.db"), connection.begin():
        driver.insert(PACK, {"data": b""})


def test_a_connection_that_broke_is_made_anew_for_the_next_transaction(
    connection: Connection,
) -> None:
    driver = Driver(connection)
    lost = connection.begin()
    driver.insert(PACK, {"data": b"lost"})
    raw(connection).close()
    with pytest.raises(DBAPIError, match="closed"):
        driver.insert(PACK, {"data": b""})
    assert connection.invalidated
    lost.rollback()
    with connection.begin():
        driver.insert(PACK, {"data": b"kept"})
    assert connection.execute(select(tables.pack.c.data)).scalars().all() == [b"kept"]


def test_what_is_wrong_with_a_later_row_is_raised_like_what_is_wrong_with_the_first(
    connection: Connection,
) -> None:
    def refuse(number: int) -> int:
        return 0 if number < 3 else -(2**63) // (number - 3)

    driver = Driver(connection)
    with connection.begin():
        driver.run_for_each(PACK, [{"data": bytes([i])} for i in range(5)])
        raw(connection).create_function("refuse", 1, refuse)
    numbered = select(func.refuse(tables.pack.c.id)).order_by(tables.pack.c.id)
    with pytest.raises(DBAPIError, match="user-defined function"), connection.begin():
        driver.rows(numbered, {})


def raw(connection: Connection) -> sqlite3.Connection:
    found = connection.connection.dbapi_connection
    assert isinstance(found, sqlite3.Connection)
    return found
