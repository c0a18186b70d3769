"""A call's arguments: what can be run, and what breaks off in the middle."""

import json

import orjson

from kimitap.conversation import ToolCall

_BEGINNINGS = frozenset(
    word[:n] for word in ("true", "false", "null", "-") for n in range(len(word) + 1)
)
"""What may be left of a word that was cut; the empty rest is among them."""


def is_object(arguments: str) -> bool:
    """True where the text is a JSON object; `""` and `null` count as `{}`."""
    text = arguments.strip()
    if text in {"", "null"}:
        return True
    return text.startswith("{") and is_json(text)


def is_json(text: str) -> bool:
    """True for JSON, read as leniently as servers do (NaN, half surrogate pairs)."""
    for loads in (orjson.loads, json.loads):
        try:
            loads(text)
        except (ValueError, RecursionError):
            continue
        return True
    return False


def malformed(call: ToolCall) -> bool:
    """True where no agent can run the call, since its arguments are no JSON object."""
    return not call.free and not is_object(call.arguments)


def breaks_off(call: ToolCall) -> bool:
    """True where the arguments are the beginning of a JSON object, and its end is missing."""
    text = call.arguments.strip()
    if call.free or not text.startswith("{"):
        return False
    try:
        json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        rest = text[error.pos :]
        if error.msg.startswith("Invalid \\u"):
            return len(rest) < len("uXXXX")
        return error.msg.startswith("Unterminated") or rest in _BEGINNINGS
    except (ValueError, RecursionError):
        return False
    return False
