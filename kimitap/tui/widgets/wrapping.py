"""A text cut into lines of a width, by offsets only: a line of a megabyte costs no more than many.

Nothing is rendered before it is on the screen.
"""

import re
from array import array
from collections.abc import Iterator

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
    """The display lines of `text` at `width` cells. `text` must be clean, its tabs expanded."""

    def __init__(self, text: str, width: int, *, words: bool = True) -> None:
        self.text = text
        self.starts = array("Q")
        self.stops = array("Q")
        plain = text.isascii()
        begin = 0
        while True:
            end = text.find("\n", begin)
            end = len(text) if end < 0 else end
            self._cut(begin, end, max(1, width), plain, words)
            if end == len(text):
                return
            begin = end + 1

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> str:
        return self.text[self.starts[index] : self.stops[index]]

    def offset(self, index: int) -> int:
        """The offset in the text at which a display line begins."""
        return self.starts[index]

    def _cut(self, begin: int, end: int, width: int, plain: bool, words: bool) -> None:
        narrow = plain or _run(_NARROW, self.text, begin, end) == end
        fits = end - begin <= width
        if fits and (narrow or cell_len(self.text[begin:end]) <= width):
            self._add(begin, end)
        elif narrow and not (words and end - begin <= _WORDS_UP_TO):
            self.starts.extend(range(begin, end, width))
            self.stops.extend((*range(begin + width, end, width), end))
        else:
            for start, stop in _pieces(self.text, begin, end, width, words):
                self._add(start, stop)

    def _add(self, start: int, stop: int) -> None:
        self.starts.append(start)
        self.stops.append(stop)


def _pieces(text: str, begin: int, end: int, width: int, words: bool) -> Iterator[tuple[int, int]]:
    words = words and end - begin <= _WORDS_UP_TO
    while begin < end:
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
