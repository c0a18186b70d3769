"""The reply of OpenAI's chat completions, streamed or whole."""

from typing import Any

from kimitap.conversation import Message, Reply, Text
from kimitap.dialects.answer import CHOICES, body_of, is_stream, object_of, read_stream, refused
from kimitap.dialects.chat_facts import Facts
from kimitap.dialects.chat_message import message_of
from kimitap.dialects.chat_stream import StreamedReply
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import kind_of
from kimitap.exchange import Exchange

_SILENT = Message("assistant", (), "assistant")


def reply_of(exchange: Exchange, faults: Faults) -> Reply:
    """What the server answered, as far as it came."""
    body = body_of(exchange, faults)
    facts = Facts()
    if is_stream(body, exchange):
        return _streamed(body, exchange, facts, faults)
    value = object_of(body, exchange, facts, faults)
    if value is None:
        return facts.reply([], None, complete=refused(exchange, facts))
    facts.read(value)
    return _choices(value, facts, faults)


def _streamed(body: bytes, exchange: Exchange, facts: Facts, faults: Faults) -> Reply:
    stream = StreamedReply(facts, faults)
    unnamed = read_stream(body, exchange, stream)
    facts.fail_with_status(exchange)
    choices = [choice for _, choice in sorted(stream.choices.items())]
    reasons = [choice.finish_reason for choice in choices]
    return facts.reply(
        [choice.message() for choice in choices],
        reasons[0] if reasons else None,
        complete=stream.done or (bool(reasons) and None not in reasons),
        other_reasons=reasons[1:],
        streamed=True,
        events=stream.events,
        signs=stream.progress or not unnamed,
    )


def _choices(value: dict[str, Any], facts: Facts, faults: Faults) -> Reply:
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices:
        if not facts.error:
            faults.add("response.choices", "a response without a choice")
        return facts.reply([], None, complete=bool(facts.error))
    if len(choices) > CHOICES:
        faults.add("response.choices", f"more than {CHOICES} choices: the others are not read")
        choices = choices[:CHOICES]
    messages = [_choice(c, f"response.choices[{i}]", faults) for i, c in enumerate(choices)]
    failed = (c["error"] for c in choices if isinstance(c, dict) and c.get("error"))
    for error in failed:  # OpenRouter
        facts.fail(error, in_stream=False)
    reasons = [_reason(c, f"response.choices[{i}]", faults) for i, c in enumerate(choices)]
    return facts.reply(messages, reasons[0], complete=True, other_reasons=reasons[1:])


def _reason(value: Any, where: str, faults: Faults) -> str | None:
    reason = value.get("finish_reason") if isinstance(value, dict) else None
    if reason is not None and not isinstance(reason, str):
        what = f"a finish_reason is a string, not {kind_of(reason)}"
        faults.add(f"{where}.finish_reason", what)
        return None
    return reason or None


def _choice(value: Any, where: str, faults: Faults) -> Message:
    if not isinstance(value, dict):
        faults.add(where, f"a choice is an object, not {kind_of(value)}")
        return _SILENT
    message = value.get("message", value.get("delta"))
    if isinstance(message, dict):
        message = {**message, "role": message.get("role") or "assistant"}
        return message_of(message, f"{where}.message", faults)
    if isinstance(value.get("text"), str):
        return Message("assistant", (Text(value["text"]),), "assistant")
    faults.add(f"{where}.message", f"a message is an object, not {kind_of(message)}")
    return _SILENT
