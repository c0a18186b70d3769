"""A recorded answer on the wire again: its head, its bytes, its times, and where it broke off."""

import asyncio
from collections.abc import Iterator

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from kimitap.exchange import Exchange, Outcome, header

_BODILESS = frozenset({204, 304})


class Sent(web.StreamResponse):
    """An answer that is on the wire already: aiohttp has nothing to add to it."""

    def __init__(self, *, keeps: bool) -> None:
        super().__init__()
        self._keeps = keeps

    @property
    def keep_alive(self) -> bool:
        """Whether the connection takes another request."""
        return self._keeps

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


async def replay_answer(request: web.BaseRequest, exchange: Exchange, *, paced: bool) -> Sent:
    """Answer as the recorded server did; the connection ends where that one's broke off.

    `paced`: every part comes when it came then, counted from the request.
    """
    loop = asyncio.get_running_loop()
    zero = loop.time()
    writer = request.writer
    framing = _framing(exchange, request.method)

    async def until(at_s: float) -> None:
        await asyncio.sleep(max(0.0, zero + at_s - loop.time()) if paced else 0)

    if exchange.headers_at is not None:
        await until((exchange.headers_at - exchange.started_at).total_seconds())
    await writer.write(_head(exchange, framing))
    at = 0
    for segment in exchange.segments if framing != "none" else ():
        await until(segment.at_s)
        data = exchange.response[at : at + segment.length]
        at += segment.length
        await writer.write(b"%x\r\n%s\r\n" % (len(data), data) if framing == "chunked" else data)
    if is_cut(exchange):
        return hung_up(request)
    if framing == "chunked":
        await writer.write(b"0\r\n\r\n")
    asked_to_close = header(exchange.response_headers, "connection").lower() == "close"
    if framing == "until closed" or asked_to_close:
        return hung_up(request)
    return Sent(keeps=request.keep_alive)


def hung_up(request: web.BaseRequest) -> Sent:
    """Close the connection once what was written is out."""
    if request.transport is not None:
        request.transport.close()
    return Sent(keeps=False)


def is_cut(exchange: Exchange) -> bool:
    """True where the recorded answer has no end."""
    return exchange.outcome not in (Outcome.COMPLETE, Outcome.HTTP_ERROR)


def _framing(exchange: Exchange, method: str) -> str:
    """How the end of the body is told: `none`, `length`, `chunked` or `until closed`."""
    status = exchange.status or 0
    if method == "HEAD" or status in _BODILESS or status < 200:
        return "none"
    if "chunked" in header(exchange.response_headers, "transfer-encoding").lower():
        return "chunked"
    if header(exchange.response_headers, "content-length"):
        return "length"
    return "until closed" if exchange.http_version.startswith("HTTP/1") else "chunked"


def _head(exchange: Exchange, framing: str) -> bytes:
    return "".join(_lines(exchange, framing)).encode("utf-8", "surrogateescape")


def _lines(exchange: Exchange, framing: str) -> Iterator[str]:
    one = exchange.http_version.startswith("HTTP/1")
    version = exchange.http_version if one else "HTTP/1.1"
    yield f"{version} {exchange.status} {exchange.reason}\r\n"
    for name, value in exchange.response_headers:
        yield f"{name}: {value}\r\n"
    if framing == "chunked" and not header(exchange.response_headers, "transfer-encoding"):
        yield "Transfer-Encoding: chunked\r\n"  # HTTP/2 has frames of its own
    yield "\r\n"
