"""Finding the messages of the next request that stand for a reply.

They stand where the reply should be: one assistant message, or several that an agent split it into.
An agent may also have moved a part of it past the results.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kimitap.conversation import Message, Turn
from kimitap.weave.calls import same_call
from kimitap.weave.keys import LIKENESS, Keys, leading_thought, plain, spoken

ENOUGH = 12
"""Characters of text below which being contained in another text proves nothing."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The messages that stand for the reply, in order, and which of a turn's replies they say."""

    indexes: tuple[int, ...]
    reply: Message
    moved: bool = False
    """A part of the reply stands behind other messages."""


def find_slot(parent: Turn, child: Turn, place: int, keys: Keys) -> Slot:
    """The slot of the parent's reply in the child's messages from `place` on."""
    replies = (parent.reply.message, *parent.reply.others)
    slots = [_slot(reply, child.messages, place, keys) for reply in replies]
    first = slots[0]
    if len(slots) == 1 or (first.indexes and stands(first, child, keys)):
        return first
    return next((slot for slot in slots[1:] if stands(slot, child, keys)), first)


def stands(slot: Slot, child: Turn, keys: Keys) -> bool:
    """True where a message of the slot says something of the reply."""
    return any(says(child.messages[index], slot.reply, keys) for index in slot.indexes)


def _slot(reply: Message, messages: Sequence[Message], place: int, keys: Keys) -> Slot:
    later = [i for i in range(place, len(messages)) if messages[i].role == "assistant"]
    run = _run(later, place)
    own = [index for index in run if says(messages[index], reply, keys)]
    moved = [
        index
        for index in later[len(run) :]
        if _adds(messages[index], reply, [messages[i] for i in own])
    ]
    if own or moved:
        blank = [i for i in run if messages[i].blank and not own]
        before = [i for i in run if own and i < own[0] and _thinks(messages[i], reply)]
        return Slot((*before, *(own or blank), *moved), reply, bool(moved))
    return Slot(tuple(run[:1]), reply)


def _run(later: Sequence[int], place: int) -> list[int]:
    """The assistant messages that stand at `place` without anything between them."""
    return [index for k, index in enumerate(later) if index == place + k]


def says(message: Message, reply: Message, keys: Keys) -> bool:
    """True where an assistant's message says the reply or a part of it."""
    if keys.key(message) == keys.key(reply):
        return True
    if any(same_call(a, b) for a in message.tool_calls for b in reply.tool_calls):
        return True
    if _contained(spoken(message), spoken(reply)):
        return True
    ids = {call.id for call in reply.tool_calls if call.id}
    if any(call.id in ids for call in message.tool_calls):
        return True
    return not message.blank and keys.likeness(message, reply) >= LIKENESS


def _thinks(message: Message, reply: Message) -> bool:
    """True where an assistant's message holds the thought of the reply, and nothing else."""
    if not reply.reasoning.strip() or message.tool_calls or spoken(message):
        return False
    thought = plain(message.reasoning) or plain(leading_thought(message.text))
    return bool(thought) and _contained(thought, plain(reply.reasoning))


def _contained(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return bool(short) and (short == long or (len(short) >= ENOUGH and short in long))


def _adds(message: Message, reply: Message, own: Sequence[Message]) -> bool:
    """True where a later message holds what the slot lacks: a call of the reply, or its text."""
    for call in reply.tool_calls:
        if not any(same_call(call, other) for found in own for other in found.tool_calls) and any(
            same_call(call, other) for other in message.tool_calls
        ):
            return True
    text = spoken(reply)
    held = any(_contained(spoken(found), text) for found in own)
    return bool(text) and not held and _contained(spoken(message), text)
