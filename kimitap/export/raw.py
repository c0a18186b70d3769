"""One exchange as it was on the wire, for a terminal: heads, bodies, and what became of it."""

from collections.abc import Iterator

from kimitap.exchange import Exchange, Headers
from kimitap.visible import visible


def as_text(exchange: Exchange) -> Iterator[str]:
    """The lines of both heads and bodies. Bytes that are no UTF-8 are shown as U+FFFD."""
    yield f"#{exchange.number}  {exchange.started_at:%Y-%m-%d %H:%M:%S.%f} UTC  {exchange.outcome}"
    if exchange.detail:
        yield visible(exchange.detail)
    yield visible(f"{exchange.method} {exchange.path} {exchange.http_version}")
    yield from _head(exchange.request_headers)
    yield from _body(exchange.request.content)
    if exchange.status is None:
        yield "(no response)"
        return
    yield visible(f"{exchange.http_version} {exchange.status} {exchange.reason}".rstrip())
    yield from _head(exchange.response_headers)
    yield from _body(exchange.response)
    if exchange.lost_bytes:
        yield f"({exchange.lost_bytes:,} more bytes passed but could not be recorded)"


def _head(headers: Headers) -> Iterator[str]:
    for name, value in headers:
        yield visible(f"{name}: {value}")
    yield ""


def _body(body: bytes) -> Iterator[str]:
    if body:
        yield from visible(body.decode("utf-8", "replace")).split("\n")
        yield ""
