"""Builders for the rules' examples in OpenAI's Responses API: items and exchanges."""

import json
from collections.abc import Mapping, Sequence

from kimitap.rules.rule import Sample

Json = Mapping[str, object]

PATH = "/v1/responses"
TOOLS: Sequence[Json] = [
    {
        "type": "function",
        "name": name,
        "parameters": {"type": "object", "properties": {key: {"type": "string"}}},
    }
    for name, key in (("read_file", "path"), ("write_file", "path"), ("run_command", "command"))
]


def user(text: str) -> Json:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def said(text: str) -> Json:
    """A message of the assistant's."""
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": [part]}


def thought(text: str) -> Json:
    """Reasoning, as llama-server sends it."""
    content = [{"type": "reasoning_text", "text": text}]
    return {"type": "reasoning", "id": "rs_1", "summary": [], "content": content}


def call(call_id: str, name: str, arguments: str | None = None, /, **values: str) -> Json:
    """A tool call; its arguments as keywords, or as the text on the wire."""
    written = json.dumps(values) if arguments is None else arguments
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": written}


def result(call_id: str, text: str) -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def reference(item_id: str) -> Json:
    """An item that the server keeps, by its id."""
    return {"type": "item_reference", "id": item_id}


def _request(items: Sequence[Json], fields: Json) -> Json:
    return {
        "model": "kimi-k2",
        "instructions": "You are a coding agent.",
        "input": list(items),
        "tools": TOOLS,
        **fields,
    }


def step(items: Sequence[Json], *output: Json, id: str = "resp_1", **fields: object) -> Sample:
    """One exchange: the items sent, and those that came back in the reply `id`."""
    reply = {
        "id": id,
        "object": "response",
        "status": "completed",
        "model": "kimi-k2",
        "output": list(output),
    }
    return Sample(_request(items, fields), reply, path=PATH)


def refused(items: Sequence[Json], error: str, **fields: object) -> Sample:
    """An exchange that the server refused, in its words."""
    body = {"error": {"message": error, "type": "invalid_request_error", "param": "input"}}
    return Sample(_request(items, fields), body, status=400, path=PATH)


TASK = (user("Read notes.txt, then write summary.md."),)
"""How the examples' sessions begin: with the instructions two messages, as the rules count."""

SAYING = said("I read the notes first.")
READ = call("call_1", "read_file", path="notes.txt")
READ_TWO = call("call_2", "read_file", path="data.csv")
WRITE = call("call_3", "write_file", path="summary.md")

NOTES = result("call_1", "owner: Ada\nrows: 3")
TABLE = result("call_2", "id,amount")
WRITTEN = result("call_3", "Wrote 52 bytes to summary.md.")
DONE = said("Done: summary.md names the owner and 3 rows.")
