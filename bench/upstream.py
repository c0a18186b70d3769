"""A server that streams as llama-server does: chunked, an event a chunk, the same headers."""

import asyncio
import re
import time

from bench.sessions import DONE
from bench.stream import Stream, Streams

_HEAD = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nAccess-Control-Allow-Origin: \r\n"
    b"X-Accel-Buffering: no\r\nServer: llama.cpp\r\nContent-Type: text/event-stream\r\n\r\n"
)
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_NAME = re.compile(Streams.HEADER.encode() + rb": *(\S+)", re.IGNORECASE)


class _Connection(asyncio.Protocol):
    """One kept-alive connection: a request, its stream, the next."""

    def __init__(self, streams: Streams, open_ones: set[asyncio.Transport]) -> None:
        self._streams = streams
        self._open = open_ones
        self._head = b""
        self._missing = 0
        """Bytes of the request's body that have not come yet."""
        self._name = ""
        self._stream: Stream | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stream = None
        self._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        if not self._name:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._begin(head)
        self._missing -= len(data)
        if self._missing <= 0:
            self._answer()

    def _begin(self, head: bytes) -> None:
        self._head = b""
        length, name = _LENGTH.search(head), _NAME.search(head)
        self._missing = int(length[1]) if length else 0
        self._name = name[1].decode() if name else "?"

    def _answer(self) -> None:
        self._stream = stream = self._streams.take(self._name)
        self._name = ""
        stream.heard_ns = time.monotonic_ns()
        self._transport.write(_HEAD)
        if stream.think_s:
            self._loop.call_later(stream.think_s, self._speak, stream)
        else:
            self._speak(stream)

    def _speak(self, stream: Stream) -> None:
        if stream is not self._stream:
            return
        if stream.interval_s:
            self._tick(stream, self._loop.time())
        else:
            stream.on_receipt = self._fill
            self._fill()

    def _fill(self) -> None:
        """Send as many events as may be under way."""
        while (stream := self._stream) and stream.sent - stream.received < stream.window:
            self._send(stream)

    def _tick(self, stream: Stream, due: float) -> None:
        if stream is not self._stream:
            return
        self._send(stream)
        self._loop.call_at(due + stream.interval_s, self._tick, stream, due + stream.interval_s)

    def _send(self, stream: Stream) -> None:
        event = stream.next_event(self._loop.time())
        framed = b"%x\r\n%b\r\n" % (len(event), event)
        if event == DONE:
            framed += b"0\r\n\r\n"
            self._stream = None
        self._transport.write(framed)


class Upstream:
    """The server; `async with` opens it on a free loopback port and closes its connections."""

    def __init__(self) -> None:
        self.streams = Streams()
        self._open: set[asyncio.Transport] = set()

    async def __aenter__(self) -> "Upstream":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self.streams, self._open), "127.0.0.1", 0, backlog=512
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for transport in tuple(self._open):
            transport.abort()
        await self._server.wait_closed()
