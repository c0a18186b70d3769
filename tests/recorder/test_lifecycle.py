"""Starting, stopping, dying, reloading: each with a mitmdump of its own."""

import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from kimitap.recorder.ledger import DEATHS
from kimitap.store import Recording, RecordingWriter
from tests.recorder.conftest import Starter, newest
from tests.support.proxy import (
    ROOT,
    SCRIPT,
    Client,
    Peer,
    Play,
    Proxy,
    Upstream,
    alive,
    environment,
    fetch,
    free_port,
    mitmdump,
    request_bytes,
    scribe_of,
    upstream,
    wait_for,
)

EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n'


def held(go_on: threading.Event, *parts: bytes) -> Play:
    """A stream that sends `parts` and then stays open until `go_on`."""

    def play(peer: Peer) -> None:
        peer.stream_head()
        for part in parts:
            peer.chunk(part)
        go_on.wait(20)
        peer.chunk(b"data: [DONE]\n\n")
        peer.chunk(b"")

    return play


@pytest.fixture
def go_on() -> threading.Event:
    return threading.Event()


@pytest.fixture
def server(go_on: threading.Event) -> Iterator[Upstream]:
    with upstream() as one:
        one.on("/held", held(go_on, EVENT))
        one.on("/short", lambda peer: peer.answer(b"{}"))
        yield one
        go_on.set()


