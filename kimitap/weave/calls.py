"""What became of the calls of a reply: found by place, by name and arguments, then by id."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from kimitap.conversation import Message, ToolCall, dump_canonical

REPR_LIMIT = 20_000
"""Characters of arguments that are read as a Python literal."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A call as the next request carries it: the message's index, the part's index, the call."""

    message: int
    part: int
    call: ToolCall


def replayed(messages: Sequence[Message], indexes: Sequence[int]) -> list[Replayed]:
    """The calls of the messages at `indexes`, in order."""
    return [
        Replayed(index, part, value)
        for index in indexes
        for part, value in enumerate(messages[index].parts)
        if isinstance(value, ToolCall)
    ]


def arguments(call: ToolCall) -> str:
    """The canonical arguments; those that an agent wrote as a Python literal, read as such."""
    text = call.canonical_arguments
    if not text.startswith("{'") or len(text) > REPR_LIMIT:
        return text
    try:
        return dump_canonical(ast.literal_eval(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def same_call(one: ToolCall, other: ToolCall) -> bool:
    """True where both ask for the same: equal names, equal arguments however they are spelled."""
    if one.name != other.name:
        return False
    return one.arguments == other.arguments or arguments(one) == arguments(other)


def pair_calls(calls: Sequence[ToolCall], found: Sequence[Replayed]) -> list[Replayed | None]:
    """For each call of the reply, the one that stands for it in the next request, if any.

    Equal calls are paired first, at the same place if they can be; what is left is paired by place
    where the name is the same, then by id, then by place alone where nothing was removed.
    """
    pairs: list[Replayed | None] = [None] * len(calls)
    free = dict(enumerate(found))
    for test in (_equal_here, _equal, _named_here, _known_by_id, _named):
        for i, call in enumerate(calls):
            if pairs[i] is None:
                at = next((j for j, one in free.items() if test(i, call, j, one)), None)
                pairs[i] = free.pop(at) if at is not None else None
    if len(calls) == len(found):
        for i, one in list(free.items()):
            if pairs[i] is None:
                pairs[i] = free.pop(i)
                assert pairs[i] is one
    return pairs


def _equal_here(i: int, call: ToolCall, j: int, one: Replayed) -> bool:
    return i == j and same_call(call, one.call)


def _equal(i: int, call: ToolCall, j: int, one: Replayed) -> bool:
    return same_call(call, one.call)


def _named_here(i: int, call: ToolCall, j: int, one: Replayed) -> bool:
    return i == j and call.name == one.call.name


def _known_by_id(i: int, call: ToolCall, j: int, one: Replayed) -> bool:
    return bool(call.id) and call.id == one.call.id


def _named(i: int, call: ToolCall, j: int, one: Replayed) -> bool:
    return call.name == one.call.name


def answered(messages: Sequence[Message], one: Replayed, slot: Sequence[int]) -> bool:
    """True where a result for the call stands in the block after it.

    The block is the run of results after the message, or after the messages that one reply was
    split into. Ids are paired within the block only; where they are missing, place counts.
    """
    block = _block(messages, one.message, slot)
    ids = [result.call_id for message in block for result in message.tool_results]
    if one.call.id:
        return one.call.id in ids
    siblings = [p for p in messages[one.message].parts if isinstance(p, ToolCall)]
    place = next(i for i, call in enumerate(siblings) if call is one.call)
    return place < len(ids) and not ids[place]


def _block(messages: Sequence[Message], at: int, slot: Sequence[int]) -> list[Message]:
    block: list[Message] = []
    for index in range(at + 1, len(messages)):
        message = messages[index]
        if message.role == "tool" or message.tool_results:
            block.append(message)
        elif not (index in slot and not block and message.role == "assistant"):
            break
    return block
