"""A chat exchange in OpenAI's Responses API, as Codex and a llama-server speak it.

The system prompt is `instructions`, the history a flat list of items, and what the model says
(a thought, a message, calls) comes as an item each. Answers are streamed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from kimitap.rules.examples import Json
from kimitap.rules.rule import Sample
from tests.scoring.cutting import calls_of
from tests.scoring.events import ERROR, NO_JSON, spliced
from tests.support import responses

PATH = "/v1/responses"
_OWN = frozenset({"messages", "tools", "tool_choice", "max_tokens"})


def sample_of(number: int, sample: Sample) -> Sample:
    """The exchange in this API."""
    return replace(
        sample, request=_request(sample.request), path=PATH, extra={}, **_answer(number, sample)
    )


def places(messages: Sequence[Json]) -> list[int]:
    """Where each message is in the turn: what the assistant says in one go is one."""
    found: list[int] = []
    for at, message in enumerate(messages):
        joined = at and message["role"] == "assistant" == messages[at - 1]["role"]
        found.append(found[-1] + (0 if joined else 1) if found else 0)
    return [*found, found[-1] + 1 if found else 0]


def _request(sent: Json) -> Json:
    messages: Sequence[Json] = sent["messages"]  # type: ignore[assignment] # a test's JSON
    tools: Sequence[Any] = sent.get("tools") or ()  # type: ignore[assignment] # a test's JSON
    made = {k: v for k, v in sent.items() if k not in _OWN}
    if messages and messages[0]["role"] == "system":
        made["instructions"] = messages[0]["content"]
        messages = messages[1:]
    made["input"] = [item for message in messages for item in _items(message)]
    made |= {"store": False, "include": ["reasoning.encrypted_content"]}
    if tools:
        made["tools"] = [{"type": "function", "strict": False, **t["function"]} for t in tools]
    choice = sent.get("tool_choice")
    if isinstance(choice, Mapping):
        made["tool_choice"] = {"type": "function", "name": choice["function"]["name"]}  # type: ignore[index] # a test's JSON
    if "max_tokens" in sent:
        made["max_output_tokens"] = sent["max_tokens"]
    return made


def _items(message: Json) -> list[dict[str, Any]]:
    content: Any = message.get("content")
    match message["role"]:
        case "tool":
            return [responses.result(content, str(message["tool_call_id"]))]
        case "assistant":
            blank = not content and not calls_of(message)
            said = _said(message)
            return [*said, _spoken("")] if blank else said
        case role:
            parts = [{"type": "input_text", "text": content}]
            return [{"type": "message", "role": role, "content": parts}]


def _spoken(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text}
    return {"type": "message", "role": "assistant", "content": [part]}


def _said(message: Json) -> list[dict[str, Any]]:
    """The items of what the assistant says: a thought, a message, its calls."""
    thought: Any = message.get("reasoning_content")
    text: Any = message.get("content")
    items: list[dict[str, Any]] = []
    if thought:
        content = [{"type": "reasoning_text", "text": thought}]
        items.append({"type": "reasoning", "summary": [], "content": content})
    if text:
        items.append(_spoken(text))
    for call in calls_of(message):
        function: Any = call["function"]
        call_id = str(call.get("id") or "")
        items.append(responses.call(function["name"], function["arguments"], call_id))
    return items


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
    """An error within a stream: an event of its own."""
    error = orjson.loads(raw.removeprefix(b"data: "))["error"]
    return responses.events({**error, "type": "error"})


def _stream(number: int, sample: Sample) -> bytes:
    head = {"id": f"resp_{number:024d}", "object": "response", "model": "kimi-k2"}
    begun = {**head, "status": "in_progress"}
    made = [
        responses.event("created", response=begun),
        responses.event("in_progress", response=begun),
    ]
    if sample.reply is None:
        return responses.events(*made)
    output = _said(sample.reply["message"])  # type: ignore[arg-type] # a test's JSON
    items = [_named(number, n, item) for n, item in enumerate(output)]
    for item in items:
        made += _events(item)
    finish = sample.reply.get("finish_reason")
    if finish is not None:
        made.append(_ended({**head, "output": items}, finish, sample.extra))
    return responses.events(*made)


def _named(number: int, at: int, item: Json) -> dict[str, Any]:
    kind = {"reasoning": "rs", "message": "msg", "function_call": "fc"}[str(item["type"])]
    return {**item, "id": f"{kind}_{number}_{at}"}


def _events(item: dict[str, Any], step: int = 6) -> list[dict[str, Any]]:
    """The events of one item, without `output_index`, as llama-server sends them."""
    name: dict[str, Any] = {"item_id": item["id"]}
    if item["type"] == "function_call":
        kind, said, empty = "function_call_arguments", item["arguments"], {"arguments": ""}
    else:
        kind, said = item["content"][0]["type"], item["content"][0]["text"]
        name["content_index"], empty = 0, {"content": []}
    made = [responses.event("output_item.added", item={**item, **empty})]
    if isinstance(said, str):
        pieces = [said[at : at + step] for at in range(0, len(said), step)]
        made += [responses.event(f"{kind}.delta", delta=piece, **name) for piece in pieces]
    return [*made, responses.event("output_item.done", item=item)]


def _ended(response: dict[str, Any], finish: object, extra: Json) -> dict[str, Any]:
    """The last event, with the counts; the timings stand beside the response."""
    usage: Any = extra.get("usage")
    if usage:
        response["usage"] = {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": usage.get("prompt_tokens_details"),
            "output_tokens": usage["completion_tokens"],
            "total_tokens": usage.get("total_tokens"),
        }
    timings = {"timings": extra["timings"]} if "timings" in extra else {}
    if finish == "length":
        cut = {"reason": "max_output_tokens"}
        ended = {**response, "status": "incomplete", "incomplete_details": cut}
        return responses.event("incomplete", response=ended, **timings)
    return responses.event("completed", response={**response, "status": "completed"}, **timings)
