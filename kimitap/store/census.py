"""What a recording's exchanges still need of its bodies, pieces and packs, and what they do not."""

import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import batched

from sqlalchemy import Connection, Integer, and_, bindparam, func, or_, select

from kimitap.errors import DamagedRecording
from kimitap.store import manifest, tables
from kimitap.store.manifest import Manifest

_BATCH = 500
_AT_ONCE = 5_000
"""So many ids are looked at by one statement."""

_after = bindparam("after", type_=Integer)
_upto = bindparam("upto", type_=Integer)
_exchange, _body, _piece, _pack = (
    table.c for table in (tables.exchange, tables.body, tables.piece, tables.pack)
)
_exchanges = (
    select(
        _exchange.id,
        _exchange.ended_us,
        _exchange.request_id,
        _exchange.request_headers_id,
        _exchange.response_headers_id,
        _exchange.response_id,
    )
    .where(
        or_(
            and_(_exchange.id > _after, _exchange.id <= _upto),
            _exchange.id.in_(bindparam("open", type_=Integer, expanding=True)),
        )
    )
    .order_by(_exchange.id)
)
_bodies = select(_body.id, _body.parent_id, _body.manifest).where(
    _body.id > _after, _body.id <= _upto
)
_pieces = select(_piece.id, _piece.pack_id).where(_piece.id > _after, _piece.id <= _upto)
_packs = select(_pack.id, _pack.dictionary_id).where(_pack.id > _after, _pack.id <= _upto)
_last = select(
    *(
        select(func.coalesce(func.max(columns.id), 0)).scalar_subquery()
        for columns in (_pack, _piece, _body, _exchange)
    )
)
_TABLES = ("pack", "piece", "body", "exchange")

type _Span = Mapping[str, object]
type _Take = Callable[[Connection, _Span], None]


