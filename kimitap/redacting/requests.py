"""A request without its secrets: what of it was sent before is not masked anew."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from kimitap.exchange import Body, Elements, Headers, Piece, digest
from kimitap.redacting.bodies import edited, redact_encoded
from kimitap.redacting.bounded import Bounded
from kimitap.redacting.editor import Editor
from kimitap.redacting.splices import spliced
from kimitap.redacting.stretches import Cut, Key, Stretch, Stretches

_SIDE = "request"
_REMEMBERED = 64 * 1024 * 1024
"""About so many bytes of masked pieces are remembered."""


class Sent(NamedTuple):
    """A request's body after redaction: pieces that were shared are still.

    `masked` counts by place and kind; `readable` is false for what is no text, `tokens` true where
    it may say its text once more as tokens.
    """

    body: Body
    masked: Counter[tuple[str, str]]
    readable: bool
    tokens: bool
    changed: bool


class _Told(NamedTuple):
    """What was masked in a stretch: in `where`, for an element before its index and `behind` it."""

    where: str
    behind: str | None
    kind: str
    times: int


class _Masked(NamedTuple):
    pieces: Sequence[Piece]
    told: Sequence[_Told]
    changed: bool


class Requests:
    """Masks the requests of one report."""

    def __init__(self, stretches: Stretches, editor: Editor) -> None:
        self._stretches = stretches
        self._editor = editor
        self._known = Bounded[tuple[Key, bool, bool], _Masked](_REMEMBERED)

    def redact(self, body: Body, headers: Headers, numbers: bool) -> Sent:
        """`body` without its secrets; with `numbers` also without what it says as tokens."""
        cut = self._stretches.of(body, headers)
        if cut is None:
            return self._whole(body, headers, numbers)
        ids = numbers and cut.ids
        done = [self._masked(stretch, numbers, ids) for stretch in cut.stretches]
        changed = any(one.changed for one in done)
        new = _rebuilt(body, cut, done) if changed else body
        return Sent(new, +_counted(cut, done), readable=True, tokens=cut.tokens, changed=changed)

    def _whole(self, body: Body, headers: Headers, numbers: bool) -> Sent:
        out = redact_encoded(body.content, headers, _SIDE, self._editor, numbers)
        new = Body.whole(out.data) if out.changed else body
        return Sent(new, out.masked, out.source is not None, out.tokens, out.changed)

    def _masked(self, stretch: Stretch, numbers: bool, ids: bool) -> _Masked:
        key = stretch.key, numbers, ids
        known = self._known.get(key)
        if known is None:
            known = self._mask(stretch, numbers, ids)
            weight = sum(len(piece.data) for piece in known.pieces) + 200 * (2 + len(known.told))
            self._known.put(key, known, weight)
        return known

    def _mask(self, stretch: Stretch, numbers: bool, ids: bool) -> _Masked:
        source, start, stop, texts = self._stretches.read(stretch)
        splices, masked = edited(source, texts, _SIDE, self._editor, numbers, ids)
        told = [self._told(stretch, *place, count) for place, count in masked.items()]
        whole = spliced(source, splices) if splices else source
        new = whole[start : len(whole) - len(source) + stop]
        if new == source[start:stop]:
            return _Masked(stretch.pieces, told, changed=False)
        data = new.encode("utf-8", "surrogateescape")
        return _Masked((Piece(digest(data), data),), told, changed=True)

    def _told(self, stretch: Stretch, where: str, kind: str, count: int) -> _Told:
        """A place of a stretch, told so that it holds wherever the element stands."""
        if not stretch.array or where == _SIDE:
            return _Told(where, None, kind, count)
        above = f"{_SIDE} $.{self._editor.name(stretch.array)}"
        return _Told(above, where[len(above) :].partition("]")[2], kind, count)


def _counted(cut: Cut, done: Sequence[_Masked]) -> Counter[tuple[str, str]]:
    """What was masked in a body of these stretches, by place and kind."""
    masked: Counter[tuple[str, str]] = Counter()
    at = 0
    for stretch, one in zip(cut.stretches, done, strict=True):
        for where, behind, kind, times in one.told:
            place = where if behind is None else f"{where}[{at}]{behind}"
            masked[place, kind] += times
        at = at + 1 if stretch.array else 0
    return masked


def _rebuilt(body: Body, cut: Cut, done: Sequence[_Masked]) -> Body:
    """The body of these stretches; its arrays' elements are a piece each, as they were.

    One piece where the name of such an array was masked.
    """
    pieces: list[Piece] = []
    ends: list[int] = []
    for stretch, one in zip(cut.stretches, done, strict=True):
        pieces += one.pieces
        if not stretch.array:
            ends.append(len(pieces))
            if len(ends) <= len(body.elements) and one.changed and not _named(stretch, one):
                return Body.whole(b"".join(piece.data for one in done for piece in one.pieces))
    runs = zip(body.elements, ends[:-1], strict=True)
    elements = (Elements(run.name, end, end + run.stop - run.start) for run, end in runs)
    return Body(tuple(pieces), tuple(elements))


def _named(stretch: Stretch, masked: _Masked) -> bool:
    """Whether the name of the array that begins where glue ends is as it was."""
    old, new = (b"".join(piece.data for piece in one.pieces) for one in (stretch, masked))
    return new.endswith(old[old.rfind(b'"', 0, old.rfind(b'"')) :])
