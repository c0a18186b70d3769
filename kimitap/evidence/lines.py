"""Exchanges as lines of JSON, for programs: one line an exchange."""

import base64
from collections.abc import Mapping

import orjson

from kimitap.exchange import Exchange, Headers


def line(exchange: Exchange) -> bytes:
    """One exchange as a line of JSON, its line feed included.

    Times are ISO 8601 in UTC, segments pairs of seconds since `started_at` and bytes. A body that
    is JSON stands there as such (`json`), other text as `text`, the rest as `base64`; an empty one
    is null.
    """
    told: dict[str, object] = {
        "number": exchange.number,
        "started_at": exchange.started_at,
        "headers_at": exchange.headers_at,
        "ended_at": exchange.ended_at,
        "outcome": exchange.outcome.value,
        "detail": exchange.detail,
        "method": exchange.method,
        "scheme": exchange.scheme,
        "host": exchange.host,
        "port": exchange.port,
        "path": exchange.path,
        "http_version": exchange.http_version,
        "request_headers": _fields(exchange.request_headers),
        "request": _body(exchange.request.content),
        "status": exchange.status,
        "reason": exchange.reason,
        "response_headers": _fields(exchange.response_headers),
        "response": _body(exchange.response),
        "segments": [[round(s.at_s, 6), s.length] for s in exchange.segments],
        "lost_bytes": exchange.lost_bytes,
    }
    return orjson.dumps(told, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def _fields(headers: Headers) -> list[tuple[str, str]]:
    return [(_text(name), _text(value)) for name, value in headers]


def _text(text: str) -> str:
    """`text` as Unicode: bytes of a header that are none are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _body(body: bytes) -> Mapping[str, object] | None:
    if not body:
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {"text": text}
    # As it was written, numbers and repeated keys too; a line feed would end the line.
    return {"json": value if b"\n" in body or b"\r" in body else orjson.Fragment(body)}
