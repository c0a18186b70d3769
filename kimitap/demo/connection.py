"""One client's HTTP/1.1 connection, seen from the server: requests in, answers out."""

import asyncio
from dataclasses import dataclass

IDLE_S = 5.0
"""llama-server closes a connection on which nothing is asked for so long."""

LARGEST_BODY = 64 * 1024 * 1024


class HungUp(Exception):
    """The client closed its connection before the answer ended."""


@dataclass(frozen=True)
class Request:
    """One HTTP request, header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Connection:
    """A client's connection: reads requests, writes answers."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> Request | None:
        """The next request; None where the client has none or says none within `IDLE_S`."""
        try:
            async with asyncio.timeout(IDLE_S):
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.split("\r\n")
        method, path, _ = first.split(" ", 2)
        pairs = (line.split(":", 1) for line in lines if ":" in line)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        length = min(int(headers.get("content-length", 0)), LARGEST_BODY)
        return Request(method, path, headers, await self.reader.readexactly(length))

    def check(self) -> None:
        """Raise `HungUp` where the client is gone."""
        if self.reader.at_eof() or self.writer.is_closing():
            raise HungUp

    async def send(self, data: bytes) -> None:
        """Write `data`; `HungUp` where the client is gone."""
        self.check()
        self.writer.write(data)
        try:
            await self.writer.drain()
        except ConnectionError:
            raise HungUp from None


def head(status: int, request: Request, fields: dict[str, str]) -> bytes:
    """The head of an answer."""
    reasons = {200: "OK", 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error"}
    lines = [f"HTTP/1.1 {status} {reasons[status]}"]
    origin = request.headers.get("origin", "")
    fields = {"Server": "llama.cpp", "Access-Control-Allow-Origin": origin, **fields}
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunked(data: bytes) -> bytes:
    """`data` as one chunk of a chunked body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
