"""Bodies in JSON: as text where they are UTF-8, as base64 where they are not; and how to tell."""

import base64
import binascii
import json

import orjson

from kimitap.exchange import Exchange, digest

Written = dict[str, str]
"""`{"text": …}` or `{"base64": …}`; empty for an empty body."""


def written(data: bytes) -> Written:
    """A body as JSON has it, exactly."""
    if not data:
        return {}
    text = as_text(data)
    return {"base64": as_base64(data)} if text is None else {"text": text}


def as_text(data: bytes) -> str | None:
    """UTF-8 as text; None for other bytes."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def as_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes | None:
    """The bytes; None where `text` is no base64. White space in it is passed over."""
    packed = "".join(text.split())
    if len(packed) % 4:  # Python 3.12 passes over what is too much
        return None
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return None


def origin_of(exchange: Exchange) -> str:
    """What names the exchange wherever it goes: its own origin, else a digest of what it is."""
    return exchange.origin or content_origin("kimitap", exchange)


def content_origin(source: str, exchange: Exchange) -> str:
    """`source:` and a digest of the exchange's beginning, request and response: equal for the same
    exchange read twice."""
    head = (
        f"{exchange.started_at.timestamp():.6f}",
        exchange.method,
        exchange.host,
        str(exchange.port),
        exchange.path,
        str(exchange.status),
    )
    parts = ("\0".join(head).encode("utf-8", "replace"), exchange.request.content)
    told = b"".join(digest(part) for part in (*parts, exchange.response))
    return f"{source}:{digest(told).hex()}"


def json_text(value: object) -> str:
    """JSON on one line; what orjson refuses (an integer beyond 64 bits, half of a surrogate pair)
    is written by the standard library, in ASCII."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":"), default=str)
