"""A cut request read in stretches, each of them once: an agent sends its history again and again.

A stretch is an element of a top-level array, or what stands between two such arrays. It says by
itself what it says in its body, so that whoever knows it need not read it again. A body of which
that is not certain has no stretches and is read as a whole.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

from kimitap.dialects.jsonread import loads
from kimitap.exchange import Body, Headers, Piece, header
from kimitap.redact.scan import Leaf, scan
from kimitap.redacting.bounded import Bounded
from kimitap.redacting.fields import TOKENS
from kimitap.redacting.multipart import boundary_of
from kimitap.redacting.texts import Gathered, Text
from kimitap.redacting.tokens import may_hold_tokens, numbers_ids

_LEAD = re.compile(rb"[ \t\r\n]*+,?[ \t\r\n]*+(?=[{\[\"])")
_OPENS = re.compile(r'"[ \t\r\n]*+:[ \t\r\n]*+\[[ \t\r\n]*+')
_CLOSES = re.compile(r"[ \t\r\n]*+\]")
_BREAK = re.compile(r"[\r\n]")
_REMEMBERED = 64 * 1024 * 1024
"""About so many bytes of stretches' texts are remembered, from the first reading to the second."""
_NOTED = 64 * 1024 * 1024
_NOTE = 400
"""About so many bytes is what is remembered of each stretch for longer."""

Key = tuple[bytes | tuple[bytes, ...], str | int]


class Read(NamedTuple):
    """A stretch as text: `source[start:stop]`; around it is what makes JSON of an element."""

    source: str
    start: int
    stop: int
    texts: Sequence[Text]


class Stretch(NamedTuple):
    """Equal keys are equal stretches. `array` is how the name of an element's array is spelled.

    What is no element has `""` there, and has been `read` with its body.
    """

    key: Key
    pieces: Sequence[Piece]
    array: str = ""
    read: Read | None = None


class Traits(NamedTuple):
    """What tells whether a body may be read in stretches, and what else it may say by numbers."""

    follows: bool
    """It begins with the comma behind the element before it."""
    lines: bool
    """A line ends in it."""
    tokens: bool
    ids: bool


class Cut(NamedTuple):
    """The stretches of a body in their order; `tokens` and `ids` as for its whole text."""

    stretches: Sequence[Stretch]
    tokens: bool
    ids: bool


class _Skeleton(NamedTuple):
    """What of a body is no element, in stretches, and how its arrays' names are spelled."""

    names: Sequence[str]
    reads: Sequence[Read]
    traits: Traits
    alone: bool
    """True where it is one document however many lines the elements are."""


class Stretches:
    """Reads bodies in stretches and remembers what it read."""

    def __init__(self) -> None:
        self._skeletons = Bounded[tuple[bytes, ...], _Skeleton | Literal[False]](_REMEMBERED)
        self._elements = Bounded[Key, tuple[Stretch, Traits] | Literal[False]](_NOTED)
        self._reads = Bounded[Key, Read](_REMEMBERED)
        self._seen = Bounded[Key, bool](_NOTED)

    def of(self, body: Body, headers: Headers) -> Cut | None:
        """The stretches of a body; None for one that is to be read as a whole."""
        glue = _glue(body) if body.elements and _is_plain(headers) else None
        if glue is None:
            return None
        key = tuple(b"".join(piece.key for piece in some) for some in glue)
        skeleton = self._skeleton(key, glue)
        if not skeleton:
            return None
        out = [Stretch((key, 0), glue[0], read=skeleton.reads[0])]
        kinds = {skeleton.traits}
        for number, (run, name) in enumerate(zip(body.elements, skeleton.names, strict=True), 1):
            for piece in body.pieces[run.start : run.stop]:
                known = self._elements.get((piece.key, name)) or self._look(piece, name)
                if not known or known[1].follows != (out[-1].array != ""):
                    return None
                out.append(known[0])
                kinds.add(known[1])
            out.append(Stretch((key, number), glue[number], read=skeleton.reads[number]))
        if not skeleton.alone and any(traits.lines for traits in kinds):
            return None
        return Cut(out, any(one.tokens for one in kinds), any(one.ids for one in kinds))

    def fresh(self, cut: Cut) -> Iterator[Text]:
        """The texts of those stretches that were not asked for before."""
        for stretch in cut.stretches:
            if stretch.key not in self._seen:
                self._seen.put(stretch.key, value=True, weight=_NOTE)
                yield from self.read(stretch).texts

    def read(self, stretch: Stretch) -> Read:
        """The texts of one of a cut's stretches."""
        read = stretch.read or self._reads.get(stretch.key)
        if read is None:
            read = _element(stretch.pieces[0].data, stretch.array)
            self._reads.put(stretch.key, read, _weight(read))
        return read

    def _look(self, piece: Piece, array: str) -> tuple[Stretch, Traits] | Literal[False]:
        stretch = Stretch((piece.key, array), (piece,), array)
        found: tuple[Stretch, Traits] | Literal[False] = False
        with suppress(ValueError):
            source = self.read(stretch).source
            found = stretch, _traits(source, follows=b"," in _lead(piece.data))
        self._elements.put(stretch.key, found, _NOTE)
        return found

    def _skeleton(
        self, key: tuple[bytes, ...], glue: Sequence[Sequence[Piece]]
    ) -> _Skeleton | Literal[False]:
        known = self._skeletons.get(key)
        if known is None:
            known = False
            with suppress(ValueError):
                known = _skeleton([b"".join(piece.data for piece in some) for some in glue])
            self._skeletons.put(key, known, sum(map(_weight, known.reads)) if known else _NOTE)
        return known


