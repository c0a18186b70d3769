"""Bodies for a reader who makes something of each piece once: only new pieces hold their bytes.

A request repeats nearly all of the one before it. Whoever has read those pieces knows them by their
keys, so that their bytes need not be kept for the next request: those of a long recording would be
as much again as what was made of them.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from contextlib import AbstractContextManager

from kimitap.errors import DamagedRecording
from kimitap.exchange import Body, Piece
from kimitap.store.content import ContentReader, put_together
from kimitap.store.lru import LRU

_WHOLE = 512
"""So many bodies are remembered: the last ones of as many conversations side by side."""


class LatePiece(Piece):
    """A piece whose bytes are read again, by its id, where they are not at hand any more."""

    __slots__ = ("_id", "_source")
    _id: int
    _source: "LateBodies"

    def __init__(self, key: bytes, id_: int, source: "LateBodies") -> None:
        set_ = object.__setattr__
        set_(self, "key", key)
        set_(self, "_id", id_)
        set_(self, "_source", source)

    @property
    def data(self) -> bytes:
        return self._source.bytes_of(self._id, self.key)

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Piece) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"LatePiece({self.key!r}, {self._id})"


class LateBodies:
    """Reads bodies by `content`, inside its caller's transaction; bytes later in one of its own."""

    def __init__(
        self, content: ContentReader, transaction: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._content = content
        self._transaction = transaction
        self._whole: LRU[int, tuple[Piece, ...]] = LRU(_WHOLE)
        self._known: dict[int, LatePiece] = {}
        self._fresh: dict[int, Piece] = {}
        """The pieces that were read last, bytes included."""

    def bodies(self, ids: Iterable[int]) -> dict[int, Body]:
        """Bodies by id. A new piece holds its bytes until the next bodies are asked for."""
        return put_together(self._content.lists(ids), self._whole, self._pieces)

    def bytes_of(self, id_: int, key: bytes) -> bytes:
        """The bytes of a piece. Raises DamagedRecording, also where its id is another's by now."""
        piece = self._fresh.get(id_)
        if piece is None:
            with self._transaction():
                piece = self._content.pieces((id_,))[id_]
        if piece.key != key:
            raise DamagedRecording(f"piece {id_} is another one by now")
        return piece.data

    def _pieces(self, ids: Set[int]) -> Mapping[int, Piece]:
        new = {id_ for id_ in ids if id_ not in self._known}
        self._fresh = self._content.unshared(new)
        self._known |= {id_: LatePiece(p.key, id_, self) for id_, p in self._fresh.items()}
        return self._known
