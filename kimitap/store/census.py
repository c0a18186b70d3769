"""What a recording's exchanges still need of its bodies, pieces and packs, and what they do not."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import batched

from sqlalchemy import Connection, Integer, Row, bindparam, func, or_, select

from kimitap.errors import DamagedRecording
from kimitap.store import manifest, tables
from kimitap.store.manifest import Manifest

_BATCH = 500

_after = bindparam("after", type_=Integer)
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
            _exchange.id > _after,
            _exchange.id.in_(bindparam("open", type_=Integer, expanding=True)),
        )
    )
    .order_by(_exchange.id)
)
_bodies = select(_body.id, _body.parent_id, _body.manifest).where(_body.id > _after)
_pieces = select(_piece.id, _piece.pack_id).where(_piece.id > _after)
_packs = select(_pack.id, _pack.dictionary_id).where(_pack.id > _after)
_last = select(
    *(
        select(func.coalesce(func.max(columns.id), 0)).scalar_subquery()
        for columns in (_exchange, _body, _piece, _pack)
    )
)


class Census:
    """Counts on one connection, or several in turn; each call of `look` sees what came since.

    Between two looks others may add, and nobody but the owner of the census may delete; he says so
    by `drop_…` in the same transaction, and calls `settle` at its end.
    """

    def __init__(self) -> None:
        self.parents: dict[int, int | None] = {}
        self.children: dict[int, set[int]] = defaultdict(set)
        """The bodies that are written against each body."""
        self.contents: dict[int, set[int]] = {}
        """The pieces of each pack."""
        self.dictionaries: dict[int, int | None] = {}
        self.holed: set[int] = set()
        """The packs out of which pieces were moved: the bytes of these are still in them."""
        self.leaning: dict[int, set[int]] = defaultdict(set)
        """The packs that need each pack as their dictionary."""
        self.bodies: set[int] = set()
        """Those that an exchange has for its request."""
        self.pieces: set[int] = set()
        """Those of `bodies`, and those that exchanges have themselves."""
        self._manifests: dict[int, Manifest] = {}
        self._open: set[int] = set()
        self._last = (0, 0, 0, 0)

    def look(self, connection: Connection) -> None:
        """Take in what was added since the last look, in a transaction. Raises DamagedRecording."""
        try:
            self._look(connection)
        except KeyError as error:
            raise DamagedRecording(
                f"something that it needs (number {error}) is missing: `kimitap verify --save` "
                "keeps what is not damaged"
            ) from error

    def _look(self, connection: Connection) -> None:
        seen = dict(zip(("exchange", "body", "piece", "pack"), self._last, strict=True))
        for pack, dictionary in connection.execute(_packs, {"after": seen["pack"]}).all():
            self.contents[pack] = set()
            self.lean(pack, dictionary)
        for piece, pack in connection.execute(_pieces, {"after": seen["piece"]}).all():
            self.contents[pack].add(piece)
        for row in connection.execute(_bodies, {"after": seen["body"]}).all():
            self._manifests[row.id] = _manifest(row)
            self.adopt(row.id, row.parent_id)
        asked = {"after": seen["exchange"], "open": sorted(self._open)}
        for number, ended_us, request, *own in connection.execute(_exchanges, asked).all():
            (self._open.add if ended_us is None else self._open.discard)(number)
            self.pieces.update(piece for piece in own if piece is not None)
            if request is not None and request not in self.bodies:
                self.bodies.add(request)
                self.pieces.update(self._share(request))
        self.settle(connection)

    def settle(self, connection: Connection) -> None:
        """Take all that is there for seen, at the end of a transaction that deletes: from now on
        its ids may come back for something else, which then is new."""
        self._last = tuple(connection.execute(_last).one())

    def ids(self, body: int) -> tuple[int, ...]:
        """The whole list of a body's pieces."""
        chain = [body]
        while (parent := self.parents[chain[-1]]) is not None:
            chain.append(parent)
        ids: tuple[int, ...] = ()
        for one in reversed(chain):
            ids = self._manifests[one].ids(ids)
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
        return manifest.against(whole, self.ids(body), self._manifests[body].elements)

    def rewrite(self, body: int, parent: int | None, fresh: Manifest) -> None:
        """The body is written against another parent now."""
        self._disown(body)
        self._manifests[body] = fresh
        self.adopt(body, parent)

    def adopt(self, body: int, parent: int | None) -> None:
        """The body is written against `parent`."""
        self.parents[body] = parent
        if parent is not None:
            self.children[parent].add(body)

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
        self.contents[old].difference_update(pieces)
        self.contents[new] = set(pieces)
        self.holed.add(old)

    def drop_body(self, body: int) -> None:
        """The body is not there any more."""
        self._disown(body)
        del self.parents[body], self._manifests[body]
        self.children.pop(body, None)

    def drop_pack(self, pack: int) -> None:
        """The pack and its pieces are not there any more."""
        self.lean(pack, None)
        del self.dictionaries[pack], self.contents[pack]
        self.holed.discard(pack)
        self.leaning.pop(pack, None)

    def live(self, pack: int) -> list[int]:
        """The pieces of a pack that are needed, ascending."""
        return sorted(self.contents[pack] & self.pieces)

    def is_spoilt(self, pack: int) -> bool:
        """Whether a pack holds what nobody needs of it."""
        pieces = self.contents[pack]
        return not pieces or pack in self.holed or not pieces <= self.pieces

    def spoilt(self) -> Iterator[int]:
        """The packs that hold what nobody needs, those first that may be dictionaries."""
        found = [pack for pack in self.contents if self.is_spoilt(pack)]
        return iter(sorted(found, key=lambda pack: (self.dictionaries[pack] is not None, pack)))

    def _disown(self, body: int) -> None:
        parent = self.parents[body]
        if parent is not None:
            self.children[parent].discard(body)

    def _share(self, body: int) -> Iterable[int]:
        """The pieces of a needed body that its parent, if that is needed, has not."""
        parent = self.parents[body]
        return self._manifests[body].middle if parent in self.bodies else self.ids(body)


def _manifest(row: Row[int, int | None, bytes]) -> Manifest:
    try:
        return manifest.unpack(row.manifest)
    except (ValueError, IndexError) as error:
        raise DamagedRecording(f"body {row.id} has no readable list of pieces") from error


def in_batches(ids: Iterable[int]) -> Iterator[tuple[int, ...]]:
    """As many ids at once as a statement takes."""
    return batched(ids, _BATCH)
