"""Runs of events that differ in nothing but the letters which they add to one text.

Nearly all events of a stream say "the next letters", and repeat all else word by word, but for a
count. Where one was read that did nothing but add to a text, what stands before and behind these
letters is its frame: an event with the same bytes there is the same JSON with other letters,
whatever it means, and only these need be read.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

import msgspec

_texts = msgspec.json.Decoder(list[str]).decode
_COUNT = re.compile(rb'(?:[^x"]|[^e]x)"[ \t]*:[ \t]*(0|[1-9][0-9]{0,14})(?=[ \t]*[,}\]])')
"""A number that says how much or when; not one that says which, as an `index` does."""
_LETTERS = re.compile(rb'[ \t]*:[ \t]*"((?:[^"\\]|\\.)*+)"')
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_END = b"\n\n"


class Grown(NamedTuple):
    """What an event did, if that was all: it added letters to a text under way.

    It may also say counts of which the last word counts.
    """

    field: str
    """The field of its JSON that holds the letters."""
    text: list[str]
    """The text's pieces, these letters the last of them."""


class Mold:
    """Bytes whose counts may be others, of as many digits."""

    def __init__(self, cast: bytes) -> None:
        spans = [found.span(1) for found in _COUNT.finditer(cast)]
        mask = bytearray(b"\xff" * len(cast))
        for start, stop in spans:
            mask[start:stop] = bytes(stop - start)
        self._cast, self._mask = int.from_bytes(cast), int.from_bytes(mask)
        self._zeros = cast.translate(_ZEROS)
        firsts = [start for start, stop in spans if stop - start > 1]
        self._firsts = itemgetter(*firsts, *firsts) if firsts else None

    def fits(self, data: bytes) -> bool:
        """True where `data` has the same bytes but for the counts."""
        if data.translate(_ZEROS) != self._zeros:
            return False
        if (int.from_bytes(data) ^ self._cast) & self._mask:
            return False
        return self._firsts is None or ord("0") not in self._firsts(data)


class Frame:
    """What stands before and behind the letters of an event, the end of the event included."""

    def __init__(self, before: bytes, behind: bytes) -> None:
        self._before, self._behind = before, behind + _END

    def letters(self, body: bytes, start: int) -> tuple[list[str], int]:
        """Those of the events in this frame from `start` on, and where these events end.

        Where they also count, the last one is left to be read: its word counts.
        """
        found: list[bytes] = []
        at, counted = start, False
        while (stop := self._stop(body, at)) > 0:
            found.append(body[at + len(self._before) : stop])
            at = stop + len(self._behind)
            if body.startswith(self._behind, stop):
                at = self._add_equal(body, at, found)
            else:
                counted = True
        texts = _read(found)  # of all, so that the one left out is sure to be a whole event
        if texts and counted:
            at -= len(self._before) + len(found[-1]) + len(self._behind)
            texts.pop()
        return texts, at if texts else start

    def _stop(self, body: bytes, at: int) -> int:
        """Where the letters of the event at `at` end; 0 where it is of another frame."""
        begin = at + len(self._before)
        if not body.startswith(self._before, at) and not self._counted(body[at:begin]):
            return 0
        stop = body.find(b"\n", begin) + len(_END) - len(self._behind)
        if stop < begin:
            return 0
        behind = body[stop : stop + len(self._behind)]
        return stop if behind == self._behind or self._counts.fits(behind) else 0

    def _add_equal(self, body: bytes, at: int, found: list[bytes]) -> int:
        """Adds the letters of the next events that have the same bytes; where these events end."""
        before, behind = self._before, self._behind
        if not body.startswith(before, at):
            return at
        seam = behind + before  # between two such events
        starts, find, add = body.startswith, body.find, found.append
        step, short = len(seam), len(_END) - len(behind)
        begin = at + len(before)
        while (stop := find(b"\n", begin) + short) >= begin and starts(seam, stop):
            add(body[begin:stop])
            begin = stop + step
        if stop < begin or not starts(behind, stop):
            return begin - len(before)
        add(body[begin:stop])
        return stop + len(behind)

    def _counted(self, before: bytes) -> bool:
        """True where this stands before the letters of an event with other counts."""
        if before.translate(_ZEROS) != self._before.translate(_ZEROS):
            return False
        return self._numbers is not None and self._numbers.fits(before)

    @cached_property
    def _counts(self) -> Mold:
        return Mold(self._behind)

    @cached_property
    def _numbers(self) -> Mold | None:
        """The mold of what stands before the letters, if a count is in it."""
        return Mold(self._before) if _COUNT.search(self._before) else None


def frame_of(block: bytes, grown: Grown) -> Frame | None:
    """The frame of the event that `block` is; None where it is not certain which letters it added.

    A quote that no backslash precedes begins or ends a string, so that what looks like the field
    is the field; the frame holds no other of its name, and no backslash that could spell one.
    """
    name = b'"%b"' % grown.field.encode()
    if block.count(name) != 1:
        return None
    found = _LETTERS.match(block, block.index(name) + len(name))
    if found is None:
        return None
    start, stop = found.span(1)
    before, behind = block[:start], block[stop:]
    return None if b"\\" in before or b"\\" in behind else Frame(before, behind)


def _read(letters: Sequence[bytes]) -> list[str]:
    """The texts that these are in JSON; none where one is no whole text.

    A quote among them would make another text of the rest, and nothing could take one away: no
    backslash at the end of one reaches the next, since a line feed may not stand in a text.
    """
    if not letters:
        return []
    try:
        texts = _texts(b'["' + b'",\n"'.join(letters) + b'"]')
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return texts if len(texts) == len(letters) else []
