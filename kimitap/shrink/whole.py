"""Leaves out whole exchanges."""

from collections.abc import Iterator, Sequence

from kimitap.rules.finding import Finding
from kimitap.shrink.draft import Draft
from kimitap.shrink.sameness import Drafts, Seen, about
from kimitap.shrink.search import Search


def drop_exchanges(search: Search) -> None:
    """Leave out all exchanges that the finding does not need.

    The exchanges that it speaks of are tried first, then its thread and session up to there.
    """
    for numbers in _guesses(search.finding, search.seen):
        if search.offer(tuple(d for d in search.best if d.number in numbers)):
            break
    own = search.finding.place.exchange
    others = [draft for draft in search.best if draft.number != own]
    others.sort(key=lambda draft: draft.number > own)  # what comes later matters least
    search.narrow(others, _without)


def _without(drafts: Drafts, gone: Sequence[Draft]) -> Drafts:
    left_out = {draft.number for draft in gone}
    return tuple(draft for draft in drafts if draft.number not in left_out)


def _guesses(finding: Finding, seen: Seen) -> Iterator[set[int]]:
    """Sets of exchanges that are likely to do, the smallest first."""
    spoken = set(about(finding))
    last = max(spoken)
    yield {finding.place.exchange}
    yield spoken
    sessions = [s for s in seen.sessions if s.name == finding.session]
    threads = [t for s in sessions for t in s.threads]
    for some in ([t for t in threads if t.name == finding.thread], threads):
        numbers = {turn.exchange for t in some for turn in t.turns}
        yield spoken | {number for number in numbers if number <= last}
        yield spoken | numbers
