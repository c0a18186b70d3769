"""Entries one below the other, each a line that unfolds: JSON, messages, events, numbers.

What is folded costs nothing: entries are made when they are unfolded, and lines when they are seen.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate

from rich.segment import Segment

from kimitap.tui.conversation.paint import cut, highlit
from kimitap.tui.conversation.reading import ring
from kimitap.tui.palette import FAINT, NORMAL
from kimitap.tui.widgets.alike import Counterparts, Shown, Spot, Spots
from kimitap.tui.widgets.entry import Entry, Hit, Path, find
from kimitap.tui.widgets.sought import Sought
from kimitap.tui.widgets.virtual_list import Line
from kimitap.tui.widgets.wrapping import Wrapped, fit

INDENT = 2
"""Cells by which what unfolds stands further right."""
MOST_ENTRIES = 20_000
"""Unfolding by levels stops short of so many: one by one, everything can be unfolded."""
_ENDLESS = 1_000_000


class Outline(Sought):
    """A forest of entries, and where the reader stands in it; hits may be folded away."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.roots: Sequence[Entry] = ()
        self.wraps = True
        self._toggled: set[Path] = set()
        self._inner: dict[Path, Sequence[Entry]] = {}
        self._rows: list[Shown] = []
        self._heights: list[int] = []
        self._firsts: list[int] = []
        self._texts: dict[Path, Wrapped] = {}
        self._width = 0
        self._awaited: tuple[Path, int] | None = None
        """Where to go once there is a place on the screen."""

    # --- what is shown

    def show_entries(self, roots: Sequence[Entry], *, keep: bool = False) -> None:
        """Show a forest from its top; or, where it is `keep`t, at the place and as unfolded."""
        self._awaited = None
        spots, shown, toggled = self._spots(), self._rows, self._toggled
        self.roots, self._inner, self._texts, self._toggled = roots, {}, {}, set()
        self.drop_hits()
        if keep:
            now = Counterparts(shown, roots, self._inner_of)
            self._toggled, spots = now.turned(toggled), now.spots(spots)
        self._lay_out()
        if keep:
            self._stay(spots)
        else:
            self.show(self.count, cursor=0, top=0)

    def resized(self) -> None:
        if self._width == self.line_width:
            super().resized()
        else:
            self._lay_out_anew()

    def on_show(self) -> None:
        """It was hidden: what came meanwhile could not be laid out."""
        self.resized()

    def _lay_out_anew(self) -> None:
        spots = self._spots()
        self._texts = {}
        self._lay_out()
        self._stay(spots)
        if self._awaited is not None and self._rows:
            awaited, self._awaited = self._awaited, None
            self.go_to(*awaited)

    def set_wrap(self, wraps: bool) -> None:
        """Wrap long lines, or cut them at the edge."""
        if wraps != self.wraps:
            self.wraps = wraps
            self._lay_out_anew()

    def _spots(self) -> Spots:
        """Where the reader is; of no entry while nothing is laid out."""
        return Spots(self._spot(self.scroll_offset.y), self._spot(self.cursor), self.down)

    def _spot(self, line: int) -> Spot:
        if not self._rows:
            return (), 0
        at = self._at(line)
        return self._rows[at].path, line - self._firsts[at]

    def _stay(self, spots: Spots) -> None:
        """Show what was laid out anew at the place where the reader was."""
        first, cursor = self._line_of(*spots.first), self._line_of(*spots.cursor)
        self.show(self.count, cursor=cursor, top=self.top_with(cursor, first, spots.down))

    def _lay_out(self) -> None:
        """Work out the display lines; none while the outline has no place on the screen."""
        self._width = self.line_width if self.size.width else 0
        self._rows = []
        self._heights = []
        self._replace(0, 0, list(self._spread((), self.roots)) if self._width else [])

    def _replace(self, start: int, stop: int, rows: Sequence[Shown]) -> None:
        """Have these rows in the place of others, and count the lines anew."""
        self._rows[start:stop] = rows
        self._heights[start:stop] = [self._height(row) for row in rows]
        self._firsts = [0, *accumulate(self._heights)]
        self.count = self._firsts.pop()

    def _spread(self, above: Path, entries: Sequence[Entry]) -> Iterator[Shown]:
        """The entries, and what is in them, as far as it is not folded away, top to bottom."""
        stack = [((*above, i), entries[i]) for i in range(len(entries) - 1, -1, -1)]
        while stack:
            path, entry = stack.pop()
            opened = entry.unfolds and self._is_open(path, entry)
            yield Shown(path, entry, opened)
            if opened:
                inner = self._inner_of(path, entry)
                stack.extend(((*path, i), inner[i]) for i in range(len(inner) - 1, -1, -1))

    def _inner_of(self, path: Path, entry: Entry) -> Sequence[Entry]:
        if path not in self._inner:
            self._inner[path] = entry.inner()
        return self._inner[path]

    def _height(self, row: Shown) -> int:
        if row.entry.bare:
            return len(self._text_of(row))
        return 1 + len(self._text_of(row)) if row.opened and row.entry.has_body else 1

    def _text_of(self, row: Shown) -> Wrapped:
        text = self._texts.get(row.path)
        if text is None:
            self._texts[row.path] = text = self._wrapped(row, self.line_width)
        return text

    def _wrapped(self, row: Shown, width: int) -> Wrapped:
        room = width - self._margin(row) if self.wraps else _ENDLESS
        return Wrapped(row.entry.body(), room, words=row.entry.words)

    def _margin(self, row: Shown) -> int:
        return INDENT * len(row.path) + (0 if row.entry.bare else INDENT)

    # --- where the reader is

    def _at(self, line: int) -> int:
        return bisect_right(self._firsts, line) - 1

    @property
    def path(self) -> Path:
        """The path of the entry at the cursor; empty where there is none."""
        return self._rows[self._at(self.cursor)].path if self._rows else ()

    @property
    def current(self) -> Entry | None:
        """The entry that the cursor stands on or in."""
        return self._rows[self._at(self.cursor)].entry if self._rows else None

    def _line_of(self, path: Path, line: int = 0) -> int:
        """The display line of an entry; where it is not shown, of the last one before it."""
        at = max(0, bisect_right(self._rows, path, key=lambda row: row.path) - 1)
        if not self._rows:
            return 0
        if self._rows[at].path != path:
            return self._firsts[at]
        return self._firsts[at] + min(line, self._height(self._rows[at]) - 1)

    def go_to(self, path: Path, offset: int = -1) -> None:
        """Put the cursor on an entry, unfolding what it is folded into; at an `offset` of its text.

        The text is unfolded for that where it is folded. While nothing is laid out, that waits.
        """
        if not self._rows:
            self._awaited = path, offset
            return
        before = set(self._toggled)
        entry = self._reveal(path)
        if entry is None:
            return
        if offset >= 0 and entry.has_body and entry.unfolds and not self._is_open(path, entry):
            self._toggled ^= {path}
        if self._toggled != before:
            self._lay_out()
        at = self._at(self._line_of(path))
        row, line = self._rows[at], self._firsts[at]
        if offset >= 0 and (row.entry.bare or (row.opened and row.entry.has_body)):
            below = self._text_of(row).line_at(offset)
            line += below + (0 if row.entry.bare else 1)
        self.show(self.count, cursor=line)
        self.centre()

    def _reveal(self, path: Path) -> Entry | None:
        """Unfold whatever hides the entry; None where there is no such entry."""
        entries, entry = self.roots, None
        for depth, index in enumerate(path, 1):
            if index >= len(entries):
                return None
            here, entry = path[:depth], entries[index]
            if depth < len(path):
                if not self._is_open(here, entry):
                    self._toggled ^= {here}
                entries = self._inner_of(here, entry)
        return entry

    def _is_open(self, path: Path, entry: Entry) -> bool:
        return entry.born_open ^ (path in self._toggled)

    def to_stop(self, way: int) -> None:
        """To the next entry (1) where `n` stops, or the one before (-1)."""
        stops = [self._firsts[i] for i, row in enumerate(self._rows) if row.entry.stop]
        at = ring(self.cursor, stops, way)
        if at is not None:
            self.cursor = at
            self.centre()

    # --- folding

    def on_virtual_list_chosen(self) -> None:
        self.toggle()

    def toggle(self) -> None:
        """Fold or unfold the entry at the cursor; a text without a line folds what it is in."""
        if not self._rows:
            return
        row = self._rows[self._at(self.cursor)]
        while not row.entry.unfolds and len(row.path) > 1:
            row = self._rows[self._at(self._line_of(row.path[:-1]))]
            if row.opened:
                break
        if row.entry.unfolds:
            self._turn(row.path)

    def fold(self) -> None:
        """Fold the entry at the cursor; where it is folded, go to the one that it is in."""
        if not self._rows:
            return
        row = self._rows[self._at(self.cursor)]
        if row.opened:
            self._turn(row.path)
        elif len(row.path) > 1:
            self.cursor = self._line_of(row.path[:-1])

    def unfold(self) -> None:
        """Unfold the entry at the cursor; where it is unfolded, go to what is in it."""
        if not self._rows:
            return
        row = self._rows[self._at(self.cursor)]
        if row.entry.unfolds and not row.opened:
            self._turn(row.path)
        elif row.opened:
            self.cursor += 1

    def _turn(self, path: Path) -> None:
        """Fold or unfold one entry: what stands above and below it stays laid out."""
        self._toggled ^= {path}
        at = bisect_left(self._rows, path, key=lambda row: row.path)
        behind = (*path[:-1], path[-1] + 1)
        stop = bisect_left(self._rows, behind, lo=at, key=lambda row: row.path)
        row = self._rows[at]._replace(opened=not self._rows[at].opened)
        inner = self._inner_of(path, row.entry) if row.opened else ()
        self._replace(at, stop, [row, *self._spread(path, inner)])
        top = self.scroll_offset.y
        cursor = self._line_of(path)
        self.show(self.count, cursor=cursor, top=min(top, cursor))
        self.reveal()

    def level(self, way: int) -> frozenset[Path]:
        """What is to be turned to unfold one level more (1) or one less (-1), everywhere."""
        foldable = (row for row in self._rows if row.entry.unfolds and row.entry.leveled)
        wanted = [row.path for row in foldable if row.opened is (way < 0)]
        depth = (min if way > 0 else max)(map(len, wanted), default=0)
        return frozenset(path for path in wanted if len(path) == depth)

    def prepare(self, turned: Collection[Path]) -> bool:
        """Make and wrap what unfolding these shows; touches no screen, so it may run in a worker.

        False where that would be too many entries.
        """
        inner, texts, width = self._inner, self._texts, self._width
        rows, count = [row for row in self._rows if row.path in turned], len(self._rows)
        for row in rows:
            entries = inner.setdefault(row.path, row.entry.inner())
            count += len(entries)
            if count > MOST_ENTRIES:
                return False
            for below in self._spread(row.path, entries):
                shown = below.entry.bare or (below.opened and below.entry.has_body)
                if shown and width and below.path not in texts:
                    texts[below.path] = self._wrapped(below, width)
        return True

    def turn_level(self, turned: Collection[Path]) -> None:
        """Fold or unfold all of these; the cursor stays on its entry."""
        spots = self._spots()
        self._toggled ^= set(turned)
        self._lay_out()
        self._stay(spots)

    # --- searching

    def find(self, pattern: re.Pattern[str]) -> list[Hit]:
        """Where the pattern stands, folded or not; touches no screen, so it may run in a worker."""
        return find(self.roots, pattern)

    def to_hit(self, way: int) -> None:
        """To the next hit (1) or the one before (-1), around the end."""
        if not self.hits:
            return
        if self.hit >= 0:
            self.hit = (self.hit + way) % len(self.hits)
        else:
            before = bisect_right(self.hits, Hit(self.path, -2)) + (way < 0) * -1
            self.hit = before % len(self.hits)
        self.go_to(*self.hits[self.hit])

    # --- painting

    def paint(self, index: int, width: int) -> Line:
        at = self._at(index)
        row, line = self._rows[at], index - self._firsts[at]
        if row.entry.bare:
            return self._text_line(row, line, width)
        if line:
            return self._text_line(row, line - 1, width)
        entry = row.entry
        mark = "" if not entry.marked else "  "
        if entry.unfolds:
            mark = "▾ " if row.opened else "▸ "
        lead = Segment(f"{' ' * (INDENT * (len(row.path) - 1))}{mark}", FAINT)
        head = entry.head(row.opened, max(1, width - len(lead.text)))
        return Line(cut([lead, *head], width, self.pattern), entry.ground)

    def _text_line(self, row: Shown, line: int, width: int) -> Line:
        margin = self._margin(row)
        lead = " " * margin if row.entry.bare else f"{' ' * (margin - 2)}│ "
        text = fit(self._text_of(row)[line], width - margin)
        style = row.entry.body_style or NORMAL
        return Line([Segment(lead, FAINT), *highlit(text, style, self.pattern)], row.entry.ground)
