"""Writing replies and results into a request's body, as each dialect's agents write them."""

import json
from collections.abc import Callable, Mapping, Sequence

from kimitap.conversation import Message, Reasoning, Text, ToolCall, Turn
from kimitap.errors import UsageError
from kimitap.replay.editing import saying

Json = dict[str, object]
Answers = Sequence[tuple[ToolCall, str]]
Filling = tuple[int, Sequence[int], Message | None, Answers]
"""Where it goes among the request's messages, in whose place, a reply, and results of calls."""
Speller = Callable[[Message | None, Answers], list[Json]]


def respelled(turn: Turn, body: bytes, fillings: Sequence[Filling]) -> bytes:
    """The body with all of these written in, all else as its bytes were.

    Raises `UsageError` where one has no place.
    """
    name, spell = SPELLERS[turn.dialect]
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the request's body is no JSON: {error}") from error
    items = value.get(name) if isinstance(value, dict) else None
    if not isinstance(items, list):
        raise UsageError(f"the request has no list of {name}: nothing can be put back")
    for at, slot, reply, answers in sorted(fillings, key=lambda filling: -filling[0]):
        start = _wire(turn, at, len(items))
        stop = _wire(turn, slot[-1] + 1, len(items)) if slot else start
        if at and not slot and start == _wire(turn, at - 1, len(items)):
            raise UsageError(
                f"the reply belongs within message {start} of the request: put it there by --edit"
            )
        new = spell(reply, answers)
        if name == "messages" and turn.dialect == "anthropic-messages":
            new, stop = _joined_results(new, items, stop)
        items[start:stop] = new
    return saying(body, value)


def _wire(turn: Turn, index: int, end: int) -> int:
    """Where a message of the turn stands in the request's array; its end for the one behind all."""
    if index >= len(turn.messages):
        return end
    return turn.wire_indexes[index] if turn.wire_indexes else index


def _identity(call: ToolCall, at: int) -> str:
    return call.id or f"call_put_back_{at}"


def _said(message: Message) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, Text))


# --- chat completions ---------------------------------------------------------------------------


def _chat(reply: Message | None, answers: Answers) -> list[Json]:
    made: list[Json] = [_chat_reply(reply)] if reply is not None else []
    calls = list(reply.tool_calls) if reply is not None else [call for call, _ in answers]
    for call, text in answers:
        identity = _identity(call, calls.index(call))
        made.append({"role": "tool", "tool_call_id": identity, "content": text})
    return made


def _chat_reply(reply: Message) -> Json:
    message: Json = {"role": "assistant", "content": _said(reply)}
    for part in reply.parts:
        if isinstance(part, Reasoning) and part.text:
            message[part.field] = f"{message.get(part.field, '')}{part.text}"
    if reply.tool_calls:
        message["tool_calls"] = [_chat_call(call, i) for i, call in enumerate(reply.tool_calls)]
    return message


def _chat_call(call: ToolCall, at: int) -> Json:
    if call.free:
        custom = {"name": call.name, "input": call.arguments}
        return {"id": _identity(call, at), "type": "custom", "custom": custom}
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": _identity(call, at), "type": "function", "function": function}


# --- Responses ----------------------------------------------------------------------------------


def _responses(reply: Message | None, answers: Answers) -> list[Json]:
    """Items without the reasoning, which the server alone can vouch for."""
    made: list[Json] = []
    if reply is not None and (text := _said(reply)):
        content = [{"type": "output_text", "text": text, "annotations": []}]
        made.append({"type": "message", "role": "assistant", "content": content})
    calls = list(reply.tool_calls) if reply is not None else [call for call, _ in answers]
    for at, call in enumerate(calls if reply is not None else ()):
        kind, given = ("custom_tool_call", "input") if call.free else ("function_call", "arguments")
        made.append(
            {
                "type": kind,
                "call_id": _identity(call, at),
                "name": call.name,
                given: call.arguments,
            }
        )
    for call, text in answers:
        kind = "custom_tool_call_output" if call.free else "function_call_output"
        identity = _identity(call, calls.index(call))
        made.append({"type": kind, "call_id": identity, "output": text})
    return made


# --- Anthropic ----------------------------------------------------------------------------------


def _anthropic(reply: Message | None, answers: Answers) -> list[Json]:
    made: list[Json] = []
    calls = list(reply.tool_calls) if reply is not None else [call for call, _ in answers]
    if reply is not None:
        made.append({"role": "assistant", "content": _blocks(reply)})
    if answers:
        results = [
            {
                "type": "tool_result",
                "tool_use_id": _identity(call, calls.index(call)),
                "content": text,
            }
            for call, text in answers
        ]
        made.append({"role": "user", "content": results})
    return made


def _blocks(reply: Message) -> list[Json]:
    blocks: list[Json] = []
    for part in reply.parts:
        match part:
            case Reasoning(text=text, signature=signature) if text and signature:
                blocks.append({"type": "thinking", "thinking": text, "signature": signature})
            case Text(text=text) if text.strip():
                blocks.append({"type": "text", "text": text})
            case ToolCall():
                at = reply.tool_calls.index(part)
                blocks.append(
                    {
                        "type": "tool_use",
                        "id": _identity(part, at),
                        "name": part.name,
                        "input": _object(part.arguments),
                    }
                )
    return blocks


def _object(arguments: str) -> object:
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _joined_results(new: list[Json], items: list[object], stop: int) -> tuple[list[Json], int]:
    """Results stand at the head of the user's message that follows: one message, as the API asks.

    https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use
    """
    following = items[stop] if stop < len(items) else None
    if not isinstance(following, dict) or following.get("role") != "user":
        return new, stop
    if not new or new[-1]["role"] != "user":
        return new, stop
    content = following.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    own = new[-1]["content"]
    if not isinstance(blocks, list) or not isinstance(own, list):
        return new, stop
    return [*new[:-1], {**following, "content": [*own, *blocks]}], stop + 1


SPELLERS: Mapping[str, tuple[str, Speller]] = {
    "openai-chat": ("messages", _chat),
    "openai-responses": ("input", _responses),
    "anthropic-messages": ("messages", _anthropic),
}
"""By the dialect's name: the request's array, and how a reply and results are written there."""
