"""A hang-up at every stage of an exchange, by the client and by the server; a server that restarts.

Whatever one side does, the other hears of it, what had passed is recorded, and the proxy goes on.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from tests.faults.conftest import Begin, Stage
from tests.support.proxy import (
    Client,
    Peer,
    fetch,
    request_bytes,
    upstream,
)
from tests.support.recorders import stop
from tests.support.wholeness import assert_whole, by_path, ended, recorded

EVENT = b"data: first\n\n"
BODY = b'{"messages":[{"role":"user","content":"hello"}]}'


# --- by the client ------------------------------------------------------------------------------

HALF_A_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: se"


def nothing(client: Client) -> None:
    """Connects and leaves."""


def half_a_head(client: Client) -> None:
    client.send(HALF_A_HEAD)


@pytest.mark.parametrize("say", [nothing, half_a_head], ids=["at once", "in the head"])
def test_a_client_that_leaves_before_its_request_has_a_head_is_no_exchange(
    stage: Stage, say: Callable[[Client], None]
) -> None:
    before = stage.still_serves()
    client = Client(stage.proxy.port)
    say(client)
    client.close()
    assert stage.still_serves() == before + 1


@dataclass(frozen=True)
class Left:
    """A client that leaves at a stage: how much of the body it sends (None: all), what it waits
    for, and what is recorded."""

    sends: int | None = None
    awaits: bytes = b""
    outcome: Outcome = Outcome.CLIENT_HUNG_UP
    response: bytes = b""
    reached: bool = True


CLIENTS = {
    "after the head": Left(0, reached=False),
    "in the body": Left(10, reached=False),
    "before the answer": Left(),
    "in the answer's body": Left(awaits=EVENT, response=EVENT),
    "at the end": Left(None, b"0\r\n\r\n", Outcome.COMPLETE, EVENT + b"last"),
}


@pytest.mark.parametrize("stage_of", CLIENTS)
def test_a_client_that_leaves(stage: Stage, stage_of: str) -> None:
    server, proxy = stage.server, stage.proxy
    left = CLIENTS[stage_of]
    path = f"/client-left-{stage_of.replace(' ', '-')}"
    asked, gone = threading.Event(), threading.Event()

    def play(peer: Peer) -> None:
        asked.set()
        if left.awaits:
            peer.stream_head()
            peer.chunk(EVENT)
        if left.outcome is Outcome.COMPLETE:
            peer.chunk(b"last")
            peer.chunk(b"")
        if peer.gone_within(20):
            gone.set()
        peer.cut()

    server.on(path, play)
    request = request_bytes(path, BODY)
    unsent = 0 if left.sends is None else len(BODY) - left.sends
    client = Client(proxy.port).send(request[: len(request) - unsent])
    if left.reached:
        assert asked.wait(20)
    else:
        time.sleep(0.2)
    if left.awaits:
        client.until(left.awaits)
    client.close()
    exchange = recorded(proxy.where, path)
    assert exchange.outcome is left.outcome
    assert exchange.response == left.response
    assert exchange.request.content == (BODY if left.reached else exchange.request.content)
    if left.reached:
        assert gone.wait(20)
    else:
        assert not asked.is_set()
        assert BODY.startswith(exchange.request.content)
    stage.still_serves()


# --- by the server ------------------------------------------------------------------------------


def cut_at(data: bytes) -> Callable[[Peer], None]:
    """Send that much of an answer, then reset the connection."""

    def play(peer: Peer) -> None:
        if data:
            peer.send(data)
            time.sleep(0.2)
        peer.cut()

    return play


def closed_at(data: bytes) -> Callable[[Peer], None]:
    """Send that much of an answer, then close the connection as if all were well."""

    def play(peer: Peer) -> None:
        peer.send(data)
        peer.connection.close()

    return play


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FIRST = b"d\r\n" + EVENT + b"\r\n"
SERVERS: dict[str, tuple[bytes, bytes | None]] = {
    "before its answer": (b"", None),
    "in the status line": (b"HTTP/1.1 20", None),
    "in the head": (LENGTH[:-6], None),
    "after the head": (LENGTH, b""),
    "in a body with a length": (LENGTH + EVENT, EVENT),
    "in a body of chunks": (CHUNKS + FIRST, EVENT),
    "in a chunk": (CHUNKS + b"1d\r\n" + EVENT, EVENT),
    "before the last chunk": (CHUNKS + FIRST + b"0\r\n", EVENT),
}


@pytest.mark.parametrize("how", [cut_at, closed_at], ids=["cut", "closed"])
@pytest.mark.parametrize("stage_of", SERVERS)
def test_a_server_that_leaves(
    stage: Stage, stage_of: str, how: Callable[[bytes], Callable[[Peer], None]]
) -> None:
    server, proxy = stage.server, stage.proxy
    data, body = SERVERS[stage_of]
    path = f"/{how.__name__}-{stage_of.replace(' ', '-')}"
    server.on(path, how(data))
    got = Client(proxy.port).send(request_bytes(path, BODY)).rest()
    exchange = recorded(proxy.where, path)
    assert exchange.outcome is Outcome.SERVER_CUT
    assert exchange.detail
    assert exchange.request.content == BODY
    if body is None:
        assert exchange.status is None
        assert got.startswith(b"HTTP/1.1 502")
    else:
        assert exchange.status == 200
        assert exchange.response == body
        head, _, rest = got.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert body in rest
        assert not rest.endswith(b"0\r\n\r\n"), "the client cannot know that it was cut"
    stage.still_serves()


def test_a_server_that_leaves_just_after_its_answer_has_answered(
    stage: Stage,
) -> None:
    server, proxy = stage.server, stage.proxy
    server.on("/after", cut_at(LENGTH + b"x" * 30))
    assert fetch(proxy.port, request_bytes("/after", BODY))[1] == b"x" * 30
    exchange = recorded(proxy.where, "/after")
    assert (exchange.outcome, exchange.response) == (Outcome.COMPLETE, b"x" * 30)


# --- a restart ----------------------------------------------------------------------------------


def test_a_server_that_restarts_in_the_middle_is_found_again(begin: Begin, where: Path) -> None:
    streaming = threading.Event()
    over = threading.Event()

    def play(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(EVENT)
        streaming.set()
        over.wait(30)
        peer.cut()

    with upstream() as server:
        server.on("/stream", play)
        server.on("/kept", lambda peer: peer.answer(b"before"))
        proxy = begin(server.url, where)
        kept = Client(proxy.port).send(b"GET /kept?1 HTTP/1.1\r\nHost: x\r\n\r\n")
        kept.until(b"before")
        client = Client(proxy.port).send(request_bytes("/stream", BODY))
        client.until(EVENT)
        port = server.port
    server.server_close()
    over.set()
    assert EVENT in client.rest()
    head, _ = fetch(proxy.port, request_bytes("/stream?down", BODY))
    assert head.startswith(b"HTTP/1.1 502")
    with upstream(port) as server:
        server.on("/stream", lambda peer: peer.answer(b"again"))
        server.on("/kept", lambda peer: peer.answer(b"after"))
        assert fetch(proxy.port, request_bytes("/stream?up", BODY))[1] == b"again"
        fresh = Client(proxy.port).send(b"GET /kept?2 HTTP/1.1\r\nHost: x\r\n\r\n")
        fresh.until(b"after")
        ended(where, 5)
        assert "5 exchanges recorded" in stop(proxy)
    found = by_path(where)
    assert {path: found[path].outcome for path in found} == {
        "/kept?1": Outcome.COMPLETE,
        "/stream": Outcome.SERVER_CUT,
        "/stream?down": Outcome.REFUSED,
        "/stream?up": Outcome.COMPLETE,
        "/kept?2": Outcome.COMPLETE,
    }
    assert found["/stream"].response == EVENT
    assert_whole(where)
