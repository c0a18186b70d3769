"""Which recorder writes here, and which of those that wrote here died with exchanges open."""

from importlib.metadata import PackageNotFoundError, version

from sqlalchemy import Connection, func, select

from kimitap.store import process, tables

_A_DAY_US = 24 * 3600 * 1_000_000


def sign_in(connection: Connection, now_us: int) -> int:
    """The id of a new row for this process."""
    pid, started = process.own()
    row = {
        "host": process.host(),
        "pid": pid,
        "process_started": started,
        "version": _version(),
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
    theirs = tables.exchange.alias().c
    newest = select(func.max(theirs.started_us)).where(theirs.recorder_id == recorders.id)
    open_ones = connection.execute(
        select(
            exchanges.id,
            recorders.host,
            recorders.pid,
            recorders.process_started,
            recorders.closed_us,
            newest.scalar_subquery().label("newest_us"),
        )
        .join(tables.recorder, recorders.id == exchanges.recorder_id)
        .where(exchanges.ended_us.is_(None))
        .order_by(exchanges.id)
    )
    numbers = []
    for row in open_ones:
        if row.host == process.host():
            alive = process.started(row.pid) == row.process_started
        else:
            alive = now_us - row.newest_us < _A_DAY_US
        if row.closed_us is not None or not alive:
            numbers.append(row.id)
    return numbers


def forget_recorders(connection: Connection) -> None:
    """Leave out which machine and process each recorder was, but of those with open exchanges."""
    exchanges = tables.exchange.c
    busy = select(exchanges.recorder_id).where(exchanges.ended_us.is_(None))
    change = tables.recorder.update().where(tables.recorder.c.id.not_in(busy))
    connection.execute(change, {"host": "", "pid": 0, "process_started": ""})


def _version() -> str:
    try:
        return version("kimitap")
    except PackageNotFoundError:
        return ""
