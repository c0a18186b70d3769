"""The canonical form of JSON, by which two spellings of one value are held to be the same."""

from functools import lru_cache

import orjson

_REMEMBERED = 16 * 1024
"""Characters of arguments whose canonical form is remembered for the next request."""


def canonical_json(text: str) -> str:
    """`text` with sorted keys, no white space and one form for each number.

    `""` and `null` give `{}`; text that is no JSON is returned stripped. Numbers that are equal are
    written alike (`1.0` as `1`), since agents parse and re-write arguments.
    """
    return _canonical_again(text) if len(text) <= _REMEMBERED else _canonical(text)


def _canonical(text: str) -> str:
    if not text.strip():
        return "{}"
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.strip()
    return "{}" if value is None else dump_canonical(value)


_canonical_again = lru_cache(maxsize=512)(_canonical)
"""A call stands in a reply, and soon again in the requests after it."""


def dump_canonical(value: object) -> str:
    """JSON of `value` with sorted keys, no white space, and whole floats written as integers."""
    try:
        return orjson.dumps(_whole_floats(value), option=orjson.OPT_SORT_KEYS).decode()
    except (orjson.JSONEncodeError, RecursionError):
        return repr(value)


def _whole_floats(value: object) -> object:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {k: _whole_floats(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_whole_floats(v) for v in value]
    return value
