"""The reply of the Responses API, streamed or whole, and how it ended.

The API has no finish reason; the turn's is in the words of chat completions:

| the wire's | the turn's |
|---|---|
| status `completed`, with a call that the agent answers | `tool_calls` |
| status `completed` | `stop` |
| `incomplete_details.reason` `max_output_tokens` | `length` |
| another reason of an incomplete response | as it is (`content_filter`) |
| status `incomplete` without a reason, `cancelled` | as it is |
| status `failed`, `queued`, `in_progress` | none |

A failed response is complete, with an error; one that is only queued or under way is not.
"""

from typing import Any

from kimitap.conversation import Message, Reply
from kimitap.dialects.answer import body_of, is_stream, object_of, read_stream, refused
from kimitap.dialects.chat_facts import Facts
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import kind_of
from kimitap.dialects.memo import Memo
from kimitap.dialects.responses_facts import read_facts
from kimitap.dialects.responses_items import KEPT, assistant, item_of, merged
from kimitap.dialects.responses_stream import StreamedResponse
from kimitap.exchange import Exchange

_REASONS = {"max_output_tokens": "length", "max_tokens": "length"}


def reply_of(exchange: Exchange, memo: Memo, faults: Faults) -> Reply:
    """What the server answered, as far as it came.

    A later request may name an item of it in the place of the item: `memo` keeps them by their ids.
    """
    body = body_of(exchange, faults)
    facts = Facts()
    if is_stream(body, exchange):
        return _streamed(body, exchange, memo, facts, faults)
    value = object_of(body, exchange, facts, faults)
    if value is None:
        return _reply(assistant(()), {}, facts, complete=refused(exchange, facts))
    read_facts(value, facts)
    output = value.get("output")
    if not isinstance(output, list):
        if not facts.error:
            faults.add("response.output", f"output is a list, not {kind_of(output)}")
        return _reply(assistant(()), value, facts, complete=bool(facts.error))
    message = _message(output, memo, faults)
    return _reply(message, value, facts, value.get("status") not in ("queued", "in_progress"))


def _streamed(body: bytes, exchange: Exchange, memo: Memo, facts: Facts, faults: Faults) -> Reply:
    stream = StreamedResponse(facts, faults)
    read_stream(body, exchange, stream)
    facts.fail_with_status(exchange)
    message = _message(stream.output(), memo, faults)
    ended = stream.ended
    return _reply(message, stream.response, facts, ended, streamed=True, events=stream.events)


def _message(output: list[Any], memo: Memo, faults: Faults) -> Message:
    known = memo.known(KEPT)
    items = []
    for i, value in enumerate(output):
        items.append(item_of(value, f"response.output[{i}]", faults))
        name = value.get("id") if isinstance(value, dict) else None
        if isinstance(name, str) and name:
            known[name.encode("utf-8", "replace")] = items[-1], ()
    return merged(items)


def _reply(
    message: Message,
    response: dict[str, Any],
    facts: Facts,
    complete: bool,
    streamed: bool = False,
    events: int = 0,
) -> Reply:
    name = response.get("id")
    return facts.reply(
        [message],
        _finish_reason(response, message) if complete and response else None,
        complete,
        streamed=streamed,
        events=events,
        name=name if isinstance(name, str) else "",
    )


def _finish_reason(response: dict[str, Any], message: Message) -> str | None:
    status = response.get("status")
    if status in ("completed", None) and not response.get("error"):
        return "tool_calls" if message.tool_calls else "stop"
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    if isinstance(reason, str) and reason:
        return _REASONS.get(reason, reason)
    return status if status in ("incomplete", "cancelled") else None
