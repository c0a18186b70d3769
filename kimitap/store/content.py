"""Reading pieces and bodies: each piece once, and shared by all bodies that hold it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cache
from itertools import batched

import zstandard
from sqlalchemy import Connection, Integer, Select, bindparam, select

from kimitap.errors import DamagedRecording
from kimitap.exchange import Body, Piece, digest
from kimitap.store import manifest, packs, tables
from kimitap.store.driver import Driver
from kimitap.store.lru import LRU
from kimitap.store.manifest import Manifest

_LISTS = 512
_WHOLE = 16
"""So many bodies are remembered whole: the next of a conversation is put together from its last."""
_DICTIONARIES = 32
_CONTENTS = 32 * 1024 * 1024
"""So many bytes of packs are remembered: the next piece of each of a hundred conversations
recorded at once stands in the pack of its last."""

_bodies = select(tables.body.c.id, tables.body.c.parent_id, tables.body.c.manifest)
_columns = tables.piece.c
_pieces = select(_columns.id, _columns.digest, _columns.pack_id, _columns.start, _columns.length)
_packs = select(tables.pack.c.id, tables.pack.c.dictionary_id, tables.pack.c.data)
_SLOTS = tuple(f"id_{i}" for i in range(512))
"""The names of the ids in a query for some of them."""


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
        self._driver = Driver(connection)
        self._pieces: LRU[int, Piece] = LRU(memory, lambda piece: len(piece.data) + 200)
        self._leaning: LRU[int, zstandard.ZstdDecompressor] = LRU(_DICTIONARIES)
        self._contents: LRU[int, bytes] = LRU(_CONTENTS, len)
        self._lists: LRU[int, BodyList] = LRU(_LISTS)
        self._whole: LRU[int, tuple[Piece, ...]] = LRU(_WHOLE)

    def bodies(self, ids: Iterable[int]) -> dict[int, Body]:
        """Bodies by id, from pieces that are remembered for the next body."""
        return put_together(self.lists(ids), self._whole, self.pieces)

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
        rows: dict[int, tuple[int, int | None, bytes]] = {}
        missing = wanted - lists.keys()
        while missing:
            found = {row[0]: row for row in self._rows(_bodies, missing)}
            _demand_all(missing, found.keys(), "body")
            rows.update(found)
            parents = {parent for _, parent, _ in rows.values() if parent is not None}
            lists.update({p: seen for p in parents if (seen := self._lists.get(p)) is not None})
            missing = parents - lists.keys() - rows.keys()
        for id_ in sorted(rows):
            lists[id_] = _list(*rows[id_], lists)
            self._lists.put(id_, lists[id_])
        return {id_: lists[id_] for id_ in wanted}

    def unshared(self, ids: Set[int]) -> dict[int, Piece]:
        """Pieces by id, not to be remembered: no other body will ask for them."""
        by_pack = defaultdict(list)
        rows = self._rows(_pieces, ids)
        for row in rows:
            by_pack[row[2]].append(row)
        _demand_all(ids, {row[0] for row in rows}, "piece")
        found: dict[int, Piece] = {}
        for pack_id, content in self._contents_of(list(by_pack)):
            for id_, key, _, start, length in by_pack.pop(pack_id):
                data = content[start : start + length]
                if digest(data) != key:
                    raise DamagedRecording(f"piece {id_} does not match its digest")
                found[id_] = Piece(key, data)
        _demand_all(by_pack.keys(), set(), "pack")
        return found

    def _contents_of(self, pack_ids: Iterable[int]) -> Iterable[tuple[int, bytes]]:
        missing = []
        for id_ in pack_ids:
            content = self._contents.get(id_)
            if content is None:
                missing.append(id_)
            else:
                yield id_, content
        for id_, dictionary_id, data in self._rows(_packs, missing):
            content = self.content(data, dictionary_id)
            self._contents.put(id_, content)
            yield id_, content

    def content(self, data: bytes, dictionary_id: int | None) -> bytes:
        """What a pack holds, with the help of the one on which it leans."""
        leaning = None if dictionary_id is None else self._leaning_on(dictionary_id)
        return packs.decompress(data, leaning)

    def _rows[*Columns](
        self, query: Select[int, *Columns], ids: Iterable[int]
    ) -> list[tuple[int, *Columns]]:
        rows: list[tuple[int, *Columns]] = []
        for some in batched(ids, len(_SLOTS)):
            slots = 1 << (len(some) - 1).bit_length()
            values = dict(zip(_SLOTS, some + some[:1] * (slots - len(some)), strict=False))
            rows += self._driver.rows(_among(query, slots), values)
        return rows

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


def put_together(
    lists: Mapping[int, BodyList],
    remembered: LRU[int, tuple[Piece, ...]],
    look_up: Callable[[Set[int]], Mapping[int, Piece]],
) -> dict[int, Body]:
    """The bodies of these lists, by id; they are `remembered` for the next ones.

    Where a body's parent is at hand, only what differs from it is looked up.
    """
    parents = {one.parent for one in lists.values() if one.parent is not None}
    whole = {id_: known for id_ in parents if (known := remembered.get(id_)) is not None}
    at_hand, wanted = set(whole), set[int]()
    for id_, one in sorted(lists.items()):  # a parent has a smaller id than its children
        wanted.update(one.delta.middle if one.parent in at_hand else one.ids)
        at_hand.add(id_)
    pieces = look_up(wanted)
    for id_, one in sorted(lists.items()):
        parent = whole.get(one.parent) if one.parent is not None else None
        some = tuple(map(pieces.__getitem__, one.ids if parent is None else one.delta.middle))
        whole[id_] = some if parent is None else one.delta.whole(parent, some)
        remembered.put(id_, whole[id_])
    return {id_: Body(whole[id_], one.delta.elements) for id_, one in lists.items()}


@cache
def _among[*Columns](query: Select[int, *Columns], slots: int) -> Select[int, *Columns]:
    """The query for so many ids; a few statements serve for any number."""
    (id_, *_) = query.selected_columns
    return query.where(id_.in_([bindparam(name, type_=Integer) for name in _SLOTS[:slots]]))


def _list(
    id_: int, parent_id: int | None, packed: bytes, lists: Mapping[int, BodyList]
) -> BodyList:
    try:
        delta = manifest.unpack(packed)
    except (ValueError, IndexError) as error:
        raise DamagedRecording(f"body {id_} has no readable list of pieces") from error
    if parent_id is None:
        return BodyList(delta.ids(), delta, None, 0)
    parent = lists[parent_id]
    return BodyList(delta.ids(parent.ids), delta, parent_id, parent.depth + 1)


def _demand_all(wanted: Set[int], found: Set[int], what: str) -> None:
    missing = wanted - found
    if missing:
        raise DamagedRecording(f"{what} {min(missing)} is missing")
