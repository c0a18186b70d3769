"""An exchange taken apart, so that parts of it can be left out, and put together again.

A request is its skeleton (the JSON object with its top-level arrays empty) and the arrays'
elements; an answer is the events of a stream, or one JSON value. Each part is a slice of the bytes
on the wire. What cannot be read as JSON stays whole.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise

from kimitap.dialects import speaks
from kimitap.dialects.encoding import decoded
from kimitap.exchange import Body, Elements, Exchange, Headers, Piece, Segment, digest, header
from kimitap.shrink.spans import parse
from kimitap.store.cut import cut

HISTORIES = {"openai-responses": "input"}
"""The array that holds the history, where it is not `messages`."""

_SEPARATOR = re.compile(rb"[ \t\r\n]*(?:,[ \t\r\n]*)?")
_WHITE = b" \t\r\n"
_BLOCK = re.compile(rb"(?:\r\n|\n|\r){2,}")
_DATA = re.compile(rb"^data:[ \t]*+(?=[{\[])([^\r\n]*+)", re.M)
_STREAM = re.compile(rb"\s*(?:data|event|id|retry|error|):")


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a top-level array, with the comma and white space before it.

    `index` is where it stood in the array as it was recorded.
    """

    data: bytes
    index: int

    @property
    def bare(self) -> bytes:
        """The element without what stands before it."""
        found = _SEPARATOR.match(self.data)
        return self.data[found.end() :] if found else self.data


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an answer: an event of a stream, or the whole body. `data` is JSON, or empty.

    `before` and `after` are what stands around it, the end of the event included. `times` are when
    bytes of it came, in seconds since the request.
    """

    before: bytes
    data: bytes = b""
    after: bytes = b""
    times: tuple[float, ...] = ()

    @property
    def content(self) -> bytes:
        return self.before + self.data + self.after


Run = tuple[Element, ...]


@dataclass(frozen=True)
class Inside:
    """An exchange's bodies in parts. `asked` and `answered`: the request, the answer differs from
    what was recorded."""

    skeleton: bytes
    runs: tuple[tuple[str, Run], ...]
    parts: tuple[Part, ...]
    asked: bool = False
    answered: bool = False


@dataclass(frozen=True, eq=False)
class Draft:
    """An exchange that may have lost some of its parts. `original` is the exchange as recorded;
    `changed` what is left of its bodies, None where all is.

    It is taken apart when somebody looks into it: of a long recording hardly any exchange is.
    """

    original: Exchange
    changed: Inside | None = None

    @property
    def number(self) -> int:
        return self.original.number

    @cached_property
    def dialect(self) -> str:
        """The dialect of the exchange; `""` where none speaks it."""
        return speaks(self.original) or ""

    @cached_property
    def inside(self) -> Inside:
        """The bodies in parts."""
        if self.changed is not None:
            return self.changed
        if not self.dialect:
            return Inside(self.original.request.content, (), (_whole(self.original),))
        return Inside(*_taken_apart(self.original), _answer(self.original))

    @property
    def skeleton(self) -> bytes:
        """The request without the elements of its top-level arrays."""
        return self.inside.skeleton

    @property
    def runs(self) -> tuple[tuple[str, Run], ...]:
        """The top-level arrays of the request, by name."""
        return self.inside.runs

    @property
    def parts(self) -> tuple[Part, ...]:
        """The answer."""
        return self.inside.parts

    @property
    def history(self) -> str:
        """The name of the array that holds the messages."""
        return HISTORIES.get(self.dialect, "messages")

    def run(self, name: str) -> Run:
        """The elements of a top-level array; none where it has none or cannot be taken apart."""
        return next((run for known, run in self.runs if known == name), ())

    def with_run(self, name: str, run: Sequence[Element]) -> "Draft":
        """The draft with other elements in that array."""
        kept = _led(run)
        runs = tuple((known, kept if known == name else old) for known, old in self.runs)
        if runs == self.runs:
            return self
        return replace(self, changed=replace(self.inside, runs=runs, asked=True))

    def with_parts(self, parts: Sequence[Part]) -> "Draft":
        """The draft with another answer."""
        made = tuple(parts)
        if made == self.parts:
            return self
        return replace(self, changed=replace(self.inside, parts=made, answered=True))

    def with_skeleton(self, skeleton: bytes) -> "Draft":
        """The draft with other top-level fields; arrays that are gone go with their elements."""
        if skeleton == self.skeleton:
            return self
        names = {item.name for item in parse(skeleton).items}
        runs = tuple((name, run) for name, run in self.runs if name in names)
        inside = replace(self.inside, skeleton=skeleton, runs=runs, asked=True)
        return replace(self, changed=inside)

    @cached_property
    def exchange(self) -> Exchange:
        """The exchange that the parts make, under its old number."""
        made = self.original
        if self.changed is not None and self.changed.asked:
            request = self._request()
            headers = _fitting(made.request_headers, request.size)
            made = replace(made, request=request, request_headers=headers)
        if self.changed is not None and self.changed.answered:
            response = b"".join(part.content for part in self.parts)
            made = replace(
                made,
                response=response,
                response_headers=_fitting(made.response_headers, len(response)),
                segments=tuple(_segments(self.parts)),
            )
        return made

    @cached_property
    def key(self) -> bytes:
        """Equal for drafts of one exchange whose parts are the same bytes."""
        if self.changed is None:
            return b"%d" % self.number
        elements = (e.data for _, run in self.runs for e in run)
        parts = (part.content for part in self.parts)
        return digest(b"\0".join([b"%d" % self.number, self.skeleton, *elements, b"", *parts]))

    def _request(self) -> Body:
        if not self.runs:
            return Body.whole(self.skeleton)
        tree = parse(self.skeleton)
        pieces: list[Piece] = []
        elements: list[Elements] = []
        at = 0
        for name, run in sorted(self.runs, key=lambda one: tree.at(one[0]).start):  # type: ignore[union-attr]
            node = tree.get(name)
            assert node is not None
            if not run:
                continue
            pieces.append(_piece(self.skeleton[at : node.start + 1]))
            begin = len(pieces)
            pieces += [_piece(element.data) for element in run]
            elements.append(Elements(name, begin, len(pieces)))
            at = node.start + 1
        return Body((*pieces, _piece(self.skeleton[at:])), tuple(elements))


def _taken_apart(exchange: Exchange) -> tuple[bytes, tuple[tuple[str, Run], ...]]:
    """The request's skeleton and arrays; a recording has it in pieces already."""
    body = exchange.request
    if not body.elements or header(exchange.request_headers, "content-encoding"):
        sent, trouble = decoded(body.content, exchange.request_headers)
        if trouble:
            return body.content, ()
        body = cut(sent)
    glue: list[bytes] = []
    runs: list[tuple[str, Run]] = []
    at = 0
    for run in body.elements:
        before = b"".join(piece.data for piece in body.pieces[at : run.start])
        glue.append(before.rstrip(_WHITE))
        first, *others = (piece.data for piece in body.pieces[run.start : run.stop])
        first = before[len(glue[-1]) :] + first
        runs.append((run.name, tuple(Element(d, i) for i, d in enumerate([first, *others]))))
        at = run.stop
    return b"".join([*glue, *(piece.data for piece in body.pieces[at:])]), tuple(runs)


