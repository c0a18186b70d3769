"""The fewest exchanges that still show a finding, told by checking them by themselves.

What is left out is left out whole: which messages, tools and words of an exchange are needed is
another question (`kimitap shrink`).
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress

from kimitap.analysis import Analysis
from kimitap.conversation import Turn
from kimitap.evidence.subject import Subject, session_of
from kimitap.rules import check
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.shrink.whole import fewest_of, guesses
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
    shows = _shows(analysis, finding, choice)
    deadline = time.monotonic() + patience_s
    best: tuple[int, ...] | None = None

    def tried(numbers: Collection[int]) -> bool:
        nonlocal best
        if best is not None and time.monotonic() > deadline:
            raise _Late
        shown = shows(numbers)
        best = tuple(sorted(numbers)) if shown else best
        return shown

    with suppress(_Late):
        fewest_of(_candidates(analysis, finding), finding, tried)
    return best


def _candidates(analysis: Analysis, finding: Finding) -> Iterator[Collection[int]]:
    """Sets of the exchanges that say something, from few to all."""
    for numbers in guesses(finding, analysis.sessions):
        yield numbers & analysis.turns.keys()
    yield analysis.turns.keys()


def _shows(analysis: Analysis, finding: Finding, choice: Choice) -> Shows:
    before = {_known(f) for f in analysis.findings}
    sought = _known(finding)

    def shows(numbers: Iterable[int]) -> bool:
        turns: list[Turn] = [analysis.turns[number] for number in sorted(numbers)]
        told = (f for session in weave(turns) for f in check(session))
        found = {_known(f) for f in choice.of(told)}
        fresh = (known for known in found - before if known[1] is Severity.ERROR)
        return sought in found and not any(fresh)

    return shows


def _known(finding: Finding) -> _Known:
    return finding.rule, finding.severity, finding.side, finding.place


class _Late(Exception):
    """There is no time left to try more."""
