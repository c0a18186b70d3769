"""What readers have in common: looking into untrusted values, making exchanges fit to be stored."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from kimitap.dialects.jsonread import UnreadableJson, loads
from kimitap.errors import CaptureError
from kimitap.exchange import Exchange, Headers
from kimitap.redact import mask_headers, mask_url

LARGEST = 1 << 30
"""Bytes of a file that is read as a whole."""
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_LONGEST_WORD = 200

Object = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that could not be read: where it stands in the file, and why."""

    where: str
    why: str


Read = Iterator[Exchange | LeftOut]


class Unreadable(Exception):
    """One entry is not what it should be; the text says why."""


def each[T](entries: Iterable[tuple[str, T]], made_of: Callable[[T], Exchange]) -> Read:
    """What is made of each entry, under the name of its place; one that is unreadable is left out
    by that name, and the others are read."""
    for where, entry in entries:
        try:
            yield made_of(entry)
        except Unreadable as why:
            yield LeftOut(where, str(why))


def object_of(value: object, what: str) -> Object:
    """`value` as an object; raises `Unreadable`."""
    if not isinstance(value, dict):
        raise Unreadable(f"{what} is no object")
    return value


def inner(value: Object, name: str) -> Object:
    """The object under `name`; an empty one where there is none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def text(value: Object, name: str) -> str:
    """The string under `name`; `""` where there is none."""
    found = value.get(name)
    return found if isinstance(found, str) else ""


def items(value: Object, name: str) -> Sequence[object]:
    """The list under `name`; an empty one where there is none."""
    found = value.get(name)
    return found if isinstance(found, list) else ()


def number(value: Object, name: str) -> float | None:
    """The finite number under `name`, as a float."""
    found = value.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        made = float(found)
    except OverflowError:
        return None
    return made if math.isfinite(made) else None


def count(value: Object, name: str) -> int:
    """The whole number under `name`, from 0 up; 0 where there is none."""
    found = number(value, name)
    return int(found) if found is not None and 0 <= found < 2**53 else 0


def parsed(data: bytes | str) -> object:
    """Any JSON value; raises `Unreadable`."""
    try:
        value: object = loads(data)[0]
    except UnreadableJson as error:
        raise Unreadable(f"it is {error}") from error
    return value


def whole(path: Path, data: bytes) -> object:
    """The JSON value that a file is; raises `CaptureError`."""
    try:
        return parsed(data)
    except Unreadable as error:
        raise CaptureError(f"{path}: {error}") from error


def at(value: object, what: str) -> datetime:
    """A time given as ISO 8601 or in seconds since 1970, as aware UTC; raises `Unreadable`."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
            made = found.astimezone(UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            made = datetime.fromtimestamp(value, UTC)
        else:
            raise Unreadable(f"{what} is no time")
    except (ValueError, OverflowError, OSError) as error:
        raise Unreadable(f"{what} is no time") from error
    if not _EARLIEST <= made <= _LATEST:
        raise Unreadable(f"{what} is no time that a recording could be of")
    return made


def after(begin: datetime, seconds: float | None) -> datetime:
    """`begin` and so many seconds, at least none and at most a year."""
    return begin + timedelta(seconds=min(max(seconds or 0.0, 0.0), 366 * 86_400.0))


def split_url(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and path with query; raises `Unreadable`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Unreadable(f"its URL is none ({error})") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unreadable("its URL is none of http or https")
    own = 443 if parts.scheme == "https" else 80
    path = parts.path or "/"
    path = f"{path}?{parts.query}" if parts.query else path
    return parts.scheme, parts.hostname, own if port is None else port, path


def as_bytes(text: str) -> bytes:
    """A body's bytes: UTF-8, and the bytes that Python stood in halves of surrogate pairs for."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def pairs(fields: Object) -> Headers:
    """Headers that a tool keeps as an object, as header fields."""
    return tuple((name, value) for name, value in fields.items() if isinstance(value, str))


def without(headers: Headers, *names: str) -> Headers:
    """The headers but those of these names, in lower case."""
    return tuple((name, value) for name, value in headers if name.lower() not in names)


def storable(exchange: Exchange, key: bytes) -> Exchange:
    """The exchange with its credentials masked under `key`, and within what a recording takes."""
    status = exchange.status
    if status is not None and not 100 <= status <= 999:
        raise Unreadable(f"its status is {status}")
    return replace(
        exchange,
        method=_word(exchange.method) or "GET",
        scheme=_word(exchange.scheme),
        host=_word(exchange.host),
        port=exchange.port if 0 <= exchange.port <= 65_535 else 0,
        path=mask_url(exchange.path, key),
        http_version=_word(exchange.http_version),
        client=_word(exchange.client),
        request_headers=mask_headers(_headers(exchange.request_headers), key),
        response_headers=mask_headers(_headers(exchange.response_headers), key),
    )


def _word(given: str) -> str:
    """A word that stands in a column of its own: short and printable."""
    return "".join(c for c in given[:_LONGEST_WORD] if c.isprintable())


def _headers(headers: Headers) -> Headers:
    """Without HTTP/2's pseudo headers, which say what stands in fields of their own."""
    return tuple((name, value) for name, value in headers if name and not name.startswith(":"))


def spelled(value: object, size: int = 0, sha256: str = "") -> tuple[bytes, bool]:
    """JSON bytes of a body that a tool kept as a value, and whether they are the wire's.

    Clients write JSON in few ways: the one whose length (and digest, where the tool kept it) is the
    body's is taken; without such a one, the shortest.
    """
    shortest = _dumped(value)
    ways = [shortest]
    for separators in ((",", ":"), (", ", ": ")):
        for ascii_only in (True, False):
            made = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
            ways.append(made.encode("utf-8", "surrogatepass"))
    for way in ways:
        if size and len(way) == size and sha256 in ("", hashlib.sha256(way).hexdigest()):
            return way, bool(sha256)
    return shortest, False


def _dumped(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
