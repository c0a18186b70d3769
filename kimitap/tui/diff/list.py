"""The entries of a comparison as a list of display lines, side by side or unified."""

from bisect import bisect_right
from collections.abc import Sequence

from kimitap.diff import LineRow
from kimitap.lineage import Mark
from kimitap.tui.conversation.reading import ring
from kimitap.tui.diff.entries import Entry, Fold, Head, Step
from kimitap.tui.diff.layout import Columns, Layout, Shown, Side, in_view
from kimitap.tui.diff.paint import paint_shown
from kimitap.tui.widgets.virtual_list import Line, VirtualList

WIDE = 120
"""Columns of the terminal from which both sides stand side by side."""


class DiffList(VirtualList):
    """Shows what `show_entries` hands it; the reader's place stays through every new layout."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.asked_split: bool | None = None
        """Side by side or not, as the reader asked; None: as the width has it."""
        self.wrap = True
        self._entries: Sequence[Entry] = ()
        self._toggled: set[int] = set()
        self._layout = Layout((), Columns(80, False), wrap=True)

    @property
    def split(self) -> bool:
        """True where both sides stand side by side."""
        return self.app.size.width >= WIDE if self.asked_split is None else self.asked_split

    @property
    def half(self) -> int:
        """The cells of the left side."""
        return self._layout.columns.half

    @property
    def entries(self) -> Sequence[Entry]:
        return self._entries

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Take other entries, and stand on the first change."""
        self._entries, self._toggled = entries, set()
        self._layout = Layout((), self._layout.columns, wrap=self.wrap)
        self._lay_out()
        stops = self._layout.stops()
        self.show(self._layout.count, cursor=stops[0] if stops else 0, top=0)
        if self.cursor > self.size.height * 2 // 3:
            self.centre()

    def _lay_out(self) -> None:
        columns = Columns(self.line_width, self.split)
        shown = in_view(self._entries, self._toggled, split=self.split)
        self._layout = Layout(shown, columns, wrap=self.wrap, before=self._layout)

    def resized(self) -> None:
        columns = Columns(self.line_width, self.split)
        if columns == self._layout.columns:
            super().resized()
        else:
            self.lay_out()

    def lay_out(self) -> None:
        """Lay the lines out anew; the entry at the cursor stays there, and where it was."""
        place = self._place()
        row = self.cursor - self.scroll_offset.y
        self._lay_out()
        line = self._line_at(place) if place else 0
        self.show(self._layout.count, cursor=line, top=max(0, line - row))

    def _place(self) -> tuple[Shown, int] | None:
        """What stands at the cursor, and the offset in its text."""
        if not self._layout.shown:
            return None
        index, part = self._layout.at(self.cursor)
        one = self._layout.shown[index]
        if not isinstance(one.entry, LineRow) or not part:
            return one, 0
        side = Side.NEW if one.side is Side.NEW or one.entry.old is None else Side.OLD
        starts = self._layout.starts(one.entry, side)
        return one, starts[min(part, len(starts) - 1)]

    def _line_at(self, place: tuple[Shown, int]) -> int:
        wanted, offset = place
        found = [i for i, one in enumerate(self._layout.shown) if one.entry is wanted.entry]
        if not found:
            return min(self.cursor, self._layout.count - 1)
        exact = (i for i in found if self._layout.shown[i].side is wanted.side)
        index = next(exact, found[0])
        line = self._layout.line_of(index)
        entry = wanted.entry
        if offset and isinstance(entry, LineRow) and self._layout.wrap:
            side = Side.NEW if entry.old is None or wanted.side is Side.NEW else Side.OLD
            starts = self._layout.starts(entry, side)
            line += max(0, bisect_right(starts, offset) - 1)
        return line

    def paint(self, index: int, width: int) -> Line:
        at, part = self._layout.at(index)
        return paint_shown(self._layout.shown[at], part, self._layout, self._toggled)

    def toggle(self, line: int) -> None:
        """Unfold or fold what stands on the line; in a text, the fold or message around it."""
        if not self._layout.shown:
            return
        shown = self._layout.shown
        index, _ = self._layout.at(line)
        depth = shown[index].depth
        while not isinstance(shown[index].entry, Head | Fold):
            index = next((i for i in range(index - 1, -1, -1) if shown[i].depth < depth), -1)
            if index < 0:
                return
        one = shown[index]
        self._toggled ^= {id(one.entry)}
        self.cursor = self._layout.line_of(index)
        self.lay_out()

    def step_at(self, line: int) -> int | None:
        """The pair of turns that the line leads to, if it does."""
        if not self._layout.shown:
            return None
        entry = self._layout.shown[self._layout.at(line)[0]].entry
        return entry.at if isinstance(entry, Step) else None

    def to_change(self, way: int) -> bool:
        """Go to the next or previous change; False where there is none."""
        at = ring(self.cursor, self._layout.stops(), way)
        if at is None:
            return False
        self.cursor = at
        self.centre()
        return True

    def hunk(self) -> str:
        """The change at the cursor as text, each line with its sign; empty where there is none."""
        shown = self._layout.shown
        if not shown:
            return ""
        begin = self._layout.at(self.cursor)[0]
        while begin < len(shown) and not _changed(shown[begin].entry):
            begin += 1
        end = begin
        while begin and _changed(shown[begin - 1].entry):
            begin -= 1
        while end < len(shown) and _changed(shown[end].entry):
            end += 1
        rows = dict.fromkeys(one.entry for one in shown[begin:end])
        return "\n".join(_signed([row for row in rows if isinstance(row, LineRow)]))


def _changed(entry: Entry) -> bool:
    return isinstance(entry, LineRow) and entry.mark is not Mark.SAME


def _signed(rows: Sequence[LineRow]) -> list[str]:
    old = [f"-{row.old}" for row in rows if row.old is not None]
    return old + [f"+{row.new}" for row in rows if row.new is not None]
