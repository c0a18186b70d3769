"""The plot of a thread's numbers, a column a turn (or several), with a cursor on one of them."""

from collections.abc import Iterator, Mapping, Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from kimitap.rules.finding import Severity
from kimitap.transcript.numbers import TurnNumbers
from kimitap.tui.palette import CURSOR_GROUND, FAINT, STRONG
from kimitap.tui.timeline.chart import LABEL, Line, chart, scale_at
from kimitap.tui.widgets.plot import Axis, Cell, pointed, runs
from kimitap.tui.widgets.wrapping import fit


class TimelinePlot(Widget, can_focus=True):
    """Panels that share one axis. `show` replaces what is drawn; `cursor` is a turn's index."""

    DEFAULT_CSS = "TimelinePlot { height: 1fr; background: #12161c; }"

    cursor: reactive[int] = reactive(0)

    class Moved(Message):
        """The cursor stands on another turn."""

    class Chosen(Message):
        """A click on the column where the cursor was."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.numbers: Sequence[TurnNumbers] = ()
        self.marks: Mapping[int, Severity] = {}
        self.axis = Axis.fitting(0, 1)
        self._lines: Sequence[Line] = ()

    def show(
        self, numbers: Sequence[TurnNumbers], marks: Mapping[int, Severity], cursor: int
    ) -> None:
        """Draw other numbers; `marks` are the worst severities by index of the turn."""
        self.numbers, self.marks = numbers, marks
        self.set_reactive(TimelinePlot.cursor, self.validate_cursor(cursor))
        self._draw()
        self.refresh()
        self.post_message(self.Moved())

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self.numbers) - 1))

    def watch_cursor(self) -> None:
        self.post_message(self.Moved())

    def on_resize(self) -> None:
        """Draw anew, and let who says how many turns share a column say it."""
        self._draw()
        self.refresh()
        self.post_message(self.Moved())

    def _draw(self) -> None:
        width, height = self.size.width - 1, self.size.height
        self.axis, self._lines = chart(self.numbers, self.marks, width, height)

    @property
    def page(self) -> int:
        """A tenth of the turns: what a page is here."""
        return max(1, len(self.numbers) // 10)

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        column = None if at is None else self.axis.column_at(at.x - 1)
        if column is None:
            return
        if column == self.axis.column(self.cursor):
            self.post_message(self.Chosen())
        else:
            self.cursor = self.axis.things(column)[0]

    def on_mouse_scroll_down(self) -> None:
        self.cursor += 1

    def on_mouse_scroll_up(self) -> None:
        self.cursor -= 1

    def render_line(self, y: int) -> Strip:
        ground, width = self.rich_style, self.size.width
        if y >= len(self._lines) or not self.numbers:
            return Strip.blank(width, ground)
        line, room = self._lines[y], scale_at(self.axis)
        segments = [Segment(" ")]
        if line.axis:
            segments += self._turns(line.words[0].text[:room])
        elif line.words:
            segments += _cut(line.words, width - 1 if not line.label else self.axis.width)
        else:
            segments += self._bars(line)
        gap = room + 1 - sum(len(segment.text) for segment in segments)
        segments += [Segment(" " * gap), Segment(fit(line.label, LABEL), FAINT)]
        out = [Segment(s.text, ground + (s.style or Style.null())) for s in segments]
        return Strip(out).adjust_cell_length(width, ground)

    def _turns(self, names: str) -> Iterator[Segment]:
        """The turns' numbers, the cursor's over the others."""
        at = self.axis.column(self.cursor) * self.axis.cells
        name = f"▴{self.numbers[self.cursor].exchange}"
        text, begin = pointed(names, at, name)
        yield Segment(text[:begin], FAINT)
        yield Segment(name, STRONG + CURSOR_GROUND)
        yield Segment(text[begin + len(name) :], FAINT)

    def _bars(self, line: Line) -> Iterator[Segment]:
        here = self.axis.column(self.cursor)
        cells: Iterator[Cell] = (
            (self.axis.wide(glyph, thin=line.thin), style + CURSOR_GROUND if i == here else style)
            for i, (glyph, style) in enumerate(line.cells)
        )
        yield from (Segment(text, style) for text, style in runs(cells))


def _cut(words: Sequence[Segment], room: int) -> Iterator[Segment]:
    for segment in words:
        text = fit(segment.text, room)
        room -= len(text)
        yield Segment(text, segment.style)
