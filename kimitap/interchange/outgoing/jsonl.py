"""Exchanges as JSON lines: everything that a recording holds of one, a line each.

`kimitap import` reads them back without loss; docs/formats.md tells the fields.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from kimitap.exchange import Exchange
from kimitap.interchange.bodies import json_text, origin_of, written

VERSION = 1
"""Stands in each line as `kimitap`; a reader refuses a greater one."""


def lines(exchanges: Iterable[Exchange]) -> Iterator[str]:
    """A line an exchange, each with its line feed."""
    for exchange in exchanges:
        yield json_text(line(exchange)) + "\n"


def line(exchange: Exchange) -> dict[str, object]:
    """One exchange as plain values."""
    return {
        "kimitap": VERSION,
        "kind": "exchange",
        "number": exchange.number,
        "origin": origin_of(exchange),
        "started_at": iso(exchange.started_at),
        "headers_at": iso(exchange.headers_at),
        "ended_at": iso(exchange.ended_at),
        "outcome": exchange.outcome.value,
        "detail": exchange.detail,
        "client": exchange.client,
        "method": exchange.method,
        "scheme": exchange.scheme,
        "host": exchange.host,
        "port": exchange.port,
        "path": exchange.path,
        "http_version": exchange.http_version,
        "request_headers": exchange.request_headers,
        "request": written(exchange.request.content),
        "status": exchange.status,
        "reason": exchange.reason,
        "response_headers": exchange.response_headers,
        "response": written(exchange.response),
        "segments": [[segment.at_s, segment.length] for segment in exchange.segments],
        "lost_bytes": exchange.lost_bytes,
    }


def iso(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with six digits of seconds."""
    return None if at is None else at.isoformat(timespec="microseconds")
