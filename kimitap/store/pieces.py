"""Writing pieces: each unique run of bytes once, those of one request compressed together."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import batched

import zstandard
from sqlalchemy import Connection, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from kimitap.exchange import Piece
from kimitap.store import packs, tables
from kimitap.store.lru import LRU

_REMEMBERED_PIECES = 200_000
_REMEMBERED_DICTIONARIES = 16
_BATCH = 500

_ids_by_digest = select(tables.piece.c.digest, tables.piece.c.id).where(
    tables.piece.c.digest.in_(bindparam("digests", expanding=True))
)
_pack_data = select(tables.pack.c.data).where(tables.pack.c.id == bindparam("pack"))
_insert_pack = tables.pack.insert()


class PieceWriter:
    """Stores pieces on `connection`, inside its caller's transaction.

    What it remembers is true only if that transaction was committed: else call `forget`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._insert = insert_new(connection, tables.piece)
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
        content = b"".join(piece.data for piece in pieces)
        help_ = None if lean_on is None else self._dictionary(lean_on)
        packed = packs.compress(content, help_, may_found)
        pack = self._insert_pack(packed.data, lean_on if packed.leans else None)
        rows = list(_rows(pieces, pack))
        self._connection.execute(self._insert, rows)
        if packed.founder:
            self._dictionaries.put(pack, packs.ready(packs.dictionary(content)))
            lean_on = pack
        return self._look_up(piece.key for piece in pieces), lean_on

    def root(self, piece_id: int) -> int | None:
        """The pack on which a neighbour of this piece should lean."""
        row = self._connection.execute(
            select(tables.pack.c.id, tables.pack.c.dictionary_id)
            .join(tables.piece, tables.piece.c.pack_id == tables.pack.c.id)
            .where(tables.piece.c.id == piece_id)
        ).first()
        return row and (row.dictionary_id or row.id)

    def _look_up(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        for some in batched(keys, _BATCH):
            rows = self._connection.execute(_ids_by_digest, {"digests": some})
            found.update((row.digest, row.id) for row in rows)
        for key, id_ in found.items():
            self._ids.put(key, id_)
        return found

    def _insert_pack(self, data: bytes, dictionary_id: int | None) -> int:
        row = {"dictionary_id": dictionary_id, "data": data}
        key = self._connection.execute(_insert_pack, row).inserted_primary_key
        assert key is not None
        return int(key[0])

    def _dictionary(self, id_: int) -> zstandard.ZstdCompressionDict:
        known = self._dictionaries.get(id_)
        if known is None:
            data = self._connection.execute(_pack_data, {"pack": id_}).scalar_one()
            known = packs.ready(packs.dictionary(packs.decompress(data, None)))
            self._dictionaries.put(id_, known)
        return known


def _rows(pieces: Sequence[Piece], pack: int) -> Iterator[dict[str, object]]:
    start = 0
    for piece in pieces:
        length = len(piece.data)
        yield {"digest": piece.key, "pack_id": pack, "start": start, "length": length}
        start += length


def insert_new(connection: Connection, table: Table) -> Insert:
    """An insert that leaves a row alone which is there already: another recorder was faster."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()
