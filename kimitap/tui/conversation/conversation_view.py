"""The conversation: a thread's rows, folded, unfolded and filtered; the reader's place is kept."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment

from kimitap.rules.finding import Severity
from kimitap.transcript import Key, Kind, Row, partner
from kimitap.tui.conversation.filtering import Filter
from kimitap.tui.conversation.paint import INDENT, highlit, paint_row
from kimitap.tui.palette import FAINT, NAME, NORMAL, PARTNER_GROUND
from kimitap.tui.widgets.virtual_list import Line, VirtualList
from kimitap.tui.widgets.wrapping import Wrapped

_ROW = -1
"""The line of a display line that is the row itself, and not a line of its unfolded text."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the reader is: a row, a line of its unfolded text, and how far down the screen.

    `top` is the row and line that he sees first, where that must not move.
    """

    key: Key
    line: int
    down: int
    top: tuple[Key, int] | None = None


class ConversationView(VirtualList):
    """Rows of one thread. Unfolded rows and the filter stay while rows are added."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: Sequence[Row] = ()
        self.filter = Filter()
        self.hits: list[int] = []
        """The rows that hold what is searched for."""
        self.opened: set[Key] = set()
        self._lines: list[tuple[int, int]] = []
        self._gone_to: Key | None = None
        self._partner: int | None = None
        self.marks: list[tuple[int, Severity]] = []
        """The display lines with findings, or with a part of one, and how bad each is."""
        self._texts: dict[int, Wrapped] = {}

    def set_rows(self, rows: Sequence[Row], spot: Spot | None = None) -> None:
        """Show `rows`, the cursor at `spot`; without one, where it stood.

        What is searched for is found in them at once only where that is quick; `set_filter` again,
        once the filter has looked at all of them in a worker.
        """
        spot = spot or self.spot()
        self.rows = rows
        self.hits = self.filter.hits_at_once(rows)
        self.lay_out(spot)

    def clear(self) -> None:
        """Forget the rows, what was unfolded, and the place: another thread comes."""
        self.opened = set()
        self.rows, self._lines, self._texts = (), [], {}
        self.hits, self._partner = [], None

    def set_filter(self, wanted: Filter) -> None:
        """Light what is searched for, and hide what the filter does not let through.

        The cursor stays, or goes to what is next. Where that is slow, have `wanted` look at the
        rows in a worker before.
        """
        spot = self.spot()
        self.filter = wanted
        self.hits = wanted.hits_at_once(self.rows)
        self.lay_out(spot)

    def lay_out(self, spot: Spot | None) -> None:
        """Work out the display lines anew, and find the reader's place among them."""
        shown = self.filter.choose(self.rows, self.opened, self.hits)
        self._texts, self._lines = {}, []
        width = max(1, self.line_width - INDENT)
        for at in shown:
            self._lines.append((at, _ROW))
            row = self.rows[at]
            opened = self.opened and row.key in self.opened
            if opened and row.kind is not Kind.CARRIED and row.body:
                self._texts[at] = text = Wrapped(row.body, width)
                self._lines.extend((at, line) for line in range(len(text)))
        self.marks = [
            (i, severity)
            for i, (at, line) in enumerate(self._lines)
            if line == _ROW and (severity := self.rows[at].severity) is not None
        ]
        if spot is None:
            self.show(len(self._lines), cursor=0, top=0)
        else:
            cursor = self._find(spot.key, spot.line)
            first = self._find(*spot.top) if spot.top else None
            top = self.top_with(cursor, first, spot.down)
            self.show(len(self._lines), cursor=cursor, top=top)
        self.join()

    def join(self) -> None:
        """Light the row that belongs to the one at the cursor: a call's result, or its call."""
        at = self.current_index
        fresh = partner(self.rows, at) if at >= 0 else None
        if fresh != self._partner:
            for row in (self._partner, fresh):
                if row is not None and row < len(self.rows):
                    self.refresh_line(self._line_of(row))
            self._partner = fresh

    @property
    def last_seen(self) -> int | None:
        """The exchange of the last row on the screen; None where there is none."""
        line = min(self.scroll_offset.y + self.size.height, len(self._lines)) - 1
        return self.rows[self._lines[line][0]].exchange if line >= 0 else None

    @property
    def partner(self) -> int | None:
        """The index of the row that belongs to the one at the cursor."""
        return self._partner

    def _line_of(self, at: int) -> int:
        return bisect_left(self._lines, (at, _ROW))

    def resized(self) -> None:
        """Keep the place; a row that was gone to keeps lines above and below it."""
        spot = self.spot()
        self.lay_out(spot)
        if spot is not None and spot.key == self._gone_to:
            self.centre()

    def spot(self) -> Spot | None:
        """The reader's place; None while there is nothing to read."""
        if not 0 <= self.cursor < len(self._lines):
            return None
        key, line = self._place(self.cursor)
        top = self.scroll_offset.y
        return Spot(key, line, self.down, self._place(top) if top < len(self._lines) else None)

    def _place(self, line: int) -> tuple[Key, int]:
        """The row of a display line, and the line of its unfolded text."""
        at, inside = self._lines[line]
        return self.rows[at].key, inside

    def _find(self, key: Key, inside: int) -> int:
        """The display line of a place; where its row is not shown, the last one before it."""
        at = self._row_of(key)
        if at is None:
            at = bisect_right(self.rows, key[0], key=lambda row: row.exchange) - 1
            return max(0, bisect_left(self._lines, (at + 1, _ROW)) - 1)
        line = bisect_left(self._lines, (at, inside))
        found = line < len(self._lines) and self._lines[line][0] == at
        return line if found else max(0, line - 1)

    def _row_of(self, key: Key) -> int | None:
        """The index of the row of that key: one of its exchange's few."""
        at = bisect_left(self.rows, key[0], key=lambda row: row.exchange)
        while at < len(self.rows) and self.rows[at].exchange == key[0]:
            if self.rows[at].key == key:
                return at
            at += 1
        return None

    @property
    def current_index(self) -> int:
        """The index of the row that the cursor stands on or in; -1 where there is none."""
        return self._lines[self.cursor][0] if 0 <= self.cursor < len(self._lines) else -1

    @property
    def current(self) -> Row | None:
        """The row that the cursor stands on or in."""
        at = self.current_index
        return self.rows[at] if at >= 0 else None

    def is_shown(self, at: int) -> bool:
        """True where the filter lets the row through and it is not folded away."""
        line = self._line_of(at)
        return line < len(self._lines) and self._lines[line] == (at, _ROW)

    def go_to(self, key: Key) -> bool:
        """Put the cursor on the row of that key; False where there is none."""
        at = self._row_of(key)
        if at is not None:
            self.go_to_row(at)
        return at is not None

    def go_to_row(self, at: int) -> None:
        """Put the cursor on a row, opening what it is folded into, with lines around it."""
        inside = self.rows[at].inside
        if inside is not None and inside not in self.opened:
            self.opened.add(inside)
            self.lay_out(self.spot())
        self.cursor = self._line_of(at)
        self._gone_to = self.rows[at].key
        self.centre()

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
        if line != _ROW:
            bar = [Segment(" " * (INDENT - 3)), Segment("│ ", FAINT)]
            return Line([*bar, *highlit(self._texts[at][line], NORMAL, self.filter.hit)])
        painted = paint_row(row, width, row.key in self.opened, self.filter.hit)
        if at != self._partner:
            return painted
        return Line([_joint(painted.segments[0]), *painted.segments[1:]], PARTNER_GROUND)


def _joint(mark: Segment) -> Segment:
    """The mark of a row that belongs to the one at the cursor."""
    return mark if mark.text.strip() else Segment("┆ ", NAME)
