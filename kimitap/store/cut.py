"""Cut a JSON body where the next request of the same conversation will repeat it.

The pieces are slices of the original bytes, so their join is the body by construction. Cuts fall
around the elements of top-level arrays (`messages`, `input`, `tools`, …) and around large other
top-level values (`instructions`, `system`, `prompt`); the latter are cut further by content. A
body that cannot be scanned with certainty is one piece: not JSON, a byte order mark, NaN, a key
twice, trailing text, compressed, nested too deeply.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

import msgspec

from kimitap.exchange import Body, Elements, Piece, digest
from kimitap.store.lru import LRU

LARGE = 512
"""A top-level value of this many bytes is a piece of its own."""
SMALL_ELEMENT = 64
"""An array of numbers or words with shorter elements than this on average is one value."""

_FAMILIAR = 32 * 1024 * 1024

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])
_WHITE = rb"[ \t\n\r]*+"
_KEY = re.compile(rb'%b[,{]%b"((?:[^"\\]|\\.)*+)"%b:%b' % (_WHITE, _WHITE, _WHITE, _WHITE), re.S)
_END = re.compile(rb"%b\}%b\Z" % (_WHITE, _WHITE))
_OPENING = re.compile(rb"\[%b" % _WHITE)
_COMMA = re.compile(rb"%b,%b" % (_WHITE, _WHITE))
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_LINE_END = rb"\n"  # as JSON writes it
_SHORTEST, _LONGEST = 1024, 16384


class Familiar:
    """Makes pieces, and knows again those it made lately: comparing costs less than hashing."""

    def __init__(self) -> None:
        self._known: LRU[tuple[int, bytes], Piece] = LRU(_FAMILIAR, lambda p: len(p.data) + 300)

    def piece(self, data: bytes) -> Piece:
        """`data` as a piece."""
        key = len(data), data[-48:]
        known = self._known.get(key)
        if known is None or known.data != data:
            known = Piece(digest(data), data)
            self._known.put(key, known)
        return known


def cut(body: bytes, familiar: Familiar | None = None) -> Body:
    """`body` as pieces; one piece where it cannot be cut."""
    piece = (familiar or Familiar()).piece
    try:
        values = list(_values(body))
    except (ValueError, RecursionError):
        return Body((piece(body),) if body else ())
    pieces: list[Piece] = []
    elements: list[Elements] = []
    done = 0
    for value in values:
        cuts = value.cuts(body)
        if len(cuts) < 2:
            continue
        pieces.append(piece(body[done : cuts[0]]))
        start = len(pieces)
        pieces.extend(piece(body[a:b]) for a, b in pairwise(cuts))
        if value.is_array(body):
            elements.append(Elements(value.name, start, len(pieces)))
        done = cuts[-1]
    pieces.append(piece(body[done:]))
    return Body(tuple(pieces), tuple(elements))


@dataclass(frozen=True, slots=True)
class _Value:
    """One top-level value: `body[start:stop]`, and where its elements end if it is an array."""

    name: str
    start: int
    stop: int
    element_ends: tuple[int, ...] = ()
    first: int = 0
    """Where the first element starts."""

    def is_array(self, body: bytes) -> bool:
        """True where the elements are worth a piece each."""
        count = len(self.element_ends)
        return count > 0 and (
            body[self.first] == ord("{") or self.stop - self.start >= SMALL_ELEMENT * count
        )

    def cuts(self, body: bytes) -> list[int]:
        """Offsets between which the pieces of this value lie; none for a small value."""
        if self.is_array(body):
            return [self.first, *self.element_ends]
        if self.stop - self.start < LARGE:
            return []
        return [
            self.start,
            *_chunk_ends(body, self.start, self.stop),
        ]


def _chunk_ends(body: bytes, start: int, stop: int) -> Iterator[int]:
    """Cut a long text after lines that their own content chooses, about one in eight.

    So a text that grows, or changes somewhere, is cut at the same lines as before.
    """
    last, at = start, start - len(_LINE_END)
    for line in body[start:stop].split(_LINE_END):
        at += len(line) + len(_LINE_END)
        while at - last > _LONGEST:
            last += _LONGEST
            yield last
        if at - last >= _SHORTEST and at < stop and crc32(line) % 8 == 0:
            last = at
            yield last
    yield stop


def _values(body: bytes) -> Iterator[_Value]:
    """The top-level values in order. Raises ValueError if the body is no such object."""
    members, text = _members(body)
    at = 0
    for name, raw in members.items():
        key = _KEY.match(body, at)
        if key is None or _SURROGATE.search(body, key.start(1), key.end(1)):
            raise ValueError("not where a key should be")
        value = bytes(raw)
        if not text.startswith(value, key.end()):
            raise ValueError("a key twice")
        at = key.end() + len(value)
        yield _value(text, name, key.end(), at)
    if not _END.match(body, at):
        raise ValueError("a key twice")


def _members(body: bytes) -> tuple[Mapping[str, msgspec.Raw], bytes]:
    """The object's members, and the text of equal length in which they were found.

    msgspec refuses half a surrogate pair, which agents in JavaScript do send (a text cut within an
    emoji); an escape of the same length takes its place while looking for the offsets.
    """
    try:
        return _object.decode(body), body
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = _SURROGATE.sub(rb"\\u0041", body)
        return _object.decode(text), text


def _value(text: bytes, name: str, start: int, stop: int) -> _Value:
    if text[start] != ord("["):
        return _Value(name, start, stop)
    raws = _array.decode(memoryview(text)[start:stop])
    if not raws:
        return _Value(name, start, stop)
    opening = _OPENING.match(text, start)
    if opening is None:
        raise ValueError("not where an array should be")
    first = at = opening.end()
    ends = []
    for index, raw in enumerate(raws):
        if index:
            comma = _COMMA.match(text, at)
            if comma is None:
                raise ValueError("not where a comma should be")
            at = comma.end()
        at += len(memoryview(raw))
        ends.append(at)
    return _Value(name, start, stop, tuple(ends), first)
