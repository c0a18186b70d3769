"""Leaves out parts of messages: one call of several, with its results and out of the reply that
made it; one block of content of several.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from kimitap.shrink.draft import Draft, Element, Part
from kimitap.shrink.groups import Groups
from kimitap.shrink.messages import At, canonical, ids_answered, value_of
from kimitap.shrink.sameness import Drafts
from kimitap.shrink.search import Search
from kimitap.shrink.spans import Node, parse, spliced, text_at, without

_LISTS = ("tool_calls", "content")


class Item(NamedTuple):
    """One item of a list within a message: `messages[place].content[nth]`."""

    exchange: int
    place: int
    member: str
    nth: int


class Made(NamedTuple):
    """A call in a reply, by its id."""

    exchange: int
    call_id: str


class Named(NamedTuple):
    """What the items of one group have in common."""

    kind: str
    said: str


Unit = frozenset[Hashable]


def drop_parts(search: Search) -> None:
    """Leave out all parts of messages that the finding does not need."""
    search.narrow(units_of(search.best), without_parts)


def units_of(drafts: Drafts) -> list[Unit]:
    """Calls with their results, and blocks of content, each in all requests and replies."""
    groups = Groups()
    for draft in drafts:
        for element in draft.run(draft.history):
            _join_items(draft, element, groups)
        for call_id in _ids_made(draft):
            groups.join(Made(draft.number, call_id), Named("call", call_id))
    for draft in drafts:
        for element in draft.run(draft.history):
            for call_id in _answered_whole(element):
                if Named("call", call_id) in groups:
                    groups.join(At(draft.number, element.index), Named("call", call_id))
    found = [
        frozenset(one for one in unit if not isinstance(one, Named)) for unit in groups.units()
    ]
    return [unit for unit in found if any(isinstance(one, Item | Made) for one in unit)]


def _join_items(draft: Draft, element: Element, groups: Groups) -> None:
    """Equal items of different messages are one; a call goes by its id, and its results with it."""
    data = element.bare
    for member, items in _lists(data):
        for index, item in enumerate(items):
            at = Item(draft.number, element.index, member, index)
            answered = _text(data, item.get("tool_use_id"))
            call_id = answered or _text(data, item.get("id"))
            said = call_id or canonical(data[item.start : item.stop])
            groups.join(at, Named("call" if call_id else member, said))


def _lists(data: bytes) -> Iterator[tuple[str, Sequence[Node]]]:
    """The lists of a message that have several items, none of which is needed for being there."""
    message = parse(data)
    for member in _LISTS if message.kind == "{" else ():
        found = message.get(member)
        if found is not None and found.kind == "[" and len(found.items) > 1:
            yield member, found.items


def _answered_whole(element: Element) -> list[str]:
    """The ids of the calls that a message answers, where it says nothing else."""
    value = value_of(element)
    content = value.get("content") if isinstance(value, dict) else None
    several = isinstance(content, list) and len(content) > 1
    nested = several and "tool_call_id" not in value
    return [] if nested else list(ids_answered(element))


def _text(data: bytes, node: Node | None) -> str:
    return text_at(data, node) if node is not None and node.kind == '"' else ""


def without_parts(drafts: Drafts, gone: Iterable[Unit]) -> Drafts | None:
    """The drafts without these; None where a message would be left without content."""
    left_out = {one for unit in gone for one in unit}
    made = []
    for draft in drafts:
        run = [e for e in draft.run(draft.history) if At(draft.number, e.index) not in left_out]
        changed = [_without_items(draft.number, element, left_out) for element in run]
        if None in changed:
            return None
        draft = draft.with_run(draft.history, [e for e in changed if e is not None])
        for one in left_out:
            if isinstance(one, Made) and one.exchange == draft.number:
                draft = draft.with_parts(unmade(draft.parts, one.call_id))
        made.append(draft)
    return tuple(made)


def _without_items(exchange: int, element: Element, gone: set[Hashable]) -> Element | None:
    data = element.bare
    message = parse(data)
    edits = []
    for member, items in _lists(data):
        drop = {i for i in range(len(items)) if Item(exchange, element.index, member, i) in gone}
        if len(drop) == len(items) and member == "content":
            return None
        if len(drop) == len(items):
            names = [item.name for item in message.items]
            return replace(
                element, data=spliced(data, [without(data, message, {names.index(member)})])
            )
        container = message.get(member)
        if drop and container is not None:
            edits.append(without(data, container, drop))
    comma = element.data[: len(element.data) - len(data)]
    return replace(element, data=comma + spliced(data, edits)) if edits else element


# --- replies ------------------------------------------------------------------------------------


def _ids_made(draft: Draft) -> list[str]:
    """The ids of the calls in the reply that can be taken out of it, where there are several."""
    found = [call_id for part in draft.parts for call_id, _ in _calls(part)]
    return found if len(found) > 1 and len(set(found)) == len(found) else []


def _calls(part: Part) -> Iterator[tuple[str, bytes]]:
    """The calls that an event begins, or that a whole reply holds: the id, and the index's text."""
    if not part.data:
        return
    value = parse(part.data)
    whole = value.at("choices", 0, "message", "tool_calls") or value.get("content")
    for i, call in enumerate(whole.items if whole is not None and whole.kind == "[" else ()):
        if call_id := _text(part.data, call.get("id")):
            yield call_id, b"%d" % i
    begun = value.get("content_block"), value.get("index")
    deltas = value.at("choices", 0, "delta", "tool_calls")
    if deltas is not None and len(deltas.items) == 1:
        begun = deltas.items[0], deltas.items[0].get("index")
    call_id = _text(part.data, begun[0].get("id")) if begun[0] is not None else ""
    if call_id and begun[1] is not None:
        yield call_id, part.data[begun[1].start : begun[1].stop]


def unmade(parts: Sequence[Part], call_id: str) -> list[Part]:
    """The reply without a call; the ones after it move up."""
    index = next((at for part in parts for name, at in _calls(part) if name == call_id), None)
    if index is None or not index.isdigit():
        return list(parts)
    return [made for part in parts if (made := _moved_up(part, int(index))) is not None]


def _moved_up(part: Part, gone: int) -> Part | None:
    """The event, of a call after the one that is gone with a smaller index; None if of that one."""
    if not part.data:
        return part
    data, value = part.data, parse(part.data)
    whole = value.at("choices", 0, "message", "tool_calls") or value.get("content")
    if whole is not None and whole.kind == "[":
        return replace(part, data=spliced(data, [without(data, whole, {gone})]))
    index = value.at("choices", 0, "delta", "tool_calls", 0, "index")
    if value.get("choices") is None and value.get("type") is not None:
        index = value.get("index")
    written = data[index.start : index.stop] if index is not None else b""
    if index is None or not written.isdigit() or int(written) < gone:
        return part
    if int(written) == gone:
        return None
    edit = index.start, index.stop, b"%d" % (int(written) - 1)
    return replace(part, data=spliced(data, [edit]))
