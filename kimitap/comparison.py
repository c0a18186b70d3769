"""Two places of a recording against each other, for the command line and the screens alike."""

from kimitap.analysis import Analysis
from kimitap.diff import (
    Comparison,
    compare_links,
    compare_sessions,
    compare_threads,
    compare_turns,
)
from kimitap.errors import UsageError
from kimitap.lineage import Relation, Session
from kimitap.places import PlaceWord


def compare(analysis: Analysis, old: PlaceWord, new: PlaceWord) -> Comparison:
    """Two exchanges, two threads or two sessions.

    Of two exchanges of one thread the earlier one and its reply are compared with the later
    request, whichever was named first; any others are compared request with request and reply with
    reply. Raises `UsageError` for a place that is not there, and for two of different kinds.
    """
    if old.kind != new.kind:
        raise UsageError(
            f"{old} and {new} cannot be compared: say two exchanges, two threads or two sessions"
        )
    match old.kind:
        case "t":
            return compare_threads(analysis.threads_at(old)[0], analysis.threads_at(new)[0])
        case "s":
            return compare_sessions(_session_at(analysis, old), _session_at(analysis, new))
        case _:
            return _exchanges(analysis, old, new)


def _session_at(analysis: Analysis, place: PlaceWord) -> Session:
    analysis.threads_at(place)  # says what there is, where this is not
    return next(session for session in analysis.sessions if session.number == place.number)


def _exchanges(analysis: Analysis, old: PlaceWord, new: PlaceWord) -> Comparison:
    first, second = analysis.turn_at(old), analysis.turn_at(new)
    thread = analysis.thread_of(first.exchange)
    if first is not second and thread and thread is analysis.thread_of(second.exchange):
        earlier, later = sorted((old, new), key=lambda place: place.number)
        link = analysis.link_between(earlier, later)
        if link.relation is not Relation.RETRY:
            return compare_links([link], thread.name)
    return compare_turns(first, second)
