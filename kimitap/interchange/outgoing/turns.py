"""Turns as JSON lines: what each exchange means, decoded, with its echo and its findings."""

from collections.abc import Iterable, Iterator, Sequence

from kimitap.conversation import (
    Image,
    Message,
    Other,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from kimitap.interchange.bodies import json_text
from kimitap.interchange.outgoing.jsonl import VERSION, iso
from kimitap.interchange.outgoing.told import Told
from kimitap.lineage import Thread
from kimitap.rules.finding import Finding, as_json

JsonObject = dict[str, object]


def turn_lines(told: Iterable[Told]) -> Iterator[str]:
    """A line a turn, thread after thread."""
    for one in told:
        for thread in one.threads:
            for turn in one.turns_of(thread):
                yield json_text(line(turn, thread, one)) + "\n"


def line(turn: Turn, thread: Thread, told: Told) -> JsonObject:
    """One turn as plain values."""
    at = thread.place_of(turn.exchange)
    link = None if at is None else thread.links[at]
    echo = thread.echo_of(turn.exchange)
    return {
        "kimitap": VERSION,
        "kind": "turn",
        "session": told.session.name,
        "thread": thread.name,
        "thread_kind": thread.kind,
        "exchange": turn.exchange,
        "origin": told.origins.get(turn.exchange, ""),
        "dialect": turn.dialect,
        "path": turn.path,
        "started_at": iso(turn.started_at),
        "ended_at": iso(turn.ended_at),
        "first_event_s": turn.first_event_s,
        "outcome": turn.outcome.value,
        "detail": turn.detail,
        "status": turn.status,
        "program": turn.program,
        "server": turn.server,
        "model": turn.model,
        "stream": turn.stream,
        "parameters": dict(turn.parameters),
        "tools": [_tool(tool) for tool in turn.tools],
        "messages": [message_line(m) for m in turn.messages],
        "reply": _reply(turn),
        "follows": link and {"exchange": link.parent.exchange, "relation": link.relation.value},
        "echo": echo and echo.kind.value,
        "findings": _findings(turn, told.findings),
        "faults": [{"where": f.where, "what": f.what} for f in turn.faults],
    }


def message_line(message: Message) -> JsonObject:
    """A message with its parts, each an object with a `type`."""
    made: JsonObject = {"role": message.role, "parts": [_part(part) for part in message.parts]}
    if message.wire_role not in ("", message.role):
        made["wire_role"] = message.wire_role
    if message.name:
        made["name"] = message.name
    return made


def _part(part: Part) -> JsonObject:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Reasoning():
            return {"type": "reasoning", "text": part.text, "field": part.field}
        case ToolCall():
            return {
                "type": "tool_call",
                "id": part.id,
                "name": part.name,
                "arguments": part.arguments,
            }
        case ToolResult():
            return {
                "type": "tool_result",
                "call_id": part.call_id,
                "text": part.text,
                "failed": part.failed,
            }
        case Image():
            return {
                "type": "image",
                "digest": part.digest,
                "size": part.size,
                "media_type": part.media_type,
            }
        case Other():
            return {"type": "other", "kind": part.kind, "json": part.json}


def _tool(tool: Tool) -> JsonObject:
    return {"name": tool.name, "json": tool.json}


def _reply(turn: Turn) -> JsonObject:
    reply = turn.reply
    usage, timings = reply.usage, reply.timings
    return {
        "message": message_line(reply.message),
        "other_choices": [message_line(m) for m in reply.others],
        "finish_reason": reply.finish_reason,
        "complete": reply.complete,
        "error": reply.error,
        "model": reply.model,
        "id": reply.id,
        "fingerprint": reply.fingerprint,
        "events": reply.events,
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
        },
        "timings": {
            "cache_n": timings.cache_n,
            "prompt_n": timings.prompt_n,
            "prompt_ms": timings.prompt_ms,
            "predicted_n": timings.predicted_n,
            "predicted_ms": timings.predicted_ms,
        },
        "tokens_per_second": turn.tokens_per_second,
    }


def _findings(turn: Turn, findings: Sequence[Finding]) -> list[JsonObject]:
    return [as_json(f) for f in findings if f.place.exchange == turn.exchange]
