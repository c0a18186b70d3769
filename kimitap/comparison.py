"""Two places of a recording against each other, for the command line and the screens alike."""

from collections import Counter
from dataclasses import replace

from kimitap.analysis import Analysis
from kimitap.conversation import Turn
from kimitap.diff import (
    Comparison,
    Respelling,
    Run,
    compare_links,
    compare_sessions,
    compare_threads,
    compare_turns,
    conversed,
    named_apart,
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


AS_IT_IS = Respelling(())


def compare_across(
    old: Analysis,
    old_place: PlaceWord,
    new: Analysis,
    new_place: PlaceWord,
    names: tuple[str, str],
    read: Respelling = AS_IT_IS,
) -> Comparison:
    """Two places of two recordings, which are shown as `names`; see `compare`.

    `read` says what of the old side counts as other words.
    """
    one, other = (
        f"{a.recording.where}:{_word(p)}" for a, p in ((old, old_place), (new, new_place))
    )
    if old_place.kind != new_place.kind:
        raise UsageError(
            f"{one} and {other} cannot be compared: say two exchanges, two threads or two sessions"
        )
    match old_place.kind:
        case "t":
            first = read.thread(old.threads_at(old_place)[0])
            found = compare_threads(first, new.threads_at(new_place)[0])
        case "s":
            session = read.session(_session_at(old, old_place))
            found = compare_sessions(session, _session_at(new, new_place))
        case _:
            turn, later = old.turn_at(old_place), new.turn_at(new_place)
            found = compare_turns(read.turn(turn), later)
            one, other = _told(old, turn, one), _told(new, later, other)
    return named_apart(found, one, other)


def what_follows(analysis: Analysis, place: PlaceWord) -> Comparison:
    """One place: its request and reply against the request that follows; see `Analysis.link_at`.

    Raises `UsageError` where none does.
    """
    link = analysis.link_at(place)
    if link is None:
        raise UsageError(
            f"no request follows {place}, so there is nothing to compare it with: name two places"
        )
    thread = analysis.thread_of(link.child.exchange)
    found = compare_links([link], thread.name if thread else "")
    return _between(analysis, link.parent, link.child, found)


def runs_of(analysis: Analysis, prefix: str = "", read: Respelling = AS_IT_IS) -> list[Run]:
    """The sessions of a recording, with how often each rule found something in them.

    A run is what an agent did: what Kimitap itself sent again is no part of it.
    """
    found: dict[str, Counter[str]] = {}
    again = {thread.name for thread in analysis.threads if thread.kind == "replay"}
    for finding in analysis.findings:
        if finding.thread not in again:
            found.setdefault(finding.session, Counter())[finding.rule] += 1
    runs = []
    for session in analysis.sessions:
        run = read.session(replace(session, threads=tuple(conversed(session))))
        runs.append(Run(f"{prefix}{session.name}", run, found.get(session.name, Counter())))
    return runs


def standing(analysis: Analysis, exchange: int) -> tuple[str, str, str]:
    """An exchange's session and thread, by their names, and which of the thread's turns it is."""
    thread = analysis.thread_of(exchange)
    if thread is None:
        return "", "", ""
    session = next((one for one in analysis.sessions if thread in one.threads), None)
    at = thread.place_of(exchange)
    return session.name if session else "", thread.name, "" if at is None else str(at + 1)


def _told(analysis: Analysis, turn: Turn, word: str = "") -> str:
    """An exchange as one side of a comparison is named: `exchange 2 (s1 t1, turn 2)`."""
    session, thread, at = standing(analysis, turn.exchange)
    where = f" ({session} {thread}, turn {at})" if thread else ""
    return f"{word or f'exchange {turn.exchange}'}{where}"


def _word(place: PlaceWord) -> str:
    return f"{place.kind}{place.number}"


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
            found = compare_links([link], thread.name)
            return _between(analysis, link.parent, link.child, found)
    return _between(analysis, first, second, compare_turns(first, second))


def _between(analysis: Analysis, old: Turn, new: Turn, found: Comparison) -> Comparison:
    """The comparison of two turns of one recording, named for them."""
    return Comparison(_told(analysis, old), _told(analysis, new), found.threads)
