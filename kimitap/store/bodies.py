"""Writing bodies: each unique list of pieces once, against the most similar list before it."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from kimitap.beginnings import shared_prefix
from kimitap.exchange import Body, Elements, Piece, digest
from kimitap.store import manifest, tables
from kimitap.store.driver import Driver
from kimitap.store.lru import LRU
from kimitap.store.pieces import PieceWriter

LONGEST_CHAIN = 128
"""A list has at most so many ancestors; the next one is written whole."""

_RECENT = 256

_by_digest = select(tables.body.c.id, tables.body.c.depth).where(
    tables.body.c.digest == bindparam("key")
)
_insert = tables.body.insert()
_ENOUGH = 0.9
"""A recent body that shares this much is taken for the parent without looking at the others."""


@dataclass(frozen=True, slots=True)
class _Recent:
    id: int
    ids: tuple[int, ...]
    depth: int
    lean_on: int | None


class BodyWriter:
    """Stores bodies by `driver`, inside its caller's transaction, like `PieceWriter`."""

    def __init__(self, driver: Driver, pieces: PieceWriter) -> None:
        self._driver = driver
        self._pieces = pieces
        self._recent: LRU[int, _Recent] = LRU(_RECENT)
        self._replies: LRU[str, int] = LRU(_RECENT)

    def forget(self) -> None:
        """Drop all that is remembered."""
        self._recent.clear()
        self._replies.clear()

    def remember_request(self, id_: int, ids: tuple[int, ...], depth: int) -> None:
        """A request of an earlier recorder, which the next one may continue."""
        if ids:
            self._recent.put(id_, _Recent(id_, ids, depth, self._pieces.root(ids[0])))

    def remember_reply(self, kind: str, piece_id: int) -> None:
        """A reply of an earlier recorder: the next of its kind will resemble it."""
        root = self._pieces.root(piece_id)
        if root is not None:
            self._replies.put(kind, root)

    def request(self, body: Body, headers: Piece) -> tuple[int | None, int]:
        """Store a request's body and headers; the ids of the body (None if empty) and the piece."""
        ids = self._pieces.known((*body.pieces, headers))
        parent = self._parent(tuple(ids.get(piece.key, 0) for piece in body.pieces))
        lean_on = parent.lean_on if parent else None
        new = {p.key: p for p in (*body.pieces, headers) if p.key not in ids}
        if new:
            mostly_new = 2 * sum(len(p.data) for p in new.values()) > body.size
            added, lean_on = self._pieces.add(list(new.values()), lean_on, mostly_new)
            ids |= added
        if not body.pieces:
            return None, ids[headers.key]
        list_ = tuple(ids[piece.key] for piece in body.pieces)
        id_, depth = self._store(body, list_, parent)
        self._recent.put(id_, _Recent(id_, list_, depth, lean_on))
        return id_, ids[headers.key]

    def response(self, data: bytes, kind: str) -> int | None:
        """Store a response; the id of its piece. `kind` names what resembles it, like a path."""
        if not data:
            return None
        piece = Piece(digest(data), data)
        ids = self._pieces.known((piece,))
        if not ids:
            ids, lean_on = self._pieces.add((piece,), self._replies.get(kind))
            if lean_on is not None:
                self._replies.put(kind, lean_on)
        return ids[piece.key]

    def headers(self, piece: Piece) -> int:
        """Store the headers of a response; the id of the piece."""
        ids = self._pieces.known((piece,)) or self._pieces.add((piece,), None)[0]
        return ids[piece.key]

    def _parent(self, ids: tuple[int, ...]) -> _Recent | None:
        """The recent body that shares most with `ids`, in which unknown pieces are 0."""
        best, most = None, 0
        enough = min(_ENOUGH * len(ids), len(ids) - ids.count(0))
        if not enough:
            return None
        for recent in self._recent.newest_first():
            if recent.ids[0] != ids[0] and recent.ids[-1] != ids[-1]:
                continue  # they share neither beginning nor end
            prefix = shared_prefix(recent.ids, ids)
            rest = min(len(recent.ids), len(ids)) - prefix
            shared = prefix + manifest.shared_suffix(recent.ids, ids, rest)
            if shared > most:
                best, most = recent, shared
            if shared >= enough:
                break
        return best

    def _store(self, body: Body, ids: tuple[int, ...], parent: _Recent | None) -> tuple[int, int]:
        """The id and the depth of the body's row, which may be there already."""
        key = digest(b"".join([piece.key for piece in body.pieces]))
        for row in self._driver.rows(_by_digest, {"key": key}):
            return row
        if parent is not None and parent.depth >= LONGEST_CHAIN:
            parent = None
        values = _row(key, ids, body.elements, parent)
        return self._driver.insert(_insert, values), parent.depth + 1 if parent else 0


def _row(
    key: bytes, ids: tuple[int, ...], elements: tuple[Elements, ...], parent: _Recent | None
) -> dict[str, object]:
    packed = manifest.pack(manifest.against(parent.ids if parent else (), ids, elements))
    return {
        "digest": key,
        "parent_id": parent.id if parent else None,
        "depth": parent.depth + 1 if parent else 0,
        "manifest": packed,
    }
