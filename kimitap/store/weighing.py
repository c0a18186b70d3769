"""What each exchange takes in a recording's file: what would be free if it and all before it went.

A piece that many requests share is free only with the last of them, so it weighs there. Nothing is
decompressed: the rows say how long everything is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, Row, func, select

from kimitap.errors import DamagedRecording
from kimitap.store import manifest, tables
from kimitap.store.lru import LRU

_ROW = 300
"""Bytes of an exchange's own row, about, and of what points at it."""
_PIECE_ROW = 60
_REMEMBERED = 512

_exchange, _body, _piece, _pack, _arrivals = (
    table.c for table in (tables.exchange, tables.body, tables.piece, tables.pack, tables.arrivals)
)
_requests = select(
    _exchange.id,
    _exchange.request_id,
    _exchange.request_headers_id,
    _exchange.response_headers_id,
    _exchange.response_id,
)
_bodies = select(_body.id, _body.parent_id, _body.manifest)
_pieces = select(_piece.id, _piece.pack_id, _piece.length)
_packs = select(_pack.id, func.length(_pack.data))
_times = select(_arrivals.exchange_id, func.length(_arrivals.data))


def weigh(connection: Connection, in_time: Sequence[int]) -> list[float]:
    """How many bytes go with each of the exchanges, which come in the order of time.

    In a transaction of `connection`. Raises DamagedRecording.
    """
    bodies = _Bodies(connection)
    last: dict[tuple[str, int], int] = {}
    """By body and by piece: the place of the last exchange that needs it."""
    rows = {row.id: row for row in connection.execute(_requests)}
    for place, number in enumerate(in_time):
        _, request, *own = rows[number]
        used = [("piece", id_) for id_ in own if id_ is not None]
        if request is not None:
            used += [("piece", id_) for id_ in bodies.ids(request)]
            used.append(("body", request))
        last.update(dict.fromkeys(used, place))
    times = {row[0]: row[1] for row in connection.execute(_times)}
    weights = [float(_ROW + times.get(number, 0)) for number in in_time]
    for (what, id_), place in last.items():
        known = bodies.sizes if what == "body" else bodies.piece_sizes
        weights[place] += known.get(id_, 0)
    return weights


class _Bodies:
    """The lists of pieces of all bodies; the youngest are remembered whole."""

    def __init__(self, connection: Connection) -> None:
        rows = connection.execute(_bodies).all()
        self._rows = {row.id: row for row in rows}
        self.sizes = {row.id: float(len(row.manifest)) for row in rows}
        self.piece_sizes = _piece_sizes(
            connection.execute(_pieces),
            {row[0]: row[1] for row in connection.execute(_packs)},
        )
        self._whole: LRU[int, tuple[int, ...]] = LRU(_REMEMBERED)

    def ids(self, body: int) -> tuple[int, ...]:
        """The whole list of a body's pieces."""
        chain, ids = [], self._whole.get(body)
        at: int | None = body
        while ids is None and at is not None:
            chain.append(at)
            at = self._row(at).parent_id
            ids = self._whole.get(at) if at is not None else ()
        found = ids or ()
        for one in reversed(chain):
            found = self._manifest(one).ids(found)
            self._whole.put(one, found)
        return found

    def _row(self, body: int) -> Row[int, int | None, bytes]:
        if body not in self._rows:
            raise DamagedRecording(f"body {body} is missing")
        return self._rows[body]

    def _manifest(self, body: int) -> manifest.Manifest:
        try:
            return manifest.unpack(self._row(body).manifest)
        except (ValueError, IndexError) as error:
            raise DamagedRecording(f"body {body} has no readable list of pieces") from error


def _piece_sizes(
    pieces: Iterable[tuple[int, int, int]], packs: Mapping[int, int]
) -> Mapping[int, float]:
    """Each piece's share of its compressed pack, and what its own row takes."""
    by_pack: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for id_, pack, length in pieces:
        by_pack[pack].append((id_, length))
    sizes = {}
    for pack, some in by_pack.items():
        share = packs.get(pack, 0) / max(1, sum(length for _, length in some))
        sizes.update({id_: length * share + _PIECE_ROW for id_, length in some})
    return sizes
