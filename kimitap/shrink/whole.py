"""Leaves out whole exchanges."""

from collections.abc import Iterable, Iterator, Sequence

from kimitap.lineage import Session
from kimitap.rules.finding import Finding
from kimitap.shrink.draft import Draft
from kimitap.shrink.messages import echoes_of, without
from kimitap.shrink.sameness import Drafts, about
from kimitap.shrink.search import Search


def drop_exchanges(search: Search) -> None:
    """Leave out all exchanges that the finding does not need.

    The exchanges that it speaks of are tried first, then its thread and session up to there.
    """
    for numbers in guesses(search.finding, search.seen.sessions):
        if search.offer(tuple(d for d in search.best if d.number in numbers)):
            break
    own = search.finding.place.exchange
    others = [draft for draft in search.best if draft.number != own]
    others.sort(key=lambda draft: draft.number > own)  # what comes later matters least
    search.narrow(others, _without)
    _drop_rounds(search)


def _drop_rounds(search: Search) -> None:
    """Leave out exchanges together with what later requests repeat of their replies: by itself
    such a message may be a defect, which the exchange explains."""
    echoes = echoes_of(search.best, search.seen)
    rounds = [n for n in echoes if n != search.finding.place.exchange]

    def drop(drafts: Drafts, gone: Sequence[int]) -> Drafts | None:
        rest = tuple(draft for draft in drafts if draft.number not in gone)
        return without(rest, [echoes[number] for number in gone])

    search.narrow(rounds, drop)


def _without(drafts: Drafts, gone: Sequence[Draft]) -> Drafts:
    left_out = {draft.number for draft in gone}
    return tuple(draft for draft in drafts if draft.number not in left_out)


def guesses(finding: Finding, sessions: Iterable[Session]) -> Iterator[set[int]]:
    """Sets of exchanges that are likely to show the finding, the smallest first."""
    spoken = set(about(finding))
    last = max(spoken)
    yield {finding.place.exchange}
    yield spoken
    threads = [t for s in sessions if s.name == finding.session for t in s.threads]
    for some in ([t for t in threads if t.name == finding.thread], threads):
        numbers = {turn.exchange for t in some for turn in t.turns}
        yield spoken | {number for number in numbers if number <= last}
        yield spoken | numbers
