"""Where what is gone from a history was taken out on purpose: summed up in place, or deleted."""

from collections.abc import Container, Iterator, Sequence

import orjson

from kimitap.conversation import Message, ToolCall
from kimitap.lineage import Link
from kimitap.rules.gaps import Gap, bare

TELLING = 3
"""Characters of an argument by which a summary's call is known."""


def is_summed_up(gap: Gap, link: Link, fresh: Container[int]) -> bool:
    """True where new messages stand in place of whole calls with their results, and tell of each.

    They are text, and at most as many as the turns that are gone (Goose sums pairs up one by one).
    `fresh` are the indexes of the request's new messages.
    """
    gone = [link.parent.messages[i] for i in gap.gone]
    calls = [call for message in gone for call in message.tool_calls]
    results = [result for message in gone for result in message.tool_results]
    if not calls or len(calls) != len(results) or not all(map(_acts, gone)):
        return False
    texts = [bare(message.text).casefold() for message in _standing(gap, link, fresh)]
    turns = sum(message.role == "assistant" for message in gone)
    if not 0 < len(texts) <= turns or not all(texts):
        return False
    said = "\n".join(texts)
    return all(any(name in said for name in _names(call)) for call in calls)


def _acts(message: Message) -> bool:
    return bool(message.tool_calls or message.tool_results)


def _standing(gap: Gap, link: Link, fresh: Container[int]) -> Iterator[Message]:
    """The new messages that stand where the gap is, before what was kept after it."""
    messages, at = link.child.messages, gap.at
    while at < len(messages) and at in fresh and not _acts(messages[at]):
        yield messages[at]
        at += 1


def _names(call: ToolCall) -> Iterator[str]:
    """What a summary may know a call by: its tool, and the texts that it was given."""
    if bare(call.name):
        yield bare(call.name).casefold()
    try:
        value = orjson.loads(call.canonical_arguments)
    except orjson.JSONDecodeError:
        return
    for text in value.values() if isinstance(value, dict) else ():
        if isinstance(text, str) and len(bare(text)) >= TELLING:
            yield bare(text).casefold()


def is_deleted_talk(gone: Sequence[Message], link: Link) -> bool:
    """True where questions and their answers are gone from a chat without tools.

    That is what a user can delete; an agent has no reason to.
    """
    roles = [message.role for message in gone]
    pairs = len(roles) // 2
    talk = not link.parent.tools and not link.child.tools and not any(map(_acts, gone))
    return talk and bool(pairs) and roles == ["user", "assistant"] * pairs
