"""What a recording's rows say of its exchanges, without their bodies: a first look, in no time."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import repeat
from typing import NamedTuple, cast

from sqlalchemy import Connection, bindparam, select

from kimitap.store import tables
from kimitap.store.times import from_us

_columns = tables.exchange.c
_listed = (
    select(
        _columns.id,
        _columns.started_us,
        _columns.ended_us,
        _columns.method,
        _columns.host,
        _columns.path,
        _columns.client,
        _columns.outcome,
        _columns.status,
        tables.piece.c.length,
    )
    .outerjoin(tables.piece, tables.piece.c.id == _columns.response_id)
    .where(_columns.id > bindparam("after"))
    .order_by(_columns.id)
)


class Glimpse(NamedTuple):
    """An exchange as its row tells it: a tuple, since a recording has tens of thousands.

    Times are microseconds since 1970. `outcome` is the value of an `Outcome`; `response_size` is in
    bytes, None while the response is open or where there is none.
    """

    number: int
    started_us: int
    ended_us: int | None
    method: str
    host: str
    path: str
    client: str
    outcome: str
    status: int | None
    response_size: int | None

    @property
    def started_at(self) -> datetime:
        """When the request came, in UTC."""
        return from_us(self.started_us)

    @property
    def duration_s(self) -> float | None:
        """From the request to the end of the answer; None while that is open."""
        return None if self.ended_us is None else (self.ended_us - self.started_us) / 1e6


_glimpse = cast(Callable[[type[Glimpse], Iterable[object]], Glimpse], tuple.__new__)
"""`Glimpse(*values)`, in a third of the time."""


def glimpses(connection: Connection, after: int) -> Sequence[Glimpse]:
    """All exchanges whose number is greater than `after`, by number; in a transaction."""
    rows = connection.execute(_listed, {"after": after}).all()
    return list(map(_glimpse, repeat(Glimpse), rows))
