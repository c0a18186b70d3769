"""What a report is about: a finding, or a place where nothing was found."""

from collections.abc import Iterable
from dataclasses import dataclass

from kimitap.analysis import Analysis
from kimitap.errors import UsageError
from kimitap.lineage import Session
from kimitap.places import PlaceWord
from kimitap.rules.finding import Finding


@dataclass(frozen=True)
class Subject:
    """A place in a recording, and the finding there; None where nothing is wrong.

    `word` is the place as a user would type it, with its session: `s1-41`.
    """

    exchange: int
    finding: Finding | None
    place: PlaceWord
    word: str


def subject_at(analysis: Analysis, place: PlaceWord | None = None) -> Subject:
    """The worst finding at a place; without one, of the whole recording: errors first, then the
    earliest.

    At an exchange that is what stands there, else what a comparison with the next request shows.
    Without any finding it is the place itself; of a whole recording the last session. Raises
    `UsageError` for a place that is not there, and for a recording without a conversation.
    """
    if place is None:
        if not analysis.sessions:
            raise UsageError(
                f"{analysis.recording.where} holds no conversation that a report could be about"
            )
        found = worst(analysis.findings)
        place = PlaceWord("s", analysis.sessions[-1].number)
        return _subject(analysis, place, found)
    if not place.kind:
        number = analysis.turn_at(place).exchange
        here = [f for f in analysis.findings if f.place.exchange == number]
        return _subject(analysis, place, worst(here) or worst(at_pair(analysis, number)))
    names = {thread.name for thread in analysis.threads_at(place)}
    return _subject(analysis, place, worst(f for f in analysis.findings if f.thread in names))


def subject_between(analysis: Analysis, place: PlaceWord) -> Subject:
    """The worst finding of an exchange's reply and of the request after it, else as `subject_at`:
    what a screen shows that compares the two."""
    found = worst(at_pair(analysis, place.number)) if not place.kind else None
    return _subject(analysis, place, found) if found else subject_at(analysis, place)


def subject_of(analysis: Analysis, finding: Finding) -> Subject:
    """The finding itself."""
    return _subject(analysis, PlaceWord("", finding.place.exchange), finding)


def worst(findings: Iterable[Finding]) -> Finding | None:
    """The gravest finding, of several the first; None of none."""
    return min(findings, key=lambda f: (-f.severity.rank, f.place.exchange), default=None)


def at_pair(analysis: Analysis, number: int) -> Iterable[Finding]:
    """What was found at the reply of an exchange, and in the request that follows it."""
    after = analysis.link_after(number)
    child = after.child.exchange if after else None
    for finding in analysis.findings:
        asked = finding.place.message_index is not None
        if finding.place.exchange == (child if asked else number):
            yield finding


def _subject(analysis: Analysis, place: PlaceWord, finding: Finding | None) -> Subject:
    number = finding.place.exchange if finding else analysis.turn_at(place).exchange
    session = session_of(analysis, number)
    named = f"{session.name}-" if session else ""
    return Subject(number, finding, place, f"{named}{number}")


def session_of(analysis: Analysis, exchange: int) -> Session | None:
    """The session that holds the exchange's turn."""
    thread = analysis.thread_of(exchange)
    holding = (s for s in analysis.sessions if thread is not None and thread in s.threads)
    return next(holding, None)
