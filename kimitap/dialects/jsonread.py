"""JSON as servers accept it: orjson first, the standard library where orjson is stricter.

llama-server takes `NaN`, `1e999` and a byte order mark, and JavaScript clients send lone
surrogates; all of these are read, with a note of what was unusual.
"""

import json
import re
from typing import Any

import orjson

from kimitap.conversation import dump_canonical

_SURROGATE = re.compile("[\ud800-\udfff]")


class UnreadableJson(ValueError):
    """The bytes are no JSON, in words for a person."""


def loads(data: bytes | str) -> tuple[Any, str]:
    """The value, and what was unusual in its spelling (`""`: nothing).

    Raises UnreadableJson, and nothing else, whatever the bytes.
    """
    try:
        return orjson.loads(data), ""
    except orjson.JSONDecodeError as strict:
        return _lenient(data, str(strict))


def _lenient(data: bytes | str, complaint: str) -> tuple[Any, str]:
    replaced = False
    if isinstance(data, bytes):
        text = data.decode("utf-8", "replace")
        replaced = "\ufffd" in text and b"\xef\xbf\xbd" not in data
    else:
        text = data
    bom = text.startswith("\ufeff")
    try:
        value = json.loads(text.removeprefix("\ufeff"), parse_int=_integer)
        clean, surrogates = _without_surrogates(value)
    except RecursionError:
        raise UnreadableJson("nested too deep") from None
    except ValueError as error:
        raise UnreadableJson(_in_short(error)) from None
    if surrogates:
        return clean, "a lone surrogate (shown as U+FFFD)"
    if replaced:
        return clean, "invalid UTF-8 (shown as U+FFFD)"
    if bom:
        return clean, "a byte order mark"
    return clean, f"not strict JSON ({complaint})"


def _integer(digits: str) -> int | float:
    """A number beyond 64 bits is a float, as orjson has it."""
    if len(digits) <= 20:
        value = int(digits)
        if -(2**63) <= value < 2**64:
            return value
    return float(digits)


def _in_short(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON: {error.msg} at character {error.pos}"
    return f"no JSON: {str(error)[:200]}"


def _without_surrogates(value: Any) -> tuple[Any, bool]:
    """`value` with lone surrogates, which no file or screen can hold, replaced; and if any were."""
    if isinstance(value, str):
        clean, count = _SURROGATE.subn("\ufffd", value)
        return clean, count > 0
    if isinstance(value, list):
        items = [_without_surrogates(item) for item in value]
        return [item for item, _ in items], any(found for _, found in items)
    if isinstance(value, dict):
        pairs = [(_without_surrogates(k), _without_surrogates(v)) for k, v in value.items()]
        return {k: v for (k, _), (v, _) in pairs}, any(a or b for (_, a), (_, b) in pairs)
    return value, False


def canonical(value: Any) -> str:
    """`dump_canonical`, for values from the wire, which may be nested deeper than Python goes."""
    try:
        return dump_canonical(value)
    except RecursionError:
        return dumps(value)


def dumps(value: Any) -> str:
    """Compact JSON of a parsed value, keys in their order; its Python form where JSON has none."""
    try:
        return orjson.dumps(value).decode()
    except (orjson.JSONEncodeError, RecursionError):
        pass
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError):
        return f"<{type(value).__name__}, nested too deep>"


def kind_of(value: Any) -> str:
    """The JSON kind of a value, for a fault."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
