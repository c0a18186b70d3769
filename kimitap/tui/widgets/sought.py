"""What can be searched: the words that are lit, where they stand, and which the reader is at."""

import re
from collections.abc import Sequence

from kimitap.tui.widgets.entry import Hit
from kimitap.tui.widgets.virtual_list import VirtualList


class Sought(VirtualList):
    """`pattern` is what is searched for, `hits` where it stands, `hit` the index of the last one.

    `hit` is -1 before the reader has gone to one.
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.pattern: re.Pattern[str] | None = None
        self.hits: Sequence[Hit] = ()
        self.hit = -1

    def show_hits(self, pattern: re.Pattern[str], hits: Sequence[Hit]) -> None:
        """Light what was found."""
        self.pattern, self.hits, self.hit = pattern, hits, -1
        self.refresh()

    def drop_hits(self) -> None:
        """No search is open any more."""
        self.pattern, self.hits, self.hit = None, (), -1
        self.refresh()
