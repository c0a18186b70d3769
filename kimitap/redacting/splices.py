"""Replacing parts of a body, and where its other parts are then."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from kimitap.exchange import Segment
from kimitap.redact.views import Edit
from kimitap.redacting.texts import Text


class Splice(NamedTuple):
    """`body[start:stop]` gives way to `new`."""

    start: int
    stop: int
    new: str


def splices_of(text: Text, edits: Sequence[Edit]) -> Iterator[Splice]:
    """The splices of a body that make these edits of one of its texts.

    Where an edit reaches over several parts each gets its share of what is new, by how much of the
    old it held: placeholders stay where their words were, and a mask is spread.
    """
    ends = list(accumulate(len(part.view.text) for part in text.parts))
    for edit in edits:
        at = bisect_right(ends, edit.start)
        taken = 0
        while at < len(ends):
            begin = ends[at] - len(text.parts[at].view.text)
            start, stop = max(edit.start, begin), min(edit.stop, ends[at])
            if start >= edit.stop:
                break
            share = len(edit.new) * (stop - edit.start) // (edit.stop - edit.start)
            part = text.parts[at]
            local = Edit(start - begin, stop - begin, edit.new[taken:share], edit.kind)
            for made in part.view.written(local):
                yield Splice(part.start + made.start, part.start + made.stop, made.new)
            taken, at = share, at + 1


def spliced(body: str, splices: Iterable[Splice]) -> str:
    """The body with its splices, which are in order and apart."""
    return "".join(_pieces(body, splices))


def _pieces(body: str, splices: Iterable[Splice]) -> Iterator[str]:
    at = 0
    for start, stop, new in splices:
        yield body[at:start]
        yield new
        at = stop
    yield body[at:]


def moved(
    segments: Sequence[Segment], body: str, splices: Sequence[Splice], size: int
) -> tuple[Segment, ...]:
    """The segments of a body of `size` bytes after its splices: each has the events it had."""
    olds, news = _marks(body, splices)
    out: list[Segment] = []
    at = done = 0
    for segment in segments:
        at += segment.length
        end = max(done, min(_place(at, olds, news), size))
        out.append(Segment(segment.at_s, end - done))
        done = end
    return tuple(out)


def _marks(body: str, splices: Sequence[Splice]) -> tuple[list[int], list[int]]:
    """Bytes at which splices begin and end, before and after."""
    olds, news = [0], [0]
    at = 0
    for start, stop, new in splices:
        kept = _bytes(body[at:start])
        olds += (olds[-1] + kept, olds[-1] + kept + _bytes(body[start:stop]))
        news += (news[-1] + kept, news[-1] + kept + _bytes(new))
        at = stop
    return olds, news


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def _place(at: int, olds: list[int], news: list[int]) -> int:
    """Where the byte `at` is after the splices; within one as far in as that goes."""
    mark = bisect_right(olds, at) - 1
    place = news[mark] + at - olds[mark]
    return min(place, news[mark + 1]) if mark + 1 < len(news) else place
