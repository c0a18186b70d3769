"""A text cut into lines of a width, by offsets only: a line of a megabyte costs no more than many.

Nothing is rendered before it is on the screen.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from rich.cells import cell_len, get_character_cell_size

_WORDS_UP_TO = 4000
"""A longer line (minified JSON, base64) is cut at the width and not between words."""
_NARROW = re.compile("[ -~\xa0-\xac\xae-\u02ff\u0370-\u0482\u2500-\u25fc]*")
"""A run of characters of one cell each: Latin, Greek, Cyrillic, boxes."""
_WIDE = re.compile("[\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]*")
"""A run of characters of two cells each: kana, Han, Hangul."""


def fit(text: str, width: int) -> str:
    """`text` in at most `width` cells; a cut ends in `…`."""
    if width <= 0:
        return ""
    if len(text) <= width and (text.isascii() or cell_len(text) <= width):
        return text
    if text.isascii():
        return f"{text[: width - 1]}…"
    return f"{text[: _reach(text, 0, len(text), width - 1)]}…"


class Wrapped:
    """The display lines of `text` at `width` cells. `text` must be clean, its tabs expanded.

    Only lines that must be cut between words, or whose characters differ in width, are looked at
    one by one; of all others the length tells how many display lines they take.
    """

    def __init__(self, text: str, width: int, *, words: bool = True) -> None:
        self.text = text
        self._width = max(1, width)
        self._cuts: dict[int, list[tuple[int, int]]] = {}
        """The pieces of the lines that were cut one by one, by the line's index."""
        lines = text.split("\n")
        lengths = [*map(len, lines)]
        self._begins = array("Q", accumulate((n + 1 for n in lengths), initial=0))
        """Where each line begins in the text; one more, behind the end."""
        plain = text.isascii()
        if plain and max(lengths) <= self._width:
            self._firsts: Sequence[int] = range(len(lines) + 1)
        elif plain and not words:
            wide = self._width
            heights = [-(-n // wide) or 1 for n in lengths]
            self._firsts = array("Q", accumulate(heights, initial=0))
        else:
            heights = [self._height(i, line, words) for i, line in enumerate(lines)]
            self._firsts = array("Q", accumulate(heights, initial=0))

    def _height(self, at: int, line: str, words: bool) -> int:
        """How many display lines a line takes; its pieces are noted, where it must be cut."""
        width, plain = self._width, line.isascii()
        if len(line) <= width and (plain or cell_len(line) <= width):
            return 1
        words = words and len(line) <= _WORDS_UP_TO
        if not words and (plain or _run(_NARROW, line, 0, len(line)) == len(line)):
            return -(-len(line) // width)
        begin = self._begins[at]
        pieces = [*_pieces(self.text, begin, begin + len(line), width, words)]
        self._cuts[at] = pieces
        return len(pieces)

    def __len__(self) -> int:
        return self._firsts[-1]

    def __getitem__(self, index: int) -> str:
        start, stop = self._span(index)
        return self.text[start:stop]

    def offset(self, index: int) -> int:
        """The offset in the text at which a display line begins."""
        return self._span(index)[0]

    def line_at(self, offset: int) -> int:
        """The display line in which an offset of the text stands."""
        at = max(0, min(bisect_right(self._begins, offset) - 1, len(self._begins) - 2))
        first, pieces = self._firsts[at], self._cuts.get(at)
        if pieces is not None:
            return first + max(0, bisect_right(pieces, offset, key=lambda piece: piece[0]) - 1)
        last = self._firsts[at + 1] - 1
        return min(last, first + (offset - self._begins[at]) // self._width)

    def _span(self, index: int) -> tuple[int, int]:
        at = bisect_right(self._firsts, index) - 1
        down, pieces = index - self._firsts[at], self._cuts.get(at)
        if pieces is not None:
            return pieces[down]
        start = self._begins[at] + down * self._width
        return start, min(start + self._width, self._begins[at + 1] - 1)


def _pieces(text: str, begin: int, end: int, width: int, words: bool) -> Iterator[tuple[int, int]]:
    words = words and end - begin <= _WORDS_UP_TO
    while begin < end:
        if not words:
            narrow = _run(_NARROW, text, begin, end)
            while narrow - begin > width:  # what follows the run may be a mark of its last line
                yield begin, begin + width
                begin += width
        stop = max(_reach(text, begin, end, width), begin + 1)
        if words and stop < end:
            space = text.rfind(" ", begin + width // 2, stop + 1)
            stop = space if space > begin else stop
        yield begin, stop
        begin = stop
        while words and begin < end and text[begin] == " ":
            begin += 1


def _reach(text: str, begin: int, end: int, width: int) -> int:
    """The offset behind the longest run from `begin` that fits in `width` cells.

    Marks that take no cell (accents written apart) are cut after four a cell.
    """
    room, stop, at = width, min(end, begin + 4 * width + 4), begin
    while at < stop:
        narrow = _run(_NARROW, text, at, min(stop, at + room))
        room, at = room - (narrow - at), narrow
        wide = _run(_WIDE, text, at, min(stop, at + room // 2))
        room, at = room - 2 * (wide - at), wide
        if at >= stop:
            return at
        room -= get_character_cell_size(text[at])
        if room < 0:
            return at
        at += 1
    return at


def _run(kind: re.Pattern[str], text: str, begin: int, end: int) -> int:
    """The offset behind the run of that kind that begins at `begin`."""
    found = kind.match(text, begin, end)
    return found.end() if found else begin
