"""A list of lines that paints only what is on the screen, however long it is."""

from collections.abc import Iterable
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


def _strip(segments: Iterable[Segment], ground: Style, width: int) -> Strip:
    """The segments on a ground, as many cells wide as is said. Neighbours that look alike are one:
    each segment is filtered, cut and written by itself."""
    out: list[Segment] = []
    texts: list[str] = []
    last: Style | None = None
    for text, style, _ in segments:
        if style is not last and style != last:
            if texts:
                out.append(Segment("".join(texts), ground + last if last else ground))
            texts, last = [], style
        texts.append(text)
    out.append(Segment("".join(texts), ground + last if last else ground))
    return Strip(out).adjust_cell_length(width, ground)


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
    _painted_width = 0
    """The cells of a line while a paint is under way."""
    astray = False
    """True where the reader scrolled the cursor off the screen: only a key brings it back."""

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

        A cursor that was on the screen stays on it, and one that the reader left stays off it. The
        scroll bar is always there, so that a new count needs no layout of the whole screen.
        """
        astray, self.count = self.astray, count
        self.set_reactive(ScrollView.virtual_size, Size(self.size.width, count))
        self.vertical_scrollbar.window_virtual_size = count
        wanted = self.cursor if cursor is None else cursor
        before = self.cursor
        self.set_reactive(VirtualList.cursor, max(0, min(wanted, count - 1)))
        self.scroll_to(y=self.scroll_offset.y if top is None else top, animate=False, force=True)
        if not astray:
            self.reveal()
        self.astray = not self._sees(self.cursor)
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
        self.reveal()
        self.post_message(self.Moved(self, new))

    def top_with(self, cursor: int, first: int | None, down: int) -> int:
        """The first visible line once lines came and went, so that the reader sees what he saw.

        `first` is where his first visible line is now (None: gone), `cursor` where the cursor's is;
        that stays as far `down` the screen as it was where it would else leave it.
        """
        height = self.size.height or 1
        if first is not None and (self.astray or first <= cursor < first + height):
            return first
        return max(0, cursor - down)

    @property
    def down(self) -> int:
        """How far below the first visible line the cursor is."""
        return self.cursor - self.scroll_offset.y

    def _sees(self, line: int) -> bool:
        """True where the line is on the screen, or nothing is yet."""
        top, height = self.scroll_offset.y, self.size.height
        return not height or top <= line < top + height

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.astray = not self._sees(self.cursor)

    def reveal(self) -> None:
        """Scroll as little as brings the cursor onto the screen."""
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
        # what walks all ancestors: once a paint, not once a line
        self._ground, self._painted_width = self.rich_style, self.line_width
        try:
            return super().render_lines(crop)
        finally:
            self._painted_width = 0

    def render_line(self, y: int) -> Strip:
        width = self._painted_width or self.line_width
        index = y + self.scroll_offset.y
        if index >= self.count:
            return Strip.blank(width + 1, self._ground)
        here = index == self.cursor and (self.cursor_always or self.has_focus)
        line = self.paint(index, width)
        ground = self._ground + line.ground if line.ground else self._ground
        ground = ground + CURSOR_GROUND if here else ground
        bar = _BAR if here and self.has_focus else _NO_BAR
        return _strip((bar, *line.segments), ground, width + 1)

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
        self.reveal()

    def action_page(self, pages: float) -> None:
        by = int(self.size.height * pages) or 1
        top = self.scroll_offset.y + by
        self.cursor = top if self.astray else self.cursor + by
        self.scroll_to(y=top, animate=False, force=True)
        self.reveal()

    def action_end(self, way: int) -> None:
        self.cursor = 0 if way < 0 else self.count - 1
        self.reveal()

    def action_choose(self) -> None:
        self.reveal()
        if self.count:
            self.post_message(self.Chosen(self, self.cursor))
        else:
            self.notify("Nothing is listed here.", markup=False)

    def refresh_line(self, y: int) -> None:
        self.refresh(Region(0, y - self.scroll_offset.y, self.size.width, 1))
