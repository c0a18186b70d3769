"""A thousand streams at once, each byte of which is known: one event loop for both ends."""

import asyncio
import re
from collections.abc import Sequence

EVENTS = 5


def reply(name: str) -> bytes:
    """The events of one stream."""
    return b"".join(b'data: {"of":"%s","n":%d}\n\n' % (name.encode(), n) for n in range(EVENTS))


def chunked(name: str) -> bytes:
    """The same as they are on the wire."""
    events = re.findall(rb"data: .*\n\n", reply(name))
    return b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in events) + b"0\r\n\r\n"


class Crowd:
    """A server that begins all streams, and goes on with them once `count` are open."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.open = 0
        self.most = 0
        self._all = asyncio.Event()

    async def serve(self) -> asyncio.Server:
        """Listen on loopback."""
        return await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=2048)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: *(\d+)", head)
        await reader.readexactly(int(found[1]) if found else 0)
        name = head.split(b" ", 2)[1].decode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        self.open += 1
        self.most = max(self.most, self.open)
        if self.open == self.count:
            self._all.set()
        lines = chunked(name).split(b"data: ")
        writer.write(lines[0] + b"data: " + lines[1])
        await self._all.wait()
        for line in lines[2:]:
            writer.write(b"data: " + line)
            await asyncio.sleep(0.05)
        self.open -= 1
        writer.close()


async def ask(port: int, path: str, body: bytes, door: asyncio.Semaphore) -> bytes:
    """The whole of the answer's body as it came."""
    async with door:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
            % (path.encode(), len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    received = await reader.read(-1)
    writer.close()
    return received


async def ask_all(port: int, paths: Sequence[str], body: bytes) -> list[bytes]:
    """Ask for all, and have all open at once; mitmproxy lets no more than a hundred wait to be let
    in."""
    door = asyncio.Semaphore(50)
    return await asyncio.gather(*(ask(port, path, body, door) for path in paths))
