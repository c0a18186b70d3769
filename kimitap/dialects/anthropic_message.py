"""One message of Anthropic's Messages API, as a request's history or a whole reply has it.

https://docs.anthropic.com/en/api/messages. A message is a list of content blocks. A result of a
tool is a block of a user's message there; here it becomes a message of role tool of its own, in
its order among the others, so that a history has one shape whatever the dialect. `cache_control`
and `citations` say nothing about the conversation and are left out. A tool that the server runs
itself (`server_tool_use` and its result) is a part of another kind: nobody owes it an answer.
"""

from collections.abc import Iterator
from typing import Any

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
)
from kimitap.dialects.chat_request import tool_of
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import canonical, dumps, kind_of
from kimitap.exchange import digest

ROLES = {"developer": "system"}


def messages_of(value: Any, where: str, faults: Faults) -> tuple[Message, ...]:
    """The messages, at least one, that an entry of `messages` is.

    An empty text block stays as an empty part, since the API refuses it; empty content is none.
    """
    if not isinstance(value, dict):
        faults.add(where, f"a message is an object, not {kind_of(value)}")
        return (Message("", (Other("message", dumps(value)),)),)
    wire_role = faults.string(value, "role", where, needed=True)
    role = ROLES.get(wire_role, wire_role)
    made: list[Message] = []
    run: list[Part] = []
    for item, place in _blocks(value.get("content"), f"{where}.content", faults):
        if isinstance(item, dict) and item.get("type") == "tool_result":
            if run:
                made.append(Message(role, tuple(run), wire_role))
                run = []
            made.append(Message("tool", tuple(_result(item, place, faults)), wire_role))
        else:
            run += part_of(item, place, faults)
    if run or not made:
        made.append(Message(role, tuple(run), wire_role))
    return tuple(made)


def parts_of(content: Any, where: str, faults: Faults) -> list[Part]:
    """The parts of a system prompt or a reply: a string, or blocks."""
    return [
        part
        for item, place in _blocks(content, where, faults)
        for part in part_of(item, place, faults)
    ]


def _blocks(content: Any, where: str, faults: Faults) -> Iterator[tuple[Any, str]]:
    """The blocks of `content`, with the path of each; a string is one of text."""
    if isinstance(content, str):
        if content:
            yield {"type": "text", "text": content}, where
    elif isinstance(content, list):
        for i, item in enumerate(content):
            yield item, f"{where}[{i}]"
    elif content is not None:
        faults.add(where, f"content is a string or a list, not {kind_of(content)}")
        yield content if isinstance(content, dict) else Other("content", dumps(content)), where


def part_of(item: Any, where: str, faults: Faults) -> list[Part]:
    """What one block says; nothing where it is a thought without text and signature."""
    if isinstance(item, Other):
        return [item]
    if not isinstance(item, dict):
        faults.add(where, f"a block is an object, not {kind_of(item)}")
        return [Other("block", dumps(item))]
    match item.get("type"):
        case "text" if isinstance(item.get("text"), str):
            return [Text(item["text"])]
        case "thinking" | "redacted_thinking" as kind:
            return _thought(item, kind, where, faults)
        case "tool_use":
            return [_call(item, where, faults)]
        case "tool_result":
            return _result(item, where, faults)
        case "image":
            image = image_of(item.get("source"))
            if image:
                return [image]
            faults.add(where, "an image without its source")
        case "text":
            faults.add(where, "a block of the type text without its text")
        case str():
            pass
        case kind:
            faults.add(f"{where}.type", f"a block's type is a string, not {kind_of(kind)}")
    return [other_of(item)]


def other_of(item: dict[str, Any]) -> Other:
    """A block that Kimitap does not interpret."""
    kind = item.get("type")
    return Other(kind if isinstance(kind, str) else "block", canonical(_uncached(item)))


def _uncached(value: Any) -> Any:
    if isinstance(value, dict) and "cache_control" in value:
        return {name: field for name, field in value.items() if name != "cache_control"}
    return value


def _thought(item: dict[str, Any], kind: str, where: str, faults: Faults) -> list[Part]:
    """A thought with the server's signature; a redacted one is all signature."""
    if kind == "redacted_thinking":
        text, signature = "", faults.string(item, "data", where, needed=True)
    else:
        text = faults.string(item, "thinking", where, needed=True)
        signature = faults.string(item, "signature", where)
    return [Reasoning(text, kind, signature)] if text or signature else []


def _call(item: dict[str, Any], where: str, faults: Faults) -> ToolCall:
    name = faults.string(item, "name", where, needed=True)
    call_id = faults.id(item, "id", where)
    value = item.get("input")
    if not isinstance(value, dict):
        what = "is missing" if "input" not in item else f"is an object, not {kind_of(value)}"
        faults.add(f"{where}.input", f"input {what}")
    return ToolCall(name, arguments_of(value), call_id)


def arguments_of(value: Any) -> str:
    """A call's `input` as text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else dumps(value)


def _result(item: dict[str, Any], where: str, faults: Faults) -> list[Part]:
    """The result of a tool, then what its content holds beside text."""
    parts: list[Part] = []
    for inner, place in _blocks(item.get("content"), f"{where}.content", faults):
        nested = isinstance(inner, dict) and inner.get("type") == "tool_result"
        parts += [other_of(inner)] if nested else part_of(inner, place, faults)
    text = "\n".join(part.text for part in parts if isinstance(part, Text))
    failed = item.get("is_error")
    if failed is not None and not isinstance(failed, bool):
        faults.add(f"{where}.is_error", f"is_error is a boolean, not {kind_of(failed)}")
    result = ToolResult(text, faults.id(item, "tool_use_id", where), "", failed is True)
    return [result, *(part for part in parts if not isinstance(part, Text))]


def image_of(source: Any) -> Image | None:
    """The image of a `source`: its data, its URL, or the id of an uploaded file."""
    if not isinstance(source, dict):
        return None
    media_type = source.get("media_type")
    data = source.get("data")
    if isinstance(data, str) and data:
        size = len(data) * 3 // 4 - data[-2:].count("=")
        named = media_type if isinstance(media_type, str) else ""
        return Image(digest(data.encode("utf-8", "replace")).hex(), size, named)
    address = source.get("url") or source.get("file_id")
    if isinstance(address, str):
        return Image(digest(address.encode("utf-8", "replace")).hex(), 0)
    return None


def declared_tool(value: Any, where: str, faults: Faults) -> Tool:
    """The declaration of a tool, one of the server's own included."""
    return tool_of(_uncached(value), where, faults)
