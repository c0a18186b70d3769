"""Agents that talk through a recorder until it is killed, and what each of them had got by then."""

import os
import random
import signal
import socket
import sqlite3
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.proxy import Peer, Proxy, Upstream, request_bytes, scribe_of

AGENTS = 3
VICTIMS = ("the proxy", "the writer", "both")
PATH = "/v1/chat/completions"


@dataclass
class Asked:
    """A request of an agent, and what came back of its answer."""

    path: str
    body: bytes
    reply: bytes
    """What the server sends in whole."""
    answered: bool = False
    """Whether the client had the answer's head."""
    received: bytearray = field(default_factory=bytearray)
    """What came of the body, with its framing."""
    times: list[tuple[float, int]] = field(default_factory=list)
    """When (monotonic), and how much was there by then."""

    @property
    def content(self) -> bytes:
        """What came of the body without its framing, as far as whole chunks go."""
        content, rest = b"", bytes(self.received)
        while b"\r\n" in rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            if len(rest) < length + 2:
                break
            content, rest = content + rest[:length], rest[length + 2 :]
        return content


def events(name: str, count: int) -> list[bytes]:
    """The events of one reply, which no other reply has."""
    return [b'data: {"id":"%s","n":%d}\n\n' % (name.encode(), n) for n in range(count)]


def serve_agents(server: Upstream) -> None:
    """Stream to each request the events that its query names, a few milliseconds apart."""

    def play(peer: Peer) -> None:
        query = peer.head.split(b" ", 2)[1].decode().partition("?")[2]
        name, _, count = query.rpartition("-")
        peer.stream_head()
        for event in events(name, int(count)):
            peer.chunk(event)
            time.sleep(0.004)
        peer.chunk(b"")

    server.on(PATH, play)


class Agents:
    """Some agents at work, each asking one request after another with all that it asked before."""

    def __init__(self, port: int, seed: str) -> None:
        self.asked: list[Asked] = []
        self.port = port
        self._seed = seed
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(AGENTS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each end what it has asked."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _work(self, number: int) -> None:
        chosen = random.Random(f"{self._seed} {number}")
        said: list[str] = []
        for turn in range(10_000):
            if self._stop.is_set():
                return
            text = chosen.randbytes(chosen.randint(5, 900)).hex()
            said.append(f'{{"role":"user","content":"{text}"}}')
            name, count = f"{self._seed}-{number}-{turn}", chosen.choice((1, 5, 30, 120))
            body = b'{"messages":[%s]}' % ",".join(said[-40:]).encode()
            reply = b"".join(events(name, count))
            one = Asked(f"{PATH}?{name}-{count}", body, reply)
            self.asked.append(one)
            with suppress(OSError):
                self._ask(one)
            if not one.answered:
                self._stop.wait(0.02)

    def _ask(self, one: Asked) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request_bytes(one.path, one.body))
            received = b""
            while part := connection.recv(1 << 16):
                if not one.answered:
                    received += part
                    head, end, part = received.partition(b"\r\n\r\n")
                    if not end:
                        continue
                    assert head.startswith(b"HTTP/1.1 200"), head
                    one.answered = True
                one.received += part
                one.times.append((time.monotonic(), len(one.received)))


def kill(proxy: Proxy, victim: str) -> None:
    """kill -9 of the proxy, of the process that writes for it, or of both, the proxy first."""
    writer = scribe_of(proxy.process.pid)
    if victim != "the writer":
        proxy.process.kill()
    if victim != "the proxy":
        with suppress(ProcessLookupError):
            os.kill(writer, signal.SIGKILL)


def settled(where: Path) -> set[str]:
    """The paths of the exchanges that the recording holds whole by now."""
    with closing(sqlite3.connect(where, timeout=60)) as database:
        if not database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'exchange'").fetchall():
            return set()  # the writer is still opening it
        rows = database.execute("SELECT path FROM exchange WHERE outcome = 'complete'").fetchall()
    return {path for (path,) in rows}
