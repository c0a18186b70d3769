"""The reply of Anthropic's Messages API, streamed or whole."""

from typing import Any

from kimitap.conversation import Message, Part, Reply, Text
from kimitap.dialects.answer import body_of, is_stream, object_of, read_stream, refused
from kimitap.dialects.anthropic_facts import Counts
from kimitap.dialects.anthropic_message import ROLES, parts_of
from kimitap.dialects.anthropic_stream import StreamedMessage
from kimitap.dialects.chat_facts import Facts
from kimitap.dialects.fault import Faults
from kimitap.exchange import Exchange


def reply_of(exchange: Exchange, faults: Faults) -> Reply:
    """What the server answered, as far as it came.

    `finish_reason` is the wire's `stop_reason`. A stream is complete with its `message_stop`: an
    SDK takes one without it for broken. `prompt_tokens` are all that the model read:
    `input_tokens`, which leaves out the cached ones, and those read from and written to the cache.
    """
    body = body_of(exchange, faults)
    facts, counts = Facts(), Counts()
    if is_stream(body, exchange):
        return _streamed(body, exchange, facts, counts, faults)
    value = object_of(body, exchange, facts, faults)
    if value is not None:
        return _whole(value, facts, counts, faults)
    return _reply("assistant", [], facts, counts, complete=refused(exchange, facts))


def _streamed(
    body: bytes, exchange: Exchange, facts: Facts, counts: Counts, faults: Faults
) -> Reply:
    stream = StreamedMessage(facts, counts, faults)
    read_stream(body, exchange, stream)
    facts.fail_with_status(exchange)
    return _reply(
        stream.role,
        stream.parts(),
        facts,
        counts,
        finish_reason=stream.stop_reason,
        complete=stream.done,
        streamed=True,
        events=stream.events,
        name=stream.id,
    )


def _whole(value: dict[str, Any], facts: Facts, counts: Counts, faults: Faults) -> Reply:
    facts.read({name: field for name, field in value.items() if name != "usage"})
    counts.add(value.get("usage"))
    if "content" not in value:
        if not facts.error:
            faults.add("response.content", "a response without content")
        return _reply("assistant", [], facts, counts, complete=bool(facts.error))
    parts = parts_of(value["content"], "response.content", faults)
    return _reply(
        faults.string(value, "role", "response"),
        [part for part in parts if part != Text("")],
        facts,
        counts,
        finish_reason=faults.string(value, "stop_reason", "response") or None,
        complete=True,
        name=faults.id(value, "id", "response") or "",
    )


def _reply(
    role: str,
    parts: list[Part],
    facts: Facts,
    counts: Counts,
    *,
    finish_reason: str | None = None,
    complete: bool,
    streamed: bool = False,
    events: int = 0,
    name: str = "",
) -> Reply:
    facts.count(counts.as_chat())
    wire_role = role or "assistant"
    message = Message(ROLES.get(wire_role, wire_role), tuple(parts), wire_role)
    return facts.reply(
        [message], finish_reason, complete, streamed=streamed, events=events, name=name
    )
