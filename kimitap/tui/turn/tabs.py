"""The line of tabs, and what each is called."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from kimitap.tui.palette import FAINT, KEY, NORMAL, RECORDING
from kimitap.tui.wishes import Tab

TABS = tuple(Tab)
"""All tabs, in the order of their keys."""
OF_ANY = (Tab.REQUEST, Tab.REPLY, Tab.WIRE, Tab.HEADERS, Tab.TIMINGS)
"""The tabs of an exchange that no dialect speaks."""


class TabLine(Widget):
    """The tabs, each with its key; the one that is shown in reverse. A click chooses one."""

    DEFAULT_CSS = "TabLine { height: 1; }"

    class Chosen(Message):
        """This tab was clicked."""

        def __init__(self, tab: Tab) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tabs: Sequence[Tab] = TABS
        self._at = Tab.MESSAGES

    def show_tabs(self, tabs: Sequence[Tab], at: Tab) -> None:
        """Offer these tabs, `at` being shown."""
        if (tabs, at) != (self._tabs, self._at):
            self._tabs, self._at = tabs, at
            self.refresh()

    def _labels(self) -> list[tuple[Tab, str]]:
        """What is written of each tab; where it is too narrow for all names, of one its name."""
        full = [(tab, f" {TABS.index(tab) + 1} {tab} ") for tab in self._tabs]
        if sum(len(label) for _, label in full) <= self.size.width:
            return full
        return [(tab, label if tab is self._at else f" {label[1]} ") for tab, label in full]

    def render_line(self, y: int) -> Strip:
        ground, out = self.rich_style, []
        for tab, label in self._labels():
            if tab is self._at:
                out.append(Segment(label, ground + RECORDING))
                continue
            out.append(Segment(label[:2], ground + KEY))
            out.append(Segment(label[2:], ground + (FAINT if len(label) > 3 else NORMAL)))
        segments = [Segment(s.text, s.style or Style.null()) for s in out]
        return Strip(segments).adjust_cell_length(self.size.width, ground)

    def on_click(self, event: events.Click) -> None:
        left = 0
        for tab, label in self._labels():
            if left <= event.x < left + len(label):
                self.post_message(self.Chosen(tab))
                return
            left += len(label)
