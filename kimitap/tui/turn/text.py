"""A long text in which can be searched."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from kimitap.tui.conversation.paint import highlit
from kimitap.tui.conversation.reading import ring
from kimitap.tui.widgets.entry import MOST_HITS, Copied, Hit
from kimitap.tui.widgets.sought import Sought
from kimitap.tui.widgets.text_pane import Block, Laid, TextPane
from kimitap.tui.widgets.virtual_list import Line

LONG = 500_000
"""Characters from which on a text is wrapped in a worker."""


class SoughtText(Sought, TextPane):
    """A text pane that finds and lights words. A hit's path is the index of its block."""

    def show_text(
        self, blocks: Sequence[Block], laid: Laid | None = None, *, keep: bool = False
    ) -> None:
        """Show blocks from their top; or, where it is `keep`t, at the line where the reader is."""
        self.drop_hits()
        if not keep:
            self._about = None
        self.show_blocks(blocks, laid, about="the same exchange")

    def on_show(self) -> None:
        """It was hidden: what came meanwhile could not be wrapped."""
        self.resized()

    @property
    def long(self) -> bool:
        """True where it takes a while to wrap."""
        return sum(len(block.text) for block in self.blocks) > LONG

    def set_wrap(self, wraps: bool, laid: Laid | None = None) -> None:
        """Wrap long lines, or cut them at the edge; `laid` is the text as it then is."""
        if wraps != self.wraps:
            spots = self._spots()
            self.wraps, self._laid = wraps, laid or self._laid
            self._wrap()
            self._stay(spots)

    def to_stop(self, way: int) -> None:
        """To the next heading (1), or the one before (-1)."""
        self.go_ring(self.headings, way)

    def go_to_block(self, index: int) -> None:
        """Put the cursor on the first line of a block."""
        if index < len(self._first):
            self.cursor = self._first[index]
            self.centre()

    def go_ring(self, stops: Sequence[int], way: int) -> None:
        """Put the cursor on the next of these lines, or the one before."""
        at = ring(self.cursor, stops, way)
        if at is not None:
            self.cursor = at
            self.centre()

    def find(self, pattern: re.Pattern[str]) -> list[Hit]:
        """Where the pattern stands; touches no screen, so it may run in a worker."""
        hits: list[Hit] = []
        for i, block in enumerate(self.blocks):
            hits.extend(Hit((i,), found.start()) for found in pattern.finditer(block.text))
            if len(hits) > MOST_HITS:
                break
        return hits[:MOST_HITS]

    def to_hit(self, way: int) -> None:
        """To the next hit (1) or the one before (-1), around the end."""
        if not self.hits or not self.count:
            return
        if self.hit >= 0:
            self.hit = (self.hit + way) % len(self.hits)
        else:
            at = self._block_at(self.cursor)
            here = Hit((at,), self._wrapped[at].offset(self.cursor - self._first[at]))
            self.hit = (bisect_left(self.hits, here) + (way < 0) * -1) % len(self.hits)
        (block,), offset = self.hits[self.hit]
        self.cursor = self._first[block] + self._wrapped[block].line_at(offset)
        self.centre()

    def _block_at(self, line: int) -> int:
        return bisect_right(self._first, line) - 1

    def copied(self) -> Copied | None:
        """The block at the cursor; None where there is none."""
        if not self._first:
            return None
        block = self.blocks[self._block_at(self.cursor)]
        return Copied(block.text.strip(), "this line" if "\n" not in block.text else "this text")

    def paint(self, index: int, width: int) -> Line:
        line = super().paint(index, width)
        if self.pattern is None:
            return line
        *lead, text = line.segments
        lit = highlit(text.text, text.style or self.rich_style, self.pattern)
        return Line([*lead, *lit], line.ground)
