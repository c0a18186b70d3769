"""Traffic first, live, nothing lost: a real mitmdump between a raw client and a raw server."""

import contextlib
import gzip
import socket
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from kimitap.store import Recording
from tests.recorder.conftest import Stage, Starter, newest
from tests.support.proxy import Client, Peer, Play, fetch, request_bytes, wait_for

EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%d"},"finish_reason":null}]}\n\n'
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


def chunked(*parts: bytes, content_type: str = "text/event-stream") -> Play:
    def play(peer: Peer) -> None:
        peer.stream_head(content_type)
        for part in parts:
            peer.chunk(part)
            time.sleep(0.002)
        peer.chunk(b"")

    return play


def whole(body: bytes, status: str = "200 OK", extra: str = "") -> Play:
    return lambda peer: peer.answer(body, status, extra)


def raw(data: bytes) -> Play:
    def play(peer: Peer) -> None:
        peer.send(data)
        peer.connection.close()

    return play


ODD_SIZES = [bytes([i % 256]) * (i * i % 5000 + 1) for i in range(60)]
SPLIT_CHARACTERS = [bytes([b]) for b in "data: é漢字🦙\n\n".encode()]

ANSWERS: dict[str, tuple[str, Play]] = {
    "events": ("POST", chunked(*(EVENT % i for i in range(20)), FINISH, DONE)),
    "odd sizes": ("POST", chunked(*ODD_SIZES)),
    "a byte at a time": ("POST", chunked(*SPLIT_CHARACTERS)),
    "many events a piece": ("POST", chunked(b"".join(EVENT % i for i in range(500)), DONE)),
    "every byte": ("GET", whole(bytes(range(256)) * 300)),
    "json": (
        "POST",
        whole(b'{"choices": [], "a" : 1e999}\n', extra="X-Odd: two words\r\nx-odd: again\r\n"),
    ),
    "gzip": ("GET", whole(gzip.compress(b"x" * 5000), extra="Content-Encoding: gzip\r\n")),
    "gzipped stream": (
        "GET",
        chunked(gzip.compress(DONE * 99)[:20], gzip.compress(DONE * 99)[20:]),
    ),
    "empty": ("GET", whole(b"")),
    "empty chunked": ("GET", chunked()),
    "no content": ("DELETE", raw(b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n")),
    "not modified": ("GET", raw(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n')),
    "head": ("HEAD", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")),
    "head of a stream": ("HEAD", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")),
    "options": ("OPTIONS", whole(b"", "204 No Content", "Allow: GET, POST\r\n")),
    "until close": ("GET", raw(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end")),
    "odd reason": ("GET", whole(b"x", "299 Very Odd Indeed")),
    "not found": ("GET", whole(b'{"error":{"code":404}}', "404 Not Found")),
    "server error": ("POST", whole(b'{"error":{"code":500}}', "500 Internal Server Error")),
    "loading": ("POST", whole(b'{"error":{"code":503}}', "503 Service Unavailable")),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_client_gets_what_the_server_sent_and_so_does_the_recording(
    stage: Stage, kind: str
) -> None:
    method, play = ANSWERS[kind]
    path = f"/exact/{kind.replace(' ', '-')}"
    stage.upstream.on(path, play)
    body = b'{"model":"m","messages":[]}' if method == "POST" else b""
    request = request_bytes(path, body, method)

    direct = fetch(stage.upstream.port, request)
    through = fetch(stage.port, request)

    assert through == direct
    exchange = stage.exchange(path)
    head = direct[0].decode().split("\r\n")
    assert exchange.response == direct[1]
    assert exchange.status == int(head[0].split()[1])
    assert exchange.reason == head[0].split(" ", 2)[2]
    assert [f"{name}: {value}" for name, value in exchange.response_headers] == head[1:]
    assert exchange.outcome is (Outcome.HTTP_ERROR if exchange.status >= 400 else Outcome.COMPLETE)
    assert sum(segment.length for segment in exchange.segments) == len(exchange.response)
    assert exchange.lost_bytes == 0


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":[{"role":"user","content":"\\u00e9"}], "a": 1.50}',
        b"\xef\xbb\xbf{}",
        b'{"messages":[NaN]} trailing',
        bytes(range(256)) * 40,
        gzip.compress(b'{"messages":[]}'),
        b'{"messages":['
        + b",".join(b'{"content":"%d%b"}' % (i, b"x" * 2300) for i in range(900))
        + b"]}",
    ],
    ids=["json", "byte order mark", "no json", "binary", "compressed", "two megabytes"],
)
def test_the_server_gets_what_the_client_sent_and_so_does_the_recording(
    stage: Stage, body: bytes
) -> None:
    path = f"/sent/{len(body)}"
    stage.upstream.on(path, whole(b"{}"))
    fetch(stage.port, request_bytes(path, body, headers=("X-Mixed-CASE: Yes",)))
    peer = next(p for p in stage.upstream.seen if path.encode() in p.head)
    assert peer.body == body
    exchange = stage.exchange(path)
    assert exchange.request.content == body
    assert ("X-Mixed-CASE", "Yes") in exchange.request_headers
    assert (exchange.method, exchange.scheme, exchange.port) == (
        "POST",
        "http",
        stage.upstream.port,
    )


def test_the_first_event_arrives_while_the_server_still_holds_the_rest(stage: Stage) -> None:
    go_on = threading.Event()

    def play(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(EVENT % 1)
        assert go_on.wait(10)
        peer.chunk(DONE)
        peer.chunk(b"")

    stage.upstream.on("/first", play)
    client = Client(stage.port).send(request_bytes("/first", b"{}"))
    client.until(EVENT % 1)
    go_on.set()
    client.until(DONE)


def test_the_request_is_on_disk_before_the_client_sees_an_answer(stage: Stage) -> None:
    go_on = threading.Event()

    def play(peer: Peer) -> None:
        peer.stream_head()
        go_on.wait(10)
        peer.chunk(b"")

    stage.upstream.on("/ondisk", play)
    for _ in range(5):
        go_on.clear()
        client = Client(stage.port).send(request_bytes("/ondisk", b'{"messages":[1,2,3]}'))
        client.until(b"\r\n\r\n")
        found = newest(stage.proxy.where, "/ondisk", ended=False)
        assert found is not None
        assert found.outcome is Outcome.IN_FLIGHT
        assert found.request.content == b'{"messages":[1,2,3]}'
        go_on.set()
        client.rest()
        stage.exchange("/ondisk")


def test_what_streamed_is_on_disk_within_half_a_second(stage: Stage) -> None:
    go_on = threading.Event()

    def play(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(EVENT % 1)
        go_on.wait(10)
        peer.chunk(b"")

    stage.upstream.on("/halfsecond", play)
    client = Client(stage.port).send(request_bytes("/halfsecond", b"{}"))
    client.until(EVENT % 1)
    time.sleep(0.5)
    found = newest(stage.proxy.where, "/halfsecond", ended=False)
    go_on.set()
    assert found is not None
    assert found.response == EVENT % 1
    assert found.status == 200


def test_a_hang_up_reaches_the_server_at_once_and_the_half_reply_is_recorded(stage: Stage) -> None:
    gone_after: list[float] = []
    hung_up = threading.Event()

    def play(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(EVENT % 1)
        hung_up.wait(10)
        start = time.monotonic()
        if peer.gone_within(5):
            gone_after.append(time.monotonic() - start)
        peer.cut()

    stage.upstream.on("/hangup", play)
    client = Client(stage.port).send(request_bytes("/hangup", b"{}"))
    client.until(EVENT % 1)
    client.close()
    hung_up.set()
    exchange = stage.exchange("/hangup")
    assert exchange.outcome is Outcome.CLIENT_HUNG_UP
    assert exchange.detail == "Client disconnected."
    assert exchange.response == EVENT % 1
    assert gone_after
    assert gone_after[0] < 0.5


def test_a_hang_up_before_any_answer_reaches_the_server_and_is_recorded(stage: Stage) -> None:
    gone = threading.Event()

    def play(peer: Peer) -> None:
        if peer.gone_within(5):
            gone.set()
        peer.cut()

    stage.upstream.on("/nothing", play)
    client = Client(stage.port).send(request_bytes("/nothing", b"{}"))
    time.sleep(0.2)
    client.close()
    assert gone.wait(2)
    exchange = stage.exchange("/nothing")
    assert exchange.outcome is Outcome.CLIENT_HUNG_UP
    assert exchange.status is None


def test_a_hang_up_within_the_request_is_recorded(stage: Stage) -> None:
    client = Client(stage.port)
    client.send(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
    time.sleep(0.1)
    client.close()
    exchange = stage.exchange("/upload")
    assert exchange.outcome is Outcome.CLIENT_HUNG_UP
    assert exchange.status is None


@pytest.mark.parametrize("last", [DONE, FINISH, b'event: message_stop\ndata: {"a":1}\n\n'])
def test_a_client_that_hangs_up_at_the_last_event_has_a_complete_reply(
    stage: Stage, last: bytes
) -> None:
    def play(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(EVENT % 1)
        peer.chunk(last)
        peer.gone_within(5)
        peer.cut()

    path = f"/last/{len(last)}"
    stage.upstream.on(path, play)
    client = Client(stage.port).send(request_bytes(path, b"{}"))
    client.until(last)
    client.close()
    exchange = stage.exchange(path)
    assert exchange.outcome is Outcome.COMPLETE
    assert exchange.detail == "Client disconnected."
    assert exchange.response == EVENT % 1 + last


def test_a_server_that_dies_mid_stream_is_recorded_as_such(stage: Stage) -> None:
    def play(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(EVENT % 1)
        time.sleep(0.05)
        peer.connection.close()

    stage.upstream.on("/cut", play)
    client = Client(stage.port).send(request_bytes("/cut", b"{}"))
    assert EVENT % 1 in client.rest()
    exchange = stage.exchange("/cut")
    assert exchange.outcome is Outcome.SERVER_CUT
    assert exchange.response == EVENT % 1
    assert exchange.detail


def test_a_server_that_closes_without_an_answer_is_recorded_as_such(stage: Stage) -> None:
    stage.upstream.on("/mute", lambda peer: peer.connection.close())
    head, _ = fetch(stage.port, request_bytes("/mute", b"{}"))
    assert b"502" in head
    exchange = stage.exchange("/mute")
    assert exchange.outcome is Outcome.SERVER_CUT
    assert exchange.status is None


def test_a_server_that_answers_nonsense_is_recorded_as_such(stage: Stage) -> None:
    stage.upstream.on("/nonsense", raw(b"this is not HTTP\r\n\r\n"))
    head, _ = fetch(stage.port, request_bytes("/nonsense", b"{}"))
    assert b"502" in head
    assert stage.exchange("/nonsense").outcome is Outcome.SERVER_CUT


def test_requests_of_one_connection_name_the_same_client(stage: Stage) -> None:
    stage.upstream.on("/alive/1", whole(b"one"))
    stage.upstream.on("/alive/2", whole(b"two"))
    client = Client(stage.port)
    for path, body in ((b"/alive/1", b"one"), (b"/alive/2", b"two")):
        client.send(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
        assert client.until(b"\r\n\r\n" + body)
        client.received = b""
    first, second = stage.exchange("/alive/1"), stage.exchange("/alive/2")
    assert first.client == second.client
    assert first.client.startswith("127.0.0.1:")
    assert first.number < second.number
    assert first.started_at <= first.ended_at <= second.started_at  # type: ignore[operator]


def test_many_streams_at_once_are_each_exact(stage: Stage) -> None:
    def play(peer: Peer) -> None:
        name = peer.head.split(b" ", 2)[1]
        peer.stream_head()
        for i in range(30):
            peer.chunk(name + b" %d\n\n" % i)
            time.sleep(0.002)
        peer.chunk(b"")

    count = 40
    clients = []
    for i in range(count):
        stage.upstream.on(f"/many/{i}", play)
        clients.append(Client(stage.port).send(request_bytes(f"/many/{i}", b"{}")))
    for client in clients:
        client.rest()
    for i in range(count):
        wanted = b"".join(b"/many/%d %d\n\n" % (i, n) for n in range(30))
        assert stage.exchange(f"/many/{i}").response == wanted


SECRETS = ["planted-bearer-1", "planted-cookie-2", "planted-header-3", "planted-query-4"]


def test_planted_credentials_reach_the_server_but_never_the_disk(stage: Stage) -> None:
    stage.upstream.on("/secret", whole(b"{}", extra="Set-Cookie: sid=planted-set-5; Path=/\r\n"))
    headers = (
        f"Authorization: Bearer {SECRETS[0]}",
        f"Cookie: sid={SECRETS[1]}",
        f"x-api-key: {SECRETS[2]}",
    )
    request = request_bytes(f"/secret?api_key={SECRETS[3]}&v=1", b"{}", headers=headers)
    assert b"planted-set-5" in fetch(stage.port, request)[0]
    peer = next(p for p in stage.upstream.seen if b"/secret" in p.head)
    assert all(secret.encode() in peer.head for secret in SECRETS)

    def found() -> str | None:
        with sqlite3.connect(stage.proxy.where) as database:
            row = database.execute(
                "SELECT path FROM exchange WHERE path LIKE '/secret%'"
            ).fetchone()
        return row and row[0]

    path = wait_for(found, "the exchange")
    assert path.startswith("/secret?api_key=[masked:")
    assert path.endswith("&v=1")
    exchange = stage.exchange(path)
    assert dict(exchange.request_headers)["Authorization"].startswith("Bearer [masked:")
    assert dict(exchange.response_headers)["Set-Cookie"].endswith("; Path=/")
    for file in Path(stage.proxy.where).parent.glob("kimitap.db*"):
        content = file.read_bytes()
        for secret in [*SECRETS, "planted-set-5"]:
            assert secret.encode() not in content, f"{secret} in {file.name}"
    assert not any(secret in stage.proxy.output for secret in SECRETS[:3])


def test_a_websocket_passes_and_its_handshake_is_recorded(stage: Stage) -> None:
    hello, answer = b"\x81\x85\x00\x00\x00\x00hello", b"\x81\x05world"

    def play(peer: Peer) -> None:
        peer.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        )
        received = b""
        while len(received) < len(hello):
            received += peer.connection.recv(100)
        peer.send(answer)
        peer.gone_within(5)
        peer.connection.close()

    stage.upstream.on("/socket", play)
    client = Client(stage.port).send(
        b"GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    client.until(b"\r\n\r\n")
    client.send(hello)
    client.until(answer)
    client.close()
    exchange = stage.exchange("/socket")
    assert exchange.status == 101
    assert exchange.outcome is Outcome.COMPLETE


def test_a_server_that_answers_before_the_request_is_complete_is_heard(stage: Stage) -> None:
    stage.upstream.on("/expect", whole(b"{}"))
    client = Client(stage.port)
    client.send(
        b"POST /expect HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    client.until(b"100 Continue\r\n\r\n")
    client.send(b"{}")
    client.until(b"200 OK")
    assert stage.exchange("/expect").request.content == b"{}"


def test_the_server_never_sees_that_it_is_recorded(stage: Stage) -> None:
    stage.upstream.on("/same", whole(b"{}"))
    headers = ("User-Agent: agent/1", "Accept: */*", "x-stainless-retry-count: 0")
    request = request_bytes("/same", b'{"messages":[]}', headers=headers)
    fetch(stage.upstream.port, request)
    fetch(stage.port, request)
    direct, through = [p.head for p in stage.upstream.seen if b" /same " in p.head]
    host = f"Host: 127.0.0.1:{stage.upstream.port}".encode()  # as a reverse proxy must
    assert through == direct.replace(b"Host: server", host)


def test_a_hang_up_before_the_recording_began_is_recorded_once(stage: Stage) -> None:
    def play(peer: Peer) -> None:
        peer.gone_within(5)
        peer.cut()

    stage.upstream.on("/at-once", play)
    for _ in range(20):
        Client(stage.port).send(request_bytes("/at-once", b"{}")).close()

    def outcomes() -> list[Outcome]:
        with Recording.open(str(stage.proxy.where)) as recording:
            return [e.outcome for e in recording.exchanges() if e.path == "/at-once"]

    wait_for(lambda: len(outcomes()) >= 20, "every exchange")
    time.sleep(0.3)
    assert outcomes() == [Outcome.CLIENT_HUNG_UP] * 20


def test_a_hang_up_while_the_server_lets_nobody_in_is_the_clients(
    start: Starter, tmp_path: Path
) -> None:
    with socket.socket() as server, contextlib.ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(2):  # nobody accepts: the next one's connection is not established
            queued = waiting.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(server.getsockname())
        proxy = start(f"http://127.0.0.1:{server.getsockname()[1]}", tmp_path / "kimitap.db")
        client = Client(proxy.port).send(request_bytes("/busy", b"{}"))
        wait_for(lambda: newest(proxy.where, "/busy", ended=False), "the request")
        client.close()
        exchange = wait_for(lambda: newest(proxy.where, "/busy"), "the end")
    assert exchange.outcome is Outcome.CLIENT_HUNG_UP
