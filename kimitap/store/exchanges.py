"""Writing exchanges, each step inside its caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from kimitap.exchange import Body, Exchange, Headers, Outcome, Piece, digest
from kimitap.store import arrivals, headers, tables
from kimitap.store.arrivals import TICKS, Arrived
from kimitap.store.bodies import BodyWriter
from kimitap.store.driver import Driver
from kimitap.store.generation import generation
from kimitap.store.merging import Small
from kimitap.store.pieces import PieceWriter
from kimitap.store.times import to_us

Values = dict[str, object]

_columns = tables.exchange.c
_of_origin = select(_columns.id).where(_columns.origin == bindparam("sought"))
_open_one = select(
    _columns.started_us, _columns.headers_us, _columns.host, _columns.port, _columns.path
).where(_columns.id == bindparam("number"), _columns.ended_us.is_(None))
_change = tables.exchange.update().where(_columns.id == bindparam("number"))
_insert = tables.exchange.insert()
_insert_segment = tables.segment.insert()
_insert_arrivals = tables.arrivals.insert()
_drop_flushes = tables.segment.delete().where(tables.segment.c.exchange_id == bindparam("number"))
flushes = (
    select(tables.segment.c.data)
    .where(tables.segment.c.exchange_id == bindparam("number"))
    .order_by(tables.segment.c.position)
)
"""What `arrivals.pack_flush` made of the parts of a response that is still open."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a response, and when it came."""

    status: int
    reason: str
    headers: Headers
    http_version: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Ending:
    """How an exchange ended. `at` None means: when the last of it arrived."""

    outcome: Outcome
    detail: str = ""
    at: datetime | None = None
    lost_bytes: int = 0


