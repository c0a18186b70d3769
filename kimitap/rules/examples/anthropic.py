"""Builders for the rules' examples in Anthropic's Messages API: content blocks and exchanges."""

import json
from collections.abc import Mapping, Sequence

from kimitap.rules.rule import Sample

Json = Mapping[str, object]

PATH = "/v1/messages?beta=true"
TOOLS: Sequence[Json] = [
    {
        "name": name,
        "input_schema": {"type": "object", "properties": {key: {"type": "string"}}},
    }
    for name, key in (("read_file", "path"), ("write_file", "path"), ("run_command", "command"))
]


def text(said: str) -> Json:
    return {"type": "text", "text": said}


def thinking(said: str, signature: str = "") -> Json:
    """A thought; llama-server signs none, Anthropic every one."""
    return {"type": "thinking", "thinking": said, "signature": signature}


def use(call_id: str, name: str, /, **arguments: str) -> Json:
    """A call of a tool."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def result(call_id: str, said: str) -> Json:
    """The result of a tool."""
    return {"type": "tool_result", "tool_use_id": call_id, "content": said}


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": list(blocks)}


def _request(messages: Sequence[Json], fields: Json) -> Json:
    return {
        "model": "kimi-k2",
        "max_tokens": 4096,
        "system": "You are a coding agent.",
        "messages": list(messages),
        "tools": TOOLS,
        **fields,
    }


def step(messages: Sequence[Json], *said: Json, **fields: object) -> Sample:
    """One exchange: what was sent, and the blocks that came back."""
    called = any(block["type"] == "tool_use" for block in said)
    reply = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": list(said),
        "model": "kimi-k2",
        "stop_reason": "tool_use" if called else "end_turn",
    }
    return Sample(_request(messages, fields), reply, path=PATH)


def streamed(
    messages: Sequence[Json], said: str, *, last: bool = True, cancelled: bool = False
) -> Sample:
    """One exchange whose reply, a text, is streamed; without `last` it lacks its `message_stop`."""
    begun = {"id": "msg_1", "role": "assistant", "content": [], "model": "kimi-k2"}
    events: Sequence[Json] = (
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": text("")},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": said}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        *([{"type": "message_stop"}] if last else []),
    )
    raw = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    sent = _request(messages, {"stream": True})
    return Sample(sent, None, path=PATH, raw=raw.encode(), cancelled=cancelled)


def refused(messages: Sequence[Json], error: str, status: int = 400) -> Sample:
    """An exchange that the server refused, in its words."""
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": error}}
    return Sample(_request(messages, {}), body, status=status, path=PATH)


TASK = (user(text("Read notes.txt, then write summary.md.")),)
"""How the examples' sessions begin: with the system prompt two messages, as the rules count."""

READ = use("toolu_1", "read_file", path="notes.txt")
READ_TWO = use("toolu_2", "read_file", path="data.csv")
WRITE = use("toolu_3", "write_file", path="summary.md")

SAYING = text("I read the notes first.")
ASKED = assistant(SAYING, READ)
NOTES = result("toolu_1", "owner: Ada\nrows: 3")
TABLE = result("toolu_2", "id,amount")
WRITTEN = result("toolu_3", "Wrote 52 bytes to summary.md.")
DONE = text("Done: summary.md names the owner and 3 rows.")
