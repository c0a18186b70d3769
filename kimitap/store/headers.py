"""Header fields as a text that repeats, and the few values that change with every request.

The text is stored once, like any piece; the values stand in the exchange's own row.
"""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache

import orjson

from kimitap.exchange import Headers

_CHANGING = frozenset(
    (
        "content-length",
        "date",
        "x-request-id",
        "request-id",
        "traceparent",
        "x-stainless-retry-count",
    )
)


def split(headers: Headers) -> tuple[bytes, str]:
    """The repeating text (JSON) and the changing values (JSON, `""` if there are none)."""
    fixed: list[tuple[str, str | None]] = []
    values: list[str] = []
    for name, value in headers:
        changing = name.lower() in _CHANGING
        fixed.append((name, None if changing else value))
        values.extend([value] if changing else [])
    return _dump(fixed), _dump(values).decode() if values else ""


def join(fixed: bytes, values: str) -> Headers:
    """The inverse of `split`."""
    changing: Iterator[str] = iter(_load(values) if values else ())
    known, whole = _read(fixed)
    if whole:
        return whole
    return tuple((name, next(changing) if value is None else value) for name, value in known)


@lru_cache(maxsize=256)
def _read(fixed: bytes) -> tuple[Sequence[tuple[str, str | None]], Headers]:
    """The same few texts come back with every exchange of an agent: as they are, and whole if they
    are the whole of it."""
    known = [(name, value) for name, value in json.loads(fixed)]
    whole = () if any(value is None for _, value in known) else known
    return known, tuple(whole)


def _load(values: str) -> list[str]:
    """JSON; surrogates are escaped in it, which orjson refuses to read as well."""
    try:
        found: list[str] = orjson.loads(values)
    except orjson.JSONDecodeError:
        found = json.loads(values)
    return found


def _dump(value: Sequence[object]) -> bytes:
    """JSON; a header that is not UTF-8 arrives with surrogates, which orjson refuses."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
