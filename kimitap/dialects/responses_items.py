"""One item of the Responses API: an entry of a request's `input` or of a reply's `output`.

https://platform.openai.com/docs/api-reference/responses. What a model says comes as several items
(reasoning, messages, calls); those that follow one another are one message of the assistant. Items
of tools that the server runs itself (`web_search_call`, `mcp_call`) are parts of another kind:
nobody owes them a result.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from kimitap.conversation import (
    Message,
    Other,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from kimitap.dialects.chat_message import arguments_of, content_parts, image_of
from kimitap.dialects.chat_request import tool_of
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import canonical, dumps, kind_of

_ROLES = {"developer": "system"}
_CALLS = {
    "function_call": ("", "arguments"),
    "custom_tool_call": ("", "input"),
    "local_shell_call": ("local_shell", "action"),
    "shell_call": ("shell", "action"),
    "apply_patch_call": ("apply_patch", "operation"),
    "computer_call": ("computer", "action"),
    "tool_search_call": ("tool_search", "arguments"),
}
"""Calls that the agent answers: the tool's name where the item has none, and the arguments."""
_ANSWERS = frozenset({"mcp_approval_response", "tool_search_output"})
"""Items of the agent's beside all those that end in `_call_output`."""
_DECLARED_AS = {"computer_use_preview": "computer", "computer-preview": "computer"}
"""What the calls of a built-in tool are named for, where its declaration says otherwise."""

KEPT = "responses.kept"
"""What a memo calls the items of replies, by their ids."""


class Item(NamedTuple):
    """What an item says. `said`: it is part of what the assistant said in one go.

    `reference` is the id of the item that it stands for, since the server keeps that one.
    """

    message: Message
    said: bool = False
    tools: tuple[Tool, ...] = ()
    reference: str = ""


def item_of(value: Any, where: str, faults: Faults) -> Item:
    """The item that a JSON value is; what it should not hold is a fault and left out."""
    if not isinstance(value, dict):
        faults.add(where, f"an item is an object, not {kind_of(value)}")
        return Item(Message("", (Other("item", dumps(value)),)))
    kind = value.get("type")
    if kind is None and "role" in value:
        kind = "message"
    if not isinstance(kind, str):
        faults.add(f"{where}.type", f"an item's type is a string, not {kind_of(kind)}")
        return Item(Message("", (Other("item", canonical(value)),)))
    if kind == "message":
        return _spoken(value, where, faults)
    if kind == "additional_tools":
        tools = [t for tool in _listed(value.get("tools")) for t in tools_of(tool, where, faults)]
        wire_role = value.get("role") if isinstance(value.get("role"), str) else ""
        told = Message("system", (Other(kind, canonical(value)),), wire_role or "")
        return Item(told, tools=tuple(tools))
    if _is_answer(kind, value):
        return Item(Message("tool", tuple(_result(kind, value, where, faults)), "tool"))
    name = value.get("id") if kind == "item_reference" else None
    reference = name if isinstance(name, str) else ""
    return Item(assistant(_said(kind, value, where, faults)), said=True, reference=reference)


def assistant(parts: Iterable[Part]) -> Message:
    """What the assistant said in one go."""
    return Message("assistant", tuple(parts), "assistant")


def merged(items: Iterable[Item]) -> Message:
    """One message of all that the assistant said in items that follow one another."""
    return assistant(part for item in items for part in item.message.parts)


def _spoken(value: dict[str, Any], where: str, faults: Faults) -> Item:
    wire_role = faults.string(value, "role", where, needed=True)
    parts = tuple(_content(value.get("content"), f"{where}.content", faults))
    role = _ROLES.get(wire_role, wire_role)
    return Item(Message(role, parts, wire_role), said=role == "assistant")


def content_of(value: Any, where: str, faults: Faults) -> tuple[Part, ...]:
    """The parts of a `content`: a string, or a list of typed parts."""
    return tuple(_content(value, where, faults))


def _content(value: Any, where: str, faults: Faults) -> list[Part]:
    if not isinstance(value, list):
        return content_parts(value, where, faults)
    each = (_part(item, f"{where}[{i}]", faults) for i, item in enumerate(value))
    return [part for parts in each for part in parts]