def test_kill_9_of_everything_mid_stream_costs_half_a_second_and_is_marked_by_the_next(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    where = tmp_path / "kimitap.db"
    proxy = start(server.url, where)
    client = Client(proxy.port).send(request_bytes("/held", b'{"messages":[1]}'))
    client.until(EVENT)
    time.sleep(0.5)
    os.kill(scribe_of(proxy.process.pid), signal.SIGKILL)
    proxy.kill()
    found = newest(where, "/held", ended=False)
    assert found is not None
    assert found.outcome is Outcome.IN_FLIGHT
    assert found.request.content == b'{"messages":[1]}'
    assert found.response == EVENT
    RecordingWriter(str(where)).close()
    found = newest(where, "/held")
    assert found is not None
    assert found.outcome is Outcome.INTERRUPTED
    assert found.response == EVENT


def test_kill_9_of_mitmdump_alone_costs_nothing_that_had_been_sent_on(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    where = tmp_path / "kimitap.db"
    proxy = start(server.url, where)
    scribe = scribe_of(proxy.process.pid)
    client = Client(proxy.port).send(request_bytes("/held", b"{}"))
    client.until(EVENT)
    time.sleep(0.3)
    proxy.kill()
    wait_for(lambda: not alive(scribe), "the scribe's end")
    found = newest(where, "/held")
    assert found is not None
    assert found.outcome is Outcome.INTERRUPTED
    assert found.response == EVENT
    assert "Exception" not in proxy.output  # the scribe has the same terminal


def test_the_death_of_the_scribe_is_loud_and_costs_nothing(
    start: Starter, server: Upstream, go_on: threading.Event, tmp_path: Path
) -> None:
    where = tmp_path / "kimitap.db"
    proxy = start(server.url, where)
    client = Client(proxy.port).send(request_bytes("/held", b"{}"))
    client.until(EVENT)
    time.sleep(0.3)
    os.kill(scribe_of(proxy.process.pid), signal.SIGKILL)
    assert fetch(proxy.port, request_bytes("/short", b"{}"))[1] == b"{}"
    proxy.said("the process that writes died; another one goes on with all that waits")
    go_on.set()
    assert b"[DONE]" in client.rest()
    assert fetch(proxy.port, request_bytes("/short", b"{}"))[1] == b"{}"
    assert "3 exchanges recorded" in proxy.stop()
    with Recording.open(str(where)) as recording:
        assert recording.losses() == ()
        held, *short = recording.exchanges()
    assert held.outcome is Outcome.COMPLETE
    assert held.response == EVENT + b"data: [DONE]\n\n"
    assert [exchange.response for exchange in short] == [b"{}", b"{}"]


def test_what_sees_scribe_after_scribe_die_is_given_up_and_told(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    where = tmp_path / "kimitap.db"
    proxy = start(server.url, where)
    fetch(proxy.port, request_bytes("/short", b"{}"))
    wait_for(lambda: newest(where, "/short"), "the first")
    with closing(sqlite3.connect(where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # so that none of them can write anything
        fetch(proxy.port, request_bytes("/short?lost", b"{}"))
        killed = 0
        for _ in range(DEATHS):
            scribe = wait_for(lambda before=killed: another_scribe(proxy, before), "a scribe", 60)
            os.kill(scribe, signal.SIGKILL)
            killed = scribe
        proxy.said("Kimitap lost 1 of the exchanges .* died again and again", 60)
    fetch(proxy.port, request_bytes("/short?later", b"{}"))
    assert "2 exchanges recorded, 1 NOT or not wholly recorded" in proxy.stop()
    assert newest(where, "/short?later")
    assert newest(where, "/short?lost", ended=False) is None
    with Recording.open(str(where)) as recording:
        assert [loss.count for loss in recording.losses()] == [1]


def another_scribe(proxy: Proxy, before: int) -> int:
    """The process that writes, once it is another one than that; 0 as long as there is none."""
    try:
        found = scribe_of(proxy.process.pid)
    except ValueError:
        return 0
    return found if found != before else 0


def test_ctrl_c_mid_stream_writes_everything_and_says_what_was_recorded(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    proxy = start(server.url, Path(), cwd=tmp_path, default_db=True)
    fetch(proxy.port, request_bytes("/short", b"{}"))
    client = Client(proxy.port).send(request_bytes("/held", b"{}"))
    client.until(EVENT)
    output = proxy.stop()
    assert "Kimitap: sessions/kimitap.db: 2 exchanges recorded" in output
    # Python 3.12.1's asyncio itself logs a traceback for a client that is cut off: ours is meant.
    assert not re.search(r'File "[^"]*/kimitap/recorder/', output)
    where = tmp_path / "sessions" / "kimitap.db"
    assert stat.S_IMODE(where.stat().st_mode) == 0o600
    found = newest(where, "/held")
    assert found is not None
    assert found.outcome is Outcome.INTERRUPTED
    assert found.response == EVENT


def test_two_recorders_write_one_recording(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    where = tmp_path / "kimitap.db"
    proxies = [start(server.url, where, wait=False) for _ in range(2)]
    for proxy in proxies:
        proxy.said("Kimitap records")

    def ask(port: int) -> None:
        for _ in range(20):
            fetch(port, request_bytes("/short", b'{"messages":[{"a":1}]}'))

    threads = [threading.Thread(target=ask, args=(proxy.port,)) for proxy in proxies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for proxy in proxies:
        assert "20 exchanges recorded" in proxy.stop()
    with Recording.open(str(where)) as recording:
        exchanges = list(recording.exchanges())
    assert len(exchanges) == 40
    assert {e.outcome for e in exchanges} == {Outcome.COMPLETE}
    assert {e.request.content for e in exchanges} == {b'{"messages":[{"a":1}]}'}


def test_a_reloaded_script_goes_on_with_what_is_under_way(
    start: Starter, server: Upstream, go_on: threading.Event, tmp_path: Path
) -> None:
    script = tmp_path / "addons" / "kimitap.py"
    script.parent.mkdir()
    shutil.copy(SCRIPT, script)
    where = tmp_path / "kimitap.db"
    proxy = start(server.url, where, script=script)
    client = Client(proxy.port).send(request_bytes("/held", b"{}"))
    client.until(EVENT)
    later = time.time() + 10
    os.utime(script, (later, later))
    wait_for(lambda: proxy.output.count("Loading script") == 2, "the reload")
    assert fetch(proxy.port, request_bytes("/short", b"{}"))[1] == b"{}"
    go_on.set()
    client.rest()
    output = proxy.stop()
    assert "Error" not in output
    assert "2 exchanges recorded" in output
    for path in ("/held", "/short"):
        found = newest(where, path)
        assert found is not None
        assert found.outcome is Outcome.COMPLETE


def test_an_upstream_that_is_down_is_answered_for_recorded_and_named(
    start: Starter, tmp_path: Path
) -> None:
    where, dead = tmp_path / "kimitap.db", free_port()
    proxy = start(f"http://127.0.0.1:{dead}", where)
    head, _ = fetch(proxy.port, request_bytes("/v1/chat/completions", b"{}"))
    assert head.startswith(b"HTTP/1.1 502")
    found = wait_for(lambda: newest(where, "/v1/chat/completions"), "the exchange")
    assert found.outcome is Outcome.REFUSED
    assert found.status is None
    assert found.detail
    proxy.said(f"Kimitap: cannot reach http://127.0.0.1:{dead}")
    assert "connection_strategy=lazy" in proxy.output
    with upstream(dead) as server:
        server.on("/back", lambda peer: peer.answer(b"here"))
        assert fetch(proxy.port, request_bytes("/back"))[1] == b"here"


def test_a_body_that_mitmproxy_would_hide_is_recorded_too(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    where = tmp_path / "kimitap.db"
    proxy = start(server.url, where, "--set", "stream_large_bodies=1")
    assert fetch(proxy.port, request_bytes("/short", b'{"messages":[]}'))[1] == b"{}"
    found = wait_for(lambda: newest(where, "/short"), "the exchange")
    assert found.request.content == b'{"messages":[]}'
    assert found.response == b"{}"
    chunked = b"POST /short HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = Client(proxy.port).send(chunked + b"2\r\n{}\r\n0\r\n\r\n")
    client.until(b"200 OK")
    proxy.said("hides a request's body: it is NOT recorded")


def test_the_environment_names_the_recording_and_the_script_may_be_in_the_current_folder(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    where = tmp_path / "elsewhere.db"
    proxy = start(
        server.url,
        Path(),
        script=Path(SCRIPT.name),
        cwd=SCRIPT.parent,
        default_db=True,
        KIMITAP_DB=str(where),
    )
    fetch(proxy.port, request_bytes("/short", b"{}"))
    proxy.stop()
    assert newest(where, "/short")


@pytest.mark.parametrize("installed", [True, False], ids=["installed", "checkout only"])
def test_the_script_declares_its_options_from_any_folder(
    home: Path, tmp_path: Path, installed: bool
) -> None:
    command = mitmdump("--options", "-s", str(SCRIPT), "--set", f"confdir={home / 'mitmproxy'}")
    if not installed:
        away = f"import sys; sys.path = [p for p in sys.path if p != {str(ROOT)!r}]; "
        command[command.index("-c") + 1] = away + command[command.index("-c") + 1]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(home), capture_output=True, text=True, check=False
    )
    assert "kimitap_db" in done.stdout
    assert "kimitap_memory" in done.stdout
    assert not (tmp_path / "sessions").exists()


def test_a_file_that_is_no_recording_stops_the_start_in_one_line(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    where = tmp_path / "notes.txt"
    where.write_text("my notes\n" * 50)
    proxy = start(server.url, where)
    assert proxy.process.wait(20) == 1
    output = proxy.stop()
    assert f"Kimitap cannot record: {where} is no Kimitap recording" in output
    assert "the traffic goes on" not in output
    assert "Traceback" not in output
    assert where.read_text() == "my notes\n" * 50
