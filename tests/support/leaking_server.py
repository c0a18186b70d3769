"""A server whose model writes its calls as text, and a recording of it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson

from kimitap.exchange import Exchange
from tests.support import chat
from tests.support.recorded import OPENING
from tests.support.recordings import recording


def leaking() -> Exchange:
    tools = [chat.tool("read_file", path={"type": "string"}), chat.tool("ls")]
    said = '<tool_call>\n{"name": "read_file", "arguments": {"path": "a"}}\n</tool_call>'
    request = chat.request(*OPENING, tools=tools, temperature=0.3)
    return chat.exchange(1, request, chat.choice(chat.assistant(said)))


@contextmanager
def answering(
    folder: Path, *, leaks: bool = True, hangs_after: int | None = None
) -> Iterator[tuple[Path, str, list[bytes]]]:
    """A recording with a leak, the URL of a server, and what that is asked: it leaks again."""
    asked: list[bytes] = []
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(body)
            if hangs_after is not None and len(asked) > hangs_after:
                done.wait(60)
            declared = "read_file" in str(orjson.loads(body).get("tools"))
            said = '<tool_call>{"name": "read_file", "arguments": {"path": "b"}}</tool_call>'
            message = chat.assistant(said if leaks and declared else "It says hello.")
            made = chat.exchange(1, chat.request(), chat.choice(message)).response
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(made)))
            self.end_headers()
            self.wfile.write(made)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        where = recording(folder / "leak.db", [leaking()])
        yield where, f"http://127.0.0.1:{server.server_port}", asked
    finally:
        done.set()
        server.shutdown()
        server.server_close()
