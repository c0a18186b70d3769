"""Which recorder writes here, and which of those that wrote here died with exchanges open."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

from sqlalchemy import Connection, Row, func, select

from kimitap.store import process, tables

_A_DAY_US = 24 * 3600 * 1_000_000


def sign_in(connection: Connection, now_us: int) -> int:
    """The id of a new row for this process."""
    pid, started = process.own()
    row = {
        "host": process.host(),
        "pid": pid,
        "process_started": started,
        "version": version(),
        "opened_us": now_us,
    }
    key = connection.execute(tables.recorder.insert(), row).inserted_primary_key
    assert key is not None
    return int(key[0])


def sign_out(connection: Connection, recorder: int, now_us: int) -> None:
    """Say that this recorder writes no more."""
    change = tables.recorder.update().where(tables.recorder.c.id == recorder)
    connection.execute(change, {"closed_us": now_us})


def abandoned(connection: Connection, now_us: int) -> list[int]:
    """The open exchanges of recorders that live no more.

    A recorder on another machine cannot be asked: it counts as dead a day after its last request.
    """
    recorders, exchanges = tables.recorder.c, tables.exchange.c
    busy = select(exchanges.recorder_id).where(exchanges.ended_us.is_(None)).distinct()
    found = connection.execute(select(tables.recorder).where(recorders.id.in_(busy))).all()
    dead = [
        row.id for row in found if row.closed_us is not None or not _alive(connection, row, now_us)
    ]
    query = select(exchanges.id).where(
        exchanges.ended_us.is_(None), exchanges.recorder_id.in_(dead)
    )
    return list(connection.execute(query.order_by(exchanges.id)).scalars())


def living(connection: Connection, now_us: int) -> Sequence[Row[tuple[object, ...]]]:
    """The rows of the recorders that may write now."""
    rows = connection.execute(
        select(tables.recorder).where(tables.recorder.c.closed_us.is_(None))
    ).all()
    return [row for row in rows if _alive(connection, row, now_us)]


def _alive(connection: Connection, recorder: Row[tuple[object, ...]], now_us: int) -> bool:
    if recorder.host == process.host():
        return bool(process.started(recorder.pid) == recorder.process_started)
    exchanges = tables.exchange.c
    newest = select(func.max(exchanges.started_us)).where(exchanges.recorder_id == recorder.id)
    newest_us = int(connection.scalar(newest) or 0)
    return now_us - newest_us < _A_DAY_US


def forget_recorders(connection: Connection) -> None:
    """Leave out which machine and process each recorder was, but of those with open exchanges."""
    exchanges = tables.exchange.c
    busy = select(exchanges.recorder_id).where(exchanges.ended_us.is_(None))
    change = tables.recorder.update().where(tables.recorder.c.id.not_in(busy))
    connection.execute(change, {"host": "", "pid": 0, "process_started": ""})


def version() -> str:
    """Which Kimitap this is; empty where it runs uninstalled."""
    try:
        return installed("kimitap")
    except PackageNotFoundError:
        return ""
