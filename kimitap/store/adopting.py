"""What is there of exchanges whose recorder died, for another one that goes on with them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

from sqlalchemy import Connection, Row, select

from kimitap.store import arrivals, tables
from kimitap.store.exchanges import flushes
from kimitap.store.times import from_us

_BATCH = 500

_columns = tables.exchange.c


@dataclass(frozen=True, slots=True)
class Adopted:
    """An exchange that is there, and how far it has come: `size` bytes of its response in `flushes`
    rows while it is open, and otherwise when it ended."""

    number: int
    ended_at: datetime | None
    flushes: int
    size: int


def adopt(connection: Connection, recorder: int, origins: Collection[str]) -> Mapping[str, Adopted]:
    """Make those of these exchanges that are there and open `recorder`'s own, in a transaction.

    Returns, by origin, all that are there.
    """
    found: dict[str, Adopted] = {}
    for some in batched(origins, _BATCH):
        rows = connection.execute(
            select(_columns.id, _columns.origin, _columns.ended_us).where(_columns.origin.in_(some))
        ).all()
        found |= {row.origin: _adopted(connection, row) for row in rows}
        open_ = [row.id for row in rows if row.ended_us is None]
        change = tables.exchange.update().where(_columns.id.in_(open_))
        connection.execute(change, {"recorder_id": recorder})
    return found


def _adopted(connection: Connection, row: Row[int, str | None, int | None]) -> Adopted:
    number, _, ended_us = row
    if ended_us is not None:
        return Adopted(number, from_us(ended_us), 0, 0)
    sizes = [
        len(arrivals.unpack_flush(flush).data)
        for flush in connection.execute(flushes, {"number": number}).scalars()
    ]
    return Adopted(number, None, len(sizes), sum(sizes))


def has_loss(connection: Connection, row: Mapping[str, object]) -> bool:
    """Whether this loss was noted before, by whatever recorder; in a transaction."""
    columns = tables.loss.c
    query = select(columns.id).where(
        columns.at_us == row["at_us"],
        columns.count == row["count"],
        columns.reason == row["reason"],
    )
    return connection.execute(query).first() is not None