def _part(item: Any, where: str, faults: Faults) -> list[Part]:
    kind = item.get("type") if isinstance(item, dict) else None
    if kind in ("input_image", "computer_screenshot"):
        image = image_of(item.get("image_url"))
        return [image or Other(kind, canonical(item))]
    if kind == "refusal" and isinstance(item.get("refusal"), str):
        return [Other("refusal", dumps(item["refusal"]))]
    if kind in ("reasoning_text", "summary_text") and isinstance(item.get("text"), str):
        return [Reasoning(item["text"], kind)] if item["text"] else []
    return content_parts(item, where, faults)


def _said(kind: str, value: dict[str, Any], where: str, faults: Faults) -> list[Part]:
    if kind == "reasoning":
        return _reasoning(value, where, faults)
    if kind in _CALLS and value.get("execution") != "server":
        return [_call(kind, value, where, faults)]
    return [Other(kind, canonical(value))]


def _reasoning(value: dict[str, Any], where: str, faults: Faults) -> list[Part]:
    """The thought itself, then its summary if that says something else; one of them is signed."""
    found: dict[str, str] = {}
    for name, kind in (("content", "reasoning_text"), ("summary", "summary_text")):
        parts = _content(value.get(name), f"{where}.{name}", faults)
        text = "\n".join(p.text for p in parts if isinstance(p, Text | Reasoning))
        if text:
            found.setdefault(text, kind)
    signed = faults.string(value, "encrypted_content", where)
    if not found:
        return [Reasoning("", "encrypted_content", signed)] if signed else []
    thoughts = [Reasoning(text, kind) for text, kind in found.items()]
    thoughts[0] = Reasoning(thoughts[0].text, thoughts[0].field, signed)
    return list(thoughts)


def _call(kind: str, value: dict[str, Any], where: str, faults: Faults) -> Part:
    name, field = _CALLS[kind]
    given = value.get(field)
    if kind == "computer_call" and given is None:
        given = value.get("actions")
    if not name:
        named = value.get("name")
        if not isinstance(named, str):
            faults.add(f"{where}.name", "a call without a name")
        name = named if isinstance(named, str) else ""
    arguments, typed = arguments_of(given)
    free = kind == "custom_tool_call"
    typed = typed or kind not in ("function_call", "custom_tool_call")
    return ToolCall(name, arguments, faults.id(value, "call_id", where), typed, free)


def _is_answer(kind: str, value: dict[str, Any]) -> bool:
    if value.get("execution") == "server":
        return False
    return kind.endswith("_call_output") or kind in _ANSWERS


def _result(kind: str, value: dict[str, Any], where: str, faults: Faults) -> list[Part]:
    if kind in _ANSWERS and "output" not in value:
        text: str = ""
        rest: list[Part] = [Other(kind, canonical(value))]
    else:
        text, rest = _output(value.get("output"), f"{where}.output", faults)
    call_id = faults.id(value, "call_id", where)
    if call_id is None and kind in ("local_shell_call_output", "mcp_approval_response"):
        return [*_unnamed(kind, value, text), *rest]
    name = value.get("name")
    failed = value.get("status") == "failed"
    return [ToolResult(text, call_id, name if isinstance(name, str) else "", failed), *rest]


def _unnamed(kind: str, value: dict[str, Any], text: str) -> list[Part]:
    """A local shell's output names its call by `id`; an approval is no result."""
    if kind == "mcp_approval_response":
        return []
    call_id = value.get("id")
    return [ToolResult(text, call_id if isinstance(call_id, str) else None)]


def _output(value: Any, where: str, faults: Faults) -> tuple[str, list[Part]]:
    """What a tool gave: its text, and the parts that are none."""
    if isinstance(value, list) and any(isinstance(v, dict) and "stdout" in v for v in value):
        said = [v.get(k) for v in value if isinstance(v, dict) for k in ("stdout", "stderr")]
        return "\n".join(s for s in said if isinstance(s, str) and s), []
    parts = _content([value] if isinstance(value, dict) else value, where, faults)
    text = "\n".join(p.text for p in parts if isinstance(p, Text))
    return text, [p for p in parts if not isinstance(p, Text)]


def tools_of(value: Any, where: str, faults: Faults) -> tuple[Tool, ...]:
    """The tools that a declaration declares: those of a `namespace` are called by their own names.

    A built-in tool is named for its type.
    """
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "namespace" and isinstance(value.get("tools"), list):
        return tuple(tool_of(tool, where, faults) for tool in value["tools"])
    if isinstance(kind, str) and kind in _DECLARED_AS:
        return (Tool(_DECLARED_AS[kind], canonical(value)),)
    return (tool_of(value, where, faults),)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
