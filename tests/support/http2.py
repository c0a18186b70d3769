"""HTTP/2 over TLS, both ends, from the library that mitmproxy uses."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError
from mitmproxy.certs import CertStore

EVENTS = 20


def events(path: str) -> list[bytes]:
    """The events of one answer."""
    return [b"data: %s %d\n\n" % (path.encode(), n) for n in range(EVENTS)]


class _Handler(socketserver.BaseRequestHandler):
    request: socket.socket
    server: "Http2Server"

    def handle(self) -> None:
        with suppress(OSError, ProtocolError), self.server.secured(self.request) as connection:
            self._serve(connection)

    def _serve(self, connection: ssl.SSLSocket) -> None:
        h2 = H2Connection(H2Configuration(client_side=False))
        h2.initiate_connection()
        connection.sendall(h2.data_to_send())
        paths: dict[int, str] = {}
        bodies: dict[int, bytes] = {}
        while data := connection.recv(1 << 16):
            for event in h2.receive_data(data):
                match event:
                    case RequestReceived(stream_id=int(number)):
                        paths[number] = dict(event.headers)[b":path"].decode()
                        bodies[number] = b""
                    case DataReceived(stream_id=int(number)):
                        bodies[number] += event.data
                        h2.acknowledge_received_data(event.flow_controlled_length, number)
                    case StreamEnded(stream_id=int(number)):
                        self.server.bodies[paths[number]] = bodies[number]
                        self._answer(connection, h2, number, paths[number])
            connection.sendall(h2.data_to_send())

    def _answer(self, connection: ssl.SSLSocket, h2: H2Connection, number: int, path: str) -> None:
        h2.send_headers(number, [(":status", "200"), ("content-type", "text/event-stream")])
        for event in events(path):
            h2.send_data(number, event)
            connection.sendall(h2.data_to_send())
        if path.startswith("/reset"):
            h2.reset_stream(number, ErrorCodes.INTERNAL_ERROR)
        else:
            h2.end_stream(number)


class Http2Server(socketserver.ThreadingTCPServer):
    """Streams `events(path)` to every request; those of `/reset` are then broken off."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        CertStore.from_store(folder, "mitmproxy", 2048)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "mitmproxy-ca.pem")
        self._context.set_alpn_protocols(["h2"])
        self.bodies: dict[str, bytes] = {}
        self.url = f"https://127.0.0.1:{self.server_address[1]}"

    def secured(self, connection: socket.socket) -> ssl.SSLSocket:
        """The connection after its handshake."""
        return self._context.wrap_socket(connection, server_side=True)


@contextmanager
def http2_server(folder: Path) -> Iterator[Http2Server]:
    """A server that serves within the block, with the key that mitmproxy keeps in `folder`."""
    with Http2Server(folder) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def ask_all(port: int, asked: Mapping[str, bytes]) -> dict[str, tuple[bytes, bool]]:
    """Send bodies to paths, all on one connection; each answer, and whether it ended well."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection(("127.0.0.1", port), timeout=60)
    with context.wrap_socket(plain) as connection:
        assert connection.selected_alpn_protocol() == "h2"
        h2 = H2Connection()
        h2.initiate_connection()
        numbers: dict[int, str] = {}
        for path, body in asked.items():
            number = h2.get_next_available_stream_id()
            numbers[number] = path
            h2.send_headers(number, _head(port, path))
            h2.send_data(number, body, end_stream=True)
        connection.sendall(h2.data_to_send())
        return _heard(connection, h2, numbers)


def _head(port: int, path: str) -> Sequence[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", f"127.0.0.1:{port}"),
        (":path", path),
        ("x-odd", "Kept As It Is"),
    ]


def _heard(
    connection: ssl.SSLSocket, h2: H2Connection, numbers: Mapping[int, str]
) -> dict[str, tuple[bytes, bool]]:
    bodies = dict.fromkeys(numbers, b"")
    well: dict[int, bool] = {}
    while len(well) < len(numbers):
        data = connection.recv(1 << 16)
        assert data, f"closed after {well}"
        for event in h2.receive_data(data):
            _hear(h2, event, bodies, well)
        connection.sendall(h2.data_to_send())
    return {path: (bodies[number], well[number]) for number, path in numbers.items()}


def _hear(h2: H2Connection, event: Event, bodies: dict[int, bytes], well: dict[int, bool]) -> None:
    match event:
        case ResponseReceived():
            assert dict(event.headers)[b":status"] == b"200"
        case DataReceived(stream_id=int(number)):
            bodies[number] += event.data
            h2.acknowledge_received_data(event.flow_controlled_length, number)
        case StreamEnded(stream_id=int(number)):
            well[number] = True
        case StreamReset(stream_id=int(number)):
            well[number] = False
