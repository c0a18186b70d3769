"""Where to go in a view: the first place, the next finding, the pair that a row belongs to."""

from collections.abc import Iterator, Sequence

from kimitap.lineage import Link, Thread
from kimitap.places import PlaceWord
from kimitap.rules.finding import Finding
from kimitap.transcript import Key, Kind, Row
from kimitap.tui.source import View

NO_TURN = "There is no turn here: no conversation is recorded yet, or none is shown."


def header_key(exchange: int) -> Key:
    """The key of a turn's header row."""
    return exchange, Kind.TURN.value, None, None, f"#{exchange}", 0


def first_place(view: View, asked: PlaceWord | None) -> tuple[Thread, Finding | None, int | None]:
    """The thread to open, and in it a finding or a turn to stand on; neither: the end.

    Unasked, it is the worst finding, the first of its kind: where the recording broke.
    """
    threads = view.threads
    if asked is not None:
        among = _threads_at(view, asked)
        if among and not asked.kind:
            return among[0], None, asked.number
        threads = among or threads
    names = {thread.name: thread for thread in threads}
    found = [f for f in view.findings if f.thread in names]
    if found:
        worst = max(f.severity.rank for f in found)
        finding = next(f for f in found if f.severity.rank == worst)
        return names[finding.thread], finding, None
    mains = [thread for thread in threads if thread.kind == "main"]
    return max(mains or threads, key=lambda t: t.turns[-1].exchange), None, None


def numbered(view: View) -> dict[Finding, str]:
    """`finding 1/4` for each finding, counted as `n` visits them: thread by thread."""
    order = {thread.name: i for i, thread in enumerate(view.threads)}
    visited = sorted(view.findings, key=lambda f: order.get(f.thread, len(order)))
    return {f: f"finding {i}/{len(visited)}" for i, f in enumerate(visited, 1)}


def _threads_at(view: View, asked: PlaceWord) -> tuple[Thread, ...]:
    match asked.kind:
        case "s":
            return next((s.threads for s in view.sessions if s.number == asked.number), ())
        case "t":
            return tuple(t for t in view.threads if t.number == asked.number)
        case _:
            n = asked.number
            return tuple(t for t in view.threads if any(turn.exchange == n for turn in t.turns))


def is_there(view: View, place: PlaceWord) -> bool:
    """True where the view has that exchange, thread or session."""
    others = (other.number for other in view.others)
    return bool(_threads_at(view, place)) or (not place.kind and place.number in others)


def links_of(thread: Thread) -> list[Link]:
    """The pairs of a thread that can be compared, in order."""
    return [link for link in thread.links if link is not None]


def link_for(thread: Thread, row: Row) -> Link | None:
    """The pair that a row belongs to.

    What stands in a request is compared with the turn before it; a reply, and a turn as a whole,
    with the request that follows, if there is one.
    """
    links = links_of(thread)
    before = next((link for link in links if link.child.exchange == row.exchange), None)
    after = next((link for link in links if link.parent.exchange == row.exchange), None)
    in_request = row.message_index is not None or row.kind in {Kind.RELATION, Kind.TOOLS}
    return (before or after) if in_request else (after or before)


def ring(here: int, stops: Sequence[int], way: int) -> int | None:
    """The next stop behind (`way` 1) or before (-1) `here`; None where there is none."""
    if way > 0:
        return next((stop for stop in stops if stop > here), None)
    return next((stop for stop in reversed(stops) if stop < here), None)


def threads_from(view: View, thread: Thread, way: int) -> Iterator[Thread]:
    """The other threads with findings, from `thread` on, around the end, and `thread` last."""
    threads = list(view.threads)
    at = next((i for i, t in enumerate(threads) if t.number == thread.number), 0)
    found = {finding.thread for finding in view.findings}
    for step in range(1, len(threads) + 1):
        other = threads[(at + way * step) % len(threads)]
        if other.name in found:
            yield other
