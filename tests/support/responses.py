"""Exchanges of the Responses API made from plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from kimitap.conversation import Turn
from kimitap.dialects import Memo, openai_responses
from kimitap.exchange import Exchange, Outcome
from tests.support import chat

Json = dict[str, Any]


def user(text: str) -> Json:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def said(text: str, id: str = "msg_1") -> Json:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": id, "role": "assistant", "content": [part]}


def thought(text: str, id: str = "rs_1", **fields: Any) -> Json:
    content = [{"type": "reasoning_text", "text": text}]
    return {"type": "reasoning", "id": id, "summary": [], "content": content, **fields}


def call(name: str, arguments: str = "{}", call_id: str = "call_1", **fields: Any) -> Json:
    made = {"type": "function_call", "name": name, "arguments": arguments, "call_id": call_id}
    return {**made, **fields}


def result(output: Any, call_id: str = "call_1") -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def tool(name: str) -> Json:
    return {"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}}


def response(*output: Any, **fields: Any) -> Json:
    """A whole response's JSON."""
    head = {"id": "resp_1", "object": "response", "status": "completed", "model": "kimi-k2"}
    return {**head, "output": list(output), **fields}


def exchange(
    input: Any, answer: Mapping[str, Any] | bytes | None = None, number: int = 1, **fields: Any
) -> Exchange:
    """A finished exchange; `answer` is a response's JSON, or the bytes of a stream."""
    if answer is None:
        answer = response(said("ok"))
    body = answer if isinstance(answer, bytes) else orjson.dumps(answer)
    sent = {"model": "kimi-k2", "input": input, **fields}
    made = chat.exchange(number, sent, None, path="/v1/responses")
    kind = "text/event-stream" if isinstance(answer, bytes) else "application/json"
    return replace(
        made,
        response=body,
        response_headers=(("Server", "llama.cpp"), ("Content-Type", kind)),
        outcome=Outcome.COMPLETE,
    )


def turn(
    input: Any,
    answer: Mapping[str, Any] | bytes | None = None,
    memo: Memo | None = None,
    **fields: Any,
) -> Turn:
    """The decoded turn, from the dialect itself, so that nothing catches a mistake."""
    return openai_responses.decode(exchange(input, answer, **fields), memo or Memo())


def events(*values: Mapping[str, Any], named: bool = True) -> bytes:
    """A stream of events, each named by its type as llama-server does."""
    return b"".join(
        (b"event: " + str(value.get("type")).encode() + b"\n" if named and "type" in value else b"")
        + b"data: "
        + orjson.dumps(value)
        + b"\n\n"
        for value in values
    )


def event(kind: str, **fields: Any) -> Json:
    return {"type": f"response.{kind}", **fields}


def streamed(output: Sequence[Json], *, indexes: bool = True, step: int = 4) -> bytes:
    """The stream of a response, in OpenAI's order; `indexes` False leaves `output_index` out."""
    made = [event("created", response={"id": "resp_1", "status": "in_progress"})]
    for n, item in enumerate(output):
        at = {"output_index": n} if indexes else {}
        made += _item_events(item, at, step)
    made.append(event("completed", response=response(*output)))
    return events(*made)


def _item_events(item: Json, at: Json, step: int) -> list[Json]:
    name = {"item_id": item.get("id") or item.get("call_id")}
    made = []
    if item["type"] == "function_call":
        made.append(event("output_item.added", item={**item, "arguments": ""}, **at))
        said = item["arguments"]
        kind = "function_call_arguments"
    else:
        made.append(event("output_item.added", item={**item, "content": []}, **at))
        said = item["content"][0]["text"]
        kind = item["content"][0]["type"]
        name["content_index"] = 0
    letters = [said[i : i + step] for i in range(0, len(said), step)]
    made += [event(f"{kind}.delta", delta=delta, **name, **at) for delta in letters]
    return [*made, event("output_item.done", item=item, **at)]
