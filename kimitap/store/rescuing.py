"""All that can still be read of a damaged recording, in a new one.

An exchange of which a part is lost keeps the others, and says in its own words what is missing. It
keeps its number too, so that what was said about it still points at it.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from kimitap.errors import DamagedRecording, UsageError
from kimitap.exchange import NO_REQUEST, NO_RESPONSE, Body, Exchange, Headers, Outcome, Segment
from kimitap.store import arrivals, headers, opening, tables
from kimitap.store.arrivals import Segments
from kimitap.store.content import ContentReader
from kimitap.store.exchanges import flushes
from kimitap.store.location import demand_folder, file_of, shown
from kimitap.store.losses import Loss
from kimitap.store.reading import put_together
from kimitap.store.sealing import seal
from kimitap.store.sound import NONSENSE, mended
from kimitap.store.times import from_us
from kimitap.store.trouble import translated
from kimitap.store.verifying import OUTCOMES
from kimitap.store.writing import RecordingWriter

_MEMORY = 16 << 20
DAMAGED = "a part of the recording was lost"
LOST_HEADERS = "no headers"
LOST_TIMES = "when the parts of the response came is not known"

_GIVEN = text("SELECT seq FROM sqlite_sequence WHERE name = 'exchange'")

_UNREADABLE = (DamagedRecording, DBAPIError, *NONSENSE)

type _Row = SimpleNamespace


@dataclass(frozen=True, slots=True)
class Rescued:
    """How many exchanges are in the new recording, and the numbers of those not whole there."""

    exchanges: int
    incomplete: tuple[int, ...]
    lost: tuple[int, ...]
    """The numbers of those that could not be read at all."""


def rescue(where: str, into: str) -> Rescued:
    """Write what can be read of the recording at `where` to a new file `into`.

    The damaged one stays as it is; the new one is complete or not there at all. Raises UsageError
    where `into` is there already or no file, or its folder is not there, and RecordingErrors as a
    reader and a writer do.
    """
    path = file_of(into)
    if path is None or path.exists():
        raise UsageError(f"{shown(into)} is there already, or no file: name a new one")
    demand_folder(path)
    half = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    try:
        done = _rescued(where, half)
        half.rename(path)
    finally:
        for ending in ("", "-wal", "-shm"):
            half.with_name(half.name + ending).unlink(missing_ok=True)
    return done


def _rescued(where: str, into: Path) -> Rescued:
    count = 0
    with closing(opening.reader(where)) as connection, translated(where):
        reading = connection.begin()
        rescuer = _Rescuer(connection)
        with RecordingWriter(str(into)) as writer:
            for exchange in rescuer.exchanges():
                writer.add(exchange, renumber=False)
                count += 1
            for loss in rescuer.losses():
                writer.lose(loss.count, loss.reason, loss.at)
        reading.rollback()  # SQLite refuses to commit once it has met a damaged page
    seal(str(into))
    return Rescued(count, tuple(rescuer.incomplete), tuple(rescuer.lost))


class _Rescuer:
    """Reads exchange by exchange, and part by part, in a transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._content = ContentReader(connection, _MEMORY)
        self.incomplete: list[int] = []
        self.lost: list[int] = []

    def exchanges(self) -> Iterator[Exchange]:
        for number in range(1, self._last() + 1):
            query = select(tables.exchange).where(tables.exchange.c.id == number)
            try:
                row = self._connection.execute(query).first()
            except DBAPIError:
                self.lost.append(number)
                continue
            if row is not None:
                yield self._exchange(*mended(row, tables.exchange))

    def losses(self) -> Sequence[Loss]:
        """What the recorder itself lost, as far as that can be read."""
        query = select(tables.loss).order_by(tables.loss.c.id)
        found = []
        with suppress(*_UNREADABLE):
            for _, _, at_us, count, reason in self._connection.execute(query):
                found.append(Loss(from_us(at_us), count, reason))
        return found

    def _last(self) -> int:
        """The highest number; where the table's end cannot be read, the highest ever given."""
        try:
            return int(self._connection.scalar(select(func.max(tables.exchange.c.id))) or 0)
        except DBAPIError:
            return int(self._connection.scalar(_GIVEN) or 0)

    def _exchange(self, row: _Row, broken: Sequence[str]) -> Exchange:
        missing = [f"no {name}" for name in broken]
        if row.outcome not in OUTCOMES:
            missing.append("no outcome")
            row.outcome = Outcome.INTERRUPTED.value
        exchange = put_together(
            row,
            self._request(row, missing),
            self._headers(row.request_headers_id, row.request_values, missing),
            self._response(row, missing),
            self._headers(row.response_headers_id, row.response_values, missing),
        )
        if exchange.outcome is Outcome.IN_FLIGHT:
            exchange = replace(exchange, outcome=Outcome.INTERRUPTED)
        if missing:
            self.incomplete.append(row.id)
            missing.sort(key=lambda what: what == NO_RESPONSE)  # told by how the detail ends
            told = filter(None, (row.detail, DAMAGED, *missing))
            exchange = replace(exchange, detail="; ".join(told))
        return exchange

    def _request(self, row: _Row, missing: list[str]) -> Body:
        try:
            return (
                self._content.bodies({row.request_id})[row.request_id] if row.request_id else Body()
            )
        except _UNREADABLE:
            missing.append(NO_REQUEST)
            return Body()

    def _headers(self, id_: int | None, values: str, missing: list[str]) -> Headers:
        if id_ is None:
            return ()
        try:
            return headers.join(self._content.pieces({id_})[id_].data, values)
        except _UNREADABLE:
            if LOST_HEADERS not in missing:
                missing.append(LOST_HEADERS)
            return ()

    def _response(self, row: _Row, missing: list[str]) -> tuple[Sequence[Segment], bytes]:
        try:
            if row.ended_us is None:
                return self._arrived(row.id)
            if row.response_id is None:
                return (), b""
            data = self._content.unshared({row.response_id})[row.response_id].data
        except _UNREADABLE:
            missing.append(NO_RESPONSE)
            return (), b""
        return self._times(row, data, missing), data

    def _arrived(self, number: int) -> tuple[Sequence[Segment], bytes]:
        packed = self._connection.execute(flushes, {"number": number}).scalars()
        arrived = arrivals.joined([arrivals.unpack_flush(flush) for flush in packed])
        return arrived.segments, arrived.data

    def _times(self, row: _Row, data: bytes, missing: list[str]) -> Sequence[Segment]:
        """The segments; one that came at the end where their times are lost."""
        query = select(tables.arrivals.c.data).where(tables.arrivals.c.exchange_id == row.id)
        try:
            packed = self._connection.execute(query).scalar()
            segments = tuple(Segments(packed, data)) if packed else ()
        except _UNREADABLE:
            segments = ()
        if sum(segment.length for segment in segments) == len(data):
            return segments
        missing.append(LOST_TIMES)
        return (Segment(max(0, row.ended_us - row.started_us) / 1e6, len(data)),)
