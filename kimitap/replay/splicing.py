"""JSON changed in its text: what is set, taken out or edited changes, all else keeps its bytes.

Places are offsets of the decoded text; of a key that stands twice in an object the last one counts,
as for every parser that servers use.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json import JSONDecoder

from kimitap.errors import UsageError

_DECODER = JSONDecoder()
_WHITE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Spot:
    """A member of an object or an element of a list: `text[start:stop]` is its value, and what
    comes and goes with it begins at `begin`. `name` is a member's key, `""` of an element."""

    name: str
    begin: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Spelled:
    """A body of JSON as text, with the encoding that gives its bytes back."""

    text: str
    encoding: str

    @property
    def root(self) -> int:
        """Where the value begins."""
        return _past(self.text, 0)

    def with_text(self, text: str) -> bytes:
        """The bytes of another text."""
        return text.encode(self.encoding, "surrogatepass")


def spelled(body: bytes) -> Spelled:
    """The body as text. Raises `UsageError` where it is no JSON."""
    encoding = json.detect_encoding(body)
    try:
        text = body.decode(encoding, "surrogatepass")
        json.loads(text)
        whole = text.encode(encoding, "surrogatepass") == body
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the request's body is no JSON and cannot be changed: {error}") from error
    if not whole:
        raise UsageError(f"the request's body is {encoding} of another kind and cannot be changed")
    return Spelled(text, encoding)


def spots(text: str, at: int) -> Iterator[Spot]:
    """What stands in the object or list that begins at `at`; nothing of any other value."""
    closing = {"{": "}", "[": "]"}.get(text[at])
    if closing is None:
        return
    at = _past(text, at + 1)
    while text[at] != closing:
        begin, name = at, ""
        if closing == "}":
            name, at = _DECODER.raw_decode(text, at)
            at = _past(text, _past(text, at) + 1)
        _, stop = _DECODER.raw_decode(text, at)
        yield Spot(name, begin, at, stop)
        at = _past(text, stop)
        if text[at] == ",":
            at = _past(text, at + 1)


def member(text: str, at: int, name: str) -> Spot | None:
    """The member of that name of the object at `at`."""
    return next((spot for spot in reversed(list(spots(text, at))) if spot.name == name), None)


def put(text: str, spot: Spot, value: object) -> str:
    """The text with another value there."""
    return f"{text[: spot.start]}{dumped(value)}{text[spot.stop :]}"


def added(text: str, at: int, name: str, value: object) -> str:
    """The text with one member more, behind the others of the object at `at`."""
    known = list(spots(text, at))
    made = f"{dumped(name)}: {dumped(value)}"
    if not known:
        return f"{text[: at + 1]}{made}{text[at + 1 :]}"
    end = known[-1].stop
    return f"{text[:end]}, {made}{text[end:]}"


def without(text: str, at: int, gone: Spot) -> str:
    """The text without a member or element of what begins at `at`, nor the comma beside it."""
    known = list(spots(text, at))
    i = known.index(gone)
    if i:
        return text[: known[i - 1].stop] + text[gone.stop :]
    end = known[1].begin if len(known) > 1 else gone.stop
    return text[: gone.begin] + text[end:]


def merged(text: str, at: int, stop: int, value: object) -> str:
    """`text[at:stop]` as it must read to say `value`: what says the same already stays."""
    old: object = _DECODER.raw_decode(text, at)[0]
    if dumped(old) == dumped(value):
        return text[at:stop]
    known = list(spots(text, at))
    if isinstance(old, dict) and isinstance(value, dict):
        if [spot.name for spot in known] == list(value):
            return _refilled(text, at, stop, known, list(value.values()))
        by_name = {spot.name: spot for spot in known}
        parts = (f"{dumped(n)}: {_kept(text, by_name.get(n), v)}" for n, v in value.items())
        return "{" + ", ".join(parts) + "}"
    if isinstance(old, list) and isinstance(value, list):
        if len(known) == len(value):
            return _refilled(text, at, stop, known, value)
        return "[" + ", ".join(_elements(text, known, old, value)) + "]"
    return dumped(value)


def _refilled(
    text: str, at: int, stop: int, known: Sequence[Spot], values: Sequence[object]
) -> str:
    """The same members or elements with other values; what stands between them stays."""
    parts = []
    for spot, value in zip(known, values, strict=True):
        parts += [text[at : spot.start], merged(text, spot.start, spot.stop, value)]
        at = spot.stop
    return "".join([*parts, text[at:stop]])


def _kept(text: str, spot: Spot | None, value: object) -> str:
    return dumped(value) if spot is None else merged(text, spot.start, spot.stop, value)


def _elements(
    text: str, known: Sequence[Spot], old: Sequence[object], new: Sequence[object]
) -> Iterator[str]:
    """A longer or shorter list: what is the same at its beginning and its end stays."""
    words = [dumped(one) for one in old], [dumped(one) for one in new]
    most = min(len(old), len(new))
    head = next((i for i in range(most) if words[0][i] != words[1][i]), most)
    rest = most - head
    tail = next((i for i in range(rest) if words[0][-1 - i] != words[1][-1 - i]), rest)
    yield from (text[spot.start : spot.stop] for spot in known[:head])
    yield from words[1][head : len(new) - tail]
    yield from (text[spot.start : spot.stop] for spot in known[len(old) - tail :])


def dumped(value: object) -> str:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False)


def _past(text: str, at: int) -> int:
    """The first offset from `at` on that is no white space."""
    found = _WHITE.match(text, at)
    return found.end() if found else at
