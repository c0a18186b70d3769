"""Long bodies, which both ends make block by block and know by their digests."""

import hashlib
import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

BLOCK = 1 << 18
_noise = Random(1).randbytes(BLOCK - 8)


def block(number: int) -> bytes:
    """The block of that number: no two are equal, and none can be compressed."""
    return number.to_bytes(8, "big") + _noise


def body(size: int) -> bytes:
    """So many bytes of blocks."""
    return b"".join(block(number) for number in range(-(-size // BLOCK)))[:size]


def digest(data: bytes | bytearray) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def joined(chunks: bytearray) -> bytes:
    """The content of a long body in chunks; asserts that it is complete."""
    content, at = bytearray(), 0
    while True:
        end = chunks.index(b"\r\n", at)
        length = int(chunks[at:end], 16)
        if not length:
            assert chunks[end:] == b"\r\n\r\n"
            return bytes(content)
        content += chunks[end + 2 : end + 2 + length]
        at = end + 4 + length


class Flood:
    """The server's end of one request, whose body was only digested."""

    def __init__(self, connection: socket.socket, head: bytes, digest: str) -> None:
        self.connection = connection
        self.head = head
        self.digest = digest
        self.sent = 0

    def send_head(self, length: int | None = None) -> None:
        """Announce a body of that length; None: chunks until the end."""
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        self.connection.sendall(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())

    def send(self, data: bytes) -> None:
        """A part of a body with a length."""
        self.connection.sendall(data)
        self.sent += len(data)

    def chunk(self, data: bytes) -> None:
        """A part of a body in chunks; an empty one ends it."""
        self.connection.sendall(b"%x\r\n" % len(data) + data + b"\r\n")
        self.sent += len(data)


class _Handler(socketserver.BaseRequestHandler):
    request: socket.socket
    server: "FloodServer"

    def handle(self) -> None:
        received = bytearray()
        while b"\r\n\r\n" not in received:
            part = self.request.recv(1 << 16)
            if not part:
                return
            received += part
        head, _, rest = bytes(received).partition(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: *(\d+)", head)
        left = (int(found[1]) if found else 0) - len(rest)
        seen = hashlib.blake2b(rest, digest_size=16)
        while left > 0:
            part = self.request.recv(1 << 20)
            if not part:
                return
            seen.update(part)
            left -= len(part)
        flood = Flood(self.request, head, seen.hexdigest())
        self.server.floods.append(flood)
        try:
            self.server.play(flood)
        except OSError:
            self.server.cut_off.set()


class FloodServer(socketserver.ThreadingTCPServer):
    """A server on loopback that answers every request by one play."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, play: Callable[[Flood], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.play = play
        self.floods: list[Flood] = []
        self.cut_off = threading.Event()
        """Set once a client has hung up on a play."""
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def flooding(play: Callable[[Flood], None]) -> Iterator[FloodServer]:
    """A server that serves within the block."""
    with FloodServer(play) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


class Reader:
    """A client that reads as fast, or as slowly, as it is told."""

    def __init__(self, port: int, request: bytes, window: int = 0) -> None:
        self.socket = socket.socket()
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(request)
        self.received = bytearray()

    def head(self) -> bytes:
        """Read the head; what came after it stays in `received`."""
        while b"\r\n\r\n" not in self.received:
            self.read(1 << 16)
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        return bytes(head)

    def read(self, most: int) -> int:
        """Read what is there, no more than that; how much it was."""
        part = self.socket.recv(most)
        self.received += part
        return len(part)

    def trickle(self, seconds: float) -> None:
        """Read a byte now and then."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.read(1)
            time.sleep(0.05)
