"""Reading pieces and bodies: each piece once, and shared by all bodies that hold it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from itertools import batched

import zstandard
from sqlalchemy import Connection, Integer, Row, Select, bindparam, select

from kimitap.errors import DamagedRecording
from kimitap.exchange import Body, Piece, digest
from kimitap.store import manifest, packs, tables
from kimitap.store.lru import LRU
from kimitap.store.manifest import Manifest

_BATCH = 500
_LISTS = 512
_WHOLE = 16
"""So many bodies are remembered whole: the next of a conversation is put together from its last."""
_DICTIONARIES = 32

_some = bindparam("ids", type_=Integer, expanding=True)
_bodies = select(tables.body.c.id, tables.body.c.parent_id, tables.body.c.manifest).where(
    tables.body.c.id.in_(_some)
)
_pieces = select(
    *(tables.piece.c[name] for name in ("id", "digest", "pack_id", "start", "length"))
).where(tables.piece.c.id.in_(_some))
_packs = select(tables.pack.c.id, tables.pack.c.dictionary_id, tables.pack.c.data).where(
    tables.pack.c.id.in_(_some)
)


@dataclass(frozen=True, slots=True)
class BodyList:
    """The ids of a body's pieces, and how they differ from its parent's; how many ancestors."""

    ids: tuple[int, ...]
    delta: Manifest
    parent: int | None
    depth: int


class ContentReader:
    """Reads on `connection`, inside its caller's transaction.

    It remembers pieces of about `memory` bytes in all. Every piece that it reads is compared with
    its digest. All methods raise DamagedRecording.
    """

    def __init__(self, connection: Connection, memory: int) -> None:
        self._connection = connection
        self._pieces: LRU[int, Piece] = LRU(memory, lambda piece: len(piece.data) + 200)
        self._leaning: LRU[int, zstandard.ZstdDecompressor] = LRU(_DICTIONARIES)
        self._lists: LRU[int, BodyList] = LRU(_LISTS)
        self._whole: LRU[int, tuple[Piece, ...]] = LRU(_WHOLE)

    def bodies(self, ids: Iterable[int]) -> dict[int, Body]:
        """Bodies by id, from pieces that are remembered for the next body.

        Where a body's parent is at hand, only what differs from it is looked up.
        """
        lists = self.lists(ids)
        parents = {one.parent for one in lists.values() if one.parent is not None}
        whole = {id_: known for id_ in parents if (known := self._whole.get(id_)) is not None}
        at_hand, wanted = set(whole), set[int]()
        for id_, one in sorted(lists.items()):  # a parent has a smaller id than its children
            wanted.update(one.delta.middle if one.parent in at_hand else one.ids)
            at_hand.add(id_)
        pieces = self.pieces(wanted)
        for id_, one in sorted(lists.items()):
            whole[id_] = self._put_together(one, whole, pieces)
            self._whole.put(id_, whole[id_])
        return {id_: Body(whole[id_], one.delta.elements) for id_, one in lists.items()}

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
        rows: dict[int, Row[int, int | None, bytes]] = {}
        missing = wanted - lists.keys()
        while missing:
            found = {row.id: row for row in self._rows(_bodies, missing)}
            _demand_all(missing, found.keys(), "body")
            rows.update(found)
            parents = {row.parent_id for row in rows.values() if row.parent_id is not None}
            lists.update({p: seen for p in parents if (seen := self._lists.get(p)) is not None})
            missing = parents - lists.keys() - rows.keys()
        for id_ in sorted(rows):
            lists[id_] = _list(rows[id_], lists)
            self._lists.put(id_, lists[id_])
        return {id_: lists[id_] for id_ in wanted}

    def unshared(self, ids: set[int]) -> dict[int, Piece]:
        """Pieces by id, not to be remembered: no other body will ask for them."""
        by_pack = defaultdict(list)
        for row in self._rows(_pieces, ids):
            by_pack[row.pack_id].append(row)
        _demand_all(ids, {row.id for rows in by_pack.values() for row in rows}, "piece")
        found: dict[int, Piece] = {}
        for pack_id, content in self._contents(list(by_pack)):
            for row in by_pack.pop(pack_id):
                data = content[row.start : row.start + row.length]
                if digest(data) != row.digest:
                    raise DamagedRecording(f"piece {row.id} does not match its digest")
                found[row.id] = Piece(row.digest, data)
        _demand_all(by_pack.keys(), set(), "pack")
        return found

    def _put_together(
        self, one: BodyList, whole: dict[int, tuple[Piece, ...]], pieces: dict[int, Piece]
    ) -> tuple[Piece, ...]:
        parent = whole.get(one.parent) if one.parent is not None else None
        if parent is None:
            return tuple(map(pieces.__getitem__, one.ids))
        return one.delta.whole(parent, tuple(map(pieces.__getitem__, one.delta.middle)))

    def _contents(self, pack_ids: Iterable[int]) -> Iterable[tuple[int, bytes]]:
        for row in self._rows(_packs, pack_ids):
            yield row.id, self.content(row.data, row.dictionary_id)

    def content(self, data: bytes, dictionary_id: int | None) -> bytes:
        """What a pack holds, with the help of the one on which it leans."""
        leaning = None if dictionary_id is None else self._leaning_on(dictionary_id)
        return packs.decompress(data, leaning)

    def _rows[*Columns](
        self, query: Select[*Columns], ids: Iterable[int]
    ) -> Iterator[Row[*Columns]]:
        for some in batched(ids, _BATCH):
            yield from self._connection.execute(query, {"ids": some}).all()

    def _leaning_on(self, id_: int) -> zstandard.ZstdDecompressor:
        known = self._leaning.get(id_)
        if known is None:
            query = select(tables.pack.c.data).where(tables.pack.c.id == id_)
            data = self._connection.execute(query).scalar()
            if data is None:
                raise DamagedRecording(f"pack {id_} is missing")
            known = packs.decompressor(packs.decompress(data, None))
            self._leaning.put(id_, known)
        return known


def _list(row: Row[int, int | None, bytes], lists: dict[int, BodyList]) -> BodyList:
    try:
        delta = manifest.unpack(row.manifest)
    except (ValueError, IndexError) as error:
        raise DamagedRecording(f"body {row.id} has no readable list of pieces") from error
    if row.parent_id is None:
        return BodyList(delta.ids(), delta, None, 0)
    parent = lists[row.parent_id]
    return BodyList(delta.ids(parent.ids), delta, row.parent_id, parent.depth + 1)


def _demand_all(wanted: Set[int], found: Set[int], what: str) -> None:
    missing = wanted - found
    if missing:
        raise DamagedRecording(f"{what} {min(missing)} is missing")