class ExchangeWriter:
    """Writes exchanges on `connection` in the name of the recorder whose row is `recorder`.

    After a transaction that was not committed, call `forget`.
    """

    def __init__(self, connection: Connection, recorder: int) -> None:
        self._driver = Driver(connection)
        self._recorder = recorder
        self._pieces = PieceWriter(connection, self._driver)
        self.bodies = BodyWriter(self._driver, self._pieces)

    def forget(self) -> None:
        """Drop what is remembered of a transaction that came to nothing."""
        self._pieces.forget()
        self.bodies.forget()

    @property
    def small(self) -> Small:
        """The small packs that were written, for `merging.merge`."""
        return self._pieces.small

    def generation(self) -> int:
        """The recording's generation, in a transaction."""
        return generation(self._driver)

    def begin(self, exchange: Exchange, request: Body) -> int:
        """A new row with the request, whose cut body is `request`; its number."""
        origin = None if self.knows(exchange.origin) else exchange.origin or None
        answer: Values = {"outcome": Outcome.IN_FLIGHT.value, "origin": origin}
        return self._insert(exchange, request, answer)

    def respond(self, number: int, head: Head) -> None:
        """The head of the response."""
        self._update(number, self._head(head) | {"http_version": head.http_version})

    def append(self, number: int, position: int, arrived: Arrived) -> None:
        """One flush of the response."""
        self.append_all([(number, position, arrived)])

    def append_all(self, some: Sequence[tuple[int, int, Arrived]]) -> None:
        """Flushes of several responses: number, position and parts of each."""
        rows = [
            {"exchange_id": number, "position": position, "data": arrivals.pack_flush(arrived)}
            for number, position, arrived in some
        ]
        self._driver.run_for_each(_insert_segment, rows)

    def end(self, number: int, ending: Ending, rest: Arrived | None, flushed: bool) -> None:
        """Pack what streamed: what was `flushed`, if something was, and the `rest`.

        Does nothing to an exchange that has ended, or is not there.
        """
        for row in self._driver.rows(_open_one, {"number": number}):
            started_us, headers_us, host, port, path = row
            arrived = self._arrived(number, rest, flushed)
            last_us = headers_us or started_us
            if arrived.ticks:
                last_us = max(last_us, started_us + arrived.ticks[-1] * 1_000_000 // TICKS)
            values: Values = {
                "outcome": ending.outcome.value,
                "detail": storable(ending.detail),
                "ended_us": to_us(ending.at) if ending.at else last_us,
                "lost_bytes": ending.lost_bytes,
                "response_id": self.bodies.response(arrived.data, kind(host, port, path)),
            }
            self._update(number, values)
            self._store_arrivals(number, arrived)

    def _arrived(self, number: int, rest: Arrived | None, flushed: bool) -> Arrived:
        """The whole response; its flushes are needed no more."""
        some = [rest] if rest else []
        if flushed:
            packed = self._driver.rows(flushes, {"number": number})
            some = [*(arrivals.unpack_flush(flush) for (flush,) in packed), *some]
            self._driver.run(_drop_flushes, {"number": number})
        return arrivals.joined(some)

    def add(self, exchange: Exchange, request: Body, renumber: bool = True) -> int | None:
        """A whole exchange, that has ended; None if its origin is there already.

        It gets the next number; without `renumber` it keeps its own, which must be free.
        """
        if self.knows(exchange.origin):
            return None
        last_s = exchange.segments[-1].at_s if exchange.segments else 0.0
        answer: Values = {
            "origin": exchange.origin or None,
            "outcome": exchange.outcome.value,
            "detail": storable(exchange.detail),
            "ended_us": to_us(exchange.ended_at)
            if exchange.ended_at
            else to_us(exchange.started_at) + round(last_s * 1e6),
            "lost_bytes": exchange.lost_bytes,
            "response_id": self.bodies.response(
                exchange.response, kind(exchange.host, exchange.port, exchange.path)
            ),
        }
        if exchange.status is not None:
            fields, version = exchange.response_headers, exchange.http_version
            answer |= self._head(
                Head(exchange.status, exchange.reason, fields, version, exchange.headers_at)
            )
        if not renumber:
            answer |= {"id": exchange.number}
        number = self._insert(exchange, request, answer)
        arrived = arrivals.of_segments(exchange.segments, exchange.response)
        self._store_arrivals(number, arrived)
        return number

    def knows(self, origin: str) -> bool:
        """True where an exchange of this origin is there."""
        if not origin:
            return False
        return bool(self._driver.rows(_of_origin, {"sought": origin}))

    def _insert(self, exchange: Exchange, request: Body, answer: Values) -> int:
        piece, values = split_headers(exchange.request_headers)
        body_id, headers_id = self.bodies.request(request, piece)
        row: Values = {
            "recorder_id": self._recorder,
            "started_us": to_us(exchange.started_at),
            "method": storable(exchange.method),
            "scheme": exchange.scheme,
            "host": storable(exchange.host),
            "port": exchange.port,
            "path": storable(exchange.path),
            "http_version": exchange.http_version,
            "client": exchange.client,
            "request_id": body_id,
            "request_headers_id": headers_id,
            "request_values": values,
        }
        return self._driver.insert(_insert, row | answer)

    def _update(self, number: int, values: Values) -> None:
        self._driver.run(_change, values | {"number": number})

    def _head(self, head: Head) -> Values:
        piece, values = split_headers(head.headers)
        return {
            "status": head.status,
            "reason": storable(head.reason),
            "headers_us": to_us(head.at) if head.at else None,
            "response_headers_id": self.bodies.headers(piece),
            "response_values": values,
        }

    def _store_arrivals(self, number: int, arrived: Arrived) -> None:
        if arrived.ticks:
            values = {"exchange_id": number, "data": arrivals.pack(arrived)}
            self._driver.run(_insert_arrivals, values)


def kind(host: str, port: int, path: str) -> str:
    """What responses that resemble one another have in common."""
    return f"{host}:{port}{path.split('?', 1)[0]}"


def split_headers(fields: Headers) -> tuple[Piece, str]:
    """The headers' text that repeats, as a piece, and the values that change."""
    fixed, values = headers.split(fields)
    return Piece(digest(fixed), fixed), values


def storable(text: str) -> str:
    """`text` with what is not Unicode, and NUL, written as an escape: no database takes those."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
