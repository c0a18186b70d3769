"""Exchanges as one HAR 1.2 document (http://www.softwareishard.com/blog/har-12-spec/).

A HAR holds bodies with their `Content-Encoding` undone, as browsers show them. What it has no place
for stands in `_kimitap`, whose name begins with an underscore as the specification asks: when each
segment arrived, how the exchange ended, and the bytes of the wire where the text is not those.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import parse_qsl

from kimitap import __version__
from kimitap.exchange import Exchange, Headers, header
from kimitap.interchange.bodies import as_base64, as_text, json_text, origin_of
from kimitap.wire import Opened, request_body, response_body

JsonObject = dict[str, object]
_UNKNOWN = -1
_SORTS_OUT = "charset=utf-8"


def har(exchanges: Iterable[Exchange]) -> Iterator[str]:
    """The document in parts, an entry a part: only one exchange at a time is held."""
    creator = {"name": "Kimitap", "version": __version__}
    head = json_text({"version": "1.2", "creator": creator, "pages": []})
    yield f'{{"log":{head[:-1]},"entries":['
    between = "\n"
    for exchange in exchanges:
        yield between + json_text(entry(exchange))
        between = ",\n"
    yield "\n]}}\n"


def entry(exchange: Exchange) -> JsonObject:
    """One exchange as an entry of `log.entries`."""
    timings = _timings(exchange)
    made: JsonObject = {
        "startedDateTime": _iso(exchange.started_at),
        "time": sum(ms for ms in timings.values() if ms > 0),
        "request": _request(exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": timings,
        "_kimitap": _own(exchange),
    }
    if _is_address(exchange.host):
        made["serverIPAddress"] = exchange.host
    if exchange.client:
        made["connection"] = exchange.client
    return made


def url_of(exchange: Exchange) -> str:
    """The URL that was asked for; a scheme's own port is left out."""
    host = f"[{exchange.host}]" if ":" in exchange.host else exchange.host
    known = {"http": 80, "https": 443}.get(exchange.scheme) == exchange.port
    path = exchange.path if exchange.path.startswith("/") else f"/{exchange.path}"
    return f"{exchange.scheme}://{host}{'' if known else f':{exchange.port}'}{path}"


def _request(exchange: Exchange) -> JsonObject:
    made: JsonObject = {
        "method": exchange.method,
        "url": url_of(exchange),
        "httpVersion": exchange.http_version,
        "cookies": [],
        "headers": _headers(exchange.request_headers),
        "queryString": _query(exchange.path),
        "headersSize": _UNKNOWN,
        "bodySize": exchange.request.size,
    }
    if exchange.request.size:
        opened = request_body(exchange)
        kind = header(exchange.request_headers, "content-type")
        made["postData"] = {"mimeType": kind, "text": as_text(opened.data) or ""}
    return made


def _response(exchange: Exchange) -> JsonObject:
    made: JsonObject = {
        "status": exchange.status or 0,
        "statusText": exchange.reason,
        "httpVersion": exchange.http_version if exchange.status else "",
        "cookies": [],
        "headers": _headers(exchange.response_headers),
        "content": _content(exchange),
        "redirectURL": header(exchange.response_headers, "location"),
        "headersSize": _UNKNOWN,
        "bodySize": len(exchange.response) if exchange.status else _UNKNOWN,
    }
    if exchange.detail or exchange.status is None:
        made["_error"] = exchange.detail or exchange.outcome.value
    return made


def _content(exchange: Exchange) -> JsonObject:
    opened = response_body(exchange)
    kind = header(exchange.response_headers, "content-type")
    made: JsonObject = {"size": len(opened.data), "mimeType": kind or "x-unknown"}
    text = as_text(opened.data)
    if text is None:
        return {**made, "text": as_base64(opened.data), "encoding": "base64"}
    if not text.isascii() and "json" not in kind and _SORTS_OUT not in kind.lower():
        # Some readers take text of an unnamed charset for Latin-1; events are UTF-8 by their
        # specification. Browsers look for "base64" here and heed nothing else.
        made["encoding"] = "utf-8"
    return {**made, "text": text}


def _timings(exchange: Exchange) -> dict[str, float]:
    """Milliseconds; what was not measured apart (sending) is 0."""
    last_s = exchange.segments[-1].at_s if exchange.segments else 0.0
    total = last_s
    if exchange.ended_at:
        total = max(last_s, (exchange.ended_at - exchange.started_at).total_seconds(), 0.0)
    head = total
    if exchange.headers_at:
        head = (exchange.headers_at - exchange.started_at).total_seconds()
        head = min(max(head, 0.0), total)
    return {"send": 0.0, "wait": _ms(head), "receive": _ms(total - head)}


def _own(exchange: Exchange) -> JsonObject:
    """What only Kimitap knows; see docs/formats.md."""
    made: JsonObject = {
        "number": exchange.number,
        "origin": origin_of(exchange),
        "client": exchange.client,
        "outcome": exchange.outcome.value,
        "detail": exchange.detail,
        "path": exchange.path,
        "lostBytes": exchange.lost_bytes,
        "headersAt": _iso(exchange.headers_at),
        "endedAt": _iso(exchange.ended_at),
        "segments": [[segment.at_s, segment.length] for segment in exchange.segments],
    }
    bodies = (
        ("request", exchange.request.content, request_body(exchange)),
        ("response", exchange.response, response_body(exchange)),
    )
    for name, wire, opened in bodies:
        if _differs(wire, opened, name == "response"):
            made[name] = as_base64(wire)
    return made


def _differs(wire: bytes, opened: Opened, may_be_base64: bool) -> bool:
    """True where the HAR's own text is not the bytes of the wire."""
    if opened.data != wire:
        return True
    return not may_be_base64 and as_text(wire) is None


def _headers(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _query(path: str) -> list[dict[str, str]]:
    _, _, query = path.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=None)
    return [{"name": name, "value": value} for name, value in pairs]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _iso(at: datetime | None) -> str | None:
    """With six digits of seconds, in UTC."""
    return None if at is None else at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
