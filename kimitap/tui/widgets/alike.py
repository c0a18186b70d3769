"""An outline that is made anew: which entry is which, and where the reader stands in it then."""

from collections.abc import Callable, Collection, Sequence
from itertools import takewhile
from typing import NamedTuple

from kimitap.tui.widgets.entry import Entry, Path

_NEAR = 50
"""So far from its old place an entry is looked for."""


class Shown(NamedTuple):
    """An entry that has a place among the lines, and whether it is unfolded."""

    path: Path
    entry: Entry
    opened: bool


Spot = tuple[Path, int]
"""An entry, and a display line of it."""


class Spots(NamedTuple):
    """The places of the first visible line and of the cursor, and how far down this is."""

    first: Spot
    cursor: Spot
    down: int


def alike(entry: Entry, among: Sequence[Entry], at: int) -> int:
    """The index of the entry most like this one, which stood at `at`: it says the same at its line,
    or begins as it did. Of several the nearest; -1 among none."""
    said = entry.sought()[0]
    if at < len(among) and among[at].sought()[0] == said:
        return at
    last = len(among) - 1
    near = range(min(last, max(0, at - _NEAR)), min(last, at + _NEAR) + 1)

    def likeness(index: int) -> tuple[int, int]:
        other = among[index].sought()[0]
        common = sum(1 for _ in takewhile(bool, map(str.__eq__, said, other)))
        return (len(said) + 1 if other == said else common), -abs(index - at)

    return max(near, key=likeness) if among else -1


class Counterparts:
    """Finds what was shown among new roots. `inner` gives what is in a new entry."""

    def __init__(
        self,
        shown: Sequence[Shown],
        roots: Sequence[Entry],
        inner: Callable[[Path, Entry], Sequence[Entry]],
    ) -> None:
        self._old = {row.path: row.entry for row in shown}
        self._shown = shown
        self._roots = roots
        self._inner = inner
        self._found: dict[Path, tuple[Path, Entry] | None] = {}

    def of(self, path: Path) -> tuple[Path, Entry] | None:
        """The new path and entry of an old one; None where there is none any more.

        What was not shown is found by its index in what it was in.
        """
        if path not in self._found:
            self._found[path] = self._find(path)
        return self._found[path]

    def _find(self, path: Path) -> tuple[Path, Entry] | None:
        above: Path = ()
        among = self._roots
        if len(path) > 1:
            parent = self.of(path[:-1])
            if parent is None:
                return None
            above, among = parent[0], self._inner(*parent)
        entry = self._old.get(path)
        at = path[-1] if entry is None else alike(entry, among, path[-1])
        return ((*above, at), among[at]) if 0 <= at < len(among) else None

    def turned(self, before: Collection[Path]) -> set[Path]:
        """What is to be turned so that all is folded and unfolded as it was.

        `before` was turned then; of what was not shown, that is all that is known.
        """
        seen = (self.of(row.path) for row in self._shown if row.entry.unfolds)
        pairs = zip(seen, (row for row in self._shown if row.entry.unfolds), strict=True)
        out = {
            now[0]
            for now, row in pairs
            if now is not None and now[1].unfolds and now[1].born_open is not row.opened
        }
        hidden = (self.of(path) for path in before if path not in self._old)
        return out | {now[0] for now in hidden if now is not None}

    def spots(self, old: Spots) -> Spots:
        """The same places among the new entries."""
        return Spots(self._spot(old.first), self._spot(old.cursor), old.down)

    def _spot(self, spot: Spot) -> Spot:
        now = self.of(spot[0]) if spot[0] else None
        return (now[0] if now else spot[0], spot[1])
