"""The server of a soak: answers each ask as it says, in HTTP as llama-server speaks it."""

import asyncio
import re
import time
from contextlib import suppress

from bench.asks import HEADER, Ask, Way, digest

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_NAME = re.compile(HEADER.encode() + rb": *(\S+)", re.IGNORECASE)
_HEAD = (
    "HTTP/1.1 {status} {reason}\r\nTransfer-Encoding: chunked\r\nServer: llama.cpp\r\n"
    "Content-Type: {kind}\r\n\r\n"
)
_REASONS = {200: "OK", 503: "Service Unavailable"}


class Model:
    """`async with` opens it on a free loopback port."""

    def __init__(self) -> None:
        self.asks: dict[str, Ask] = {}
        """What may be asked for, by name."""
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "Model":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in tuple(self._open):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while await self._answer(reader, writer):
                pass
        self._open.discard(writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether another may follow."""
        head = await reader.readuntil(b"\r\n\r\n")
        length, name = _LENGTH.search(head), _NAME.search(head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        ask = self.asks[name[1].decode() if name else ""]
        ask.heard = digest(body)
        kind = "application/json" if ask.way in (Way.BUSY, Way.WHOLE) else "text/event-stream"
        reason = _REASONS[ask.status]
        writer.write(_HEAD.format(status=ask.status, reason=reason, kind=kind).encode())
        await asyncio.sleep(ask.think_s)
        due = time.monotonic()
        for at, part in enumerate(ask.parts):
            if ask.way is Way.CUT and at == ask.stop_after:
                await writer.drain()
                return False
            ask.written_ns.append(time.monotonic_ns())
            writer.write(b"%x\r\n%b\r\n" % (len(part), part))
            await writer.drain()
            due += ask.interval_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True
