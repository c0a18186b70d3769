"""Leaves out whole exchanges."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from kimitap.lineage import Session
from kimitap.rules.finding import Finding
from kimitap.shrink.ddmin import ddmin
from kimitap.shrink.messages import echoes_of, without
from kimitap.shrink.sameness import Drafts, about
from kimitap.shrink.search import Search


def drop_exchanges(search: Search) -> None:
    """Leave out all exchanges that the finding does not need."""

    def shows(numbers: Collection[int]) -> bool:
        return search.offer(tuple(draft for draft in search.best if draft.number in numbers))

    fewest_of(guesses(search.finding, search.seen.sessions), search.finding, shows)
    _drop_rounds(search)


def fewest_of(
    candidates: Iterable[Collection[int]],
    finding: Finding,
    shows: Callable[[Collection[int]], bool],
) -> tuple[int, ...] | None:
    """The first of some sets of exchanges that shows the finding, without those it does not need.

    None of those left can go, but for the finding's own. None where no set shows it. `shows` may
    raise to end the search.
    """
    own = finding.place.exchange
    shown = next((numbers for numbers in candidates if shows(numbers)), None)
    if shown is None:
        return None
    others = [number for number in sorted(shown) if number != own]
    return tuple(sorted({*ddmin(others, lambda some: shows({*some, own})), own}))


def _drop_rounds(search: Search) -> None:
    """Leave out exchanges together with what later requests repeat of their replies: by itself
    such a message may be a defect, which the exchange explains."""
    echoes = echoes_of(search.best, search.seen)
    rounds = [n for n in echoes if n != search.finding.place.exchange]

    def drop(drafts: Drafts, gone: Sequence[int]) -> Drafts | None:
        rest = tuple(draft for draft in drafts if draft.number not in gone)
        return without(rest, [echoes[number] for number in gone])

    search.narrow(rounds, drop)


def guesses(finding: Finding, sessions: Iterable[Session]) -> Iterator[set[int]]:
    """Sets of exchanges that are likely to show the finding, the smallest first.

    Those that it speaks of; then more and more of its thread before it, the next of it, all of it;
    then its session.
    """
    own, spoken = finding.place.exchange, set(about(finding))
    yield {own}
    yield spoken
    threads = [t for s in sessions if s.name == finding.session for t in s.threads]
    thread = [turn.exchange for t in threads if t.name == finding.thread for turn in t.turns]
    earlier, later = [n for n in thread if n < own], [n for n in thread if n > own]
    for doubled in range(len(earlier).bit_length()):
        yield spoken | set(earlier[-(1 << doubled) :])
    yield spoken | {*earlier, *later[:1]}
    yield spoken | set(thread)
    session = {turn.exchange for t in threads for turn in t.turns}
    yield spoken | {number for number in session if number <= max(spoken)}
    yield spoken | session