class Ids:
    """A set of ids, from which none is taken: a bit each, since a recording has millions."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def __contains__(self, id_: int) -> bool:
        at = id_ >> 3
        return at < len(self._bits) and bool(self._bits[at] >> (id_ & 7) & 1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ids) and self._bits.rstrip(b"\0") == other._bits.rstrip(b"\0")

    __hash__ = None  # type: ignore[assignment]

    def update(self, ids: Iterable[int]) -> None:
        """Take these in."""
        for id_ in ids:
            at = id_ >> 3
            if at >= len(self._bits):
                self._bits.extend(bytes(max(at + 1 - len(self._bits), len(self._bits) >> 3, 1024)))
            self._bits[at] |= 1 << (id_ & 7)


class Census:
    """Counts on one connection, or several in turn; each call of `look` sees what came since.

    Between two looks others may add, and nobody but the owner of the census may delete; he says so
    by `drop_…` in the same transaction, and calls `settle` at its end.
    """

    def __init__(self) -> None:
        self.parents: dict[int, int | None] = {}
        self.children: Counter[int] = Counter()
        """How many bodies are written against each body."""
        self.contents: dict[int, array[int]] = {}
        """The pieces of each pack."""
        self.dictionaries: dict[int, int | None] = {}
        self.holed: set[int] = set()
        """The packs out of which pieces were moved: the bytes of these are still in them."""
        self.leaning: dict[int, set[int]] = defaultdict(set)
        """The packs that need each pack as their dictionary."""
        self.bodies: set[int] = set()
        """Those that an exchange has for its request."""
        self.pieces = Ids()
        """Those of `bodies`, and those that exchanges have themselves."""
        self._packed: dict[int, bytes] = {}
        """The manifests as they are stored: a recording has hundreds of thousands."""
        self._open: set[int] = set()
        self._seen = dict.fromkeys(_TABLES, 0)
        """The greatest id of each table that was looked at."""
        self._until: dict[str, int] = {}

    def look(self, connection: Connection) -> None:
        """Take in what was added since the last look, in a transaction. Raises DamagedRecording."""
        with _complete():
            self._look_at_open(connection)
            for _ in self._parts(connection, _ends(connection)):
                pass

    def look_ahead(self, connection: Connection, deadline: float) -> bool:
        """Take in a part of what is there until the deadline (`time.monotonic`); True where that is
        all that there was at the first call. Then `look` is quick. Raises DamagedRecording.
        """
        self._until = self._until or _ends(connection)
        with _complete():
            for _ in self._parts(connection, self._until):
                if time.monotonic() > deadline:
                    return self._seen == self._until
        return True

    def _parts(self, connection: Connection, until: Mapping[str, int]) -> Iterator[None]:
        """Look at what is behind the ids that were seen, a part at a time; nothing that is looked
        at refers to something behind it."""
        for name, take in zip(_TABLES, self._takers, strict=True):
            while self._seen[name] < until[name]:
                upto = min(self._seen[name] + _AT_ONCE, until[name])
                take(connection, {"after": self._seen[name], "upto": upto})
                self._seen[name] = upto
                yield

    @property
    def _takers(self) -> tuple[_Take, ...]:
        return self._look_at_packs, self._look_at_pieces, self._look_at_bodies, self._look_at_new

    def _look_at_packs(self, connection: Connection, span: _Span) -> None:
        for pack, dictionary in connection.execute(_packs, span).all():
            self.contents[pack] = array("q")
            self.lean(pack, dictionary)

    def _look_at_pieces(self, connection: Connection, span: _Span) -> None:
        for piece, pack in connection.execute(_pieces, span).all():
            self.contents[pack].append(piece)

    def _look_at_bodies(self, connection: Connection, span: _Span) -> None:
        for row in connection.execute(_bodies, span).all():
            _manifest(row.id, row.manifest)
            self._packed[row.id] = row.manifest
            self.adopt(row.id, row.parent_id)

    def _look_at_open(self, connection: Connection) -> None:
        for some in in_batches(sorted(self._open)):
            self._look_at_exchanges(connection, {"after": 0, "upto": 0, "open": some})

    def _look_at_new(self, connection: Connection, span: _Span) -> None:
        self._look_at_exchanges(connection, {**span, "open": ()})

    def _look_at_exchanges(self, connection: Connection, asked: Mapping[str, object]) -> None:
        for number, ended_us, request, *own in connection.execute(_exchanges, asked).all():
            (self._open.add if ended_us is None else self._open.discard)(number)
            self.pieces.update(piece for piece in own if piece is not None)
            if request is not None and request not in self.bodies:
                self.bodies.add(request)
                self.pieces.update(self._share(request))

    def settle(self, connection: Connection) -> None:
        """Take all that is there for seen, at the end of a transaction that deletes: from now on
        its ids may come back for something else, which then is new."""
        self._seen = _ends(connection)

    def ids(self, body: int) -> tuple[int, ...]:
        """The whole list of a body's pieces."""
        chain = [body]
        while (parent := self.parents[chain[-1]]) is not None:
            chain.append(parent)
        ids: tuple[int, ...] = ()
        for one in reversed(chain):
            ids = self._manifest(one).ids(ids)
        return ids

    def ancestor(self, body: int) -> int | None:
        """The nearest of a body's ancestors that is needed itself."""
        parent = self.parents[body]
        while parent is not None and parent not in self.bodies:
            parent = self.parents[parent]
        return parent

    def against(self, body: int, parent: int | None) -> Manifest:
        """A body's manifest, if it were written against `parent`."""
        whole = self.ids(parent) if parent is not None else ()
        return manifest.against(whole, self.ids(body), self._manifest(body).elements)

    def rewrite(self, body: int, parent: int | None, fresh: Manifest) -> None:
        """The body is written against another parent now."""
        self._disown(body)
        self._packed[body] = manifest.pack(fresh)
        self.adopt(body, parent)

    def adopt(self, body: int, parent: int | None) -> None:
        """The body is written against `parent`."""
        self.parents[body] = parent
        if parent is not None:
            self.children[parent] += 1

    def lean(self, pack: int, dictionary: int | None) -> None:
        """The pack is compressed with the help of `dictionary`."""
        old = self.dictionaries.get(pack)
        if old is not None:
            self.leaning[old].discard(pack)
        self.dictionaries[pack] = dictionary
        if dictionary is not None:
            self.leaning[dictionary].add(pack)

    def move(self, pieces: Iterable[int], old: int, new: int) -> None:
        """The pieces stand in another pack now."""
        moved = set(pieces)
        self.contents[old] = array("q", (id_ for id_ in self.contents[old] if id_ not in moved))
        self.contents[new] = array("q", sorted(moved))
        self.holed.add(old)

    def drop_body(self, body: int) -> None:
        """The body is not there any more."""
        self._disown(body)
        del self.parents[body], self._packed[body]
        self.children.pop(body, None)

    def drop_pack(self, pack: int) -> None:
        """The pack and its pieces are not there any more."""
        self.lean(pack, None)
        del self.dictionaries[pack], self.contents[pack]
        self.holed.discard(pack)
        self.leaning.pop(pack, None)

    def live(self, pack: int) -> list[int]:
        """The pieces of a pack that are needed, ascending."""
        return sorted(filter(self.pieces.__contains__, self.contents[pack]))

    def is_spoilt(self, pack: int) -> bool:
        """Whether a pack holds what nobody needs of it."""
        pieces = self.contents[pack]
        return not pieces or pack in self.holed or not all(map(self.pieces.__contains__, pieces))

    def spoilt(self) -> Iterator[int]:
        """The packs that hold what nobody needs, those first that may be dictionaries."""
        found = [pack for pack in self.contents if self.is_spoilt(pack)]
        return iter(sorted(found, key=lambda pack: (self.dictionaries[pack] is not None, pack)))

    def _manifest(self, body: int) -> Manifest:
        return _manifest(body, self._packed[body])

    def _disown(self, body: int) -> None:
        parent = self.parents[body]
        if parent is not None:
            self.children[parent] -= 1

    def _share(self, body: int) -> Iterable[int]:
        """The pieces of a needed body that its parent, if that is needed, has not."""
        parent = self.parents[body]
        return self._manifest(body).middle if parent in self.bodies else self.ids(body)


def _ends(connection: Connection) -> dict[str, int]:
    """The greatest id of each table."""
    return dict(zip(_TABLES, connection.execute(_last).one(), strict=True))


@contextmanager
def _complete() -> Iterator[None]:
    """Raise DamagedRecording where something refers to what is not there."""
    try:
        yield
    except KeyError as error:
        raise DamagedRecording(
            f"something that it needs (number {error}) is missing: `kimitap verify --save` keeps "
            "what is not damaged"
        ) from error


def _manifest(body: int, packed: bytes) -> Manifest:
    try:
        return manifest.unpack(packed)
    except (ValueError, IndexError) as error:
        raise DamagedRecording(f"body {body} has no readable list of pieces") from error


def in_batches(ids: Iterable[int]) -> Iterator[tuple[int, ...]]:
    """As many ids at once as a statement takes."""
    return batched(ids, _BATCH)
