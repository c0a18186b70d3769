"""Writing pieces: each unique run of bytes once, those of one request compressed together."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import batched

import zstandard
from sqlalchemy import Connection, LargeBinary, Select, bindparam, select

from kimitap.exchange import Piece
from kimitap.store import packs, tables
from kimitap.store.driver import Driver
from kimitap.store.lru import LRU
from kimitap.store.merging import Small

_REMEMBERED_PIECES = 200_000
_REMEMBERED_DICTIONARIES = 16
_BATCH = 512

_pack_data = select(tables.pack.c.data).where(tables.pack.c.id == bindparam("pack"))
_insert_pack = tables.pack.insert()
_insert_piece = tables.piece.insert()


class PieceWriter:
    """Stores pieces on `connection`, inside its caller's transaction.

    What it remembers is true only if that transaction was committed: else call `forget`.
    """

    def __init__(self, connection: Connection, driver: Driver) -> None:
        self._connection = connection
        self._driver = driver
        self.small = Small()
        self._ids: LRU[bytes, int] = LRU(_REMEMBERED_PIECES)
        self._dictionaries: LRU[int, zstandard.ZstdCompressionDict] = LRU(_REMEMBERED_DICTIONARIES)

    def forget(self) -> None:
        """Drop all that is remembered."""
        self._ids.clear()
        self._dictionaries.clear()

    def known(self, pieces: Iterable[Piece]) -> dict[bytes, int]:
        """The ids, by key, of those of `pieces` that are stored already."""
        ids: dict[bytes, int] = {}
        unsure: dict[bytes, None] = {}
        for piece in pieces:
            id_ = self._ids.get(piece.key)
            if id_ is None:
                unsure[piece.key] = None
            else:
                ids[piece.key] = id_
        ids.update(self._look_up(unsure))
        return ids

    def add(
        self, pieces: Sequence[Piece], lean_on: int | None, may_found: bool = True
    ) -> tuple[dict[bytes, int], int | None]:
        """Store unknown `pieces` as one pack.

        `lean_on` is the pack that may serve as dictionary; `may_found` says whether this one may
        stand alone and take its place, if that one does not fit. Returns the ids by key, and the
        pack on which the next pack of the same kind should lean.
        """
        content = b"".join([piece.data for piece in pieces])
        help_ = None if lean_on is None else self._dictionary(lean_on)
        packed = packs.compress(content, help_, may_found)
        leans_on = lean_on if packed.leans else None
        row = {"dictionary_id": leans_on, "data": packed.data}
        pack = self._driver.insert(_insert_pack, row)
        ids = self._insert(pieces, pack)
        if leans_on is not None and self._driver.dialect == "sqlite":
            self.small.add(leans_on, pack, len(content), tuple(ids.values()))
        return ids, pack if packed.founder else lean_on

    def root(self, piece_id: int) -> int | None:
        """The pack on which a neighbour of this piece should lean."""
        row = self._connection.execute(
            select(tables.pack.c.id, tables.pack.c.dictionary_id)
            .join(tables.piece, tables.piece.c.pack_id == tables.pack.c.id)
            .where(tables.piece.c.id == piece_id)
        ).first()
        return row and (row.dictionary_id or row.id)

    def _insert(self, pieces: Sequence[Piece], pack: int) -> dict[bytes, int]:
        rows = list(_rows(pieces, pack))
        if len(rows) > 1:
            self._driver.run_for_each(_insert_piece, rows)
            return self._look_up([piece.key for piece in pieces])
        ids = {pieces[0].key: self._driver.insert(_insert_piece, rows[0])}
        self._remember(ids)
        return ids

    def _look_up(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        for some in batched(keys, _BATCH):
            slots = 1 << (len(some) - 1).bit_length()
            values = {_slot(i): key for i, key in enumerate(some)}
            values |= {_slot(i): some[0] for i in range(len(some), slots)}
            rows = self._driver.rows(_ids_by_digest(slots), values)
            found.update((bytes(digest), id_) for digest, id_ in rows)
        self._remember(found)
        return found

    def _remember(self, ids: dict[bytes, int]) -> None:
        for key, id_ in ids.items():
            self._ids.put(key, id_)

    def _dictionary(self, id_: int) -> zstandard.ZstdCompressionDict:
        known = self._dictionaries.get(id_)
        if known is None:
            ((data,),) = self._driver.rows(_pack_data, {"pack": id_})
            known = packs.ready(packs.dictionary(packs.decompress(data, None)))
            self._dictionaries.put(id_, known)
        return known


def _rows(pieces: Sequence[Piece], pack: int) -> Iterator[dict[str, object]]:
    start = 0
    for piece in pieces:
        length = len(piece.data)
        yield {"digest": piece.key, "pack_id": pack, "start": start, "length": length}
        start += length


@cache
def _ids_by_digest(slots: int) -> Select[bytes, int]:
    """The query for so many digests; a few statements serve for any number."""
    columns = tables.piece.c
    digests = [bindparam(_slot(i), type_=LargeBinary) for i in range(slots)]
    return select(columns.digest, columns.id).where(columns.digest.in_(digests))


def _slot(index: int) -> str:
    return f"digest_{index}"
