"""Real parts to play against each other: a scripted upstream, a real mitmdump, a raw client."""

import os
import re
import select
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "addons" / "kimitap.py"
_DEADLINE_S = 20.0


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def wait_for[T](question: Callable[[], T], what: str, patience_s: float = _DEADLINE_S) -> T:
    """Ask until the answer is truthy, and return it; fail loudly when patience ends."""
    deadline = time.monotonic() + patience_s
    while not (answer := question()):
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain for {what}"
        time.sleep(0.02)
    return answer


# --- the upstream -------------------------------------------------------------------------------


class Peer:
    """The upstream's end of one request: a play reads `head` and `body`, and sends raw bytes."""

    def __init__(self, connection: socket.socket, head: bytes, body: bytes) -> None:
        self.connection = connection
        self.head = head
        self.body = body

    def send(self, data: bytes) -> None:
        """Send raw bytes at once."""
        self.connection.sendall(data)

    def chunk(self, data: bytes) -> None:
        """Send one chunk of a chunked body; the empty one ends it."""
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def stream_head(self, content_type: str = "text/event-stream") -> None:
        """Send the head of a chunked response."""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n"
        self.send(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")

    def answer(self, body: bytes, status: str = "200 OK", extra: str = "") -> None:
        """Send a whole response with its length."""
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        self.send(head.encode() + body)

    def gone_within(self, patience_s: float) -> bool:
        """Whether the other end closes the connection within that time."""
        readable, _, _ = select.select([self.connection], [], [], patience_s)
        if not readable:
            return False
        try:
            return self.connection.recv(1, socket.MSG_PEEK) == b""
        except ConnectionError:
            return True

    def cut(self) -> None:
        """Reset the connection."""
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()


Play = Callable[[Peer], None]


class _Handler(socketserver.BaseRequestHandler):
    server: "Upstream"
    request: socket.socket

    def handle(self) -> None:
        received = b""
        while True:
            while b"\r\n\r\n" not in received:
                part = self._receive()
                if not part:
                    return
                received += part
            head, received = received.split(b"\r\n\r\n", 1)
            found = re.search(rb"(?i)content-length: *(\d+)", head)
            length = int(found[1]) if found else 0
            while len(received) < length:
                part = self._receive()
                if not part:
                    return
                received += part
            body, received = received[:length], received[length:]
            peer = Peer(self.request, head, body)
            self.server.seen.append(peer)
            target = head.split(b" ", 2)[1].decode()
            play = self.server.plays.get(target.split("?")[0])
            try:
                (play or _unknown)(peer)
            except OSError:
                return
            if self.request.fileno() < 0 or b"connection: close" in head.lower():
                return

    def _receive(self) -> bytes:
        try:
            return self.request.recv(1 << 20)
        except OSError:
            return b""


def _unknown(peer: Peer) -> None:
    peer.answer(b'{"error":"no such path"}', "404 Not Found")


class Upstream(socketserver.ThreadingTCPServer):
    """A server on loopback that answers each path as its play says, byte for byte."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.plays: dict[str, Play] = {}
        self.seen: list[Peer] = []
        self.port = int(self.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def on(self, path: str, play: Play) -> None:
        """Answer `path` by `play`."""
        self.plays[path] = play

    def handle_error(self, request: object, client_address: object) -> None:
        """A failing play must be seen."""
        super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def upstream(port: int = 0) -> Iterator[Upstream]:
    """An upstream that serves within the block."""
    with Upstream(port) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


# --- the client ---------------------------------------------------------------------------------


def request_bytes(
    path: str, body: bytes = b"", method: str = "", headers: tuple[str, ...] = ()
) -> bytes:
    """A raw HTTP/1.1 request, after whose answer the connection closes."""
    lines = [f"{method or ('POST' if body else 'GET')} {path} HTTP/1.1", "Host: server", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


class Client:
    """A raw client: what was received, and when."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def send(self, data: bytes) -> "Client":
        """Send raw bytes."""
        self.socket.sendall(data)
        return self

    def until(self, mark: bytes) -> bytes:
        """Read until `mark` was received; all bytes so far."""
        while mark not in self.received:
            part = self.socket.recv(1 << 16)
            assert part, f"closed before {mark!r}; received {self.received!r}"
            self.received += part
        return self.received

    def rest(self) -> bytes:
        """Read until the other end closes; all bytes."""
        while part := self.socket.recv(1 << 16):
            self.received += part
        return self.received

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def fetch(port: int, request: bytes) -> tuple[bytes, bytes]:
    """The head and the body (chunked framing undone) of the answer to `request`."""
    client = Client(port).send(request)
    head, _, body = client.rest().partition(b"\r\n\r\n")
    client.close()
    if re.search(rb"(?i)transfer-encoding: *chunked", head) and not request.startswith(b"HEAD "):
        body = dechunked(body)
    return head, body


def dechunked(body: bytes) -> bytes:
    """A chunked body's content; asserts that it is complete."""
    content = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            assert body == b"\r\n"
            return content
        content, body = content + body[:length], body[length + 2 :]


# --- mitmdump -----------------------------------------------------------------------------------


@dataclass
class Proxy:
    """A real mitmdump process with the addon."""

    process: "subprocess.Popen[str]"
    port: int
    where: Path
    lines: list[str] = field(default_factory=list)

    @property
    def output(self) -> str:
        """All that it has printed."""
        return "\n".join(self.lines)

    def said(self, pattern: str, patience_s: float = _DEADLINE_S) -> str:
        """Wait for a printed line that matches."""
        return wait_for(
            lambda: next((line for line in self.lines if re.search(pattern, line)), ""),
            f"a line like {pattern!r} in:\n{self.output}",
            patience_s,
        )

    def stop(self) -> str:
        """Ctrl-C; wait for the end; all that it has printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(_DEADLINE_S)
        self._reader.join(_DEADLINE_S)
        return self.output

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(_DEADLINE_S)

    def read(self) -> None:
        """Collect what it prints, from now on."""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))


def environment(folder: Path) -> dict[str, str]:
    """An environment in which Kimitap and mitmproxy keep their files under `folder`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KIMITAP", "PYTHONPATH"))}
    return {**kept, "XDG_STATE_HOME": str(folder / "state"), "PYTHONUNBUFFERED": "1"}


def mitmdump(*arguments: str) -> list[str]:
    """The command line of this Python's mitmdump."""
    code = "from mitmproxy.tools.main import mitmdump; mitmdump()"
    return [sys.executable, "-c", code, *arguments]


def start_proxy(
    upstream_url: str,
    where: Path,
    folder: Path,
    *options: str,
    script: Path = SCRIPT,
    cwd: Path | None = None,
    port: int = 0,
    wait: bool = True,
    default_db: bool = False,
    confdir: bool = True,
    **extra_environment: str,
) -> Proxy:
    """mitmdump with the addon before `upstream_url`, recording into `where`.

    `folder` keeps what mitmproxy and Kimitap keep for a user. An option says so to mitmproxy or,
    without `confdir`, `HOME`, as for a user: its certificates are then made later.
    """
    port = port or free_port()
    command = mitmdump(
        *("-s", str(script), "--mode", f"reverse:{upstream_url}"),
        *("--listen-host", "127.0.0.1", "-p", str(port)),
        *(("--set", f"confdir={folder / 'mitmproxy'}") if confdir else ()),
        *(() if default_db else ("--set", f"kimitap_db={where}")),
        *options,
    )
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd or folder,
        env={
            **environment(folder),
            **extra_environment,
            **({} if confdir else {"HOME": str(folder)}),
        },
    )
    proxy = Proxy(process, port, where)
    proxy.read()
    if wait:
        proxy.said(r"Kimitap (records|is going to|cannot|does NOT)")
        wait_for(lambda: listens(port) or process.poll() is not None, f"port {port}")
    return proxy


def listens(port: int) -> bool:
    """True where somebody takes connections on that port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def scribe_of(proxy_pid: int) -> int:
    """The process that writes for a proxy."""
    threads = Path(f"/proc/{proxy_pid}/task")
    if not threads.exists():
        pytest.skip("needs Linux's /proc to find the scribe's process")
    (pid,) = " ".join(file.read_text() for file in threads.glob("*/children")).split()
    return int(pid)


def alive(pid: int) -> bool:
    """Whether there is such a process, and it still runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
