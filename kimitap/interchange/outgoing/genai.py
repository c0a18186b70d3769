"""OpenTelemetry's semantic conventions for generative AI: a turn's and a tool call's attributes.

https://opentelemetry.io/docs/specs/semconv/gen-ai/. What was said (`gen_ai.input.messages`,
`gen_ai.output.messages`, `gen_ai.tool.call.arguments`, …) is opt-in there, and here.
"""

import json
from collections.abc import Mapping, Sequence

from kimitap.conversation import (
    Image,
    Message,
    Other,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from kimitap.interchange.bodies import json_text

Value = str | bool | int | float | Sequence[str]
Attributes = dict[str, Value]

_OPERATIONS = {"completion": "text_completion"}
_PROVIDERS = {"api.openai.com": "openai", "api.anthropic.com": "anthropic"}
_SERVERS = {"llama.cpp": "llama_cpp", "ik_llama": "ik_llama_cpp", "ollama": "ollama"}
_NUMBERS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
}
_COUNTS = {
    "seed": "gen_ai.request.seed",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "n_predict": "gen_ai.request.max_tokens",
}
_LONG = 2**63


def operation(turn: Turn) -> str:
    """`chat`, or `text_completion`."""
    return _OPERATIONS.get(turn.dialect, "chat")


def provider(turn: Turn, host: str) -> str:
    """Who serves, by the host or the server's name, else by the API that it speaks."""
    if host in _PROVIDERS:
        return _PROVIDERS[host]
    named = turn.server.lower()
    known = next((name for sign, name in _SERVERS.items() if sign in named), "")
    return known or ("anthropic" if turn.dialect.startswith("anthropic") else "openai")


def of_turn(turn: Turn, host: str, port: int) -> Attributes:
    """What the conventions say of one model call, without what was said."""
    reply = turn.reply
    made: Attributes = {
        "gen_ai.operation.name": operation(turn),
        "gen_ai.provider.name": provider(turn, host),
        "server.address": host,
        "server.port": port,
        "gen_ai.request.stream": turn.stream,
    }
    told: Mapping[str, Value | None] = {
        "gen_ai.request.model": turn.model,
        "gen_ai.response.model": reply.model,
        "gen_ai.response.id": reply.id,
        "gen_ai.response.finish_reasons": _reasons(turn),
        "gen_ai.response.time_to_first_chunk": turn.first_event_s if turn.stream else None,
        "gen_ai.usage.input_tokens": reply.usage.prompt_tokens,
        "gen_ai.usage.output_tokens": reply.usage.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": reply.usage.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": reply.usage.reasoning_tokens,
        "http.response.status_code": turn.status,
    }
    for name, value in told.items():
        if value is not None and value not in ("", ()) and _fits(value):
            made[name] = value
    return made | _parameters(turn.parameters)


def _fits(value: Value) -> bool:
    """False for a count beyond 64 bits, which no server means and no trace holds."""
    return not isinstance(value, int) or -_LONG <= value < _LONG


def _reasons(turn: Turn) -> tuple[str, ...]:
    reasons = (turn.reply.finish_reason, *turn.reply.other_reasons)
    return tuple(reason for reason in reasons if reason)


def _parameters(parameters: Mapping[str, object]) -> Attributes:
    made: Attributes = {}
    for name, key in _NUMBERS.items():
        value = parameters.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            made[key] = float(value) if abs(value) < _LONG else 0.0
    for name, key in _COUNTS.items():
        value = parameters.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and -_LONG <= value < _LONG:
            made[key] = value
    choices = parameters.get("n")
    if isinstance(choices, int) and 1 < choices < _LONG:
        made["gen_ai.request.choice.count"] = choices
    stop = parameters.get("stop", parameters.get("stop_sequences"))
    words = [stop] if isinstance(stop, str) else stop if isinstance(stop, list) else []
    if words and all(isinstance(word, str) for word in words):
        made["gen_ai.request.stop_sequences"] = tuple(map(str, words))
    return made


def content(turn: Turn, story: Sequence[Message]) -> Attributes:
    """What was said, as JSON texts: the history as the model was told it, and the reply."""
    systems = [m for m in story if m.role == "system"]
    rest = [m for m in story if m.role != "system"]
    made: Attributes = {"gen_ai.input.messages": json_text([_message(m) for m in rest])}
    if systems:
        parts = [part for message in systems for part in _parts(message)]
        made["gen_ai.system_instructions"] = json_text(parts)
    if turn.tools:
        declared = [_loaded(tool.json) for tool in turn.tools]
        made["gen_ai.tool.definitions"] = json_text(declared)
    outputs = [turn.reply.message, *turn.reply.others]
    reasons = [turn.reply.finish_reason, *turn.reply.other_reasons]
    said = [
        {**_message(m), "finish_reason": reason or "error"}
        for m, reason in zip(outputs, [*reasons, *([None] * len(outputs))], strict=False)
        if m.parts
    ]
    if said:
        made["gen_ai.output.messages"] = json_text(said)
    return made


def of_call(call: ToolCall) -> Attributes:
    """What the conventions say of the execution of a tool, without what was said."""
    made: Attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.name,
        "gen_ai.tool.type": "function",
    }
    if call.id:
        made["gen_ai.tool.call.id"] = call.id
    return made


def _message(message: Message) -> dict[str, object]:
    return {"role": message.role, "parts": list(_parts(message))}


def _parts(message: Message) -> list[dict[str, object]]:
    return [_part(part) for part in message.parts]


def _part(part: Part) -> dict[str, object]:
    """A part in the shape of the conventions' JSON schemas."""
    match part:
        case Text():
            return {"type": "text", "content": part.text}
        case Reasoning():
            return {"type": "reasoning", "content": part.text}
        case ToolCall():
            arguments = _loaded(part.arguments)
            return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": arguments}
        case ToolResult():
            return {"type": "tool_call_response", "id": part.call_id, "response": part.text}
        case Image():
            kind = part.media_type or "image"
            return {"type": "blob", "mime_type": kind, "modality": "image", "content": part.digest}
        case Other():
            return {"type": part.kind, "content": part.json}


def _loaded(text: str) -> object:
    """A JSON value; the text itself where it is none."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
