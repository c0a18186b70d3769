"""What the declared schema of a tool makes of a call's arguments when an agent parses them."""

from collections.abc import Mapping

import orjson

from kimitap.conversation import ToolCall, Turn, dump_canonical
from kimitap.rules.reply.tool_schema_violation import parameters_of

DEEPEST = 20
"""Levels of a schema that are followed."""


def is_as_declared(old: ToolCall, new: ToolCall, turn: Turn) -> bool:
    """True where `new` is `old` as the schema that `turn` declares for its tool parses it.

    That fills in declared defaults and leaves out what no schema names; all else must be equal.
    """
    if old.name != new.name:
        return False
    schema = next((parameters_of(t.json) for t in turn.tools if t.name == old.name), None)
    was, now = _value(old), _value(new)
    return bool(schema) and isinstance(was, dict) and _parses(was, now, schema)


def _value(call: ToolCall) -> object:
    try:
        return orjson.loads(call.canonical_arguments)
    except orjson.JSONDecodeError:
        return None


def _parses(was: object, now: object, schema: object, depth: int = 0) -> bool:
    """True where the schema makes `now` of `was`."""
    if dump_canonical(was) == dump_canonical(now):
        return True
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return False
    if isinstance(was, list) and isinstance(now, list):
        pairs = zip(was, now, strict=False)
        items = schema.get("items")
        return len(was) == len(now) and all(_parses(a, b, items, depth + 1) for a, b in pairs)
    properties = schema.get("properties")
    if not (isinstance(was, dict) and isinstance(now, dict) and isinstance(properties, Mapping)):
        return False
    left_out = was.keys() - now.keys()
    closed = schema.get("additionalProperties") in (None, False)
    if left_out and (not closed or left_out & properties.keys()):
        return False
    return all(
        _parses(was[key], value, properties.get(key), depth + 1)
        if key in was
        else _is_default(value, properties.get(key))
        for key, value in now.items()
    )


def _is_default(value: object, schema: object) -> bool:
    if not isinstance(schema, Mapping) or "default" not in schema:
        return False
    return dump_canonical(value) == dump_canonical(schema["default"])
