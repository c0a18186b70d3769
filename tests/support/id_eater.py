"""A server in front of a server that empties the ids of tool calls, as some gateways do."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

CALL_ID = re.compile(rb'"id":"functions\.[^"]*"')


@contextmanager
def without_call_ids(upstream: str) -> Iterator[str]:
    """The base URL of a server that answers as `upstream` does, with empty tool call ids."""
    target = urlsplit(upstream)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            connection = HTTPConnection(target.hostname or "", target.port, timeout=60)
            connection.request(
                "POST", self.path, body, {"Content-Type": self.headers["Content-Type"]}
            )
            answer = connection.getresponse()
            self.send_response(answer.status)
            for name in ("Content-Type", "Server"):
                self.send_header(name, answer.headers[name])
            self.end_headers()  # HTTP/1.0: the answer ends with the connection
            for line in answer:  # an event is one line
                self.wfile.write(CALL_ID.sub(b'"id":""', line))
            connection.close()

        def version_string(self) -> str:
            return "id-eater"

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