def _weight(read: Read) -> int:
    return len(read.source) + 1000 * len(read.texts) + _NOTE


def _is_plain(headers: Headers) -> bool:
    """Whether a body is neither encoded, nor a form, nor a stream, as far as its headers say."""
    kind = header(headers, "content-type")
    encoded = any(name.lower() == "content-encoding" for name, _ in headers)
    return not (encoded or boundary_of(kind) or "event-stream" in kind.lower())


def _glue(body: Body) -> list[Sequence[Piece]] | None:
    """The pieces before, between and behind the arrays' elements; None where those are disordered.

    Body.glue, but told apart.
    """
    glue: list[Sequence[Piece]] = []
    at = 0
    for run in body.elements:
        if not at < run.start <= run.stop < len(body.pieces):
            return None
        glue.append(body.pieces[at : run.start])
        at = run.stop
    return [*glue, body.pieces[at:]]


def _skeleton(glue: Sequence[bytes]) -> _Skeleton:
    """The skeleton of a body. Raises ValueError where its elements depend on more than a name."""
    parts = [data.decode() for data in glue]
    source = "".join(parts)
    if source[:1] != "{":
        raise ValueError("no object")
    leaves = _leaves(source)
    starts = [leaf.start for leaf in leaves]
    names: list[str] = []
    reads: list[Read] = []
    for begin, end in pairwise(accumulate(map(len, parts), initial=0)):
        mine = leaves[bisect_left(starts, begin) : bisect_left(starts, end)]
        moved = [one._replace(start=one.start - begin, stop=one.stop - begin) for one in mine]
        reads.append(_read(source[begin:end], 0, end - begin, moved))
        if len(reads) < len(parts):
            if not mine or not _opens(mine[-1], source, end):
                raise ValueError("no array of the body itself")
            names.append(mine[-1].name)
    first = _BREAK.search(parts[0])
    alone = first is not None and parts[0][first.start() - 1] != "}"
    return _Skeleton(names, reads, _traits(source, follows=False), alone)


def _opens(leaf: Leaf, source: str, at: int) -> bool:
    """Whether a member of the body itself has this name and is an array that begins at `at`.

    A body that says of what type it is may have elements that depend on it.
    """
    above = leaf.parent.parent
    return (
        leaf.key
        and above is not None
        and above.parent is None
        and "type" not in leaf.parent.marks
        and _OPENS.fullmatch(source, leaf.stop, at) is not None
        and _CLOSES.match(source, at) is not None
    )


def _element(data: bytes, array: str) -> Read:
    """An element of an array of this name. Raises ValueError for what depends on its neighbours."""
    text = data.decode()
    loads(data[len(_lead(data)) :])
    head = f'{{"{array}":['
    source = f"{head}{text}]}}"
    return _read(source, len(head), len(head) + len(text), _leaves(source)[1:])


def _lead(data: bytes) -> bytes:
    """What stands before an element that is an object, an array or a string."""
    lead = _LEAD.match(data)
    if lead is None:
        raise ValueError("another element")
    return lead[0]


def _leaves(source: str) -> list[Leaf]:
    """Its strings. None of them may be a part of a text that goes on in another element."""
    leaves = scan(source) if "\0" not in source else None
    if leaves is None or any(leaf.name in TOKENS and not leaf.key for leaf in leaves):
        raise ValueError("no JSON, or tokens")
    return leaves


def _read(source: str, start: int, stop: int, leaves: list[Leaf]) -> Read:
    gathered = Gathered()
    gathered.add(source, leaves, 0)
    return Read(source, start, stop, gathered.texts)


def _traits(source: str, follows: bool) -> Traits:
    lines = _BREAK.search(source) is not None
    return Traits(follows, lines, may_hold_tokens(source), numbers_ids(source))
