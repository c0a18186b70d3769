"""Builders for the rules' examples: chat-completions messages and exchanges, kept short."""

import json
from collections.abc import Mapping, Sequence

from kimitap.rules.rule import Sample

Json = Mapping[str, object]

TOOLS: Sequence[Json] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {key: {"type": "string"}}},
        },
    }
    for name, key in (("read_file", "path"), ("write_file", "path"), ("run_command", "command"))
]


def system(text: str) -> Json:
    return {"role": "system", "content": text}


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def tool(call_id: str, text: str) -> Json:
    """A tool's result."""
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def call(call_id: str | None, name: str, arguments: str | None = None, /, **values: str) -> Json:
    """A tool call; its arguments as keywords, or as the text on the wire. None is no id at all."""
    written = json.dumps(values) if arguments is None else arguments
    made = {"type": "function", "function": {"name": name, "arguments": written}}
    return made if call_id is None else {"id": call_id, **made}


def assistant(text: str | None = None, *calls: Json, reasoning: str = "") -> Json:
    """An assistant's message, as a server sends it and as an agent gives it back."""
    message: dict[str, object] = {"role": "assistant", "content": text}
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = list(calls)
    return message


def step(
    messages: Sequence[Json],
    reply: Json | None,
    finish: str | None = "",
    *,
    cancelled: bool = False,
    **fields: object,
) -> Sample:
    """One exchange: what was sent, what came back. `finish` is by default what the reply calls for.

    `finish=None` is a stream that was cut after `reply`; `reply=None` one that was cut before.
    """
    request = {"model": "kimi-k2", "messages": list(messages), "tools": TOOLS, **fields}
    if reply is None:
        return Sample(request, None, cancelled=cancelled)
    reason = ("tool_calls" if reply.get("tool_calls") else "stop") if finish == "" else finish
    return Sample(request, {"message": reply, "finish_reason": reason}, cancelled=cancelled)


def failed(messages: Sequence[Json], status: int, error: str) -> Sample:
    """An exchange that the server refused, with its error's text."""
    request = {"model": "kimi-k2", "messages": list(messages), "tools": TOOLS}
    body = {"error": {"code": status, "message": error, "type": "invalid_request_error"}}
    return Sample(request, body, status=status)


TASK = (system("You are a coding agent."), user("Read notes.txt, then write summary.md."))
"""How the examples' sessions begin: two messages."""

READ = call("c1", "read_file", path="notes.txt")
READ_TWO = call("c2", "read_file", path="data.csv")
WRITE = call("c3", "write_file", path="summary.md")

ASKED = assistant("I read the notes first.", READ)
NOTES = tool("c1", "owner: Ada\nrows: 3")
WROTE = assistant("Now I write the summary.", WRITE)
WRITTEN = tool("c3", "Wrote 52 bytes to summary.md.")
DONE = assistant("Done: summary.md names the owner and 3 rows.")
