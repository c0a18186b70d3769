"""Which entries of a comparison are in view, and on which display lines.

Two ways to stand: side by side, where a row has both lines, or unified, where the old lines of a
change come before the new ones. Lines are cut into display lines by offsets only.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from rich.cells import cell_len

from kimitap.diff import LineRow
from kimitap.lineage import Mark
from kimitap.tui.diff.entries import Entry, Field, Fold, Head, Note
from kimitap.tui.widgets.wrapping import Wrapped

NUMBER = 5
"""Cells of a line's number and the gap behind it."""
_SIGN = 2
_NARROW = 60
"""Cells below which numbers are left out."""
_WORDS_UP_TO = 4000


class Side(Enum):
    """Which line of a row a display line shows."""

    BOTH = "both"
    OLD = "old"
    NEW = "new"


class Shown(NamedTuple):
    """An entry in view. `depth` counts the folds and headers that it stands in."""

    entry: Entry
    side: Side = Side.BOTH
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Columns:
    """How a width is shared: `half` cells each side and a line between, or all for one."""

    width: int
    split: bool

    @property
    def half(self) -> int:
        return (self.width - 1) // 2 if self.split else self.width

    @property
    def numbered(self) -> bool:
        return self.half >= _NARROW or (self.split and self.half >= _NARROW // 2)

    @property
    def gutter(self) -> int:
        """Cells before the text: the numbers and the sign."""
        numbers = NUMBER * (1 if self.split else 2) if self.numbered else 0
        return numbers + _SIGN

    @property
    def room(self) -> int:
        """Cells for the text of a side."""
        return max(1, self.half - self.gutter)


def in_view(entries: Iterable[Entry], toggled: set[int], *, split: bool) -> list[Shown]:
    """The entries that no fold hides; `toggled` are the ids of those that were un/folded."""
    return list(_in_view(entries, toggled, split, 0))


def is_open(entry: Head | Fold, toggled: set[int]) -> bool:
    return entry.opened is not (id(entry) in toggled)


def _in_view(
    entries: Iterable[Entry], toggled: set[int], split: bool, depth: int
) -> Iterator[Shown]:
    run: list[LineRow] = []
    for entry in entries:
        if isinstance(entry, LineRow) and not split and entry.mark is not Mark.SAME:
            run.append(entry)
            continue
        yield from _one_by_one(run, depth)
        run = []
        yield Shown(entry, Side.BOTH, depth)
        if isinstance(entry, Head | Fold) and is_open(entry, toggled):
            yield from _in_view(entry.body.entries, toggled, split, depth + 1)
    yield from _one_by_one(run, depth)


def _one_by_one(run: Sequence[LineRow], depth: int) -> Iterator[Shown]:
    """A change unified: the old lines, then the new ones."""
    yield from (Shown(row, Side.OLD, depth) for row in run if row.old is not None)
    yield from (Shown(row, Side.NEW, depth) for row in run if row.new is not None)


def breaks(text: str, width: int) -> Sequence[int]:
    """The offsets at which the display lines of a clean line begin; no character is left out."""
    if len(text) <= width and (text.isascii() or cell_len(text) <= width):
        return (0,)
    single = text.isascii() or cell_len(text) == len(text)
    if len(text) > _WORDS_UP_TO:
        return range(0, len(text), width if single else max(1, width // 2))
    if not single:
        wrapped = Wrapped(text, width, words=False)
        return array("I", (wrapped.offset(i) for i in range(len(wrapped))))
    starts = array("I", (0,))
    begin = 0
    while len(text) - begin > width:
        space = text.rfind(" ", begin + width // 2, begin + width)
        begin = space + 1 if space >= 0 else begin + width
        starts.append(begin)
    return starts


class Layout:
    """The display lines of what is in view. `wrap` False cuts each line to one display line.

    `before` is a layout of the same entries, of which each line is known that is still as wide.
    """

    def __init__(
        self,
        shown: Sequence[Shown],
        columns: Columns,
        *,
        wrap: bool,
        before: "Layout | None" = None,
    ) -> None:
        self.shown = shown
        self.columns = columns
        self.wrap = wrap
        self._first = array("Q")
        self._known: dict[tuple[int, Side], Sequence[int]] = {}
        if before is not None and before.columns == columns:
            self._known = before._known
        total = 0
        for one in shown:
            self._first.append(total)
            total += self._height(one)
        self.count = total

    def _height(self, one: Shown) -> int:
        entry = one.entry
        if isinstance(entry, LineRow) and self.wrap:
            sides = (Side.OLD, Side.NEW) if self._both(one) else (one.side,)
            return max(len(self.starts(entry, side)) for side in sides)
        return len(breaks(entry.text, self.columns.width - 2)) if isinstance(entry, Note) else 1

    def _both(self, one: Shown) -> bool:
        return self.columns.split and one.side is Side.BOTH

    def starts(self, row: LineRow, side: Side) -> Sequence[int]:
        """Where the display lines of a side begin; empty where it has no line."""
        text = row.new if side is Side.NEW else row.old
        if text is None:
            return ()
        known = self._known.get((id(row), side))
        if known is None:
            known = self._known[id(row), side] = breaks(text, self.columns.room)
        return known

    def at(self, line: int) -> tuple[int, int]:
        """(index in `shown`, number of the display line within it)."""
        index = bisect_right(self._first, line) - 1
        return index, line - self._first[index]

    def line_of(self, index: int) -> int:
        """The first display line of `shown[index]`."""
        return self._first[index]

    def stops(self) -> list[int]:
        """The display lines at which a change begins: headers, fields, and lines behind others."""
        found: list[int] = []
        last = ""
        for index, one in enumerate(self.shown):
            kind = _kind(one.entry)
            if (
                kind == "head"
                or (kind == "field" and last != "head")
                or (kind == "change" and last == "same")
            ):
                found.append(self._first[index])
            if kind and not (isinstance(one.entry, Fold) and last in {"head", "field"}):
                last = kind
        return found


def _kind(entry: Entry) -> str:
    """What an entry is to somebody who goes from change to change."""
    match entry:
        case Head(mark=mark):
            return "same" if mark is Mark.SAME else "head"
        case Field():
            return "field"
        case LineRow(mark=mark):
            return "same" if mark is Mark.SAME else "change"
        case Fold():
            return "same"
        case _:
            return ""
