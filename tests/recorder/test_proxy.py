"""The proxy of `kimitap record`, in a process of its own as the command line runs it."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kimitap.errors import ProxyError
from kimitap.exchange import Outcome
from kimitap.recorder.addon import beyond_loopback
from kimitap.recorder.proxy import parse_listen, parse_upstream
from tests.recorder.conftest import newest
from tests.support.proxy import (
    Client,
    Peer,
    Proxy,
    Upstream,
    environment,
    fetch,
    free_port,
    request_bytes,
    upstream,
    wait_for,
)

CODE = """
import sys
from kimitap.errors import KimitapError
from kimitap.recorder import run_proxy
def say(line): print(line, flush=True)
try:
    upstream, listen, where = sys.argv[1:4]
    tally = run_proxy(upstream, listen, where, on_ready=lambda url: say("ready " + url), say=say)
    say(f"tally {tally.recorded} {tally.lost}")
except KimitapError as error:
    say(f"{type(error).__name__}: {error}")
    sys.exit(2)
"""

Runner = Callable[..., Proxy]


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Iterator[Runner]:
    started: list[Proxy] = []

    def run_one(url: str, listen: str = "", where: Path = tmp_path / "kimitap.db") -> Proxy:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, url, listen or f"127.0.0.1:{port}", str(where)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(home),
        )
        proxy = Proxy(process, port, where)
        proxy.read()
        started.append(proxy)
        return proxy

    yield run_one
    for proxy in started:
        if proxy.process.poll() is None:
            proxy.kill()


@pytest.fixture
def server() -> Iterator[Upstream]:
    with upstream() as one:
        one.on("/short", lambda peer: peer.answer(b"{}"))
        yield one


def test_it_says_where_clients_connect_records_and_ends_with_a_tally(
    run: Runner, server: Upstream, tmp_path: Path
) -> None:
    proxy = run(server.url)
    assert proxy.said("^ready ") == f"ready http://127.0.0.1:{proxy.port}"
    assert fetch(proxy.port, request_bytes("/short", b'{"messages":[]}'))[1] == b"{}"
    output = proxy.stop()
    assert proxy.process.returncode == 0
    assert "tally 1 0" in output
    assert f"Kimitap: {tmp_path / 'kimitap.db'}: 1 exchange recorded" in output
    assert "Traceback" not in output
    assert "client connect" not in output
    found = newest(tmp_path / "kimitap.db", "/short")
    assert found is not None
    assert found.request.content == b'{"messages":[]}'


def test_a_stream_flows_live_a_hang_up_reaches_the_server_and_sigterm_ends_it_well(
    run: Runner, server: Upstream, tmp_path: Path
) -> None:
    gone: list[bool] = []

    def play(peer: Peer) -> None:
        peer.stream_head()
        peer.chunk(b"data: 1\n\n")
        gone.append(peer.gone_within(5))

    server.on("/stream", play)
    proxy = run(server.url)
    proxy.said("^ready ")
    client = Client(proxy.port).send(request_bytes("/stream", b"{}"))
    client.until(b"data: 1\n\n")
    client.close()
    wait_for(lambda: gone == [True], "the hang-up")
    found = wait_for(lambda: newest(tmp_path / "kimitap.db", "/stream"), "the exchange")
    assert found.outcome is Outcome.CLIENT_HUNG_UP
    proxy.process.send_signal(signal.SIGTERM)
    assert "tally 1 0" in proxy.stop()


def test_an_upstream_that_is_down_is_said_and_recorded(run: Runner, tmp_path: Path) -> None:
    dead = free_port()
    proxy = run(f"http://127.0.0.1:{dead}")
    proxy.said("^ready ")
    assert fetch(proxy.port, request_bytes("/v1/models"))[0].startswith(b"HTTP/1.1 502")
    proxy.said(f"cannot reach http://127.0.0.1:{dead} .*the client gets a 502")
    found = wait_for(lambda: newest(tmp_path / "kimitap.db", "/v1/models"), "the exchange")
    assert found.outcome is Outcome.REFUSED


def failure(proxy: Proxy) -> str:
    """The one line that it says; nothing was ready."""
    proxy.process.wait(20)
    (line,) = proxy.stop().splitlines()
    assert proxy.process.returncode == 2
    return line


def test_a_port_in_use_is_named(run: Runner, server: Upstream) -> None:
    line = failure(run(server.url, f"127.0.0.1:{server.port}"))
    assert line.startswith(f"ProxyError: port {server.port} is in use on 127.0.0.1")


def test_an_address_of_another_machine_is_named(run: Runner, server: Upstream) -> None:
    line = failure(run(server.url, "192.0.2.1:9090"))
    assert line.startswith("ProxyError: 192.0.2.1 is no address of this machine")


def test_a_file_that_is_no_recording_is_named(
    run: Runner, server: Upstream, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("my notes\n" * 50)
    line = failure(run(server.url, where=notes))
    assert line.startswith(f"RecordingUnavailable: {notes} is no Kimitap recording")
    assert notes.read_text() == "my notes\n" * 50


def test_a_place_where_nothing_can_be_written_is_named(
    run: Runner, server: Upstream, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    line = failure(run(server.url, where=tmp_path / "file" / "kimitap.db"))
    assert "kimitap.db cannot be written" in line


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        ("127.0.0.1:9090", "127.0.0.1", 9090),
        ("9090", "127.0.0.1", 9090),
        (":9090", "127.0.0.1", 9090),
        ("[::1]:9090", "::1", 9090),
        ("localhost:0", "localhost", 0),
    ],
)
def test_an_address_to_listen_on_is_read(listen: str, host: str, port: int) -> None:
    assert parse_listen(listen) == (host, port)


@pytest.mark.parametrize(
    "listen", ["", "127.0.0.1", "host:", "host:port", "h:70000", "h:-1", "h:²"]
)
def test_what_is_no_address_to_listen_on_is_refused(listen: str) -> None:
    with pytest.raises(ProxyError, match="is no address to listen on"):
        parse_listen(listen)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost:80"),
        ("https://api.example.org", "https://api.example.org:443"),
        ("HTTP://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_upstream_is_read(given: str, meant: str) -> None:
    assert parse_upstream(given) == meant


@pytest.mark.parametrize(
    "given",
    ["", "ftp://h", "http://", "http://h:port", "http://h:99999", "http://me:pw@h"],
)
def test_what_is_no_upstream_is_refused(given: str) -> None:
    with pytest.raises(ProxyError, match="is no upstream"):
        parse_upstream(given)


def test_an_upstream_with_a_path_is_refused_with_what_to_do() -> None:
    with pytest.raises(ProxyError, match=r"has a path: .*let the clients ask for /v1"):
        parse_upstream("http://127.0.0.1:8080/v1")


def test_addresses_beyond_loopback_are_told_apart() -> None:
    hosts = ["127.0.0.1", "::1", "0.0.0.0", "::", "192.168.1.5", "fe80::1%eth0", "127.5.0.1"]
    assert beyond_loopback(hosts) == ["0.0.0.0", "192.168.1.5", "::", "fe80::1%eth0"]
