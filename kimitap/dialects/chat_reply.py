"""The reply of OpenAI's chat completions, streamed or whole, chosen by what the body holds.

Servers answer a request for a stream with a JSON error, and a few stream what was not asked to be;
the Content-Type decides only where the body itself does not.
"""

import re
from typing import Any

from kimitap.conversation import Message, Reply, Text
from kimitap.dialects.chat_facts import Facts, error_of
from kimitap.dialects.chat_message import message_of
from kimitap.dialects.chat_stream import StreamedReply
from kimitap.dialects.encoding import decoded
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import UnreadableJson, kind_of, loads
from kimitap.exchange import Exchange, Outcome, header
from kimitap.sse import Decoder

_SILENT = Message("assistant", (), "assistant")
_STREAM = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:data|event|id|retry|error|):")
_PORTION = 1 << 20
"""Read so much of a stream at once: its events need not all be there at the same time."""
_ENDED = (Outcome.COMPLETE, Outcome.HTTP_ERROR)


def reply_of(exchange: Exchange, faults: Faults) -> Reply:
    """What the server answered, as far as it came."""
    body, trouble = decoded(exchange.response, exchange.response_headers)
    if trouble:
        faults.add("response", trouble)
    if exchange.lost_bytes:
        faults.add("response", f"{exchange.lost_bytes} bytes were not kept by the recorder")
    facts = Facts()
    typed = "event-stream" in header(exchange.response_headers, "content-type").lower()
    if _STREAM.match(body) or (typed and body.lstrip()[:1] != b"{"):
        return _streamed(body, exchange, facts, faults)
    if not body.strip():
        facts.fail_with_status(exchange)
        return _reply([], facts, None, complete=bool(facts.error) and exchange.outcome in _ENDED)
    return _whole(body, exchange, facts, faults)


def _streamed(body: bytes, exchange: Exchange, facts: Facts, faults: Faults) -> Reply:
    stream = StreamedReply(facts, faults)
    decoder = Decoder()
    for start in range(0, len(body), _PORTION):
        for event in decoder.feed(body[start : start + _PORTION]):
            stream.add(event)
    if exchange.outcome is not Outcome.IN_FLIGHT:
        for event in decoder.close():
            stream.add(event)
    facts.fail_with_status(exchange)
    choices = [choice for _, choice in sorted(stream.choices.items())]
    finish_reason = choices[0].finish_reason if choices else None
    return _reply(
        [choice.message() for choice in choices],
        facts,
        finish_reason,
        complete=stream.done or finish_reason is not None,
        streamed=True,
        events=stream.events,
    )


def _reply(
    messages: list[Message],
    facts: Facts,
    finish_reason: str | None,
    complete: bool,
    streamed: bool = False,
    events: int = 0,
) -> Reply:
    return Reply(
        message=messages[0] if messages else _SILENT,
        finish_reason=finish_reason,
        complete=complete,
        error=facts.error,
        error_in_stream=facts.error_in_stream,
        usage=facts.usage,
        timings=facts.timings,
        model=facts.model,
        fingerprint=facts.fingerprint,
        streamed=streamed,
        events=events,
        others=tuple(messages[1:]),
    )


def _whole(body: bytes, exchange: Exchange, facts: Facts, faults: Faults) -> Reply:
    try:
        value, unusual = loads(body)
    except UnreadableJson as problem:
        return _unreadable(body, exchange, facts, faults, str(problem))
    if unusual:
        faults.add("response", unusual)
    error = error_of(value)
    if error is None and value and (exchange.status or 0) >= 400:
        error = value
    if error is not None:
        facts.fail(error, in_stream=False)
    facts.fail_with_status(exchange)
    if not isinstance(value, dict):
        faults.add("response", f"a response is an object, not {kind_of(value)}")
        return _reply([], facts, None, complete=bool(facts.error))
    facts.read(value)
    return _choices(value, facts, faults)


def _unreadable(
    body: bytes, exchange: Exchange, facts: Facts, faults: Faults, problem: str
) -> Reply:
    """A body that is no JSON: an error page, or the beginning of an answer that was cut."""
    if (exchange.status or 0) >= 400:
        facts.fail(body.decode("utf-8", "replace").strip(), in_stream=False)
        return _reply([], facts, None, complete=exchange.outcome in _ENDED)
    if exchange.outcome is not Outcome.IN_FLIGHT:
        faults.add("response", problem)
    return _reply([], facts, None, complete=False)


def _choices(value: dict[str, Any], facts: Facts, faults: Faults) -> Reply:
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices:
        if not facts.error:
            faults.add("response.choices", "a response without a choice")
        return _reply([], facts, None, complete=bool(facts.error))
    messages = [_choice(c, f"response.choices[{i}]", faults) for i, c in enumerate(choices)]
    reason = choices[0].get("finish_reason") if isinstance(choices[0], dict) else None
    if reason is not None and not isinstance(reason, str):
        what = f"a finish_reason is a string, not {kind_of(reason)}"
        faults.add("response.choices[0].finish_reason", what)
        reason = None
    return _reply(messages, facts, reason or None, complete=True)


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
