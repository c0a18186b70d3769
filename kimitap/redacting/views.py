"""A text with its escapes undone that still knows where each of its characters stood.

A secret is looked for in what a text means and taken out of what is written: JSON's escapes
(`\\u0040`), those of JSON within a string, and URL encoding (`%40`) hide it from plain search.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

_JSON = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL
)
_LAX = re.compile(
    r"\\+u[dD][89abAB][0-9a-fA-F]{2}\\+u[dD][c-fC-F][0-9a-fA-F]{2}|\\+u[0-9a-fA-F]{4}"
    r"|\\+x[0-9a-fA-F]{2}|\\+[bfnrt\"'/]|\\{2,}",
    re.DOTALL,
)
_LETTERS = re.compile(r"\\+u[0-9a-fA-F]{4}|\\+x[0-9a-fA-F]{2}")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Edit(NamedTuple):
    """`text[start:stop]` gives way to `new`; `kind` says what it was, for a report."""

    start: int
    stop: int
    new: str
    kind: str


class View:
    """`text` as it reads, and where in the source its characters stood."""

    def __init__(self, source: str, spelled: re.Pattern[str] | None = None) -> None:
        self.source = source
        self.text = source
        self._at: list[int] = [0]
        self._from: list[int] = [0]
        if spelled is not None:
            self.text = "".join(self._undone(spelled))

    def _undone(self, spelled: re.Pattern[str]) -> Iterator[str]:
        at = length = 0
        for found in spelled.finditer(self.source):
            plain = _percent(found[0]) if spelled is _PERCENT else (_unescaped(found[0]),)
            yield self.source[at : found.start()]
            length += found.start() - at
            at = found.start()
            for character, size in zip(plain, _sizes(found[0], plain), strict=True):
                yield character
                self._at += (length, length + len(character))
                self._from += (at, at + size)
                length += len(character)
                at += size
        yield self.source[at:]

    def origin(self, at: int) -> int:
        """Where in the source the character at `at` begins; the end for the end."""
        found = bisect_right(self._at, at) - 1
        return min(self._from[found] + at - self._at[found], len(self.source))

    def written(self, edit: Edit) -> Edit:
        """The edit of the source that makes this edit of the text.

        Where the new text is as long as the old, what stays the same keeps its spelling.
        """
        start, stop = self.origin(edit.start), self.origin(edit.stop)
        if len(edit.new) != edit.stop - edit.start or stop - start == edit.stop - edit.start:
            return Edit(start, stop, edit.new, edit.kind)
        return Edit(start, stop, "".join(self._respelled(edit)), edit.kind)

    def _respelled(self, edit: Edit) -> Iterator[str]:
        at = edit.start
        while at < edit.stop:
            after = bisect_right(self._at, at)
            end = min(self._at[after] if after < len(self._at) else edit.stop, edit.stop)
            old = self.text[at:end]
            new = edit.new[at - edit.start : end - edit.start]
            yield self.source[self.origin(at) : self.origin(end)] if old == new else new
            at = end


def json_view(raw: str) -> View:
    """What stands between the quotes of a JSON string."""
    return View(raw, _JSON if "\\" in raw else None)


def lax_view(text: str) -> View:
    """A text with the escapes of any language undone, however often they were escaped again."""
    return View(text, _LAX)


def letters_view(text: str) -> View:
    """A text with letters that were written as numbers (`\\u00e9`) as letters."""
    return View(text, _LETTERS)


def percent_view(text: str) -> View:
    """A text with URL encoding undone."""
    return View(text, _PERCENT)


def _unescaped(escape: str) -> str:
    bare = escape.lstrip("\\")
    if not bare:
        return "\\"
    if bare[0] in "ux" and len(bare) > 2:
        code = int(bare[1:5], 16)
        if len(bare) > 5:
            low = int(bare[-4:], 16)
            return chr(0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF))
        return chr(code)
    return _SHORT.get(bare, bare)


def _percent(run: str) -> tuple[str, ...]:
    """The characters of a run of `%XX`; bytes that are no UTF-8 stay as they are written."""
    data = bytes.fromhex(run.replace("%", ""))
    try:
        return tuple(data.decode())
    except UnicodeDecodeError:
        return (run,)


def _sizes(written: str, plain: tuple[str, ...]) -> Iterator[int]:
    """How many characters of `written` stand for each of `plain`."""
    if len(plain) == 1:
        yield len(written)
        return
    for character in plain:
        yield 3 * len(character.encode())
