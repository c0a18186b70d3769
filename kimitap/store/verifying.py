"""Is everything in a recording there, and is it what it says it is?

Every pack is decompressed, every piece hashed again, every body put together, every reference
followed, every response measured against the times of its parts; SQLite looks at its own pages.
Nothing is written.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Connection, Row, Table, func, select
from sqlalchemy.exc import DBAPIError

from kimitap.errors import DamagedRecording
from kimitap.exchange import Outcome, digest
from kimitap.store import arrivals, headers, opening, tables
from kimitap.store.arrivals import Arrived, Segments
from kimitap.store.content import ContentReader
from kimitap.store.exchanges import flushes
from kimitap.store.sound import NONSENSE, faults
from kimitap.store.trouble import translated

_AT_ONCE = 200
_MEMORY = 1 << 20

_UNREADABLE = (DamagedRecording, DBAPIError, *NONSENSE)

type _Row = Row[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is wrong: `what` in words; `exchange` is the number of the one it harms."""

    what: str
    exchange: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was looked at, and what is wrong; a whole recording has no damages."""

    exchanges: int
    bodies: int
    pieces: int
    damages: tuple[Damage, ...]

    @property
    def harmed(self) -> tuple[int, ...]:
        """The numbers of the exchanges of which something is lost, ascending."""
        return tuple(sorted({d.exchange for d in self.damages if d.exchange is not None}))


def verify(where: str) -> Verdict:
    """Look at all of the recording at `where`, while others may write.

    Raises NoRecording, NotARecording, OlderRecording, NewerRecording, RecordingUnavailable, and
    DamagedRecording where so little is left that nothing can be said.
    """
    with closing(opening.reader(where)) as connection, translated(where):
        reading = connection.begin()
        verdict = _Verification(connection).verdict()
        reading.rollback()  # SQLite refuses to commit once it has met a damaged page
        return verdict


class _Verification:
    """One look at all tables, in one transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._content = ContentReader(connection, _MEMORY)
        self._damages: list[Damage] = []
        self._keys: dict[int, bytes] = {}
        """The digests of all pieces, by id."""
        self._bad_pieces: dict[int, str] = {}
        self._bad_bodies: dict[int, str] = {}
        self._bodies: set[int] = set()

    def verdict(self) -> Verdict:
        if self._connection.dialect.name == "sqlite":
            self._look_at_file()
        self._look_at_packs()
        self._look_at_bodies()
        for table in (tables.loss, tables.recorder):
            for _ in self.rows(table):
                pass
        exchanges = 0
        used: set[int] = set()
        for row in self.rows(tables.exchange):
            exchanges += 1
            used.update(self._look_at_exchange(row))
        self._tell_unused(used)
        return Verdict(exchanges, len(self._bodies), len(self._keys), tuple(self._damages))

    def rows(self, table: Table) -> Iterator[_Row]:
        """All rows that can be read and are what a recorder wrote, by id; others are damages."""
        for row in self._readable(table):
            fault = next((fault for _, fault in faults(row, table)), "")
            if fault:
                self._unreadable(table, row.id, fault)
            else:
                yield row

    def _readable(self, table: Table) -> Iterator[_Row]:
        after, id_ = 0, table.c.id
        while True:
            query = select(table).where(id_ > after).order_by(id_).limit(_AT_ONCE)
            try:
                some: Sequence[_Row] = self._connection.execute(query).all()
                if not some:
                    return
                after = some[-1].id
            except DBAPIError:
                some = list(self._one_by_one(table, after))
                if after >= self._last(table):
                    return
                after += _AT_ONCE
            yield from some

    def _one_by_one(self, table: Table, after: int) -> Iterator[_Row]:
        last = min(after + _AT_ONCE, self._last(table))
        for id_ in range(after + 1, last + 1):
            try:
                row = self._connection.execute(select(table).where(table.c.id == id_)).first()
            except DBAPIError:
                self._unreadable(table, id_)
            else:
                if row is not None:
                    yield row

    def _unreadable(self, table: Table, id_: int, fault: str = "") -> None:
        harmed = id_ if table is tables.exchange else None
        told = f"{table.name} {id_} cannot be read"
        self._damages.append(Damage(f"{told}: {fault}" if fault else told, harmed))

    def _last(self, table: Table) -> int:
        try:
            return int(self._connection.scalar(select(func.max(table.c.id))) or 0)
        except DBAPIError:
            return 0

    def _look_at_file(self) -> None:
        try:
            rows = self._connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
        except DBAPIError as error:
            rows = [str(error.orig)]
        self._damages += [Damage(f"the file: {said}") for said in rows if said != "ok"]

    def _look_at_packs(self) -> None:
        """Decompress every pack, and hash its pieces again."""
        by_pack: dict[int, list[_Row]] = defaultdict(list)
        for row in self.rows(tables.piece):
            self._keys[row.id] = bytes(row.digest)
            by_pack[row.pack_id].append(row)
        for row in self.rows(tables.pack):
            pieces = by_pack.pop(row.id, [])
            try:
                content = self._content.content(row.data, row.dictionary_id)
            except _UNREADABLE as error:
                self._spoil(pieces, _said(error))
                continue
            for piece in pieces:
                data = content[piece.start : piece.start + piece.length]
                if len(data) != piece.length or digest(data) != piece.digest:
                    self._spoil([piece], f"piece {piece.id} does not match its digest")
        for pack, pieces in by_pack.items():
            self._spoil(pieces, f"pack {pack} is missing")

    def _spoil(self, pieces: Iterable[_Row], reason: str) -> None:
        self._bad_pieces.update({piece.id: reason for piece in pieces})

    def _look_at_bodies(self) -> None:
        """Put every list of pieces together, and hash it again."""
        for row in self.rows(tables.body):
            self._bodies.add(row.id)
            reason = self._fault_of_body(row)
            if reason:
                self._bad_bodies[row.id] = reason

    def _fault_of_body(self, row: _Row) -> str:
        try:
            ids = self._content.lists({row.id})[row.id].ids
        except _UNREADABLE as error:
            return _said(error)
        for id_ in ids:
            if fault := self._fault_of_piece(id_):
                return fault
        if digest(b"".join(map(self._keys.__getitem__, ids))) != row.digest:
            return f"body {row.id} does not match its digest"
        return ""

    def _fault_of_piece(self, id_: int) -> str:
        return self._bad_pieces.get(id_, "" if id_ in self._keys else f"piece {id_} is missing")

    def _look_at_exchange(self, row: _Row) -> Iterator[int]:
        """Follow what an exchange names; the bodies that it needs."""
        for what, fault in self._faults_of(row).items():
            if fault:
                self._damages.append(Damage(f"its {what}: {fault}", row.id))
        if row.request_id is not None:
            yield row.request_id

    def _faults_of(self, row: _Row) -> Mapping[str, str]:
        return {
            "request": self._fault_of_request(row.request_id),
            "request's headers": self._fault_of_headers(row.request_headers_id, row.request_values),
            "response's headers": self._fault_of_headers(
                row.response_headers_id, row.response_values
            ),
            "response": self._fault_of_response(row),
            "outcome": "" if row.outcome in OUTCOMES else f"{row.outcome!r} is none",
        }

    def _fault_of_request(self, id_: int | None) -> str:
        if id_ is None:
            return ""
        return self._bad_bodies.get(id_, "" if id_ in self._bodies else f"body {id_} is missing")

    def _fault_of_headers(self, id_: int | None, values: str) -> str:
        if id_ is None:
            return ""
        if fault := self._fault_of_piece(id_):
            return fault
        try:
            headers.join(self._content.pieces({id_})[id_].data, values)
        except _UNREADABLE:
            return f"piece {id_} holds no headers"
        return ""

    def _fault_of_response(self, row: _Row) -> str:
        if row.response_id is not None and (fault := self._fault_of_piece(row.response_id)):
            return fault
        try:
            if row.ended_us is None:
                self._arrived(row.id)
            else:
                return self._fault_of_times(row)
        except _UNREADABLE:
            return "when its parts came cannot be read"
        return ""

    def _arrived(self, number: int) -> Arrived:
        packed = self._connection.execute(flushes, {"number": number}).scalars()
        return arrivals.joined([arrivals.unpack_flush(flush) for flush in packed])

    def _fault_of_times(self, row: _Row) -> str:
        query = select(tables.arrivals.c.data).where(tables.arrivals.c.exchange_id == row.id)
        packed = self._connection.execute(query).scalar()
        if row.response_id is None:
            return ""
        data = self._content.unshared({row.response_id})[row.response_id].data
        if packed is None:
            return "when its parts came is missing" if data else ""
        came = sum(segment.length for segment in Segments(packed, data))
        return "" if came == len(data) else f"{came} of its {len(data)} bytes have a time"

    def _tell_unused(self, used: set[int]) -> None:
        """Damage to what no exchange needs harms nobody, and is told once."""
        idle = self._bad_bodies.keys() - used
        if idle:
            count = "1 body" if len(idle) == 1 else f"{len(idle)} bodies"
            self._damages.append(Damage(f"{count} that no exchange needs cannot be put together"))


def _said(error: Exception) -> str:
    """Why something cannot be read, without the statement that asked for it."""
    return str(error.orig if isinstance(error, DBAPIError) else error)


OUTCOMES = frozenset(outcome.value for outcome in Outcome)
