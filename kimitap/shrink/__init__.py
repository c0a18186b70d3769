"""The smallest recording that shows a finding: exchanges, messages, tools and text are taken away
while the same finding stays and no new error comes.

    shrunk = shrink(exchanges, finding)

Each candidate is decoded, woven and checked in memory. What stays are slices of the recorded bytes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from kimitap.errors import UsageError
from kimitap.exchange import Exchange, digest
from kimitap.rules.finding import Finding
from kimitap.shrink.draft import Draft
from kimitap.shrink.live import Live
from kimitap.shrink.passes import PASSES
from kimitap.shrink.sameness import Drafts, Reader, Sought
from kimitap.shrink.search import Interesting, OutOfTime, Search
from kimitap.shrink.whole import guesses
from kimitap.store.cut import Familiar, cut

__all__ = [
    "Interesting",
    "Live",
    "Shrunk",
    "Size",
    "as_shown",
    "guesses",
    "shows",
    "shrink",
    "size_of",
    "with_live_answer",
]

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
    drafts = tuple(Draft(one) for one in sorted(exchanges, key=lambda one: one.number))
    reader = Reader()
    seen = reader.read(drafts)
    sought = Sought.among(seen, finding)
    if sought is None:
        raise UsageError(f"these exchanges do not show the {finding.rule} to be kept")
    search = Search(drafts, seen, sought, reader, patience_s, also, say)
    finished, why = _run(search)
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


def shows(exchanges: Sequence[Exchange], finding: Finding) -> bool:
    """True where the exchanges show the finding, at its place and however it is graded."""
    return as_shown(exchanges, finding) is not None


def as_shown(exchanges: Sequence[Exchange], finding: Finding) -> Finding | None:
    """The finding as the exchanges show it, graded by its rule; None where they do not."""
    sought = Sought.among(Reader().read(tuple(map(Draft, exchanges))), finding)
    return sought.finding if sought else None


def with_live_answer(shrunk: Shrunk, live: Live) -> Shrunk:
    """What was shrunk with `live` as a further test, with the answer that showed the finding last
    in the place of the recorded one."""
    at = shrunk.finding.place.exchange
    exchanges = live.answered(shrunk.exchanges, at - 1)
    seen = Reader().read(tuple(Draft(one) for one in exchanges))
    found = next(f for f in seen.findings if live.same(f, at))
    return replace(shrunk, exchanges=exchanges, finding=found, after=size_of(exchanges))


def size_of(exchanges: Iterable[Exchange]) -> Size:
    """How much the exchanges hold."""
    count, messages = 0, 0
    unique: dict[bytes, int] = {}
    familiar = Familiar()
    for one in exchanges:
        count += 1
        body = one.request if one.request.elements else cut(one.request.content, familiar)
        history = Draft(one).history
        messages += sum(run.stop - run.start for run in body.elements if run.name == history)
        unique.update((piece.key, len(piece.data)) for piece in body.pieces)
        unique[digest(one.response)] = len(one.response)
    return Size(count, messages, sum(unique.values()))


def _run(search: Search) -> tuple[bool, tuple[str, ...]]:
    """Make the passes until none takes anything away; whether they came to that, and why each
    exchange stays."""
    unknown = "the time was up before it could be left out"
    try:
        for _ in range(ROUNDS):
            before = search.best
            for name, make in PASSES:
                since = search.best
                make(search)
                if search.best != since:
                    search.say(name, _told(search))
            if search.best == before:
                break
        return True, tuple(_why(search, draft) for draft in search.best)
    except OutOfTime:
        search.say("the time is up", _told(search))
    except KeyboardInterrupt:
        search.say("ended", _told(search))
    return False, (unknown,) * len(search.best)


def _told(search: Search) -> str:
    size = size_of(draft.exchange for draft in search.best)
    return f"{size.exchanges:,} exchanges, {size.messages:,} messages, {size.content:,} bytes"


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
