"""A narrow map of a thread, beside its scroll bar: all its findings at once."""

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from kimitap.rules.finding import Severity
from kimitap.transcript import SYMBOLS
from kimitap.tui.palette import ALARM

Mark = tuple[int, Severity]
"""A line of the thread, and how bad it is there."""


class FindingsMap(Widget):
    """The whole thread from top to bottom, with a mark where something was found."""

    DEFAULT_CSS = "FindingsMap { width: 1; height: 1fr; }"

    class Clicked(Message):
        """The reader wants to go to a line of the thread."""

        def __init__(self, line: int) -> None:
            super().__init__()
            self.line = line

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marks: Sequence[Mark] = ()
        self._count = 0
        self._drawn: tuple[int, dict[int, Mark]] = (-1, {})

    def show(self, marks: Sequence[Mark], count: int) -> None:
        """Marks at these of `count` lines."""
        if marks is not self._marks or count != self._count:
            self._marks, self._count, self._drawn = marks, count, (-1, {})
            self.refresh()

    @property
    def _lines(self) -> int:
        """A thread that fits the screen is drawn line by line."""
        return max(self._count, self.size.height, 1)

    def _worst(self) -> dict[int, Mark]:
        """The first of the worst marks of each row of the map."""
        height = self.size.height
        if self._drawn[0] != height:
            worst: dict[int, Mark] = {}
            for line, severity in self._marks:
                row = line * height // self._lines
                if row not in worst or severity.rank > worst[row][1].rank:
                    worst[row] = line, severity
            self._drawn = height, worst
        return self._drawn[1]

    def render_line(self, y: int) -> Strip:
        ground, mark = self.rich_style, self._worst().get(y)
        if mark is None:
            return Strip([Segment(" ", ground)])
        return Strip([Segment(SYMBOLS[mark[1]], ground + ALARM[mark[1]])])

    def on_click(self, event: events.Click) -> None:
        """To the mark that was clicked, else to the line that stands there on the map."""
        near = min(event.y * self._lines // max(1, self.size.height), self._count - 1)
        mark = self._worst().get(event.y)
        self.post_message(self.Clicked(mark[0] if mark else near))
