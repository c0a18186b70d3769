"""The smallest recording that shows a finding: exchanges, messages, tools and text are taken away
while the same finding stays and no new error comes.

    shrunk = shrink(exchanges, finding)

Each candidate is decoded, woven and checked in memory. What stays are slices of the recorded bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kimitap.errors import UsageError
from kimitap.exchange import Exchange, digest
from kimitap.rules.finding import Finding
from kimitap.shrink.draft import Draft, draft_of
from kimitap.shrink.passes import PASSES
from kimitap.shrink.sameness import Drafts, Reader, Sought
from kimitap.shrink.search import Interesting, OutOfTime, Search

__all__ = ["Interesting", "Shrunk", "Size", "shrink"]

PATIENCE_S = 60.0
ROUNDS = 6
"""All passes are made so many times at most: what one takes away may free another's hand."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much exchanges hold. `content` counts each piece of their bodies once, in bytes;
    `messages` are those of the requests, repeated ones included."""

    exchanges: int
    messages: int
    content: int


@dataclass(frozen=True)
class Shrunk:
    """What is left, numbered from 1, and the finding as it stands there.

    `numbers` are the exchanges' numbers before. `tried` counts the candidates that were read.
    `kept_because` says of each exchange why it stays. `finished` is False where the patience ended
    (or the user ended it) before nothing more could be taken away.
    """

    exchanges: tuple[Exchange, ...]
    finding: Finding
    before: Size
    after: Size
    tried: int
    kept_because: tuple[str, ...]
    numbers: tuple[int, ...] = ()
    finished: bool = True


def shrink(
    exchanges: Sequence[Exchange],
    finding: Finding,
    *,
    patience_s: float = PATIENCE_S,
    say: Callable[[str], None] | None = None,
    also: Interesting | None = None,
) -> Shrunk:
    """The least of `exchanges` that shows `finding`, found in about `patience_s` seconds at most.

    The exchanges may be a whole recording's; the finding must be one that the rules find in them,
    whatever its grade.
    `say` is told how it goes, a line at a time. `also` is asked of every candidate that shows the
    finding. Ctrl-C ends the search, not the program: the best so far is given. Raises `UsageError`
    where the exchanges do not show the finding.
    """
    drafts = tuple(draft_of(one) for one in sorted(exchanges, key=lambda one: one.number))
    reader = Reader()
    sought = Sought.among(reader.read(drafts), finding)
    if sought is None:
        raise UsageError(f"these exchanges do not show the {finding.rule} to be kept")
    search = Search(drafts, sought, reader, patience_s, also)
    finished, why = _run(search, say or (lambda line: None))
    left, found = _renumbered(search.best, reader, sought)
    return Shrunk(
        exchanges=left,
        finding=found,
        before=size_of(exchanges),
        after=size_of(left),
        tried=search.tried,
        kept_because=why,
        numbers=tuple(draft.number for draft in search.best),
        finished=finished,
    )


def size_of(exchanges: Sequence[Exchange]) -> Size:
    """How much the exchanges hold."""
    drafts = [draft_of(one) for one in exchanges]
    messages = sum(len(draft.run(draft.history)) for draft in drafts)
    unique: dict[bytes, int] = {}
    for draft in drafts:
        elements = [element.bare for _, run in draft.runs for element in run]
        for data in (draft.skeleton, *elements, *(part.content for part in draft.parts)):
            unique[digest(data)] = len(data)
    return Size(len(drafts), messages, sum(unique.values()))


def _run(search: Search, say: Callable[[str], None]) -> tuple[bool, tuple[str, ...]]:
    """Make the passes until none takes anything away; whether they came to that, and why each
    exchange stays."""
    unknown = "the time was up before it could be left out"
    try:
        for _ in range(ROUNDS):
            before = search.best
            for name, make in PASSES:
                make(search)
                say(f"{name}: {_told(search)}")
            if search.best == before:
                break
        return True, tuple(_why(search, draft) for draft in search.best)
    except OutOfTime:
        say(f"the time is up: {_told(search)}")
    except KeyboardInterrupt:
        say(f"ended: {_told(search)}")
    return False, (unknown,) * len(search.best)


def _told(search: Search) -> str:
    size = size_of([draft.exchange for draft in search.best])
    return (
        f"{size.exchanges:,} exchanges, {size.messages:,} messages, {size.content:,} bytes "
        f"({search.tried:,} tried)"
    )


def _why(search: Search, draft: Draft) -> str:
    if draft.number == search.finding.place.exchange:
        return "the finding stands in it"
    others = tuple(other for other in search.best if other is not draft)
    return f"without it {search.objection(others)}"


def _renumbered(
    drafts: Drafts, reader: Reader, sought: Sought
) -> tuple[tuple[Exchange, ...], Finding]:
    """The exchanges with numbers from 1, as a new recording gives them, and the finding there."""
    numbered = tuple(
        replace(draft, original=replace(draft.original, number=number))
        for number, draft in enumerate(drafts, 1)
    )
    place = sought.finding.place
    at = next(i for i, draft in enumerate(drafts, 1) if draft.number == place.exchange)
    moved = sought.at(at)
    found = moved.find(reader.read(numbered), numbered)
    assert found is not None
    return tuple(draft.exchange for draft in numbered), found
