"""Malformed HTTP from either side: the proxy survives it, and what could be understood is recorded.

What mitmproxy cannot read it does not pass on, with Kimitap or without: the client gets a 502.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from tests.faults.conftest import Stage
from tests.support.proxy import Client, Peer, request_bytes
from tests.support.wholeness import recorded

BODY = b'{"messages":[]}'


@dataclass(frozen=True)
class Answer:
    """What a server sends before it closes; what the client gets, and what is recorded of it."""

    sent: bytes
    outcome: Outcome
    response: bytes = b""
    status: int | None = 200


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ANSWERS = {
    "no http": Answer(b"this is not HTTP\r\n\r\n", Outcome.SERVER_CUT, status=None),
    "bad status": Answer(b"HTTP/1.1 abc OK\r\n\r\n", Outcome.SERVER_CUT, status=None),
    "no colon": Answer(OK + b"no colon here\r\n\r\n", Outcome.SERVER_CUT, status=None),
    "two lengths": Answer(
        OK + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", Outcome.SERVER_CUT, status=None
    ),
    "negative length": Answer(OK + b"Content-Length: -1\r\n\r\n", Outcome.SERVER_CUT, status=None),
    "length and chunks": Answer(
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        Outcome.SERVER_CUT,
        status=None,
    ),
    "bad chunk size": Answer(CHUNKED + b"3\r\nabc\r\nxyz\r\nabc\r\n", Outcome.SERVER_CUT, b"abc"),
    "chunk longer than said": Answer(
        CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n", Outcome.SERVER_CUT, b"abc"
    ),
    "too short": Answer(OK + b"Content-Length: 10\r\n\r\nabc", Outcome.SERVER_CUT, b"abc"),
    "garbage after the body": Answer(
        OK + b"Content-Length: 3\r\n\r\nabcGARBAGE\r\n\r\nmore", Outcome.COMPLETE, b"abc"
    ),
    "garbage after the last chunk": Answer(
        CHUNKED + b"3\r\nabc\r\n0\r\n\r\nGARBAGE", Outcome.COMPLETE, b"abc"
    ),
    "chunk extensions": Answer(CHUNKED + b"3;a=b\r\nabc\r\n0\r\n\r\n", Outcome.COMPLETE, b"abc"),
    "trailers": Answer(  # mitmproxy knows none
        CHUNKED + b"3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n", Outcome.SERVER_CUT, b"abc"
    ),
    "bare newlines": Answer(b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", Outcome.COMPLETE, b"abc"),
    "bytes beyond ascii": Answer(
        OK + b"X-Odd: \xff\xfe \x01\r\nContent-Length: 3\r\n\r\nabc", Outcome.COMPLETE, b"abc"
    ),
    "a 204 with a body": Answer(
        b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc", Outcome.COMPLETE, status=204
    ),
}


@pytest.mark.parametrize("kind_of", ANSWERS)
def test_a_malformed_answer(stage: Stage, kind_of: str) -> None:
    answer = ANSWERS[kind_of]
    path = f"/answer/{kind_of.replace(' ', '-')}"

    def play(peer: Peer) -> None:
        peer.send(answer.sent)
        peer.connection.close()

    stage.server.on(path, play)
    got = Client(stage.proxy.port).send(request_bytes(path, BODY)).rest()
    found = recorded(stage.proxy.where, path)
    assert found.request.content == BODY
    assert (found.outcome, found.status, found.response) == (
        answer.outcome,
        answer.status,
        answer.response,
    )
    head, _, rest = got.partition(b"\r\n\r\n")
    if answer.status is None:
        assert head.startswith(b"HTTP/1.1 502")
        assert found.detail
    else:
        assert head.startswith(b"HTTP/1.1 %d" % answer.status)
        assert answer.response in rest
        assert b"GARBAGE" not in rest
    stage.still_serves()


POST = b"POST /x HTTP/1.1\r\nHost: a\r\n"
REQUESTS = {
    "no http": b"this is not HTTP\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40),
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "length and chunks": b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "bad chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n",
    "h2 without tls": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "noise": bytes(range(256)) * 4,
    "a head that never ends": b"GET /x HTTP/1.1\r\n" + b"X-Long: " + b"x" * 300_000,
}


@pytest.mark.parametrize("kind_of", REQUESTS)
def test_a_malformed_request_harms_nobody_else(stage: Stage, kind_of: str) -> None:
    seen = len(stage.server.seen)
    client = Client(stage.proxy.port)
    client.socket.settimeout(3)
    with suppress(OSError):
        client.send(REQUESTS[kind_of]).rest()
    client.close()
    assert not any(b"/x" in peer.head for peer in stage.server.seen[seen:])
    stage.still_serves()


def test_a_request_in_chunks_is_passed_on_and_recorded(stage: Stage, tmp_path: Path) -> None:
    stage.server.on("/chunks", lambda peer: peer.answer(b"ok"))
    head = b"POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = Client(stage.proxy.port).send(head + b'3;x=y\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n')
    client.until(b"200 OK")
    client.close()
    assert recorded(stage.proxy.where, "/chunks").request.content == b'{"a":1}'
