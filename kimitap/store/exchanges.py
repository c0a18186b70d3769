"""Writing exchanges, each step inside its caller's transaction."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from kimitap.exchange import Body, Exchange, Headers, Outcome, Piece, Segment, digest
from kimitap.store import arrivals, headers, tables
from kimitap.store.bodies import BodyWriter
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
_flushes = (
    select(tables.segment.c.data)
    .where(tables.segment.c.exchange_id == bindparam("number"))
    .order_by(tables.segment.c.position)
)
_drop_flushes = tables.segment.delete().where(tables.segment.c.exchange_id == bindparam("number"))


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
        self._connection = connection
        self._recorder = recorder
        self._pieces = PieceWriter(connection)
        self.bodies = BodyWriter(connection, self._pieces)

    def forget(self) -> None:
        """Drop what is remembered of a transaction that came to nothing."""
        self._pieces.forget()
        self.bodies.forget()

    def begin(self, exchange: Exchange, request: Body) -> int:
        """A new row with the request, whose cut body is `request`; its number."""
        origin = None if self.knows(exchange.origin) else exchange.origin or None
        answer: Values = {"outcome": Outcome.IN_FLIGHT.value, "origin": origin}
        return self._insert(exchange, request, answer)

    def respond(
        self,
        number: int,
        status: int,
        reason: str,
        fields: Headers,
        http_version: str,
        at: datetime,
    ) -> None:
        """The head of the response."""
        head = self._head(status, reason, fields, at)
        self._update(number, head | {"http_version": http_version})

    def append(self, number: int, position: int, flush: bytes) -> None:
        """One flush of the response's parts (`arrivals.pack_flush`)."""
        values = {"exchange_id": number, "position": position, "data": flush}
        self._connection.execute(_insert_segment, values)

    def end(self, number: int, ending: Ending) -> None:
        """Pack what streamed. Does nothing to an exchange that has ended, or is not there."""
        row = self._connection.execute(_open_one, {"number": number}).first()
        if row is None:
            return
        segments, data = arrived(self._connection, number)
        last_us = row.headers_us or row.started_us
        if segments:
            last_us = max(last_us, row.started_us + round(segments[-1].at_s * 1e6))
        values: Values = {
            "outcome": ending.outcome.value,
            "detail": storable(ending.detail),
            "ended_us": to_us(ending.at) if ending.at else last_us,
            "lost_bytes": ending.lost_bytes,
            "response_id": self.bodies.response(data, kind(row.host, row.port, row.path)),
        }
        self._update(number, values)
        self._store_arrivals(number, segments, data)
        self._connection.execute(_drop_flushes, {"number": number})

    def add(self, exchange: Exchange, request: Body) -> int | None:
        """A whole exchange, that has ended; None if its origin is there already."""
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
            answer |= self._head(
                exchange.status, exchange.reason, exchange.response_headers, exchange.headers_at
            )
        number = self._insert(exchange, request, answer)
        self._store_arrivals(number, list(exchange.segments), exchange.response)
        return number

    def knows(self, origin: str) -> bool:
        """True where an exchange of this origin is there."""
        if not origin:
            return False
        return self._connection.execute(_of_origin, {"sought": origin}).first() is not None

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
        key = self._connection.execute(_insert, row | answer).inserted_primary_key
        assert key is not None
        return int(key[0])

    def _update(self, number: int, values: Values) -> None:
        self._connection.execute(_change, values | {"number": number})

    def _head(self, status: int, reason: str, fields: Headers, at: datetime | None) -> Values:
        piece, values = split_headers(fields)
        return {
            "status": status,
            "reason": storable(reason),
            "headers_us": to_us(at) if at else None,
            "response_headers_id": self.bodies.headers(piece),
            "response_values": values,
        }

    def _store_arrivals(self, number: int, segments: list[Segment], data: bytes) -> None:
        if segments:
            packed = arrivals.pack(segments, data)
            values = {"exchange_id": number, "data": packed}
            self._connection.execute(_insert_arrivals, values)


def arrived(connection: Connection, number: int) -> tuple[list[Segment], bytes]:
    """What has arrived of a response that is still open."""
    segments: list[Segment] = []
    parts: list[bytes] = []
    for flush in connection.execute(_flushes, {"number": number}).scalars():
        some, data = arrivals.unpack_flush(flush)
        segments.extend(some)
        parts.append(data)
    return segments, b"".join(parts)


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
