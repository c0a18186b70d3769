"""Finds the secrets of a text, also where escapes or an encoding hide them."""

import base64
import binascii
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from kimitap.exchange import digest
from kimitap.redact.detector import detected
from kimitap.redact.hosts import is_named
from kimitap.redact.kinds import (
    HOST_KIND,
    MASK,
    MASK_HINTS,
    PASSWORD_KIND,
    TOKEN_KIND,
)
from kimitap.redact.ledger import LEAST, Ledger
from kimitap.redact.matching import Anchored, matches, places_of
from kimitap.redact.names import is_secret_name
from kimitap.redact.patterns import PATTERNS
from kimitap.redact.persons import PERSONAL
from kimitap.redact.views import View, colours_apart, colours_gone, lax_view, percent_view

_MASK = re.compile(MASK)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{12,}+={0,2}(?![A-Za-z0-9+/_-])")
_SHORTEST_BASE64 = 12
_LONGEST_BASE64 = 64_000
"""What is longer is a file; a secret's wrapping is short."""
_BASIC = re.compile(
    r"(?:(?i:basic)\s{1,8}|\b_?auth[\"']?\s{0,4}[:=]\s{0,4}[\"']?)([A-Za-z0-9+/_-]{6,4096}={0,2})"
)
"""By its scheme, and as docker and npm write it in their configurations."""
_ESCAPE = re.compile(r"\\[bfnrtux\"'/\\]")
_COLOUR = re.compile(r"\x1b\[")
_PERCENT = re.compile(r"%[0-9a-fA-F]{2}")
_BASIC_NAMES = ("auth", "_auth")
"""Members that hold a user's name and password in base64."""
_SHORTEST = 5
"""A text of fewer characters holds no secret that shows itself."""
_SCHEME = re.compile(r"(?i:bearer|basic|token)\s+(?=\S)")
Spelling = tuple[str, re.Pattern[str], Callable[[str], View]]
_VIEWS: tuple[Spelling, ...] = (
    ("\\", _ESCAPE, lax_view),
    ("%", _PERCENT, percent_view),
    ("\x1b[", _COLOUR, colours_apart),
    ("\x1b[", _COLOUR, colours_gone),
)
_ROUNDS = 4
_DEEPEST = 3
"""So many encodings around a secret are undone."""
_EMPTY = re.compile(
    r"\s*(?:[$<{%*].*|\[[\w :.-]*\]|(?i:none|null|nil|true|false|undefined|string|required"
    r"|optional|redacted|masked|x+|\*+|\.+|…|your.*|changeme|example|bearer|basic|unauthorized|invalid.*)|.{0,2})\s*",
    re.DOTALL,
)


class Found(NamedTuple):
    """`text[start:stop]` is, or holds, the secret `value`."""

    start: int
    stop: int
    kind: str
    value: str
    personal: bool = False


class Finder:
    """Finds secrets by what they look like, and those that the ledger has learnt.

    What a text shows by itself is found once, however often the text comes: an agent sends its
    history again and again.
    """

    def __init__(self, ledger: Ledger, only_named: bool = False) -> None:
        self.ledger = ledger
        self.only_named = only_named
        """Nothing is looked for but what the ledger knows."""
        self._shown: dict[tuple[bytes, str], tuple[Found, ...]] = {}

    def find(self, text: str, name: str = "") -> list[Found]:
        """The secrets of `text` in order, none within another; `name` is that of its field.

        A mask beside it may show another secret (`kim@example.org/home/kim`): it is looked at again
        with its masks, so that a second redaction finds nothing more.
        """
        found = self._once(text, name)
        for _ in range(_ROUNDS):
            whole = len(found) == 1 and (found[0].start, found[0].stop) == (0, len(text))
            more = self._beside(text, name, found) if found and not whole else []
            if not more:
                break
            found = sorted((*found, *more))
        return found

    def _once(self, text: str, name: str) -> list[Found]:
        shown = () if self.only_named else self.shown(text, name)
        found = [*self._known(text, 0, _VIEWS), *shown]
        return _apart(text, found) if found else found

    def _beside(self, text: str, name: str, found: list[Found]) -> list[Found]:
        """What is found in the text once `found` is masked, in places of the text itself."""
        out: list[str] = []
        begins, shifts = [0], [0]
        at = length = 0
        for one in found:
            mask = self.ledger.mask(one.kind, one.value)
            out += (text[at : one.start], mask)
            length += one.start - at + len(mask)
            at = one.stop
            begins.append(length)
            shifts.append(at - length)

        def back(place: int) -> int:
            return place + shifts[bisect_right(begins, place) - 1]

        masked = "".join((*out, text[at:]))
        return [
            one._replace(start=back(one.start), stop=back(one.stop - 1) + 1)
            for one in self._once(masked, name)
        ]

    def shown(self, text: str, name: str = "") -> tuple[Found, ...]:
        """The secrets that the text shows by itself, perhaps one within another."""
        named = name if name in _BASIC_NAMES or is_secret_name(name) else ""
        key = (digest(text.encode("utf-8", "surrogatepass")), named)
        shown = self._shown.get(key)
        if shown is None:
            shown = self._shown[key] = tuple(_named(text, named) or _all(text, 0, _VIEWS))
        return shown

    def _known(self, text: str, depth: int, views: Sequence[Spelling]) -> Iterator[Found]:
        """What is learnt, also where it is escaped or wrapped in base64."""
        if not self.ledger.known:
            return
        for secret, kind in self.ledger.known_in(text):
            host = kind == HOST_KIND
            for at in places_of(text, secret):
                stop = at + len(secret)
                if not host or is_named(text, at, stop):
                    yield Found(at, stop, kind, secret, personal=host)
        if depth < _DEEPEST and len(text) >= LEAST:
            yield from _seen_through(text, depth, views, self._known)
            yield from _in_base64(text, depth, self._known)