def _led(run: Sequence[Element]) -> Run:
    """The elements with no comma before the first."""
    return (replace(run[0], data=run[0].bare), *run[1:]) if run else ()


def _answer(exchange: Exchange) -> tuple[Part, ...]:
    body, trouble = decoded(exchange.response, exchange.response_headers)
    if trouble or not body:
        return (_whole(exchange),)
    encoded = body is not exchange.response and body != exchange.response
    if not _STREAM.match(body):
        part = Part(b"", body, b"", _last(exchange))
        return (part,) if _is_json(body) else (Part(body, times=_last(exchange)),)
    blocks = _blocks(body)
    if encoded:
        return tuple(_event(block, _last(exchange)) for block in blocks)
    ends = list(accumulate(len(block) for block in blocks))
    return tuple(_event(b, t) for b, t in zip(blocks, _arrivals(ends, exchange), strict=True))


def _whole(exchange: Exchange) -> Part:
    return Part(exchange.response, times=_last(exchange))


def _last(exchange: Exchange) -> tuple[float, ...]:
    return tuple(segment.at_s for segment in exchange.segments[-1:])


def _is_json(data: bytes) -> bool:
    try:
        parse(data)
    except ValueError:
        return False
    return True


def _blocks(body: bytes) -> list[bytes]:
    """The events of a stream, each with the blank line that ends it."""
    ends = [found.end() for found in _BLOCK.finditer(body)]
    bounds = [0, *ends] if ends and ends[-1] == len(body) else [0, *ends, len(body)]
    return [body[a:b] for a, b in pairwise(bounds)]


def _event(block: bytes, times: tuple[float, ...]) -> Part:
    """The block; its data is JSON where it is one line of it."""
    found = _DATA.search(block)
    if (
        found
        and block.count(b"data:", 0, found.start()) == 0
        and b"\ndata:" not in block[found.end() :]
    ):
        start, stop = found.span(1)
        if _is_json(block[start:stop]):
            return Part(block[:start], block[start:stop], block[stop:], times)
    return Part(block, times=times)


def _arrivals(ends: Sequence[int], exchange: Exchange) -> Iterator[tuple[float, ...]]:
    """For each stretch of the answer, when bytes of it came."""
    segments = list(exchange.segments)
    at, stop, last = 0, 0, 0.0
    for end in ends:
        times = []
        while stop < end and at < len(segments):
            stop += segments[at].length
            last = segments[at].at_s
            times.append(last)
            at += 1
        yield tuple(times) or (last,)


def _segments(parts: Sequence[Part]) -> Iterator[Segment]:
    """The parts as they came: the first time brings all but a byte for each further one."""
    last = 0.0
    for part in parts:
        left = len(part.content)
        times = _thinned(part.times or (last,), left)
        for i, at_s in enumerate(times):
            last = max(last, at_s)
            length = left - (len(times) - 1) if i == 0 else 1
            yield Segment(last, length)


def _thinned(times: Sequence[float], most: int) -> Sequence[float]:
    """The times, or evenly chosen ones of them with the first and the last, no more than `most`."""
    if len(times) <= most:
        return times
    if most < 2:
        return times[:1]
    step = (len(times) - 1) / (most - 1)
    return [times[round(i * step)] for i in range(most)]


def _fitting(headers: Headers, size: int) -> Headers:
    """The headers of a body of so many bytes that is not encoded."""
    gone = ("content-encoding",)
    kept = ((name, value) for name, value in headers if name.lower() not in gone)
    return tuple((n, str(size) if n.lower() == "content-length" else v) for n, v in kept)


def _piece(data: bytes) -> Piece:
    return Piece(digest(data), data)
