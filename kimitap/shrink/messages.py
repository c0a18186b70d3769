"""Leaves out messages, each from all requests that repeat it; a call goes with its results.

A message that repeats the reply of an exchange that is still there stays: without it the request
would have lost that reply. It can go once the exchange is gone.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from kimitap.conversation import dump_canonical
from kimitap.dialects.jsonread import loads
from kimitap.lineage import Thread
from kimitap.shrink.draft import Draft, Element
from kimitap.shrink.groups import Groups
from kimitap.shrink.sameness import Drafts, Seen
from kimitap.shrink.search import Search

_CALL_LISTS = ("tool_calls", "content")


class At(NamedTuple):
    """One element of one request's history: the exchange, and where it stood when recorded."""

    exchange: int
    place: int


class Said(NamedTuple):
    """What equal messages have in common, and which of several equal ones of a request they are."""

    said: str
    time: int


Unit = frozenset[At]
"""What stands for one message, or for a call and its results, in all requests."""


def drop_messages(search: Search) -> None:
    """Leave out all messages that the finding does not need; of each request one stays, which
    the user said if one did: servers answer no other."""
    search.narrow(units_of(search.best, search.seen), without)


def without(drafts: Drafts, gone: Iterable[Unit]) -> Drafts | None:
    """The drafts without these messages; None where nothing would be left to answer."""
    left_out = {at for unit in gone for at in unit}
    made = []
    for draft in drafts:
        run = draft.run(draft.history)
        kept = [e for e in run if At(draft.number, e.index) not in left_out]
        if (run and not kept) or (any(map(_asked, run)) and not any(map(_asked, kept))):
            return None
        made.append(draft.with_run(draft.history, kept))
    return tuple(made)


def _asked(element: Element) -> bool:
    """True for what the user said."""
    value = value_of(element)
    return isinstance(value, dict) and value.get("role") == "user"


def units_of(drafts: Drafts, seen: Seen) -> list[Unit]:
    """All messages that may be left out, in the order in which they stand."""
    groups = _groups(drafts, seen)
    kept = {groups.of(at) for _, at in _echoes(drafts, seen)}
    every = groups.by_leader().items()
    units = [_elements(unit) for leader, unit in every if leader not in kept]
    return sorted(units, key=lambda unit: min((at.place, at.exchange) for at in unit))


def echoes_of(drafts: Drafts, seen: Seen) -> dict[int, Unit]:
    """For each exchange what stands for its reply in later requests, results included."""
    groups = _groups(drafts, seen)
    units = groups.by_leader()
    found: dict[int, set[At]] = {}
    for exchange, at in _echoes(drafts, seen):
        found.setdefault(exchange, set()).update(_elements(units[groups.of(at)]))
    return {exchange: frozenset(unit) for exchange, unit in found.items()}


def _elements(unit: Iterable[Hashable]) -> Unit:
    return frozenset(one for one in unit if isinstance(one, At))


def _groups(drafts: Drafts, seen: Seen) -> Groups:
    groups = Groups()
    for draft in drafts:
        _join_equals(draft, groups)
        _join_results(draft, groups)
    by_number = {draft.number: draft for draft in drafts}
    for session in seen.sessions:
        for thread in session.threads:
            _join_edited(thread, by_number, groups)
    return groups


def _join_equals(draft: Draft, groups: Groups) -> None:
    """Equal messages of different requests are one; the second equal one of a request another."""
    times: Counter[str] = Counter()
    for element in draft.run(draft.history):
        said = canonical(element.bare)
        times[said] += 1
        groups.join(At(draft.number, element.index), Said(said, times[said]))


def _join_results(draft: Draft, groups: Groups) -> None:
    """A result goes with the call before it that has its id."""
    calls: dict[str, At] = {}
    for element in draft.run(draft.history):
        at = At(draft.number, element.index)
        value = value_of(element)
        for answered in ids_answered(element):
            if answered in calls:
                groups.join(at, calls[answered])
        calls |= dict.fromkeys(_asks(value), at)


def _asks(value: Any) -> Iterator[str]:
    """The ids of the calls that an element holds."""
    if not isinstance(value, dict):
        return
    inner = [i for n in _CALL_LISTS for i in _objects(value.get(n))]
    for item in inner:
        if item.get("type") != "tool_result" and isinstance(item.get("id"), str):
            yield item["id"]
    kind = value.get("type")
    if isinstance(kind, str) and kind.endswith("_call") and isinstance(value.get("call_id"), str):
        yield value["call_id"]


def ids_answered(element: Element) -> Iterator[str]:
    """The ids of the calls that a message answers as a whole or by parts."""
    value = value_of(element)
    if not isinstance(value, dict):
        return
    found = [value.get("tool_call_id")]
    found += [item.get("tool_use_id") for item in _objects(value.get("content"))]
    kind = value.get("type")
    if isinstance(kind, str) and kind.endswith("_output"):
        found.append(value.get("call_id"))
    yield from (one for one in found if isinstance(one, str))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _join_edited(thread: Thread, drafts: dict[int, Draft], groups: Groups) -> None:
    """A message that comes back with other words is the same message: it stands where it stood."""
    for old, new in zip(thread.turns, thread.turns[1:], strict=False):
        before, after = drafts[old.exchange], drafts[new.exchange]
        was, now = before.run(before.history), after.run(after.history)
        said, says = ({canonical(e.bare) for e in run} for run in (was, now))
        for one, other in zip(was, now, strict=False):
            fresh = canonical(one.bare) not in says and canonical(other.bare) not in said
            if fresh and _role(one) == _role(other):
                groups.join(At(old.exchange, one.index), At(new.exchange, other.index))


def _role(element: Element) -> object:
    value = value_of(element)
    return (value.get("role"), value.get("type")) if isinstance(value, dict) else None


def _echoes(drafts: Drafts, seen: Seen) -> Iterator[tuple[int, At]]:
    """Each exchange with the elements that stand for its reply in the next request."""
    by_number = {draft.number: draft for draft in drafts}
    links = (link for s in seen.sessions for t in s.threads for link in t.links if link)
    for link in links:
        draft = by_number[link.child.exchange]
        run = draft.run(draft.history)
        wire = link.child.wire_indexes or range(len(link.child.messages))
        for index in link.echo.slot:
            stop = wire[index + 1] if index + 1 < len(wire) else len(run)
            for place in range(max(wire[index], 0), max(stop, wire[index] + 1)):
                if place < len(run):
                    yield link.parent.exchange, At(link.child.exchange, run[place].index)


def value_of(element: Element) -> Any:
    """The JSON value that an element is."""
    return _value(element.bare)


@lru_cache(maxsize=20_000)
def _value(data: bytes) -> Any:
    return loads(data)[0]


@lru_cache(maxsize=20_000)
def canonical(data: bytes) -> str:
    """Equal for elements that say the same, marks for the cache aside."""
    return dump_canonical(_unmarked(_value(data)))


def _unmarked(value: Any) -> Any:
    match value:
        case dict():
            return {k: _unmarked(v) for k, v in value.items() if k != "cache_control"}
        case list():
            return [_unmarked(item) for item in value]
        case _:
            return value
