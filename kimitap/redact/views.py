"""A text with its escapes undone that still knows where each of its characters stood.

A secret is looked for in what a text means and taken out of what is written: JSON's escapes
(`\\u0040`), those of JSON within a string, and URL encoding (`%40`) hide it from plain search.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from re import Match
from typing import NamedTuple

TEXT_KIND = "text"
"""The kind of an edit that puts placeholders for words: as long as what they stand for."""

_HEX = r"[0-9a-fA-F]"
_JSON = re.compile(
    rf"\\u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}|\\u{_HEX}{{4}}|\\.", re.DOTALL
)
_LAX = re.compile(
    rf"\\++u[dD][89abAB]{_HEX}{{2}}\\++u[dD][c-fC-F]{_HEX}{{2}}|\\++u{_HEX}{{4}}"
    rf"|\\++x{_HEX}{{2}}|\\++[bfnrt\"'/]|\\{{2,}}+"
)
_LETTERS = re.compile(rf"(?<!\\)\\++(?:u{_HEX}{{4}}|x{_HEX}{{2}})")
_PERCENT = re.compile(rf"(?:%{_HEX}{{2}})+")
_COLOUR = re.compile(r"\x1b\[[0-9;?]{0,40}[A-Za-z]")
_COLOURS = re.compile(rf"(?:{_COLOUR.pattern})++")
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
        self._spelled = spelled
        self.text = source if spelled is None else self._undone(spelled)

    def _undone(self, spelled: re.Pattern[str]) -> str:
        if spelled is _JSON:
            try:
                return str(json.loads(f'"{self.source}"', strict=False))
            except ValueError:  # the end is cut, or an escape is none of JSON's
                pass
        return spelled.sub(lambda found: "".join(self._plain(found)), self.source)

    def _plain(self, found: Match[str]) -> tuple[str, ...]:
        if self._spelled is _PERCENT:
            return _percent(found[0])
        return () if self._spelled is _COLOUR else (_unescaped(found[0]),)

    @cached_property
    def _steps(self) -> tuple[list[int], list[int]]:
        """Where in the text an escape begins or has ended, and where that is in the source."""
        ats, origins = [0], [0]
        at = length = 0
        for found in self._spelled.finditer(self.source) if self._spelled else ():
            plain = self._plain(found)
            length += found.start() - at
            at = found.start()
            if not plain:
                at = found.end()
                ats.append(length)
                origins.append(at)
            for character, size in zip(plain, _sizes(found[0], plain), strict=True):
                ats += (length, length + len(character))
                origins += (at, at + size)
                length += len(character)
                at += size
        return ats, origins

    def origin(self, at: int) -> int:
        """Where in the source the character at `at` begins; the end for the end."""
        if self._spelled is None:
            return at
        ats, origins = self._steps
        found = bisect_right(ats, at) - 1
        return min(origins[found] + at - ats[found], len(self.source))

    def written(self, edit: Edit) -> Iterator[Edit]:
        """The edits of the source that make this edit of the text.

        Of placeholders only what differs is written, so that all else keeps its spelling.
        """
        start, stop = self.origin(edit.start), self.origin(edit.stop)
        if edit.kind != TEXT_KIND or stop - start == edit.stop - edit.start:
            yield Edit(start, stop, edit.new, edit.kind)
            return
        ats, _ = self._steps
        at = edit.start
        while at < edit.stop:
            after = bisect_right(ats, at)
            end = min(ats[after] if after < len(ats) else edit.stop, edit.stop)
            new = edit.new[at - edit.start : end - edit.start]
            if new != self.text[at:end]:
                yield Edit(self.origin(at), self.origin(end), new, edit.kind)
            at = end


class BareView(View):
    """A number of JSON: it gives way to 0, so that JSON in which it stands keeps its types."""

    def written(self, edit: Edit) -> Iterator[Edit]:
        """One edit of all of it; none for placeholders, since a number is no word."""
        if edit.kind != TEXT_KIND:
            yield Edit(0, len(self.source), "0", edit.kind)


def json_view(raw: str) -> View:
    """What stands between the quotes of a JSON string."""
    return View(raw, _JSON if "\\" in raw else None)


def lax_view(text: str) -> View:
    """A text with the escapes of any language undone, however often they were escaped again."""
    return View(text, _LAX)


def letters_view(text: str) -> View:
    """A text with letters that were written as numbers (`\\u00e9`) as letters."""
    return View(text, _LETTERS if "\\" in text and _LETTERS.search(text) else None)


def colours_apart(text: str) -> View:
    """A text with one control character for each command to a terminal: a word ends there."""
    return View(text, _COLOURS)


def colours_gone(text: str) -> View:
    """A text without commands to a terminal: what is coloured in part is one word."""
    return View(text, _COLOUR)


def percent_view(text: str) -> View:
    """A text with URL encoding undone."""
    return View(text, _PERCENT)


def _unescaped(escape: str) -> str:
    if escape[0] == "\x1b":
        return escape[0]
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
