"""What a string of a request or an answer is: a name that structure hangs on, or free text.

Everything is free text that is not known to be structure: a field that nobody has heard of is
rather masked than shown.
"""

import re
from enum import Enum
from typing import NamedTuple

from kimitap.redact.scan import Leaf, Node


class Role(Enum):
    """What a string is for."""

    KEY = "key"
    """A member's name."""
    NAME = "name"
    """A word that structure hangs on: a role, a tool's name, a reason, an id."""
    CALL = "call"
    """The arguments of a call as JSON in a string: the names in it stay."""
    ERROR = "error"
    """What a server says went wrong, perhaps quoting the conversation."""
    FREE = "free"
    BINARY = "binary"
    """What is no text at all: a file in a form."""


class Field(NamedTuple):
    """What a string is for, and the name of its member."""

    role: Role
    name: str


_WORDS = frozenset(
    word
    for line in (
        "role type object model finish_reason stop_reason status name service_tier",
        "system_fingerprint encoding_format tool_choice reasoning_effort effort detail media_type",
        "mime_type format stop_type reasoning_format chat_format event code phase truncation ttl",
        "reason verbosity created created_at completed_at started_at modified_at build_info",
        "owned_by digest family quantization_level parameter_size include param version samplers",
        "reasoning_mode modalities required $ref $schema strict modality architecture",
        "endpoint_type done_reason tool_name recipient channel thinking_type speculative.types",
        "finishReason",
    )
    for word in line.split()
)
_IDS = frozenset(
    word
    for line in (
        "id call_id tool_call_id tool_use_id item_id response_id previous_response_id",
        "prompt_cache_key session_id conversation_id conversation message_id parent_id thread_id",
        "request_id id_task container generation_id completion_id",
    )
    for word in line.split()
)
_NAME = re.compile(r"[\w.:/@+~|$-]{1,128}")
_ID = re.compile(r"[^\s\"\\<>]{1,256}")
_MODEL = re.compile(r"[^\n]{1,256}")
_JOINED = frozenset(
    word
    for line in (
        "piece",
        "content reasoning_content reasoning thinking text arguments partial_json delta refusal",
        "signature token summary data code input response thinking_content logprobs transcript",
        "tokens output",
    )
    for word in line.split()
)
_DEEPEST = 40
"""No delta of any API stands deeper."""
TOKENS = ("token", "piece")
"""Members of the elements of an array that are parts of one text."""
_SCHEMAS = frozenset({"parameters", "input_schema", "json_schema", "schema", "properties", "$defs"})


def field_of(leaf: Leaf, text: str) -> Field:
    """The field of a string that says `text`."""
    name, node = leaf.name, leaf.parent
    if leaf.key:
        return Field(Role.KEY, text)
    while node.array and node.parent is not None:
        name, node = node.name, node.parent
    zone = _zone(node)
    if zone == "call":
        return Field(Role.FREE, name)
    if name in ("arguments", "partial_json", "user_id") or _is_argument(name, node):
        return Field(Role.CALL, name)
    if _is_name(name, text, zone):
        return Field(Role.NAME, name)
    return Field(Role.ERROR if zone == "error" or name == "error" else Role.FREE, name)


def _is_name(name: str, text: str, zone: str) -> bool:
    if zone == "schema":
        return name in ("type", "format", "$ref", "$schema", "required") and _fits(_NAME, text)
    if name in ("model", "object", "build_info"):
        return _fits(_MODEL, text)
    return (name in _WORDS and _fits(_NAME, text)) or (name in _IDS and _fits(_ID, text))


def _fits(shape: re.Pattern[str], text: str) -> bool:
    return not text or bool(shape.fullmatch(text))


def _is_argument(name: str, node: Node) -> bool:
    """A delta of arguments in OpenAI's Responses: their kind stands in the event's type."""
    return name == "delta" and "arguments" in node.marks.get("type", "")


def _zone(node: Node) -> str:
    """Where an object stands: in a call's arguments, in a schema, in an error, or elsewhere."""
    above: list[Node] = []
    at: Node | None = node
    while at is not None and at.zone is None:
        above.append(at)
        at = at.parent
    zone = at.zone or "" if at is not None else ""
    for one in reversed(above):
        zone = one.zone = _zone_within(zone, one)
    return zone


def _zone_within(zone: str, node: Node) -> str:
    if zone == "call" or (node.name in ("arguments", "input") and not node.array):
        return "call"
    if node.name in _SCHEMAS:
        return "schema"
    if node.name == "error" or "error" in node.marks.get("type", ""):
        return "error"
    return zone


def run_key(leaf: Leaf) -> str | None:
    """What the parts of one text have in common over the events of a stream; None for a whole text.

    Elements of an array go by the `index` that they give, else by their place in it.
    """
    name, node = leaf.name, leaf.parent
    if leaf.key or (not node.array and name not in _JOINED):
        return None
    steps = [name]
    at: Node | None = node
    while at is not None and len(steps) < _DEEPEST:
        steps.append(_step(at, tokens=name in TOKENS))
        at = at.parent
    return "/".join(reversed(steps)) if at is None else None


def _step(node: Node, tokens: bool) -> str:
    marks = node.marks
    if node.parent is not None and node.parent.array:
        if tokens:
            return "*"
        return f"#{marks['index']}" if "index" in marks else node.name
    told = (f"{name}={value}" for name, value in sorted(marks.items()))
    return f"{node.name}({','.join(told)})"
