"""The reader of a recording: exchanges, in their order, with shared pieces."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Self

from sqlalchemy import Connection, Row, bindparam, func, select, text

from kimitap.errors import DamagedRecording, UsageError
from kimitap.exchange import Body, Exchange, Headers, Outcome, Segment
from kimitap.store import arrivals, headers, opening, tables
from kimitap.store.arrivals import Arrived, Segments
from kimitap.store.content import ContentReader
from kimitap.store.driver import Driver
from kimitap.store.exchanges import flushes
from kimitap.store.generation import generation
from kimitap.store.glimpses import Glimpse, glimpses
from kimitap.store.late import LateBodies
from kimitap.store.location import shown
from kimitap.store.losses import Loss
from kimitap.store.sound import NONSENSE
from kimitap.store.times import from_us
from kimitap.store.trouble import damaged, translated

_AT_ONCE = 32
_BYTES_AT_ONCE = 16 * 1024 * 1024
"""Exchanges read in one transaction, and about how much of responses."""

_MEMORY = 64 * 1024 * 1024


_next = (
    select(tables.exchange, tables.piece.c.length.label("response_length"))
    .outerjoin(tables.piece, tables.piece.c.id == tables.exchange.c.response_id)
    .where(tables.exchange.c.id > bindparam("after"))
    .order_by(tables.exchange.c.id)
    .limit(_AT_ONCE)
)
_arrivals = select(tables.arrivals.c.exchange_id, tables.arrivals.c.data).where(
    tables.arrivals.c.exchange_id.between(bindparam("first"), bindparam("last"))
)
"""Of exchanges that are read together: all that there are between the first and the last."""
_count = select(func.count()).where(tables.exchange.c.id > bindparam("after"))


class Recording:
    """A recording, open for reading. For one thread at a time.

    It remembers pieces of 64 MB in all; what it yields shares them. Every method raises
    RecordingUnavailable or DamagedRecording.
    """

    def __init__(self, where: str, connection: Connection) -> None:
        self.where = where
        self._connection = connection
        self._driver = Driver(connection)
        self._generation = -1
        self._content = ContentReader(connection, _MEMORY)
        self._late = LateBodies(self._content, self._transaction)

    @classmethod
    def open(cls, where: str) -> Self:
        """The recording at `where`, a path or URL.

        Raises NoRecording, NotARecording, OlderRecording, NewerRecording, RecordingUnavailable.
        """
        return cls(where, opening.reader(where))

    def exchanges(self, after: int = 0, *, late: bool = False) -> Iterator[Exchange]:
        """All exchanges whose number is greater than `after`, by number, a few at a time.

        No transaction is open while the caller works on one. `late`: of a request's pieces only
        those hold their bytes that no request before it had, and not for long; the bytes of others
        are read when they are asked for, while the recording is open.
        """
        while True:
            with self._transaction():
                rows = self._connection.execute(_next, {"after": after}).all()
                some = self._read(_that_fit(rows), late)
            if not some:
                return
            yield from some
            after = some[-1].number

    def exchange(self, number: int, *, late: bool = False) -> Exchange:
        """The exchange of this number; `late` as in `exchanges`.

        Raises UsageError if there is none.
        """
        query = select(tables.exchange).where(tables.exchange.c.id == number)
        with self._transaction():
            found = self._read(self._connection.execute(query).all(), late)
        if not found:
            raise UsageError(f"there is no exchange {number} in {shown(self.where)}")
        return found[0]

    def numbers(self) -> list[int]:
        """The numbers of all exchanges, ascending."""
        return self._numbers("id > 0")

    def count(self, after: int = 0) -> int:
        """How many exchanges have a number greater than `after`."""
        with self._transaction():
            return int(self._connection.execute(_count, {"after": after}).scalar_one())

    def glimpses(self, after: int = 0) -> Sequence[Glimpse]:
        """What the rows say of the exchanges whose number is greater than `after`; no bodies."""
        with self._transaction():
            return glimpses(self._connection, after)

    def in_flight(self) -> list[int]:
        """The numbers of the exchanges that have not ended, ascending."""
        return self._numbers("ended_us IS NULL")

    def version(self) -> int:
        """A number that differs from an earlier one when somebody has written since. Cheap."""
        statement = _CHANGES[self._connection.dialect.name]
        with self._transaction():
            return int(self._connection.exec_driver_sql(statement).scalar_one())

    def generation(self) -> int:
        """A number that rises when exchanges are deleted, and only then."""
        with self._transaction():
            return generation(self._driver)

    def losses(self) -> tuple[Loss, ...]:
        """What could not be recorded, in the order in which it was noted."""
        columns = tables.loss.c
        query = select(columns.at_us, columns.count, columns.reason).order_by(columns.id)
        with self._transaction():
            rows = self._connection.execute(query)
            return tuple(Loss(from_us(at_us), count, reason) for at_us, count, reason in rows)

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with translated(self.where), self._connection.begin(), self._undamaged():
            yield

    @contextmanager
    def _undamaged(self) -> Iterator[None]:
        """Name the recording where what was read of it does not fit together."""
        try:
            yield
        except DamagedRecording as error:
            raise DamagedRecording(damaged(self.where, str(error))) from error
        except NONSENSE as error:
            raise DamagedRecording(damaged(self.where)) from error

    def _numbers(self, condition: str) -> list[int]:
        query = select(tables.exchange.c.id).where(text(condition)).order_by(tables.exchange.c.id)
        with self._transaction():
            return list(self._connection.execute(query).scalars())

    def _read(self, rows: Sequence[Row[tuple[object, ...]]], late: bool) -> list[Exchange]:
        self._heed_deletions()
        reader = self._late if late else self._content
        requests = reader.bodies({row.request_id for row in rows if row.request_id})
        responses = self._responses(rows)
        fields = self._content.pieces(
            {row.request_headers_id for row in rows}
            | {row.response_headers_id for row in rows if row.response_headers_id}
        )

        def joined(piece_id: int | None, values: str) -> Headers:
            return headers.join(fields[piece_id].data, values) if piece_id else ()

        return [
            put_together(
                row,
                requests[row.request_id] if row.request_id else Body(),
                joined(row.request_headers_id, row.request_values),
                responses[row.id],
                joined(row.response_headers_id, row.response_values),
            )
            for row in rows
        ]

    def _heed_deletions(self) -> None:
        """Forget what is remembered by ids that may belong to something else by now."""
        now = generation(self._driver)
        if now != self._generation:
            self._generation = now
            self._content = ContentReader(self._connection, _MEMORY)
            self._late = LateBodies(self._content, self._transaction)

    def _responses(
        self, rows: Sequence[Row[tuple[object, ...]]]
    ) -> dict[int, tuple[Sequence[Segment], bytes]]:
        """Segments and bytes of each response, by the exchange's number."""
        pieces = self._content.unshared({row.response_id for row in rows if row.response_id})
        ids = [row.id for row in rows]
        span = {"first": min(ids, default=0), "last": max(ids, default=0)}
        times = dict(self._driver.rows(_arrivals, span))
        responses: dict[int, tuple[Sequence[Segment], bytes]] = {}
        for row in rows:
            data = pieces[row.response_id].data if row.response_id else b""
            segments: Sequence[Segment] = ()
            if row.id in times:
                segments = Segments(times[row.id], data, self._undamaged)
            if row.ended_us is None:
                arrived = self._arrived(row.id)
                segments, data = arrived.segments, arrived.data
            responses[row.id] = segments, data
        return responses

    def _arrived(self, number: int) -> Arrived:
        """What has come of a response that is still open."""
        packed = self._connection.execute(flushes, {"number": number}).scalars()
        return arrivals.joined([arrivals.unpack_flush(flush) for flush in packed])


