"""JSON as servers accept it: orjson first, the standard library where orjson is stricter.

llama-server takes `NaN`, `1e999` and a byte order mark, and JavaScript clients send lone
surrogates; all of these are read, with a note of what was unusual.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from kimitap.conversation import dump_canonical

DOUBLED = "a key stands twice in an object, the last counts"
_SURROGATE = re.compile("[\ud800-\udfff]")


class UnreadableJson(ValueError):
    """The bytes are no JSON, in words for a person."""


def loads(data: bytes | str) -> tuple[Any, str]:
    """The value, and what was unusual in its spelling (`""`: nothing).

    Raises UnreadableJson, and nothing else, whatever the bytes.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as strict:
        return _lenient(data, str(strict))
    return value, doubled(data, value)


def doubled(data: bytes | str, value: Any) -> str:
    """What is wrong where an object of `data` has a key twice (`""`: none has).

    `value` is what the JSON in `data` is. An object holds the last value of a key, so that where a
    key stands twice the text has more strings than the value.
    """
    text = data.encode() if isinstance(data, str) else data
    try:
        again = orjson.dumps(value)
    except (orjson.JSONEncodeError, RecursionError):
        strings = _strings(value)
    else:
        if again == text:
            return ""
        strings = _quotes(again) // 2
    return _twice(text) if _quotes(text) > 2 * strings else ""


def _quotes(text: bytes) -> int:
    """How many quotes of a JSON text begin or end a string."""
    return text.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"')


def _strings(value: Any) -> int:
    """How many strings a value holds, keys included, however deep."""
    count, open_ = 0, [value]
    while open_:
        match open_.pop():
            case str():
                count += 1
            case list() as items:
                open_ += items
            case dict() as fields:
                count += len(fields)
                open_ += fields.values()
    return count


def _twice(text: bytes) -> str:
    """The fault of a text in which a key stands twice: it names the first, if it can."""
    names: list[str] = []
    with suppress(ValueError, RecursionError):
        json.loads(text, object_pairs_hook=_fields(names))
    return _told(names) or DOUBLED


def _fields(twice: list[str]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """Makes an object of its members, and notes the keys that stand twice."""

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            twice.extend(name for name, count in Counter(n for n, _ in pairs).items() if count > 1)
        return fields

    return made


def _told(twice: list[str]) -> str:
    return f"{DOUBLED}: {twice[0][:40]!r}" if twice else ""


def _lenient(data: bytes | str, complaint: str) -> tuple[Any, str]:
    replaced = False
    if isinstance(data, bytes):
        text = data.decode("utf-8", "replace")
        replaced = "\ufffd" in text and b"\xef\xbf\xbd" not in data
    else:
        text = data
    bom = text.startswith("\ufeff")
    twice: list[str] = []
    fields = _fields(twice)
    try:
        value = json.loads(
            text.removeprefix("\ufeff"), parse_int=_integer, object_pairs_hook=fields
        )
        clean, surrogates = _without_surrogates(value)
    except RecursionError:
        raise UnreadableJson("nested too deep") from None
    except ValueError as error:
        raise UnreadableJson(_in_short(error)) from None
    if twice:
        return clean, _told(twice)
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
