"""The fewest exchanges that still show a finding, told by checking them by themselves.

What is left out is left out whole: which messages, tools and words of an exchange are needed is
another question (`kimitap shrink`).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from kimitap.analysis import Analysis
from kimitap.conversation import Turn
from kimitap.evidence.subject import Subject, session_of
from kimitap.lineage import Thread
from kimitap.rules import check
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.shrink.ddmin import ddmin
from kimitap.weave import weave

PATIENCE_S = 20.0
"""How long is tried; then what was found by then is taken."""

MOST_AROUND = 50
"""Exchanges of a thread or session in which nothing is wrong: the last ones repeat the others."""

Shows = Callable[[Iterable[int]], bool]
_Known = tuple[str, Severity, Side, Place]


def whole(analysis: Analysis, subject: Subject) -> tuple[int, ...]:
    """All exchanges of the subject's session, by number."""
    session = session_of(analysis, subject.exchange)
    threads = session.threads if session else ()
    return tuple(sorted(turn.exchange for thread in threads for turn in thread.turns))


def around(analysis: Analysis, subject: Subject) -> tuple[int, ...]:
    """What a report is about where nothing is wrong: the last exchanges of the thread or session,
    or the exchange between its neighbours."""
    if subject.place.kind:
        threads = analysis.threads_at(subject.place)
        numbers = sorted(turn.exchange for thread in threads for turn in thread.turns)
        return tuple(sorted({*numbers[-MOST_AROUND:], subject.exchange}))
    links = analysis.link_before(subject.exchange), analysis.link_after(subject.exchange)
    near = {turn.exchange for link in links if link for turn in (link.parent, link.child)}
    return tuple(sorted(near | {subject.exchange}))


def fewest(
    analysis: Analysis,
    finding: Finding,
    choice: Choice = EVERYTHING,
    patience_s: float = PATIENCE_S,
) -> tuple[int, ...] | None:
    """The numbers of the fewest exchanges in which the same rule strikes at the same place.

    Equally grave, on the same side, and without an error that was not there before. Tried from few
    to many, and then whether one more can go. None where not even all exchanges show it, since it
    needs what is not recorded (a prompt that a server was asked for).
    """
    deadline = time.monotonic() + patience_s
    shows = _shows(analysis, finding, choice)
    for candidate in _growing(analysis, finding):
        if shows(candidate):
            return _without_the_idle(candidate, finding.place.exchange, shows, deadline)
    return None


def _shows(analysis: Analysis, finding: Finding, choice: Choice) -> Shows:
    before = {_known(f) for f in analysis.findings}
    sought = _known(finding)

    def shows(numbers: Iterable[int]) -> bool:
        turns: list[Turn] = [analysis.turns[number] for number in numbers]
        told = (f for session in weave(turns) for f in check(session))
        found = {_known(f) for f in choice.of(told)}
        fresh = (known for known in found - before if known[1] is Severity.ERROR)
        return sought in found and not any(fresh)

    return shows


def _known(finding: Finding) -> _Known:
    return finding.rule, finding.severity, finding.side, finding.place


def _growing(analysis: Analysis, finding: Finding) -> Iterator[Sequence[int]]:
    """Sets of exchanges, each of which holds the one before it."""
    place = finding.place.exchange
    core = {place, *(p.exchange for p in finding.related), *(e.exchange for e in finding.evidence)}
    core &= set(analysis.turns)
    yield sorted(core)
    thread = analysis.thread_of(place)
    if thread is not None:
        earlier, later = _sides(thread, place)
        back = 1
        while earlier and back < 2 * len(earlier):
            yield sorted(core | set(earlier[-back:]))
            back *= 2
        core |= set(earlier)
        yield sorted(core | set(later[:1]))
        yield sorted(core | set(later))
    session = session_of(analysis, place)
    threads = session.threads if session else ()
    core |= {turn.exchange for one in threads for turn in one.turns}
    yield sorted(core)
    yield sorted(analysis.turns)


def _sides(thread: Thread, exchange: int) -> tuple[list[int], list[int]]:
    at = thread.place_of(exchange) or 0
    numbers = [turn.exchange for turn in thread.turns]
    return numbers[:at], numbers[at + 1 :]


class _Late(Exception):
    """There is no time left to try more."""


def _without_the_idle(
    numbers: Sequence[int], place: int, shows: Shows, deadline: float
) -> tuple[int, ...]:
    """The exchanges without those that the finding does not need; none of those left can go."""
    fewest = tuple(numbers)

    def holds(some: Sequence[int]) -> bool:
        nonlocal fewest
        if time.monotonic() > deadline:
            raise _Late
        candidate = tuple(sorted({*some, place}))
        if shows(candidate):
            fewest = candidate
            return True
        return False

    with suppress(_Late):
        ddmin([number for number in numbers if number != place], holds)
    return fewest
