"""Sending and recording, against a server that answers byte for byte."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kimitap.errors import RecordingError
from kimitap.exchange import Exchange, Outcome
from kimitap.replay import Hangup, send
from kimitap.store import Recording, RecordingWriter
from tests.support.chat import stream_of
from tests.support.proxy import Peer, Upstream, free_port, upstream, wait_for
from tests.support.recorded import lost, record

PATH = "/v1/chat/completions"
EVENTS = stream_of({"message": {"content": "Hello"}})
KEY = "sk-0123456789abcdef0123"


def streams(peer: Peer) -> None:
    peer.stream_head()
    peer.chunk(EVENTS[:40])
    time.sleep(0.05)
    peer.chunk(EVENTS[40:])
    peer.chunk(b"")


def sent(server: Upstream, where: Path, **more: object) -> Exchange:
    """Exchange 1 of a small recording, sent to the server and recorded beside it."""
    record(where, lost())
    with RecordingWriter(str(where)) as writer:
        return send(lost()[0], server.url, into=writer, **more)  # type: ignore[arg-type]


def kept(where: Path, number: int) -> Exchange:
    with Recording.open(str(where)) as recording:
        return recording.exchange(number)


def test_what_is_sent_is_what_was_recorded_and_what_is_recorded_is_what_was_sent(
    tmp_path: Path,
) -> None:
    with upstream() as server:
        server.on(PATH, streams)
        sent(server, tmp_path / "a.db")
        peer = server.seen[0]
    assert peer.body == lost()[0].request.content
    lines = peer.head.decode().split("\r\n")
    assert lines[0] == f"POST {PATH} HTTP/1.1"
    found = kept(tmp_path / "a.db", 4)
    assert [f"{name}: {value}" for name, value in found.request_headers] == lines[1:]
    assert found.request.content == peer.body


def test_a_stream_keeps_its_bytes_and_the_time_of_each_part(tmp_path: Path) -> None:
    with upstream() as server:
        server.on(PATH, streams)
        made = sent(server, tmp_path / "a.db")
    found = kept(tmp_path / "a.db", made.number)
    assert found.response == made.response == EVENTS
    assert [segment.length for segment in found.segments] == [40, len(EVENTS) - 40]
    assert found.segments[1].at_s > found.segments[0].at_s
    assert (found.outcome, found.status, found.reason) == (Outcome.COMPLETE, 200, "OK")
    assert ("Transfer-Encoding", "chunked") in found.response_headers


def test_without_a_recording_the_exchange_is_only_returned() -> None:
    with upstream() as server:
        server.on(PATH, streams)
        made = send(lost()[0], server.url)
    assert (made.number, made.response) == (0, EVENTS)


def test_a_compressed_answer_is_kept_as_it_came(tmp_path: Path) -> None:
    with upstream() as server:
        server.on(
            PATH, lambda peer: peer.answer(b"\x1f\x8bnot", extra="Content-Encoding: gzip\r\n")
        )
        assert sent(server, tmp_path / "a.db").response == b"\x1f\x8bnot"


def test_a_key_goes_out_and_is_never_recorded(tmp_path: Path) -> None:
    headers = (("Authorization", f"Bearer {KEY}"), ("x-api-key", KEY))
    with upstream() as server:
        server.on(PATH, lambda peer: peer.answer(b"{}", extra="Set-Cookie: s=" + KEY + "\r\n"))
        made = sent(server, tmp_path / "a.db", headers=headers)
        assert f"Bearer {KEY}" in server.seen[0].head.decode()
    for one in (made, kept(tmp_path / "a.db", 4)):
        told = str((one.request_headers, one.response_headers))
        assert KEY not in told
        assert "Bearer [masked:" in told
    assert not any(KEY.encode() in file.read_bytes() for file in tmp_path.iterdir())


def test_an_error_of_the_server_is_an_answer(tmp_path: Path) -> None:
    with upstream() as server:
        server.on(PATH, lambda peer: peer.answer(b'{"error":{"message":"no"}}', "400 Bad Request"))
        made = sent(server, tmp_path / "a.db")
    assert (made.outcome, made.status, made.reason) == (Outcome.HTTP_ERROR, 400, "Bad Request")


def test_another_hosts_address_is_not_followed(tmp_path: Path) -> None:
    with upstream() as server:
        server.on(PATH, lambda p: p.answer(b"", "307 Moved", f"Location: {server.url}/else\r\n"))
        assert sent(server, tmp_path / "a.db").status == 307
        assert len(server.seen) == 1


def test_a_server_that_is_not_there_is_an_exchange_that_was_refused(tmp_path: Path) -> None:
    port = free_port()
    record(tmp_path / "a.db", lost())
    with RecordingWriter(str(tmp_path / "a.db")) as writer:
        made = send(lost()[0], f"http://127.0.0.1:{port}", into=writer)
    assert (made.outcome, made.status) == (Outcome.REFUSED, None)
    assert made.detail == "Connection refused"
    assert kept(tmp_path / "a.db", 4).outcome is Outcome.REFUSED


def cuts(peer: Peer) -> None:
    peer.stream_head()
    peer.chunk(EVENTS[:40])
    peer.cut()


def test_a_stream_that_breaks_off_keeps_what_came(tmp_path: Path) -> None:
    with upstream() as server:
        server.on(PATH, cuts)
        made = sent(server, tmp_path / "a.db")
    assert made.outcome is Outcome.SERVER_CUT
    assert made.response in (EVENTS[:40], b"")  # a reset may overtake the bytes before it


def test_a_stream_that_ends_without_the_last_chunk_but_with_done_is_complete(
    tmp_path: Path,
) -> None:
    def closes(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(EVENTS)
        peer.connection.close()

    with upstream() as server:
        server.on(PATH, closes)
        made = sent(server, tmp_path / "a.db")
    assert (made.outcome, made.response) == (Outcome.COMPLETE, EVENTS)


def test_a_server_that_says_nothing_and_goes_cut_it(tmp_path: Path) -> None:
    with upstream() as server:
        server.on(PATH, lambda peer: peer.connection.close())
        made = sent(server, tmp_path / "a.db")
    assert (made.outcome, made.status) == (Outcome.SERVER_CUT, None)


def test_whoever_hangs_up_keeps_what_came_and_the_server_hears_of_it(tmp_path: Path) -> None:
    left: list[bool] = []
    hangup = Hangup()

    def never_ends(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(EVENTS[:40])
        left.append(peer.gone_within(10))

    with upstream() as server:
        server.on(PATH, never_ends)
        where = tmp_path / "a.db"
        threading.Thread(
            target=lambda: (wait_for(lambda: arrived(where), "a part"), hangup())
        ).start()
        made = sent(server, where, hangup=hangup)
        wait_for(lambda: left, "the server's answer")
    assert (made.outcome, made.response) == (Outcome.CLIENT_HUNG_UP, EVENTS[:40])
    assert kept(where, 4).response == EVENTS[:40]
    assert left == [True]


def arrived(where: Path) -> bool:
    """Whether part of the answer is on disk while it is under way."""
    try:
        return kept(where, 4).response == EVENTS[:40]
    except Exception:  # not made yet
        return False


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """As in a terminal: whatever a shell starts in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_is_no_answer_but_what_came_is_kept(tmp_path: Path) -> None:
    def never_ends(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(EVENTS[:40])
        peer.gone_within(10)

    where = tmp_path / "a.db"
    with upstream() as server:
        server.on(PATH, never_ends)
        threading.Thread(
            target=lambda: (
                wait_for(lambda: arrived(where), "a part"),
                os.kill(os.getpid(), signal.SIGINT),
            )
        ).start()
        with pytest.raises(KeyboardInterrupt):
            sent(server, where)
    answer = kept(where, 4)
    assert (answer.outcome, answer.response) == (Outcome.CLIENT_HUNG_UP, EVENTS[:40])


def test_who_hung_up_before_sends_nothing(tmp_path: Path) -> None:
    hangup = Hangup()
    hangup()
    with upstream() as server:
        server.on(PATH, streams)
        assert sent(server, tmp_path / "a.db", hangup=hangup).outcome is Outcome.CLIENT_HUNG_UP
        assert server.seen == []


def test_nothing_is_sent_where_nothing_can_be_recorded(tmp_path: Path) -> None:
    record(tmp_path / "a.db", lost())
    with upstream() as server:
        writer = RecordingWriter(str(tmp_path / "a.db"))
        writer.close()
        with pytest.raises(RecordingError):
            send(lost()[0], server.url, into=writer)
        assert server.seen == []


def test_a_request_without_a_body_has_no_length() -> None:
    asks = replace(lost()[0], method="GET", path="/props", request=type(lost()[0].request)())
    with upstream() as server:
        server.on("/props", lambda peer: peer.answer(b"{}"))
        assert send(asks, server.url).response == b"{}"
        assert b"content-length" not in server.seen[0].head.lower()
