"""A chat exchange in Anthropic's Messages API, as Claude Code and a llama-server speak it.

A client of that API sends neighbours of one role as one message: results of tools, and what the
user says after them, are blocks of one. Answers are streamed. Where the model's arguments are no
JSON object the client has nothing to send back but an empty one.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from kimitap.rules.examples import Json
from kimitap.rules.rule import Sample
from tests.scoring.cutting import calls_of
from tests.scoring.events import ERROR, NO_JSON, spliced
from tests.support import anthropic

PATH = "/v1/messages?beta=true"
LIMIT = 32_000
"""The `max_tokens` that Claude Code sends; the API wants one."""

MANUAL = "How to use the tools, with examples, as Claude Code's system prompt has it. " * 100
MANUAL_TOKENS = 2_000
"""What that adds to a prompt. Only of long prompts is it known that a server which tells no
timings, as here, caches them."""

_STOPS = {"tool_calls": "tool_use", "stop": "end_turn", "length": "max_tokens"}
_OWN = frozenset({"messages", "tools", "tool_choice"})


def sample_of(number: int, sample: Sample) -> Sample:
    """The exchange in this API."""
    return replace(
        sample, request=_request(sample.request), path=PATH, extra={}, **_answer(number, sample)
    )


def places(messages: Sequence[Json]) -> list[int]:
    """Where each message is in the turn: a result has a place of its own, neighbours do not."""
    found: list[int] = []
    for at, message in enumerate(messages):
        joined = at and message["role"] == "user" == messages[at - 1]["role"]
        found.append(found[-1] + (0 if joined else 1) if found else 0)
    return [*found, found[-1] + 1 if found else 0]


def _request(sent: Json) -> Json:
    messages: Sequence[Json] = sent["messages"]  # type: ignore[assignment] # a test's JSON
    tools: Sequence[Any] = sent.get("tools") or ()  # type: ignore[assignment] # a test's JSON
    made = {"max_tokens": LIMIT} | {k: v for k, v in sent.items() if k not in _OWN}
    if messages and messages[0]["role"] == "system":
        told = [{"type": "text", "text": messages[0]["content"]}]
        told += [{"type": "text", "text": MANUAL}] if _is_agents(sent) else []
        made["system"] = [*told[:-1], _cached(told[-1])]
        messages = messages[1:]
    made["messages"] = _messages(messages)
    if tools:
        made["tools"] = [_tool(tool["function"]) for tool in tools]
    choice = sent.get("tool_choice")
    if isinstance(choice, Mapping):
        made["tool_choice"] = {"type": "tool", "name": choice["function"]["name"]}  # type: ignore[index] # a test's JSON
    return made


def _is_agents(sent: Json) -> bool:
    """True for a request of the agent itself, which tells the model of tools; no side request."""
    messages: Sequence[Json] = sent["messages"]  # type: ignore[assignment] # a test's JSON
    return bool(sent.get("tools")) or "tools" in str(messages[0]["content"])


def _tool(function: Json) -> Json:
    return {
        "name": function["name"],
        "description": "",
        "input_schema": function["parameters"] or {"type": "object"},
    }


def _cached(block: Json) -> Json:
    return {**block, "cache_control": {"type": "ephemeral"}}


def _messages(messages: Sequence[Json]) -> list[Json]:
    """Neighbours of role user as one, the last block of all marked for the cache."""
    made: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message["role"] == "assistant" else "user"
        content = _content(message)
        if role == "user" and made and made[-1]["role"] == "user":
            made[-1]["content"] += content
        else:
            made.append({"role": role, "content": content})
    if made and made[-1]["role"] == "user" and made[-1]["content"]:
        made[-1]["content"][-1] = _cached(made[-1]["content"][-1])
    return [*made]


def _content(message: Json) -> Any:
    """The blocks of a message; a blank answer is an empty string."""
    if message["role"] == "tool":
        return [anthropic.result(str(message["tool_call_id"]), message["content"])]
    if message["role"] != "assistant":
        given = message["content"]
        return [anthropic.text(given)] if isinstance(given, str) else list(given)  # type: ignore[call-overload] # a test's JSON
    return [_given_back(block) for block in _blocks(message)] or ""


def _given_back(block: Json) -> Json:
    if block["type"] != "tool_use" or isinstance(block["input"], dict):
        return block
    return {**block, "input": {}}


def _blocks(message: Json) -> list[dict[str, Any]]:
    """What the assistant says. A call's `input` that is no object stays the text that it is."""
    blocks: list[dict[str, Any]] = []
    thought = message.get("reasoning_content")
    if isinstance(thought, str) and thought:
        blocks.append(anthropic.thinking(thought, str(message.get("signature") or sign(thought))))
    content = message.get("content")
    if isinstance(content, str) and content:
        blocks.append(anthropic.text(content))
    elif isinstance(content, list):
        blocks += content
    for call in calls_of(message):
        function: Any = call["function"]
        blocks.append(
            {
                "type": "tool_use",
                "id": call.get("id") or "",
                "name": function["name"],
                "input": _input(function["arguments"]),
            }
        )
    return blocks


