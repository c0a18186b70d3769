"""The echo: how the next request gives a reply back.

The verdict is about the reply alone, call by call, text and reasoning. Rewrites that many agents do
to every message (white space, text appended or cut after a call, a stripped thought, another
spelling of the arguments) are no loss and count as the same.
"""

from collections.abc import Sequence

from kimitap.conversation import Message, ToolCall, Turn
from kimitap.lineage import CallEcho, Echo, EchoKind, Fate
from kimitap.weave.calls import Replayed, answered, pair_calls, replayed, same_call
from kimitap.weave.flattened import rendered, result_rendered
from kimitap.weave.keys import Keys, leading_thought, plain, without_thought
from kimitap.weave.slot import Slot, find_slot

PUNCTUATION = " .,:;!…"


def superseded(place: int) -> Echo:
    """The echo where nothing can be concluded: a retry, fork, compaction or window lies between."""
    return Echo(EchoKind.SUPERSEDED, place)


def echo(parent: Turn, child: Turn, place: int, keys: Keys) -> Echo:
    """How `child` gives the reply of `parent` back.

    `place` is where the reply should stand in the child's messages: nothing from there on stands
    for an older message, so that a call the parent had asked before is not taken for this one.
    """
    slot = find_slot(parent, child, place, keys)
    found = [child.messages[index] for index in slot.indexes]
    text = _text_fate(slot, found)
    reasoning = _reasoning_fate(slot.reply, found)
    calls = _call_echoes(slot, child, place)
    kind = _kind(slot.reply, found, text, calls)
    return Echo(kind, place, slot.indexes, text, reasoning, calls)


def _kind(
    reply: Message, found: Sequence[Message], text: Fate, calls: Sequence[CallEcho]
) -> EchoKind:
    fates = [one.fate for one in calls]
    if Fate.AS_TEXT in fates and not {Fate.SAME, Fate.CHANGED} & set(fates):
        return EchoKind.FLATTENED
    if not found:
        return EchoKind.MISSING
    if not reply.blank and all(message.blank for message in found):
        return EchoKind.BLANKED
    if Fate.GONE in fates or Fate.AS_TEXT in fates:
        return EchoKind.PARTIAL
    changed = Fate.CHANGED in fates or text in (Fate.CHANGED, Fate.GONE)
    return EchoKind.ALTERED if changed else EchoKind.SAME


def _text_fate(slot: Slot, found: Sequence[Message]) -> Fate:
    text = slot.reply.text
    if [message.text for message in found] == [text] and "<" not in text:
        return Fate.SAME if text.strip().strip(PUNCTUATION) else Fate.NONE
    said = _bare(text)
    if not said:
        return Fate.NONE
    if slot.moved and not any(_says(_bare(m.text), said) for m in found[:1]):
        return Fate.CHANGED
    given = _bare("\n".join(message.text for message in found))
    if not given:
        return Fate.GONE
    return Fate.SAME if _says(given, said) else Fate.CHANGED


def _says(given: str, said: str) -> bool:
    """True where `given` is `said`, with text before or after it, or cut at its end."""
    if said in given:
        return True
    return given != "" and said.startswith(given) and len(given) * 2 >= len(said)


def _bare(text: str) -> str:
    return plain(without_thought(text)).strip(PUNCTUATION)


def _reasoning_fate(reply: Message, found: Sequence[Message]) -> Fate:
    if not reply.reasoning:
        return Fate.NONE
    if [message.reasoning for message in found] == [reply.reasoning]:
        return Fate.SAME if reply.reasoning.strip() else Fate.NONE
    said = plain(reply.reasoning)
    if not said:
        return Fate.NONE
    given = plain("\n".join(message.reasoning for message in found))
    given = given or plain("\n".join(leading_thought(message.text) for message in found))
    if not given:
        return Fate.GONE
    return Fate.SAME if said in given else Fate.CHANGED


def _call_echoes(slot: Slot, child: Turn, place: int) -> tuple[CallEcho, ...]:
    calls = slot.reply.tool_calls
    if not calls:
        return ()
    parts = [i for i, part in enumerate(slot.reply.parts) if isinstance(part, ToolCall)]
    pairs = pair_calls(calls, replayed(child.messages, slot.indexes))
    whole = all(one is not None for one in pairs)
    written = "" if whole else _extra_text(slot, child)
    results = "" if whole else _text_after(slot, child, place)
    echoes: list[CallEcho] = []
    for call, part, one in zip(calls, parts, pairs, strict=True):
        if one is not None:
            fate = Fate.SAME if same_call(call, one.call) else Fate.CHANGED
            echoes.append(_held(CallEcho(call, part, fate), one, slot, child))
        elif rendered(call, written) or result_rendered(call, results):
            echoes.append(CallEcho(call, part, Fate.AS_TEXT, answered=bool(results.strip())))
        else:
            echoes.append(CallEcho(call, part, Fate.GONE))
    return tuple(echoes)


def _held(made: CallEcho, one: Replayed, slot: Slot, child: Turn) -> CallEcho:
    return CallEcho(
        made.call,
        made.part,
        made.fate,
        one.message,
        one.part,
        one.call,
        answered(child.messages, one, slot.indexes),
    )


def _extra_text(slot: Slot, child: Turn) -> str:
    """What the slot says beyond the reply's own text: only there can a call have been written."""
    given = "\n".join(child.messages[index].text for index in slot.indexes)
    own = slot.reply.text.strip()
    return given.replace(own, "", 1) if own else given


def _text_after(slot: Slot, child: Turn, place: int) -> str:
    """The text of the messages between the slot and the next assistant's message."""
    start = slot.indexes[-1] + 1 if slot.indexes else place
    texts: list[str] = []
    for message in child.messages[start:]:
        if message.role == "assistant":
            break
        texts.append(message.text)
    return "\n".join(texts)
