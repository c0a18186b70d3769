"""HTTP/2 and websockets pass as they are; what passes is recorded."""

import threading
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from tests.faults.conftest import Begin, Stage
from tests.support.http2 import ask_all, events, http2_server
from tests.support.proxy import Client, Peer
from tests.support.recorders import MITMDUMP, stop
from tests.support.wholeness import assert_whole, by_path, ended, losses, recorded

BODY = b'{"messages":[{"role":"user","content":"%d"}]}'


@pytest.mark.parametrize("kind", [MITMDUMP])
def test_streams_of_http_2_pass_and_are_recorded(begin: Begin, where: Path, home: Path) -> None:
    """`kimitap record` has no option to trust a server whose certificate nobody signed."""
    asked = {f"/v1/{n}": BODY % n for n in range(8)} | {"/reset": b"{}"}
    with http2_server(home / "mitmproxy") as server:
        proxy = begin(server.url, where, "--set", "ssl_insecure=true")
        answers = ask_all(proxy.port, asked)
        ended(where, len(asked))
        assert server.bodies == asked
        output = stop(proxy)
    assert "Traceback" not in output
    found = by_path(where)
    for path, (body, well) in answers.items():
        assert well is (path != "/reset")
        assert body == b"".join(events(path)) if well else b"".join(events(path)).startswith(body)
        exchange = found[path]
        assert exchange.http_version == "HTTP/2.0"
        assert exchange.request.content == asked[path]
        assert ("x-odd", "Kept As It Is") in exchange.request_headers
        if well:
            assert exchange.outcome is Outcome.COMPLETE
        else:  # mitmproxy says so of a reset by either side
            assert exchange.detail == "stream reset by client (INTERNAL_ERROR)"
        assert exchange.response == body if well else exchange.response.startswith(body)
    assert losses(where) == ()
    assert_whole(where)


SIZES = (0, 5, 125, 126, 70_000)


def frame(data: bytes, mask: bool) -> bytes:
    """A binary message of a websocket."""
    size, bit = len(data), 128 if mask else 0
    if size < 126:
        head = bytes([0x82, bit | size])
    elif size < 1 << 16:
        head = bytes([0x82, bit | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x82, bit | 127]) + size.to_bytes(8, "big")
    return head + (bytes(4) if mask else b"") + data


def test_the_messages_of_a_websocket_pass_both_ways_unaltered(stage: Stage) -> None:
    messages = [bytes([n]) * size for n, size in enumerate(SIZES)]
    sent = b"".join(frame(message, mask=True) for message in messages)
    back = b"".join(frame(message[::-1], mask=False) for message in messages)
    content = b"".join(messages)
    over = threading.Event()
    received = bytearray()

    def play(peer: Peer) -> None:
        peer.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        )
        while len(received) < len(sent):
            received.extend(peer.connection.recv(1 << 16))
        peer.send(back)
        over.set()
        peer.gone_within(20)
        peer.connection.close()

    stage.server.on("/socket", play)
    client = Client(stage.proxy.port).send(
        b"GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    client.until(b"\r\n\r\n")
    client.received = b""
    client.send(sent)
    assert over.wait(20)
    while len(client.received) < len(back):
        client.received += client.socket.recv(1 << 16)
    client.close()
    assert client.received == back
    assert unmasked(bytes(received)) == content
    exchange = recorded(stage.proxy.where, "/socket")
    assert (exchange.status, exchange.outcome) == (101, Outcome.COMPLETE)


def unmasked(frames: bytes) -> bytes:
    """The content of masked frames, one after the other."""
    content = b""
    while frames:
        size, at = frames[1] & 127, 2
        if size > 125:
            at = 4 if size == 126 else 10
            size = int.from_bytes(frames[2:at], "big")
        mask, data = frames[at : at + 4], frames[at + 4 : at + 4 + size]
        content += bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        frames = frames[at + 4 + size :]
    return content