_CHANGES = {
    "sqlite": "PRAGMA data_version",
    "postgresql": "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
}


def _that_fit(rows: Sequence[Row[tuple[object, ...]]]) -> Sequence[Row[tuple[object, ...]]]:
    """The first rows, whose responses are not too many bytes in all; one at least."""
    total = 0
    for count, row in enumerate(rows):
        total += row.response_length or 0
        if count and total > _BYTES_AT_ONCE:
            return rows[:count]
    return rows


def put_together(
    row: Row[tuple[object, ...]] | SimpleNamespace,
    request: Body,
    request_headers: Headers,
    answer: tuple[Sequence[Segment], bytes],
    response_headers: Headers,
) -> Exchange:
    """The exchange of a row, and of what its ids stand for; `answer` is segments and bytes."""
    return Exchange(
        number=row.id,
        started_at=from_us(row.started_us),
        method=row.method,
        scheme=row.scheme,
        host=row.host,
        port=row.port,
        path=row.path,
        request_headers=request_headers,
        request=request,
        client=row.client,
        http_version=row.http_version,
        outcome=Outcome(row.outcome),
        detail=row.detail,
        status=row.status,
        reason=row.reason,
        response_headers=response_headers,
        response=answer[1],
        segments=answer[0],
        headers_at=None if row.headers_us is None else from_us(row.headers_us),
        ended_at=None if row.ended_us is None else from_us(row.ended_us),
        origin=row.origin or "",
        lost_bytes=row.lost_bytes,
    )
