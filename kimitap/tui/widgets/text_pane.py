"""Texts one below the other, wrapped as they are shown: a line of a megabyte is no burden."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.segment import Segment
from rich.style import Style

from kimitap.tui.palette import FAINT, NORMAL
from kimitap.tui.widgets.virtual_list import Line, VirtualList
from kimitap.tui.widgets.wrapping import Wrapped, fit


@dataclass(frozen=True)
class Times:
    """When the parts of a text arrived: offsets into the clean text, ascending, and seconds."""

    offsets: Sequence[int]
    seconds: Sequence[float]

    def label(self, start: int, stop: int) -> str:
        """The time of the first part that begins in `start:stop`; empty where none does."""
        at = bisect_right(self.offsets, start - 1)
        begins = at < len(self.offsets) and self.offsets[at] < max(stop, start + 1)
        return f"+{self.seconds[at]:.3f}s" if begins else ""


@dataclass(frozen=True)
class Block:
    """A clean text in one style. With `times` a gutter at the left says when it arrived."""

    text: str
    style: Style = NORMAL
    indent: int = 0
    words: bool = True
    times: Times | None = None
    sign: str = ""
    """Stands before every display line, as `- ` and `+ ` in a diff."""
    single: bool = False
    """One display line, cut where it is too long."""
    heading: bool = False
    """True where `n` stops."""
    absent: bool = False
    """True where something is missing from a prompt."""
    message: int | None = None
    """The message of a prompt whose place this is."""


_GUTTER = 11
"""Cells for a time: `+12.345s` and a gap."""
ENDLESS = 1_000_000
"""The cells of a line that is cut and not wrapped."""


@dataclass(frozen=True)
class Laid:
    """Blocks as they were wrapped for a width; `lay` makes it, in a worker where they are long."""

    blocks: tuple[Block, ...]
    width: int
    wraps: bool
    texts: tuple[Wrapped, ...]

    def fits(self, blocks: tuple[Block, ...], width: int, wraps: bool) -> bool:
        return self.blocks is blocks and (self.width, self.wraps) == (width, wraps)


def lay(blocks: tuple[Block, ...], width: int, wraps: bool = True) -> Laid:
    """Wrap blocks in `width` cells, or cut their lines there; touches no screen."""
    texts = (
        Wrapped(block.text, _room(block, width) if wraps else ENDLESS, words=block.words)
        for block in blocks
    )
    return Laid(blocks, width, wraps, tuple(texts))


def _room(block: Block, width: int) -> int:
    """The cells that a line of the block has."""
    if block.single:
        return ENDLESS
    return width - block.indent - len(block.sign) - (_GUTTER if block.times else 0)


@dataclass(frozen=True)
class _Spot:
    """A place in a text: a block, its index, and the offset in it."""

    index: int
    block: Block
    offset: int


def _goes_on(block: Block, later: Block) -> bool:
    """True where the later block says the same, or has more text behind it."""
    if block is later or (block.text == later.text and block.style == later.style):
        return True
    return bool(block.text) and later.text.startswith(block.text)


class TextPane(VirtualList):
    """Blocks of text; `show_blocks` replaces them."""

    cursor_always = False

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.blocks: tuple[Block, ...] = ()
        self.wraps = True
        self._laid: Laid | None = None
        self._wrapped: Sequence[Wrapped] = ()
        self._first = array("Q")
        self._width = 0
        self._about: Hashable = None

    def show_blocks(
        self, blocks: Iterable[Block], laid: Laid | None = None, *, about: Hashable = None
    ) -> None:
        """Show them, as they were `laid` out before if that was for this width.

        Where they are `about` the same as those before, the reader's place stays; else, and where
        that is None, he is taken to the top.
        """
        stays, self._about = about is not None and about == self._about, about
        fresh = tuple(blocks) if laid is None else laid.blocks
        if stays and laid is None and fresh == self.blocks:
            return
        spots = self._spots() if stays else None
        self.blocks, self._laid = fresh, laid
        self._wrap()
        if spots is None:
            self.show(self.count, cursor=0, top=0)
        else:
            self._stay(spots)

    def resized(self) -> None:
        if self._width == self.line_width:
            super().resized()
        else:
            spots = self._spots()
            self._wrap()
            self._stay(spots)

    def _spots(self) -> tuple[_Spot, _Spot, int] | None:
        """The places of the first visible line and of the cursor, and how far down this is.

        None where the reader did not move from the top: what is put there is for him to see.
        """
        top = self.scroll_offset.y
        if not self._first or not (self.cursor or top):
            return None
        first, cursor = (self._spot(min(line, self.count - 1)) for line in (top, self.cursor))
        return first, cursor, self.down

    def _spot(self, line: int) -> _Spot:
        at = bisect_right(self._first, line) - 1
        return _Spot(at, self.blocks[at], self._wrapped[at].offset(line - self._first[at]))

    def _stay(self, spots: tuple[_Spot, _Spot, int] | None) -> None:
        """Show what was laid out anew at the place where the reader was."""
        if spots is None:
            self.show(self.count)
            return
        first, cursor = self._line_of(spots[0]), self._line_of(spots[1])
        self.show(self.count, cursor=cursor, top=self.top_with(cursor, first, spots[2]))

    def _line_of(self, spot: _Spot) -> int:
        """The line of a place; where its block is gone, of what stands where it stood."""
        if not self._first:
            return 0
        blocks, index, block = self.blocks, min(spot.index, len(self.blocks) - 1), spot.block
        if not _goes_on(block, blocks[index]):
            same = (i for i, other in enumerate(blocks) if _goes_on(block, other))
            index = min(same, key=lambda i: abs(i - spot.index), default=index)
        wrapped = self._wrapped[index]
        return self._first[index] + wrapped.line_at(min(spot.offset, len(blocks[index].text)))

    def _wrap(self) -> None:
        self._width = self.line_width
        blocks = self.blocks if self.size.width else ()
        if self._laid is None or not self._laid.fits(blocks, self._width, self.wraps):
            laid = lay(blocks, self._width, self.wraps)
            self._laid = laid if blocks else self._laid
            self._wrapped = laid.texts
        else:
            self._wrapped = self._laid.texts
        firsts = [*accumulate(map(len, self._wrapped), initial=0)]
        self.count = firsts.pop()
        self._first = array("Q", firsts)

    @property
    def headings(self) -> list[int]:
        """The lines on which headings stand."""
        return self.lines_of(lambda block: block.heading)

    def lines_of(self, wanted: Callable[[Block], bool]) -> list[int]:
        """The first lines of the blocks that are wanted."""
        blocks = zip(self._first, self.blocks, strict=False)
        return [first for first, block in blocks if wanted(block)]

    def paint(self, index: int, width: int) -> Line:
        at = bisect_right(self._first, index) - 1
        block, wrapped, line = self.blocks[at], self._wrapped[at], index - self._first[at]
        segments = [Segment(" " * block.indent)] if block.indent else []
        if block.times:
            start = wrapped.offset(line)
            label = block.times.label(start, start + len(wrapped[line]) + 1)
            segments.append(Segment(f"{label:>9}  ", FAINT))
        if block.sign:
            segments.append(Segment(block.sign, block.style))
        room = width - sum(len(segment.text) for segment in segments)
        return Line([*segments, Segment(fit(wrapped[line], room), block.style)])
