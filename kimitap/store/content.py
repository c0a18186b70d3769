"""Reading pieces and bodies: each piece once, and shared by all bodies that hold it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import batched

import zstandard
from sqlalchemy import Connection, Row, select

from kimitap.errors import DamagedRecording
from kimitap.exchange import Body, Elements, Piece, digest
from kimitap.store import manifest, packs, tables
from kimitap.store.lru import LRU

_BATCH = 500
_LISTS = 512
_DICTIONARIES = 32


@dataclass(frozen=True, slots=True)
class BodyList:
    """The ids of a body's pieces, its arrays, and how many ancestors its row has."""

    ids: tuple[int, ...]
    elements: tuple[Elements, ...]
    depth: int


class ContentReader:
    """Reads on `connection`, inside its caller's transaction.

    It remembers pieces of about `memory` bytes in all. Every piece that it reads is compared with
    its digest. All methods raise DamagedRecording.
    """

    def __init__(self, connection: Connection, memory: int) -> None:
        self._connection = connection
        self._pieces: LRU[int, Piece] = LRU(memory, lambda piece: len(piece.data) + 200)
        self._dictionaries: LRU[int, zstandard.ZstdCompressionDict] = LRU(_DICTIONARIES)
        self._lists: LRU[int, BodyList] = LRU(_LISTS)

    def bodies(self, ids: Iterable[int]) -> dict[int, Body]:
        """Bodies by id, from pieces that are remembered for the next body."""
        lists = self.lists(ids)
        pieces = self.pieces({id_ for list_ in lists.values() for id_ in list_.ids})
        return {
            id_: Body(tuple(map(pieces.__getitem__, list_.ids)), list_.elements)
            for id_, list_ in lists.items()
        }

    def pieces(self, ids: Iterable[int]) -> dict[int, Piece]:
        """Pieces by id."""
        found: dict[int, Piece] = {}
        missing: set[int] = set()
        for id_ in ids:
            piece = self._pieces.get(id_)
            if piece is None:
                missing.add(id_)
            else:
                found[id_] = piece
        for id_, piece in self.unshared(missing).items():
            self._pieces.put(id_, piece)
            found[id_] = piece
        return found

    def lists(self, ids: Iterable[int]) -> dict[int, BodyList]:
        """What bodies consist of, by id."""
        wanted = set(ids)
        lists = {id_: known for id_ in wanted if (known := self._lists.get(id_)) is not None}
        rows: dict[int, Row[tuple[int, int | None, bytes]]] = {}
        missing = wanted - lists.keys()
        while missing:
            rows.update((row.id, row) for row in self._body_rows(missing))
            parents = {row.parent_id for row in rows.values() if row.parent_id is not None}
            lists.update({p: seen for p in parents if (seen := self._lists.get(p)) is not None})
            missing = parents - lists.keys() - rows.keys()
        for id_ in sorted(rows):
            lists[id_] = _list(rows[id_], lists)
            self._lists.put(id_, lists[id_])
        return {id_: lists[id_] for id_ in wanted}

    def _body_rows(self, ids: set[int]) -> list[Row[tuple[int, int | None, bytes]]]:
        columns = tables.body.c
        query = select(columns.id, columns.parent_id, columns.manifest)
        rows: list[Row[tuple[int, int | None, bytes]]] = []
        for some in batched(ids, _BATCH):
            rows.extend(self._connection.execute(query.where(columns.id.in_(some))))
        _demand_all(ids, {row.id for row in rows}, "body")
        return rows

    def unshared(self, ids: set[int]) -> dict[int, Piece]:
        """Pieces by id, not to be remembered: no other body will ask for them."""
        columns = tables.piece.c
        query = select(columns.id, columns.digest, columns.pack_id, columns.start, columns.length)
        by_pack = defaultdict(list)
        for some in batched(ids, _BATCH):
            for row in self._connection.execute(query.where(columns.id.in_(some))):
                by_pack[row.pack_id].append(row)
        _demand_all(ids, {row.id for rows in by_pack.values() for row in rows}, "piece")
        found: dict[int, Piece] = {}
        for pack_id, content in self._packs(by_pack):
            for row in by_pack[pack_id]:
                data = content[row.start : row.start + row.length]
                if digest(data) != row.digest:
                    raise DamagedRecording(f"piece {row.id} does not match its digest")
                found[row.id] = Piece(row.digest, data)
        return found

    def _packs(self, ids: Iterable[int]) -> Iterable[tuple[int, bytes]]:
        columns = tables.pack.c
        query = select(columns.id, columns.dictionary_id, columns.data)
        for some in batched(ids, _BATCH):
            for row in self._connection.execute(query.where(columns.id.in_(some))).all():
                lean_on = row.dictionary_id and self._dictionary(row.dictionary_id)
                yield row.id, packs.decompress(row.data, lean_on)

    def _dictionary(self, id_: int) -> zstandard.ZstdCompressionDict:
        known = self._dictionaries.get(id_)
        if known is None:
            query = select(tables.pack.c.data).where(tables.pack.c.id == id_)
            data = self._connection.execute(query).scalar()
            if data is None:
                raise DamagedRecording(f"pack {id_} is missing")
            known = packs.dictionary(packs.decompress(data, None))
            self._dictionaries.put(id_, known)
        return known


def _list(row: Row[tuple[int, int | None, bytes]], lists: dict[int, BodyList]) -> BodyList:
    try:
        delta = manifest.unpack(row.manifest)
    except (ValueError, IndexError) as error:
        raise DamagedRecording(f"body {row.id} has no readable list of pieces") from error
    if row.parent_id is None:
        return BodyList(delta.ids(), delta.elements, 0)
    parent = lists[row.parent_id]
    return BodyList(delta.ids(parent.ids), delta.elements, parent.depth + 1)


def _demand_all(wanted: set[int], found: set[int], what: str) -> None:
    missing = wanted - found
    if missing:
        raise DamagedRecording(f"{what} {min(missing)} is missing")