def sign(thought: str) -> str:
    """A server's signature of a thought."""
    return hashlib.sha256(thought.encode()).hexdigest()[:24]


def _input(arguments: object) -> object:
    if not isinstance(arguments, str):
        return arguments
    try:
        value = json.loads(arguments or "{}")
    except json.JSONDecodeError:
        return arguments
    return value if isinstance(value, dict) else arguments


def _answer(number: int, sample: Sample) -> dict[str, Any]:
    """The answer's fields of the sample: what is no reply stays, all else is a stream."""
    if sample.status >= 400:
        return {}
    raw = sample.raw or b""
    if raw.startswith(ERROR):
        return {"reply": None, "raw": _error_event(raw)}
    if not raw.startswith(b"data:") and sample.raw is not None:
        return {"reply": None, "raw": raw}
    whole = _stream(number, sample)
    return {"reply": None, "raw": spliced(whole, NO_JSON) if NO_JSON in raw else whole}


def _error_event(raw: bytes) -> bytes:
    """llama-server's error within a stream: a bare object under the event's name."""
    error = orjson.loads(raw.removeprefix(b"data: "))["error"]
    return b"event: error\ndata: " + orjson.dumps(error) + b"\n\n"


def _stream(number: int, sample: Sample) -> bytes:
    usage = _usage(sample)
    out = anthropic.start(id=f"msg_{number:024d}", content=[], usage={**usage, "output_tokens": 0})
    if sample.reply is None:
        return out
    message: Json = sample.reply["message"]  # type: ignore[assignment] # a test's JSON
    for index, block in enumerate(_blocks(message)):
        out += _block(index, block)
    finish = sample.reply.get("finish_reason")
    if finish is None:
        return out
    named = isinstance(sample.request.get("tool_choice"), Mapping)
    called = named and finish == "stop" and calls_of(message)
    reason = "tool_use" if called else _STOPS.get(str(finish), finish)
    return (
        out
        + anthropic.event("message_delta", delta={"stop_reason": reason}, usage=usage)
        + anthropic.event("message_stop")
    )


def _block(index: int, block: Json, step: int = 6) -> bytes:
    """The events of one block, `step` characters a delta."""
    said: Any
    match block["type"]:
        case "tool_use":
            kind, name, said = "input_json_delta", "partial_json", block["input"]
            said = said if isinstance(said, str) else json.dumps(said)
            out = anthropic.begin(index, {k: v for k, v in block.items() if k != "input"})
        case "thinking":
            kind, name, said = "thinking_delta", "thinking", block["thinking"]
            out = anthropic.begin(index, anthropic.thinking(""))
        case _:
            kind, name, said = "text_delta", "text", block["text"]
            out = anthropic.begin(index, anthropic.text(""))
    for at in range(0, len(said), step):
        out += anthropic.delta(index, kind, **{name: said[at : at + step]})
    if block.get("signature"):
        out += anthropic.delta(index, "signature_delta", signature=block["signature"])
    return out + anthropic.stop(index)


def _usage(sample: Sample) -> dict[str, int]:
    """The counts; `input_tokens` leaves the cached ones out. The server tells no timings here."""
    usage: Any = sample.extra.get("usage")
    if not usage:
        return {}
    more = MANUAL_TOKENS if _is_agents(sample.request) else 0
    cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    prompt = usage["prompt_tokens"]
    known = cached + more if cached else 0
    return {
        "input_tokens": prompt + more - known,
        "cache_read_input_tokens": known,
        "output_tokens": usage["completion_tokens"],
    }
