"""The conversation: a thread's rows, folded, unfolded and filtered; the reader's place is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment

from kimitap.transcript import Key, Kind, Row
from kimitap.tui.filtering import Filter
from kimitap.tui.paint import INDENT, paint_row
from kimitap.tui.palette import FAINT, NORMAL
from kimitap.tui.virtual_list import Line, VirtualList
from kimitap.tui.wrapping import Wrapped

_ROW = -1
"""The line of a display line that is the row itself, and not a line of its unfolded text."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the reader is: a row, a line of its unfolded text, and how far down the screen."""

    key: Key
    line: int
    down: int


class ConversationView(VirtualList):
    """Rows of one thread. Unfolded rows and the filter stay while rows are added."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: Sequence[Row] = ()
        self.filter = Filter()
        self.opened: set[Key] = set()
        self._lines: list[tuple[int, int]] = []
        self._texts: dict[int, Wrapped] = {}

    def set_rows(self, rows: Sequence[Row], spot: Spot | None = None) -> None:
        """Show `rows`, the cursor at `spot`; without one, where it stood."""
        spot = spot or self.spot()
        self.rows = rows
        self.lay_out(spot)

    def set_filter(self, wanted: Filter) -> None:
        """Hide what the filter does not let through; the cursor stays, or goes to what is next."""
        spot = self.spot()
        self.filter = wanted
        self.lay_out(spot)

    def lay_out(self, spot: Spot | None) -> None:
        """Work out the display lines anew, and find the reader's place among them."""
        shown = self.filter.choose(self.rows, self.opened)
        self._texts, self._lines = {}, []
        width = max(1, self.line_width - INDENT)
        for at in shown:
            self._lines.append((at, _ROW))
            row = self.rows[at]
            if row.key in self.opened and row.kind is not Kind.CARRIED and row.body:
                self._texts[at] = text = Wrapped(row.body, width)
                self._lines.extend((at, line) for line in range(len(text)))
        if spot is None:
            self.show(len(self._lines), cursor=0, top=0)
        else:
            cursor = self._find(spot)
            self.show(len(self._lines), cursor=cursor, top=max(0, cursor - spot.down))

    def resized(self) -> None:
        self.lay_out(self.spot())

    def spot(self) -> Spot | None:
        """The reader's place; None while there is nothing to read."""
        if not 0 <= self.cursor < len(self._lines):
            return None
        at, line = self._lines[self.cursor]
        return Spot(self.rows[at].key, line, self.cursor - self.scroll_offset.y)

    def _find(self, spot: Spot) -> int:
        """The display line of a place; where its row is gone, the nearest before it in its turn."""
        exchange, best = spot.key[0], 0
        for i, (at, line) in enumerate(self._lines):
            row = self.rows[at]
            if row.key == spot.key:
                best = i
                if line == spot.line:
                    return i
            elif row.exchange > exchange:
                break
            elif row.exchange < exchange or self.rows[self._lines[best][0]].key != spot.key:
                best = i
        return best

    @property
    def current(self) -> Row | None:
        """The row that the cursor stands on or in."""
        if not 0 <= self.cursor < len(self._lines):
            return None
        return self.rows[self._lines[self.cursor][0]]

    def row_at(self, line: int) -> Row:
        """The row of a display line."""
        return self.rows[self._lines[line][0]]

    def go_to(self, key: Key, *, centre: bool = True) -> bool:
        """Put the cursor on a row, opening what it is folded into; False if it is not here."""
        row = next((row for row in self.rows if row.key == key), None)
        if row is None:
            return False
        if row.inside is not None and row.inside not in self.opened:
            self.opened.add(row.inside)
            self.lay_out(self.spot())
        if not self._put_on(key):
            self.set_filter(Filter())
            self._put_on(key)
        if centre:
            self.centre()
        return True

    def _put_on(self, key: Key) -> bool:
        for i, (at, line) in enumerate(self._lines):
            if line == _ROW and self.rows[at].key == key:
                self.cursor = i
                return True
        return False

    def toggle(self) -> None:
        """Fold or unfold the row at the cursor; the cursor goes to the row itself."""
        row = self.current
        spot = self.spot()
        if row is None or spot is None or not (row.unfolds or row.kind is Kind.CARRIED):
            return
        down = max(0, spot.down - (spot.line + 1))
        self.opened ^= {row.key}
        self.lay_out(Spot(row.key, _ROW, down))

    def on_virtual_list_chosen(self) -> None:
        self.toggle()

    def paint(self, index: int, width: int) -> Line:
        at, line = self._lines[index]
        row = self.rows[at]
        if line == _ROW:
            return paint_row(row, width, row.key in self.opened, self.filter.hit)
        text = self._texts[at][line]
        return Line([Segment(" " * (INDENT - 3)), Segment("│ ", FAINT), Segment(text, NORMAL)])
