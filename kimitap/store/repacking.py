"""Packs without the pieces that nobody needs, and without dictionaries that hold such pieces.

What was deleted must not live on as a neighbour in a pack, nor as the dictionary of another: its
bytes are to be gone. Contents stay as they are, and so do all ids but those of packs.
"""

from collections.abc import Callable
from itertools import accumulate

import zstandard
from sqlalchemy import Connection, Integer, bindparam, select

from kimitap.store import packs, tables
from kimitap.store.census import Census, in_batches
from kimitap.store.lru import LRU

_MOST_DICTIONARIES = 16

_some = bindparam("ids", type_=Integer, expanding=True)
_pack, _piece = tables.pack.c, tables.piece.c
_data = select(_pack.data).where(_pack.id == bindparam("pack"))
_places = select(_piece.id, _piece.start, _piece.length).where(_piece.id.in_(_some))
_move = (
    tables.piece.update()
    .where(_piece.id == bindparam("piece"))
    .values(pack_id=bindparam("into"), start=bindparam("at"))
)
_drop_pieces = tables.piece.delete().where(_piece.id.in_(_some))
_drop_pack = tables.pack.delete().where(_pack.id == bindparam("pack"))
_compress_anew = (
    tables.pack.update()
    .where(_pack.id == bindparam("pack"))
    .values(dictionary_id=bindparam("dictionary"), data=bindparam("anew"))
)

Act = Callable[[Connection], None]
"""What is to be done in a transaction that writes."""


def nothing(_: Connection) -> None:
    """There is nothing to do."""


class Repacker:
    """Rewrites packs and tells the census, in two steps: what a method makes with a reader's
    connection, which may take a while, is to be called in a transaction that writes.

    The contents of a pack never change, so that in between only the census may have to be asked.
    """

    def __init__(self, census: Census) -> None:
        self._census = census
        self._heirs: dict[int, int] = {}
        """The packs that are dictionaries in the place of spoilt ones."""
        self._helping: LRU[int, zstandard.ZstdCompressionDict] = LRU(_MOST_DICTIONARIES)
        self._leaning: LRU[int, zstandard.ZstdDecompressor] = LRU(_MOST_DICTIONARIES)

    def rescue(self, reader: Connection, pack: int) -> Act:
        """Move the pieces that are needed out of a pack that holds others too."""
        live = self._census.live(pack)
        if not live or not self._census.is_spoilt(pack):
            return nothing
        content = self._content(reader, pack)
        rows = [
            row for some in in_batches(live) for row in reader.execute(_places, {"ids": some}).all()
        ]
        kept = [content[row.start : row.start + row.length] for row in rows]
        ends = accumulate(row.length for row in rows)
        moves = [
            {"piece": row.id, "at": end - row.length} for row, end in zip(rows, ends, strict=True)
        ]
        help_, packed = self._packed(reader, pack, b"".join(kept))

        def act(connection: Connection) -> None:
            if self._census.live(pack) != live or not self._may_help(help_):
                return  # a recorder found more of it again: another time
            new = self._add(connection, packed, help_)
            connection.execute(_move, [{**move, "into": new} for move in moves])
            self._census.move(live, pack, new)
            if packed.founder:
                for was in (pack, self._census.dictionaries[pack]):
                    self._heirs.setdefault(was or pack, new)

        return act

    def release(self, reader: Connection, pack: int) -> Act:
        """Compress a pack without the spoilt dictionary that it has, if it has one."""
        old = self._census.dictionaries[pack]
        if old is None or not self._census.is_spoilt(old):
            return nothing
        help_, packed = self._packed(reader, pack, self._content(reader, pack))
        if packed.founder:
            self._heirs.setdefault(old, pack)

        def act(connection: Connection) -> None:
            if self._may_help(help_):
                values = {"pack": pack, "dictionary": help_, "anew": packed.data}
                connection.execute(_compress_anew, values)
                self._census.lean(pack, help_)

        return act

    def drop(self, connection: Connection, pack: int) -> None:
        """Delete, at once, a pack of which nothing is needed, and on which none leans."""
        known = self._census.contents.get(pack)
        if known is None or any(map(self._census.pieces.__contains__, known)):
            return
        if self._census.leaning[pack]:
            return
        for some in in_batches(known):
            connection.execute(_drop_pieces, {"ids": some})
        connection.execute(_drop_pack, {"pack": pack})
        self._census.drop_pack(pack)
        self._heirs.pop(pack, None)
        self._helping.clear()  # another pack may get this id
        self._leaning.clear()

    def _may_help(self, pack: int | None) -> bool:
        """Whether a pack can be a dictionary: it has none itself. No pack is none."""
        return pack is None or self._census.dictionaries[pack] is None

    def _add(self, connection: Connection, packed: packs.Packed, help_: int | None) -> int:
        row = {"dictionary_id": help_, "data": packed.data}
        key = connection.execute(tables.pack.insert(), row).inserted_primary_key
        assert key is not None
        new = int(key[0])
        self._census.lean(new, help_)
        return new

    def _packed(
        self, reader: Connection, pack: int, content: bytes
    ) -> tuple[int | None, packs.Packed]:
        """The content compressed against what may help it now, and that, if it was needed."""
        help_ = self._help_of(pack)
        lean_on = None if help_ is None else self._dictionary(reader, help_)
        packed = packs.compress(content, lean_on, may_found=False)
        return (help_ if packed.leans else None), packed

    def _help_of(self, pack: int) -> int | None:
        """The dictionary of a pack, or its heir where it is spoilt."""
        dictionary = self._census.dictionaries[pack]
        if dictionary is None or not self._census.is_spoilt(dictionary):
            return dictionary
        return self._heirs.get(dictionary)

    def _content(self, connection: Connection, pack: int) -> bytes:
        data = connection.execute(_data, {"pack": pack}).scalar_one()
        dictionary = self._census.dictionaries[pack]
        leaning = None if dictionary is None else self._decompressor(connection, dictionary)
        return packs.decompress(data, leaning)

    def _decompressor(self, connection: Connection, dictionary: int) -> zstandard.ZstdDecompressor:
        known = self._leaning.get(dictionary)
        if known is None:
            known = packs.decompressor(self._content(connection, dictionary))
            self._leaning.put(dictionary, known)
        return known

    def _dictionary(self, connection: Connection, pack: int) -> zstandard.ZstdCompressionDict:
        known = self._helping.get(pack)
        if known is None:
            known = packs.ready(packs.dictionary(self._content(connection, pack)))
            self._helping.put(pack, known)
        return known
