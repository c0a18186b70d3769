"""A client that reads streamed replies as cheaply as Python can, on kept or new connections."""

import asyncio
import time

from bench.sessions import PATH
from bench.stream import Stream, Streams

_REQUEST = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: bench\r\nAccept: */*\r\n"
    "Authorization: Bearer sk-bench\r\nContent-Type: application/json\r\n"
    "{header}: {name}\r\nContent-Length: {length}\r\n\r\n"
)


class BrokenStream(Exception):
    """A reply that did not arrive as it was sent: what the bench would measure is worthless."""


class Client(asyncio.Protocol):
    """One connection to a proxy (or to the upstream itself), one request at a time."""

    def __init__(self, streams: Streams, port: int) -> None:
        self._streams = streams
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._in_body = False
        self._stream: Stream | None = None
        self._ended: asyncio.Future[None] | None = None

    async def ask(self, body: bytes, stream: Stream, *, timeout_s: float = 120) -> None:
        """Send `body`, and read its stream to the end; raises `BrokenStream` where it breaks."""
        loop = asyncio.get_running_loop()
        self._stream, self._ended = stream, loop.create_future()
        name = self._streams.open(stream)
        head = _REQUEST.format(
            path=PATH, port=self._port, header=Streams.HEADER, name=name, length=len(body)
        )
        stream.asked_ns = time.monotonic_ns()
        if self._transport is None:
            await self._connect()
        assert self._transport is not None
        self._transport.write(head.encode() + body)
        try:
            async with asyncio.timeout(timeout_s):
                await self._ended
        except TimeoutError:
            got = f"{stream.received} of {stream.sent} events"
            raise BrokenStream(f"no end after {timeout_s} s: {got}") from None
        if stream.received != stream.sent:
            raise BrokenStream(f"{stream.sent} events sent, {stream.received} received")

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        except OSError as error:
            raise BrokenStream(f"no connection to port {self._port}: {error}") from error

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(BrokenStream(f"the connection ended mid-stream: {exc}"))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self._in_body:
            head, end, rest = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = buffer
                return
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                self._end(BrokenStream(f"the answer is {head[:200]!r}"))
                return
            self._in_body, buffer = True, rest
        self._buffer = self._chunks(buffer)

    def _chunks(self, buffer: bytes) -> bytes:
        """Hand on the whole chunks of `buffer`; what is left of it."""
        assert self._stream is not None
        at = 0
        while (eol := buffer.find(b"\r\n", at)) >= 0:
            size = int(buffer[at:eol], 16)
            stop = eol + 2 + size
            if len(buffer) < stop + 2:
                break
            at = stop + 2
            if not size:
                self._end(None)
                break
            self._stream.arrived(buffer[eol + 2 : stop])
        return buffer[at:]

    def _end(self, error: BrokenStream | None) -> None:
        self._in_body = False
        if self._ended is None or self._ended.done():
            return
        if error:
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)
