"""How a recording stands now: who writes, what is open, how large it is."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, func, select

from kimitap.store import opening, recovery, tables
from kimitap.store.location import file_of
from kimitap.store.losses import Loss
from kimitap.store.reading import Recording
from kimitap.store.retention import used_bytes
from kimitap.store.times import from_us, to_us
from kimitap.store.trouble import translated


@dataclass(frozen=True, slots=True)
class Recorder:
    """A recorder that may write now: where it runs, since when, and which Kimitap it is."""

    host: str
    pid: int
    version: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """`size` and `used` are bytes of the file and its log, and of what is in use there; None on a
    server. `open` are the exchanges in flight: number and start."""

    exchanges: int
    last_at: datetime | None
    open: tuple[tuple[int, datetime], ...]
    recorders: tuple[Recorder, ...]
    losses: tuple[Loss, ...]
    size: int | None
    used: int | None


def standing(where: str) -> Standing:
    """Look at the recording at `where`. Raises RecordingErrors as a reader does."""
    with translated(where), opening.reader(where) as connection, connection.begin():
        exchanges = tables.exchange.c
        count, last_us = connection.execute(
            select(func.count(), func.max(exchanges.started_us))
        ).one()
        open_ = connection.execute(
            select(exchanges.id, exchanges.started_us)
            .where(exchanges.ended_us.is_(None))
            .order_by(exchanges.id)
        ).all()
        recorders = _recorders(connection)
    with Recording.open(where) as recording:
        losses = recording.losses()
    return Standing(
        exchanges=count,
        last_at=None if last_us is None else from_us(last_us),
        open=tuple((number, from_us(started_us)) for number, started_us in open_),
        recorders=recorders,
        losses=losses,
        size=_size(where),
        used=None if file_of(where) is None else used_bytes(where),
    )


def _recorders(connection: Connection) -> tuple[Recorder, ...]:
    living = recovery.living(connection, to_us(datetime.now(UTC)))
    return tuple(map(_recorder, living))


def _recorder(row: Row[tuple[object, ...]]) -> Recorder:
    return Recorder(row.host, row.pid, row.version, from_us(row.opened_us))


def _size(where: str) -> int | None:
    path = file_of(where)
    if path is None:
        return None
    log = path.with_name(path.name + "-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
