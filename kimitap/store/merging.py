"""Small packs of one conversation as one large pack, afterwards, when nobody waits for the disk.

A request or a reply is stored at once, as a pack of its own, although a hundred of them compress to
four fifths of that when they stand together, and leave no half-empty pages behind. So what was
written is written again in larger packs while the recorder has nothing else to do.

Pieces keep their ids: only where they stand changes, in one transaction, which says so in the
recording (`generation.count_move`). Only packs that lean on a dictionary are merged, since none of
these is a dictionary itself. The bytes of the old ones are overwritten.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import batched

from sqlalchemy import Connection, Integer, bindparam, select

from kimitap.store import opening, packs, tables
from kimitap.store.generation import count_move

ENOUGH = 256 * 1024
"""Bytes of pieces that make a large pack. Who needs one piece decompresses all of them."""
AT_THE_END = ENOUGH // 2
"""When the recorder stops, this much is enough: what is smaller stays as it is."""
_MOST = 20_000
"""So many packs are remembered: of a recorder that is never at rest the oldest stay small."""
_BATCH = 500

_some = bindparam("ids", type_=Integer, expanding=True)
_pack, _piece = tables.pack.c, tables.piece.c
_packs = select(_pack.id, _pack.data).where(
    _pack.id.in_(_some), _pack.dictionary_id == bindparam("dictionary")
)
_data = select(_pack.data).where(_pack.id == bindparam("pack"))
_places = select(_piece.id, _piece.pack_id, _piece.start, _piece.length).where(_piece.id.in_(_some))
_move = (
    tables.piece.update()
    .where(_piece.id == bindparam("piece"))
    .values(pack_id=bindparam("into"), start=bindparam("at"))
)
_drop = tables.pack.delete().where(_pack.id.in_(_some))

type _Place = tuple[int, int, int]
"""A piece: its start in its pack, its length, its id."""


class Small:
    """The small packs that were written here and not yet merged, by the dictionary they lean on.

    What it remembers may be wrong: a transaction may have come to nothing, or somebody deleted. So
    `merge` asks the recording again.
    """

    def __init__(self) -> None:
        self._packs: dict[int, dict[int, tuple[int, Sequence[int]]]] = defaultdict(dict)
        """By dictionary and pack: how many bytes it holds, and the ids of its pieces."""
        self._sizes: Counter[int] = Counter()
        """By dictionary: how many bytes its packs hold."""
        self._count = 0

    def add(self, dictionary: int, pack: int, size: int, pieces: Sequence[int]) -> None:
        """A pack was written."""
        if self._count >= _MOST:
            self._packs.clear()
            self._sizes.clear()
            self._count = 0
        before, _ = self._packs[dictionary].get(pack, (0, ()))
        self._packs[dictionary][pack] = size, pieces
        self._sizes[dictionary] += size - before
        self._count += not before

    def ready(self, at_the_end: bool = False) -> int | None:
        """A dictionary on which enough packs lean to be merged."""
        least = AT_THE_END if at_the_end else ENOUGH
        for dictionary, size in self._sizes.items():
            if size >= least and len(self._packs[dictionary]) > 1:
                return dictionary
        return None

    def take(self, dictionary: int) -> Mapping[int, Sequence[int]]:
        """The oldest of its packs, enough for a large one, and their pieces; they are forgotten."""
        some, total = self._packs[dictionary], 0
        taken: dict[int, Sequence[int]] = {}
        for pack in sorted(some):
            size, taken[pack] = some.pop(pack)
            total += size
            if total >= ENOUGH:
                break
        self._sizes[dictionary] -= total
        if not some:
            del self._packs[dictionary], self._sizes[dictionary]
        self._count -= len(taken)
        return taken


@contextmanager
def unhindered(connection: Connection) -> Iterator[None]:
    """For transactions that merge: what is deleted in them is overwritten, and SQLite does not look
    through all pieces for each pack that goes. Not within a transaction."""
    before = opening.setting(connection, "secure_delete")
    opening.pragma(connection, "foreign_keys=OFF")
    opening.pragma(connection, "secure_delete=ON")
    try:
        yield
    finally:
        opening.pragma(connection, f"secure_delete={before}")
        opening.pragma(connection, "foreign_keys=ON")


def merge(connection: Connection, dictionary: int, small: Mapping[int, Sequence[int]]) -> int:
    """Write the pieces of these packs as one that leans on the same dictionary, in a transaction.

    `small`: the packs, and the pieces of each. Packs that are not as that says, or not there, stay
    as they are. Returns how many went. Raises DamagedRecording.
    """
    data = connection.execute(_data, {"pack": dictionary}).scalar()
    if data is None:
        return 0
    help_ = packs.decompress(data, None)
    leaning = packs.decompressor(help_)
    found = connection.execute(_packs, {"ids": list(small), "dictionary": dictionary}).all()
    contents = {id_: packs.decompress(data, leaning) for id_, data in found}
    places = _places_of(connection, [piece for id_ in contents for piece in small[id_]])
    whole = [id_ for id_ in sorted(contents) if _covers(places[id_], len(contents[id_]))]
    if len(whole) < 2:
        return 0
    content = b"".join([contents[id_] for id_ in whole])
    row = {"dictionary_id": dictionary, "data": packs.merged(content, help_)}
    key = connection.execute(tables.pack.insert(), row).inserted_primary_key
    assert key is not None
    moves, before = [], 0
    for id_ in whole:
        moves += [
            {"piece": piece, "into": key[0], "at": before + at} for at, _, piece in places[id_]
        ]
        before += len(contents[id_])
    connection.execute(_move, moves)
    connection.execute(_drop, {"ids": whole})
    count_move(connection)
    return len(whole)


def _places_of(connection: Connection, pieces: Iterable[int]) -> Mapping[int, list[_Place]]:
    """Where these pieces stand, by pack, in the order of their places."""
    found: dict[int, list[_Place]] = defaultdict(list)
    for some in batched(pieces, _BATCH):
        for id_, pack, start, length in connection.execute(_places, {"ids": some}).all():
            found[pack].append((start, length, id_))
    for places in found.values():
        places.sort()
    return found


def _covers(places: Sequence[_Place], size: int) -> bool:
    """Whether all of a pack's bytes are these pieces, so that nothing else can stand in it."""
    end = 0
    for start, length, _ in places:
        if start != end:
            return False
        end += length
    return end == size