Search = Callable[[str, int, Sequence[Spelling]], Iterator[Found]]


def _seen_through(
    text: str, depth: int, views: Sequence[Spelling], search: Search
) -> Iterator[Found]:
    """What `search` finds in the text as it reads with each kind of escape undone."""
    for spelling in views:
        hint, written, view = spelling
        if hint in text and written.search(text):
            seen = view(text)
            others = views if hint == "%" else [one for one in views if one is not spelling]
            for one in search(seen.text, depth + 1, others):
                yield one._replace(start=seen.origin(one.start), stop=seen.origin(one.stop))


def _named(text: str, name: str) -> list[Found]:
    """All of a text whose field says that it is a secret."""
    if not name or _EMPTY.fullmatch(text):
        return []
    if name in _BASIC_NAMES:
        password = password_in(text)
        return [Found(0, len(text), PASSWORD_KIND, password)] if password else []
    kind = PASSWORD_KIND if "pass" in name.lower() or "pwd" in name.lower() else TOKEN_KIND
    scheme = _SCHEME.match(text)
    start = scheme.end() if scheme else 0
    return [Found(start, len(text), kind, text[start:])]


def _all(text: str, depth: int, views: Sequence[Spelling]) -> Iterator[Found]:
    if len(text) < _SHORTEST:
        return
    yield from _plain(text)
    if depth < _DEEPEST:
        yield from _wrapped(text, depth)
        yield from _seen_through(text, depth, views, _all)


_CREDENTIALS, _PERSONS = Anchored(PATTERNS), Anchored(PERSONAL)


def _plain(text: str) -> Iterator[Found]:
    for start, stop, kind in (*matches(_CREDENTIALS, text), *detected(text)):
        yield Found(start, stop, kind, text[start:stop])
    for start, stop, kind in matches(_PERSONS, text):
        yield Found(start, stop, kind, text[start:stop], personal=True)


def _wrapped(text: str, depth: int) -> Iterator[Found]:
    """Base64 that holds a secret, or that is a user's name and password by its scheme."""
    yield from _in_base64(text, depth, _all)
    for scheme in _BASIC.finditer(text):
        if password := password_in(scheme[1]):
            yield Found(*scheme.span(1), PASSWORD_KIND, password)


def password_in(credential: str) -> str:
    """The password in a credential of the scheme Basic; `""` where there is none."""
    return (_decoded(credential) or "").partition(":")[2]


def _in_base64(text: str, depth: int, search: Search) -> Iterator[Found]:
    """Base64 in which `search` finds something: first in all of it together."""
    runs = list(_base64(text))
    together = "\n".join(plain for _, _, plain in runs)
    if not runs or not any(map(_is_news, search(together, depth + 1, _VIEWS))):
        return
    for start, stop, plain in runs:
        inner = next(filter(_is_news, search(plain, depth + 1, _VIEWS)), None)
        if inner:
            yield inner._replace(start=start, stop=stop)


def _base64(text: str) -> Iterator[tuple[int, int, str]]:
    """Where base64 stands that holds a text, and that text."""
    if len(text) < _SHORTEST_BASE64:
        return
    for found in _BASE64.finditer(text):
        plain = _decoded(found[0]) if len(found[0]) <= _LONGEST_BASE64 else None
        if plain is not None:
            yield *found.span(), plain


def _is_news(found: Found) -> bool:
    return not _MASK.fullmatch(found.value)


def _decoded(run: str) -> str | None:
    """The text that is written as base64; None where it is none."""
    bare = run.rstrip("=")
    if len(bare) % 4 == 1:
        return None
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=_altchars(bare))
        plain = data.decode()
    except (binascii.Error, ValueError):
        return None
    return plain if plain.isprintable() or "\n" in plain else None


def _altchars(run: str) -> bytes | None:
    return b"-_" if "-" in run or "_" in run else None


def _apart(text: str, found: list[Found]) -> list[Found]:
    """Of what overlaps one, the surest; nothing of what is masked already."""
    sure = _merged(text, [one for one in found if not one.personal])
    starts = [one.start for one in sure]
    for one in _merged(text, [one for one in found if one.personal]):
        before = bisect_left(starts, one.stop) - 1
        if before < 0 or sure[before].stop <= one.start:
            sure.append(one)
    sure.sort()
    masked = sure and any(hint in text for hint in MASK_HINTS)
    masks = [mask.span() for mask in _MASK.finditer(text)] if masked else []
    return list(_unmasked(text, sure, masks)) if masks else sure


def _merged(text: str, found: list[Found]) -> list[Found]:
    """What overlaps is one find, of the kind of that which was found first."""
    merged: list[Found] = []
    for one in sorted(found, key=lambda one: (one.start, -one.stop)):
        last = merged[-1] if merged else None
        if last is None or one.start >= last.stop:
            merged.append(one)
        elif one.stop > last.stop:
            merged[-1] = last._replace(stop=one.stop, value=text[last.start : one.stop])
    return merged


def _unmasked(text: str, found: list[Found], masks: list[tuple[int, int]]) -> Iterator[Found]:
    """What of the finds is no mask: `masks` are where in `text` masks stand."""
    begins = [start for start, _ in masks]
    for one in found:
        at = one.start
        near = masks[max(0, bisect_left(begins, at) - 1) : bisect_left(begins, one.stop)]
        inside = [span for span in near if span[1] > at]
        if not inside:
            yield one
            continue
        for start, stop in [*inside, (one.stop, one.stop)]:
            rest = text[at:start]
            if any(map(str.isalnum, rest)):
                yield one._replace(start=at, stop=start, value=rest)
            at = max(at, stop)
