"""Puts the letters of a streamed answer into one event each text, as if they had come at once.

An event that only adds letters to a text gives them to the first event of that text and goes; so a
stream of hundreds of events becomes one of a few, which says the same in the same bytes. When its
events came stays known.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from kimitap.shrink.draft import Part
from kimitap.shrink.sameness import Drafts
from kimitap.shrink.search import Search
from kimitap.shrink.spans import Node, parse

_SAYS_NOTHING = frozenset({"role", "index", "type"})
_BEGINS_CALL = frozenset({"id", "name"})


class Letters(NamedTuple):
    """Letters that an event adds: to which text, where they stand, and whether it does no more."""

    channel: Hashable
    node: Node
    alone: bool


def merge_streams(search: Search) -> None:
    """Merge the events of each streamed answer, where the finding does not need them apart.

    Events that say nothing of the reply are left out.
    """
    streamed = [draft.number for draft in search.best if len(draft.parts) > 1]
    search.narrow(streamed, _merged)
    spare = [At(d.number, p) for d in search.best for p in d.parts if len(d.parts) > 1]
    search.narrow([at for at in spare if _is_spare(at.part)], _without)


class At(NamedTuple):
    """An event of an exchange's answer."""

    exchange: int
    part: Part


def _is_spare(part: Part) -> bool:
    """True for an event that is no part of the reply: a comment, a ping, the counts at the end."""
    if not part.data:
        return b"data:" not in part.before
    event = parse(part.data)
    kind, choices = event.get("type"), event.get("choices")
    pings = kind is not None and part.data[kind.start : kind.stop] == b'"ping"'
    counts = choices is not None and choices.kind == "[" and not choices.items
    return pings or (counts and event.get("error") is None)


def _without(drafts: Drafts, gone: Sequence[At]) -> Drafts:
    left_out = set(gone)
    return tuple(
        draft.with_parts([p for p in draft.parts if At(draft.number, p) not in left_out])
        for draft in drafts
    )


def _merged(drafts: Drafts, numbers: Iterable[int]) -> Drafts:
    wanted = set(numbers)
    return tuple(
        draft.with_parts(merged(draft.parts)) if draft.number in wanted else draft
        for draft in drafts
    )


def merged(parts: Sequence[Part]) -> list[Part]:
    """The parts with the letters of each text in one event, unless others stand in between.

    That is the first event of the text; where events count tokens too, the last one.
    """
    out: list[Part | None] = list(parts)
    for group in _groups(parts):
        counted = len(group) > 1 and _counts(parts[group[-1]])
        first = letters_of(parts[group[0]])
        if counted and first and not first.alone:
            group = group[1:]
        if len(group) < 2:
            continue
        host = group[-1] if counted else group[0]
        joined = _joined(parts[host], [parts[i] for i in group])
        for i in group:
            out[i] = joined if i == host else None
    return [part for part in out if part is not None]


def _groups(parts: Sequence[Part]) -> list[list[int]]:
    """The indexes of the events that add to one text; only the first of them may do more."""
    groups: list[list[int]] = []
    last: dict[Hashable, list[int]] = {}
    for i, part in enumerate(parts):
        letters = letters_of(part)
        if letters is None:
            continue
        if letters.alone and letters.channel in last:
            last[letters.channel].append(i)
        else:
            last[letters.channel] = [i]
            groups.append(last[letters.channel])
    return groups


def _counts(part: Part) -> bool:
    """True where an event counts the tokens so far."""
    event = parse(part.data)
    return any(
        found is not None and found.kind == "{" for found in map(event.get, ("usage", "timings"))
    )


def _joined(host: Part, each: Sequence[Part]) -> Part:
    """The event with the letters of all."""
    said = b"".join(map(_inner, each))
    letters = letters_of(host)
    assert letters is not None
    node = letters.node
    data = host.data[: node.start + 1] + said + host.data[node.stop - 1 :]
    return replace(host, data=data, times=tuple(t for one in each for t in one.times))


def _inner(part: Part) -> bytes:
    letters = letters_of(part)
    assert letters is not None
    return part.data[letters.node.start + 1 : letters.node.stop - 1]


def letters_of(part: Part) -> Letters | None:
    """The letters that an event adds to a text; None where it is another kind of event."""
    if not part.data:
        return None
    event = parse(part.data)
    if event.kind != "{":
        return None
    choices = event.get("choices")
    if choices is not None:
        return _of_choice(choices, part.data)
    delta = event.get("delta")
    if delta is not None and delta.kind == '"':  # Responses
        places = ("type", "item_id", "output_index", "content_index", "summary_index")
        return Letters(_values(event, places, part.data), delta, alone=True)
    if delta is not None:  # Anthropic
        return _of_block(event, delta, part.data)
    content, stop = event.get("content"), event.get("stop")
    if content is not None and content.kind == '"':  # llama.cpp's own
        going_on = stop is not None and part.data[stop.start : stop.stop] == b"false"
        return Letters(_values(event, ("index",), part.data), content, going_on)
    return None


def _of_choice(choices: Node, data: bytes) -> Letters | None:
    """Of a chunk of the chat completions, or of the older completions."""
    if choices.kind != "[" or len(choices.items) != 1:
        return None
    choice = choices.items[0]
    reason = choice.get("finish_reason")
    going_on = reason is None or data[reason.start : reason.stop] in (b"null", b'""')
    index = _values(choice, ("index",), data)
    text = choice.get("text")
    if text is not None and text.kind == '"':
        return Letters(index, text, going_on)
    delta = choice.get("delta")
    said = [m for m in delta.items if _says(m, data)] if delta is not None else []
    if len(said) != 1:
        return None
    (member,) = said
    if member.kind == '"':
        return Letters((index, member.name), member, going_on)
    return _of_call(member, index, going_on, data) if member.name == "tool_calls" else None


def _of_call(calls: Node, index: Hashable, going_on: bool, data: bytes) -> Letters | None:
    call = calls.at(0)
    arguments = calls.at(0, "function", "arguments")
    if call is None or len(calls.items) != 1 or arguments is None or arguments.kind != '"':
        return None
    function = call.get("function")
    named = [*call.items, *(function.items if function else ())]
    begins = any(m.name in _BEGINS_CALL and _says(m, data) for m in named)
    return Letters(
        (index, "call", _values(call, ("index",), data)), arguments, going_on and not begins
    )


def _of_block(event: Node, delta: Node, data: bytes) -> Letters | None:
    kinds = [m for m in delta.items if m.name not in _SAYS_NOTHING]
    if len(kinds) != 1 or kinds[0].kind != '"' or event.get("index") is None:
        return None
    return Letters((_values(event, ("index",), data), kinds[0].name), kinds[0], alone=True)


def _says(member: Node, data: bytes) -> bool:
    """True where a member says something: it is neither empty nor what every event has."""
    empty = data[member.start : member.stop] in (b"null", b'""', b"[]", b"{}")
    return not empty and member.name not in _SAYS_NOTHING


def _values(node: Node, names: Iterable[str], data: bytes) -> Hashable:
    found = (node.get(name) for name in names)
    return tuple(data[one.start : one.stop] if one else b"" for one in found)
