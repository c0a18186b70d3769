"""The request and the reply as JSON: a folded tree, or the bytes as they are."""

from collections.abc import Iterator, Sequence
from functools import partial

from rich.segment import Segment

from kimitap.conversation import Message, Reply, ToolCall, Turn
from kimitap.exchange import Exchange
from kimitap.rules.finding import Severity
from kimitap.transcript.wording import plural
from kimitap.tui.palette import ALARM, FAINT, NAME, STRONG
from kimitap.tui.turn.json_entries import JsonEntry, json_entries
from kimitap.tui.turn.json_events import EventEntry, event_entries
from kimitap.tui.turn.json_values import Json, Members, Number, parse, pretty
from kimitap.tui.turn.raw_blocks import body_text
from kimitap.tui.widgets.entry import Entry, Item, note
from kimitap.tui.widgets.made import Made
from kimitap.tui.widgets.text_pane import Block
from kimitap.visible import visible
from kimitap.wire import Opened, events, is_stream, request_body, response_body

_THOUSAND = 1000


def request_made(exchange: Exchange) -> Made:
    """The request's body as a tree."""
    return _tree(request_body(exchange), "the request has no body")


def reply_made(exchange: Exchange, turn: Turn | None) -> Made:
    """The response's body as a tree; of a stream, the reply put together, then every event."""
    body = response_body(exchange)
    if exchange.status is None:
        return Made([note(f"no response: {exchange.outcome}", ALARM[Severity.ERROR])])
    if not is_stream(body.data, exchange):
        return _tree(body, "the response has no body")
    found = list(event_entries(events(exchange)))
    value = None if turn is None else reply_value(turn.reply)
    whole = _text(body) if value is None else partial(pretty, value)
    entries = [*_remarks(body), *_put_together(value), _events(found)]
    return Made(entries, text=whole, suffix=".txt" if value is None else ".json", told=_told(body))


def request_text(exchange: Exchange) -> Made:
    """The request's body as it is, clean."""
    return _plain(request_body(exchange), "the request has no body")


def reply_text(exchange: Exchange) -> Made:
    """The response's body as it is, clean."""
    return _plain(response_body(exchange), "the response has no body")


def reply_value(reply: Reply) -> Members:
    """The reply that a stream's events make, as JSON; what the server did not tell is left out."""
    message = reply.message
    told: dict[str, Json] = {
        "role": message.role,
        "content": message.text or None,
        "reasoning": message.reasoning,
        "tool_calls": [_call(call) for call in message.tool_calls],
        "finish_reason": reply.finish_reason,
        "choices": [_choice(other) for other in reply.others],
        "error": reply.error,
        "id": reply.id,
        "model": reply.model,
        "system_fingerprint": reply.fingerprint,
        "usage": _numbers(reply.usage),
        "timings": _numbers(reply.timings),
    }
    kept = ("role", "content", "finish_reason")
    return Members((name, value) for name, value in told.items() if value or name in kept)


def _call(call: ToolCall) -> Members:
    return Members((("id", call.id), ("name", call.name), ("arguments", call.arguments)))


def _choice(message: Message) -> Members:
    calls: list[Json] = [_call(call) for call in message.tool_calls]
    return Members((("content", message.text), ("tool_calls", calls)))


def _numbers(told: object) -> Members:
    """The fields of a usage or of timings that the server told."""
    names = getattr(told, "__dataclass_fields__", ())
    found = ((name, getattr(told, name)) for name in names)
    return Members((name, Number(value)) for name, value in found if value is not None)


def _put_together(value: Members | None) -> Iterator[Entry]:
    if value is not None:
        label = (Segment("── the reply, put together ──", NAME),)
        yield Item(label, parts=partial(_fields, value), stop=True)


def _fields(value: Members) -> list[Entry]:
    """A reply's fields; its calls unfolded to their arguments."""
    whole = {"tool_calls"}
    return [JsonEntry(name, item, 1, whole=name in whole) for name, item in value]


def _events(found: Sequence[Entry]) -> Item:
    """The events; of very many, by the thousand."""
    count = sum(isinstance(entry, EventEntry) for entry in found)
    label = (Segment(f"── {plural(count, 'event')} ──", NAME),)
    if len(found) <= 2 * _THOUSAND:
        return Item(label, parts=found, stop=True)
    starts = range(0, len(found), _THOUSAND)
    groups = [_group(start, found[start : start + _THOUSAND]) for start in starts]
    return Item(label, parts=groups, stop=True)


def _group(start: int, found: Sequence[Entry]) -> Item:
    label = (Segment(f"{start + 1:,} to {start + len(found):,}", STRONG),)
    return Item(label, parts=found, born_open=start == 0, stop=True)


def _tree(body: Opened, nothing: str) -> Made:
    if not body.data.strip():
        return Made([*_remarks(body), note(nothing, STRONG)])
    parsed = parse(body.data)
    if parsed.fault:
        said = note(f"! no JSON: {parsed.fault}", ALARM[Severity.WARNING], stop=True)
        text = Item(text=body_text(body.data), bare=True, words=False)
        return Made([*_remarks(body), said, text], text=_text(body), told=_told(body))
    unusual = [note(f"! {parsed.unusual}", ALARM[Severity.WARNING])] if parsed.unusual else []
    entries = [*_remarks(body), *unusual, *json_entries(parsed.value)]
    whole = partial(pretty, parsed.value)
    return Made(entries, text=whole, suffix=".json", told=_told(body))


def _plain(body: Opened, nothing: str) -> Made:
    said = [Block(entry.label[0].text, entry.label[0].style or FAINT) for entry in _remarks(body)]
    if not body.data:
        return Made(blocks=[*said, Block(nothing, STRONG)])
    text = Block(body_text(body.data), words=False)
    return Made(blocks=[*said, text], text=_text(body), told=_told(body))


def _text(body: Opened) -> "partial[str]":
    return partial(body_text, body.data)


def _told(body: Opened) -> Sequence[Segment]:
    return (Segment(f"{len(body.data):,} bytes", STRONG),)


def _remarks(body: Opened) -> Iterator[Item]:
    """What was undone before the body could be read, and what went wrong with that."""
    if body.encoding:
        yield note(f"Content-Encoding {visible(body.encoding)[:40]}, undone here", FAINT)
    if body.trouble:
        yield note(f"! {visible(body.trouble)}", ALARM[Severity.WARNING])
