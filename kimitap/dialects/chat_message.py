"""One message of OpenAI's chat completions, as a request's history or a whole reply has it.

https://platform.openai.com/docs/api-reference/chat/create, and what servers and agents made of it:
reasoning under several names, arguments as objects, the older `function_call`.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from kimitap.conversation import (
    Image,
    Message,
    Other,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import canonical, dumps, kind_of
from kimitap.exchange import digest

REASONING_FIELDS = (
    "reasoning_content",  # llama-server, DeepSeek, Moonshot, Qwen
    "reasoning",  # OpenRouter, vLLM, Ollama
    "reasoning_text",
    "reasoning_details",  # OpenRouter
    "thinking",
    "thinking_blocks",  # LiteLLM
)

_ROLES = {"developer": "system", "function": "tool"}
_TEXT_KINDS = ("text", "input_text", "output_text")
_THOUGHT_KINDS = ("thinking", "reasoning", "redacted_thinking")


def message_of(value: Any, where: str, faults: Faults) -> Message:
    """The message that a JSON value is; what it should not hold is a fault and left out."""
    if not isinstance(value, dict):
        faults.add(where, f"a message is an object, not {kind_of(value)}")
        return Message("", (Other("message", dumps(value)),))
    wire_role = faults.string(value, "role", where, needed=True)
    role = _ROLES.get(wire_role, wire_role)
    name = faults.string(value, "name", where)
    if role == "tool":
        return Message(role, tuple(_result(value, name, where, faults)), wire_role, name)
    parts: list[Part] = reasoning_of(value, where, faults)
    parts += content_parts(value.get("content"), f"{where}.content", faults)
    parts += media_of(value, where, faults)
    if value.get("refusal"):
        parts.append(Other("refusal", dumps(value["refusal"])))
    parts += calls_of(value, where, faults)
    return Message(role, tuple(parts), wire_role, name)


def content_parts(value: Any, where: str, faults: Faults) -> list[Part]:
    """The parts of `content`: a string, a list of parts, or nothing."""
    if isinstance(value, str):
        return [Text(value)] if value else []
    if value is None:
        return []
    if isinstance(value, list):
        return [
            part
            for i, item in enumerate(value)
            for part in _content_part(item, f"{where}[{i}]", faults)
        ]
    if isinstance(value, dict):
        return _content_part(value, where, faults)
    faults.add(where, f"content is a string or a list, not {kind_of(value)}")
    return [Other("content", dumps(value))]


def _content_part(item: Any, where: str, faults: Faults) -> list[Part]:
    if isinstance(item, str):
        return [Text(item)] if item else []
    if not isinstance(item, dict):
        faults.add(where, f"a part is an object, not {kind_of(item)}")
        return [Other("part", dumps(item))]
    kind = item.get("type")
    if kind in _TEXT_KINDS and isinstance(item.get("text"), str):
        return [Text(item["text"])] if item["text"] else []
    if kind == "image_url":
        image = image_of(item.get("image_url"))
        if image:
            return [image]
    if kind in _THOUGHT_KINDS:
        text = _thought(item)
        thought = Reasoning(text, str(kind), _signature(item))
        return [thought if text else Other(str(kind), canonical(item))]
    if not isinstance(kind, str):
        faults.add(f"{where}.type", f"a part's type is a string, not {kind_of(kind)}")
    elif kind in (*_TEXT_KINDS, "image_url"):
        faults.add(where, f"a part of the type {kind} without its {kind}")
    return [Other(kind if isinstance(kind, str) else "part", canonical(item))]


def media_of(value: dict[str, Any], where: str, faults: Faults) -> list[Part]:
    """What an assistant says beside its content: `images` (OpenRouter), `audio` (OpenAI), which a
    history names by its id."""
    images, audio = value.get("images"), value.get("audio")
    parts = content_parts(images, f"{where}.images", faults) if isinstance(images, list) else []
    found: list[Part] = [part for part in parts if not isinstance(part, Text)]
    name = audio.get("id") if isinstance(audio, dict) else None
    return [*found, Other("audio", dumps(name))] if name else found


def image_of(value: Any) -> Image | None:
    """The image that `image_url` names: an object with a `url`, or the URL itself."""
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str) or not url:
        return None
    head, comma, data = url.partition(",")
    if not (head.startswith("data:") and comma):
        return Image(digest(url.encode("utf-8", "replace")).hex(), 0)
    media_type, _, encoding = head[5:].partition(";")
    size = len(data) * 3 // 4 - data[-2:].count("=") if "base64" in encoding else len(data)
    return Image(digest(data.encode("utf-8", "replace")).hex(), size, media_type)


def _thought(value: Any, depth: int = 4) -> str:
    """The text of reasoning, however it is wrapped: a string, an object, a list of these."""
    match value:
        case str():
            return value
        case list() if depth:
            return "".join(_thought(item, depth - 1) for item in value)
        case dict() if depth:
            names = ("text", "thinking", "summary", "content", "reasoning")
            return next((t for t in (_thought(value.get(n), depth - 1) for n in names) if t), "")
        case _:
            return ""


def _signature(value: Any) -> str:
    """What a server signed reasoning with, or sealed it in (OpenRouter's details, LiteLLM's)."""
    items = value if isinstance(value, list) else [value]
    found = (i.get(n) for i in items if isinstance(i, dict) for n in ("signature", "data"))
    return "".join(said for said in found if isinstance(said, str))


def reasoning_of(value: dict[str, Any], where: str, faults: Faults) -> list[Part]:
    """Reasoning from fields of its own; the same text under a second name counts once."""
    parts: list[Reasoning] = []
    for name in REASONING_FIELDS:
        found = value.get(name)
        if found is None or found == "":
            continue
        if not isinstance(found, str | list | dict):
            faults.add(f"{where}.{name}", f"{name} is a string, not {kind_of(found)}")
        parts.append(Reasoning(_thought(found), name, _signature(found)))
    return list(once_each(parts))


def once_each(thoughts: Iterable[Reasoning]) -> list[Reasoning]:
    """The reasoning without what is said twice and what says nothing; a signature is kept."""
    found: dict[str, Reasoning] = {}
    for one in thoughts:
        known = found.get(one.text)
        if known is None and (one.text or one.signature):
            found[one.text] = one
        elif known is not None and one.signature and not known.signature:
            found[one.text] = replace(known, signature=one.signature)
    return list(found.values())


def _result(value: dict[str, Any], name: str, where: str, faults: Faults) -> list[Part]:
    parts = content_parts(value.get("content"), f"{where}.content", faults)
    text = "\n".join(p.text for p in parts if isinstance(p, Text))
    call_id = faults.id(value, "tool_call_id", where)
    rest = [p for p in parts if not isinstance(p, Text)]
    return [ToolResult(text, call_id, name), *rest]


def calls_of(value: dict[str, Any], where: str, faults: Faults) -> list[Part]:
    """The tool calls of a message, the older single `function_call` included.

    One with nothing in it is none: gateways write every field of OpenAI's types out.
    """
    calls = value.get("tool_calls")
    parts: list[Part] = []
    if isinstance(calls, list):
        parts += [_call(c, f"{where}.tool_calls[{i}]", faults) for i, c in enumerate(calls)]
    elif calls is not None:
        faults.add(f"{where}.tool_calls", f"tool_calls is a list, not {kind_of(calls)}")
    older = value.get("function_call")
    if isinstance(older, dict) and any(older.values()):
        parts.append(_named_call(older, None, f"{where}.function_call", faults))
    elif older is not None and not isinstance(older, dict):
        faults.add(f"{where}.function_call", f"a call is an object, not {kind_of(older)}")
    return parts


def _call(value: Any, where: str, faults: Faults) -> Part:
    if not isinstance(value, dict):
        faults.add(where, f"a call is an object, not {kind_of(value)}")
        return Other("tool_call", dumps(value))
    call_id = faults.id(value, "id", where)
    for key in ("function", "custom"):
        if isinstance(value.get(key), dict):
            made = _named_call(value[key], call_id, f"{where}.{key}", faults)
            return replace(made, free=True) if key == "custom" else made
    faults.add(where, "a call without its function")
    return Other("tool_call", canonical(value))


def _named_call(value: dict[str, Any], call_id: str | None, where: str, faults: Faults) -> ToolCall:
    name = faults.string(value, "name", where, needed=True)
    arguments, typed = arguments_of(value.get("arguments", value.get("input")))
    return ToolCall(name, arguments, call_id, typed)


def arguments_of(value: Any) -> tuple[str, bool]:
    """A call's arguments as text, and whether the wire held them as the text they should be."""
    if isinstance(value, str):
        return value, True
    if value is None:
        return "", True
    return dumps(value), False
