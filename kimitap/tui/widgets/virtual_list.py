"""A list of lines that paints only what is on the screen, however long it is."""

from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kimitap.tui.keys import LIST_KEYS, bindings
from kimitap.tui.palette import CURSOR_GROUND, NAME

_BAR = Segment("▌", NAME)
_NO_BAR = Segment(" ")


class Line(NamedTuple):
    """A painted line: its segments, and the ground that it has from edge to edge."""

    segments: list[Segment]
    ground: Style = Style.null()


class VirtualList(ScrollView, can_focus=True):
    """One line a row, drawn by `paint`; a cursor on one of them.

    A subclass gives `paint`, and says `show(count)` when its lines change. The first column is the
    cursor's bar, so `paint` has a column less than the width.
    """

    BINDINGS = bindings(LIST_KEYS)
    DEFAULT_CSS = "VirtualList { overflow-x: hidden; overflow-y: scroll; scrollbar-size: 1 1; }"

    cursor: reactive[int] = reactive(0, repaint=False)
    count = 0
    cursor_always = True
    """False for a text, where the cursor matters only to who scrolls in it."""
    _ground = Style.null()

    class Moved(Message):
        """The cursor stands on another line."""

        def __init__(self, source: "VirtualList", index: int) -> None:
            super().__init__()
            self.source = source
            self.index = index

        @property
        def control(self) -> "VirtualList":
            return self.source

    class Chosen(Moved):
        """Enter, space or a click on the line where the cursor was."""

    def paint(self, index: int, width: int) -> Line:
        """The line `index` in at most `width` cells, clean."""
        raise NotImplementedError

    @property
    def line_width(self) -> int:
        """The cells that `paint` may fill."""
        return max(1, self.scrollable_content_region.width - 1)

    def show(self, count: int, cursor: int | None = None, top: int | None = None) -> None:
        """Take `count` lines; put the cursor and the first visible line where they are asked.

        The scroll bar is always there, so that a new count needs no layout of the whole screen.
        """
        self.count = count
        self.set_reactive(ScrollView.virtual_size, Size(self.size.width, count))
        self.vertical_scrollbar.window_virtual_size = count
        wanted = self.cursor if cursor is None else cursor
        before = self.cursor
        self.set_reactive(VirtualList.cursor, max(0, min(wanted, count - 1)))
        self.scroll_to(y=self.scroll_offset.y if top is None else top, animate=False, force=True)
        self._keep_in_view()
        self.refresh()
        if self.cursor != before:
            self.post_message(self.Moved(self, self.cursor))

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, self.count - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        if old == new:
            return
        self.refresh_line(old)
        self.refresh_line(new)
        self._keep_in_view()
        self.post_message(self.Moved(self, new))

    def _keep_in_view(self) -> None:
        top, height = self.scroll_offset.y, self.size.height
        if not height:
            return
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True)

    def centre(self) -> None:
        """Scroll so that the cursor has lines above and below it."""
        self.scroll_to(y=max(0, self.cursor - self.size.height // 3), animate=False, force=True)

    def _size_updated(
        self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True
    ) -> bool:
        changed = super()._size_updated(size, virtual_size, container_size, layout)
        if changed:
            self.resized()
        return changed

    def resized(self) -> None:
        """The width or height changed: lines that depend on it are made anew here."""
        self.show(self.count)

    def render_lines(self, crop: Region) -> list[Strip]:
        self._ground = self.rich_style  # walks all ancestors: once a paint, not once a line
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.line_width + 1
        index = y + self.scroll_offset.y
        if index >= self.count:
            return Strip.blank(width, self._ground)
        here = index == self.cursor and (self.cursor_always or self.has_focus)
        line = self.paint(index, self.line_width)
        ground = self._ground + line.ground + (CURSOR_GROUND if here else Style.null())
        bar = _BAR if here and self.has_focus else _NO_BAR
        segments = [
            Segment(s.text, ground + (s.style or Style.null())) for s in (bar, *line.segments)
        ]
        return Strip(segments).adjust_cell_length(width, ground)

    def on_focus(self) -> None:
        self.refresh_line(self.cursor)

    def on_blur(self) -> None:
        self.refresh_line(self.cursor)

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None or at.y + self.scroll_offset.y >= self.count:
            return
        index = at.y + self.scroll_offset.y
        if index == self.cursor:
            self.post_message(self.Chosen(self, index))
        self.cursor = index

    def action_move(self, by: int) -> None:
        self.cursor += by

    def action_page(self, pages: float) -> None:
        by = int(self.size.height * pages) or 1
        top = self.scroll_offset.y + by
        self.cursor += by
        self.scroll_to(y=top, animate=False, force=True)
        self._keep_in_view()

    def action_end(self, way: int) -> None:
        self.cursor = 0 if way < 0 else self.count - 1

    def action_choose(self) -> None:
        if self.count:
            self.post_message(self.Chosen(self, self.cursor))

    def refresh_line(self, y: int) -> None:
        self.refresh(Region(0, y - self.scroll_offset.y, self.size.width, 1))
