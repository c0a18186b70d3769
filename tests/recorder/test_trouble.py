"""A database that refuses: the traffic flows, the loss is loud, and the recording says so later."""

import random
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from kimitap.store import Loss, Recording, RecordingWriter
from tests.recorder.conftest import Starter, newest
from tests.support.proxy import (
    Proxy,
    Upstream,
    fetch,
    listens,
    request_bytes,
    scribe_of,
    start_proxy,
    upstream,
    wait_for,
)


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with upstream() as one:
        for i in range(10):
            one.on(f"/{i}", lambda peer: peer.answer(b"answer"))
        one.on("/big", lambda peer: peer.answer(b"x" * 900_000))
        yield one


@pytest.fixture(scope="module")
def proxy(
    server: Upstream, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """A proxy for tests that leave it well; its recording holds an exchange."""
    one = start_proxy(server.url, tmp_path_factory.mktemp("trouble") / "kimitap.db", home)
    took(one.port, "/0")
    wait_for(lambda: newest(one.where, "/0"), "the first exchange")
    yield one
    one.stop()


def losses(where: Path) -> tuple[Loss, ...]:
    with Recording.open(str(where)) as recording:
        return recording.losses()


def took(port: int, path: str, body: bytes = b"{}") -> float:
    start = time.monotonic()
    assert fetch(port, request_bytes(path, body))[1] == b"answer"
    return time.monotonic() - start


def test_a_locked_database_holds_up_one_request_for_two_seconds_and_loses_nothing(
    proxy: Proxy,
) -> None:
    where = proxy.where
    with closing(sqlite3.connect(where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert 1.5 < took(proxy.port, "/1") < 4
        assert took(proxy.port, "/2") < 1
        assert took(proxy.port, "/3") < 1
        proxy.said("kimitap.db has taken nothing for 2 s: the traffic goes on")
    for path in ("/1", "/2", "/3"):
        found = wait_for(lambda path=path: newest(where, path), path)
        assert found.outcome is Outcome.COMPLETE
        assert found.response == b"answer"
    assert losses(where) == ()


def test_a_database_that_is_locked_while_mitmdump_starts_does_not_end_it(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    """mitmdump ends where an error is logged before it has started; traffic passes already."""
    where = tmp_path / "kimitap.db"
    with RecordingWriter(str(where)):
        pass
    with closing(sqlite3.connect(where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        proxy = start(server.url, where, wait=False)
        wait_for(lambda: listens(proxy.port), "its port")
        assert took(proxy.port, "/1") < 4
        proxy.said("kimitap.db has taken nothing for 2 s: the traffic goes on")
        time.sleep(1)
        assert proxy.process.poll() is None, proxy.output
        assert took(proxy.port, "/2") < 2
    for path in ("/1", "/2"):
        found = wait_for(lambda path=path: newest(where, path), path)
        assert found.response == b"answer"
    assert losses(where) == ()


@pytest.mark.parametrize("locked", [False, True])
def test_a_request_that_comes_while_mitmdump_starts_does_not_end_it(
    start: Starter, server: Upstream, tmp_path: Path, locked: bool
) -> None:
    """An agent tries again until somebody listens; mitmproxy is not yet ready for it then."""
    where = tmp_path / "kimitap.db"
    with RecordingWriter(str(where)):
        pass
    with closing(sqlite3.connect(where, isolation_level=None)) as other:
        if locked:
            other.execute("BEGIN IMMEDIATE")
        proxy = start(server.url, where, wait=False, confdir=False)
        wait_for(lambda: listens(proxy.port), "its port")
        assert took(proxy.port, "/1") < 4
        proxy.said("kimitap.db has taken nothing for 2 s" if locked else "Kimitap records into")
        time.sleep(1)
        assert proxy.process.poll() is None, proxy.output
        took(proxy.port, "/2")
        assert "Traceback" not in proxy.output
    for path in ("/1", "/2"):
        wait_for(lambda path=path: newest(where, path), path)
    assert losses(where) == ()


def test_an_impossible_place_lets_the_traffic_flow_and_recording_starts_when_it_is_mended(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    obstacle = tmp_path / "obstacle"
    obstacle.write_text("a file where a folder should be")
    where = obstacle / "kimitap.db"
    proxy = start(server.url, where, "--set", "kimitap_memory=1")
    proxy.said("Kimitap does NOT record: .*obstacle")
    assert took(proxy.port, "/1", b"x" * 700_000) < 1.5
    assert took(proxy.port, "/2", b"y" * 700_000) < 1.5  # more than may wait
    assert took(proxy.port, "/3", b"z" * 700_000) < 1.5
    proxy.said("kimitap_memory.: part of what passes now is NOT recorded")
    obstacle.unlink()
    proxy.said("Kimitap records again")
    took(proxy.port, "/4")
    found = wait_for(lambda: newest(where, "/4"), "/4")
    assert found.response == b"answer"
    first = newest(where, "/1")
    assert first is not None
    assert first.request.content == b"x" * 700_000
    assert first.response == b"answer"
    assert newest(where, "/2") is None
    (loss,) = losses(where)
    assert loss.count == 2
    assert "obstacle" in loss.reason
    assert "2 NOT or not wholly recorded" in proxy.stop()


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped at once"])
def test_all_that_waited_for_a_database_is_written_as_soon_as_it_is_mended(
    start: Starter, server: Upstream, tmp_path: Path, stopped: bool
) -> None:
    obstacle = tmp_path / "obstacle"
    obstacle.write_text("a file where a folder should be")
    where = obstacle / "kimitap.db"
    proxy = start(server.url, where)
    for i in range(40):
        took(proxy.port, f"/{i % 10}")
    obstacle.unlink()
    if not stopped:
        proxy.said("Kimitap records again", 6)
    assert "40 exchanges recorded" in proxy.stop()
    with Recording.open(str(where)) as recording:
        outcomes = [exchange.outcome for exchange in recording.exchanges()]
    assert outcomes == [Outcome.COMPLETE] * 40


def test_a_recording_that_gives_way_to_something_else_loses_nothing_until_it_is_back(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    where = tmp_path / "kimitap.db"
    proxy = start(server.url, where)
    took(proxy.port, "/1")
    wait_for(lambda: newest(where, "/1"), "/1")
    where.rename(tmp_path / "elsewhere.db")
    where.mkdir()
    took(proxy.port, "/2")
    proxy.said("Kimitap does NOT record: .* is a folder")
    time.sleep(4)  # tried several times by now
    where.rmdir()
    proxy.said("Kimitap records again")
    assert wait_for(lambda: newest(where, "/2"), "/2").response == b"answer"
    assert losses(where) == ()


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
def test_a_full_disk_lets_the_traffic_flow_and_what_waited_is_written_when_there_is_room(
    proxy: Proxy,
) -> None:
    where = proxy.where
    scribe = scribe_of(proxy.process.pid)
    unlimited = resource.prlimit(scribe, resource.RLIMIT_FSIZE)
    resource.prlimit(scribe, resource.RLIMIT_FSIZE, (where.stat().st_size + 8192, unlimited[1]))
    noise = random.Random(1).randbytes(1_000_000)
    for path in ("/4", "/5", "/6"):
        took(proxy.port, path, path.encode() + noise)
    proxy.said("Kimitap does NOT record: ")
    resource.prlimit(scribe, resource.RLIMIT_FSIZE, unlimited)
    proxy.said("Kimitap records again")
    for path in ("/4", "/5", "/6"):
        found = wait_for(lambda path=path: newest(where, path), path)
        assert found.request.content == path.encode() + noise
        assert found.response == b"answer"
    assert losses(where) == ()


def test_a_response_past_the_memory_limit_is_recorded_up_to_there_and_says_so(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    where = tmp_path / "kimitap.db"
    proxy = start(server.url, where, "--set", "kimitap_memory=1")
    took(proxy.port, "/0")
    wait_for(lambda: newest(where, "/0"), "the first exchange")
    with closing(sqlite3.connect(where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        big = [fetch(proxy.port, request_bytes("/big", b"{}"))[1] for _ in range(2)]
        assert big == [b"x" * 900_000] * 2
        proxy.said("NOT recorded")
    wait_for(lambda: losses(where), "the mark")
    with Recording.open(str(where)) as recording:
        first, second = [e for e in recording.exchanges() if e.path == "/big"]
    assert (first.lost_bytes, first.response) == (0, b"x" * 900_000)
    assert second.lost_bytes > 0
    assert len(second.response) + second.lost_bytes == 900_000
    assert second.response + b"x" * second.lost_bytes == b"x" * 900_000
    assert [loss.count for loss in losses(where)] == [1]


def test_the_recording_may_be_moved_away_while_the_recorder_runs(
    proxy: Proxy, tmp_path: Path
) -> None:
    where = proxy.where
    for file in where.parent.glob("kimitap.db*"):
        file.rename(tmp_path / file.name)
    took(proxy.port, "/7")
    wait_for(lambda: where.exists() and newest(where, "/7"), "the new recording")
    assert newest(tmp_path / "kimitap.db", "/0")


def test_a_database_server_that_is_away_is_named_without_its_password(
    start: Starter, server: Upstream, tmp_path: Path
) -> None:
    where = "postgresql+psycopg://recorder:geheim@127.0.0.1:1/kimitap"
    proxy = start(server.url, Path(), "--set", f"kimitap_db={where}", cwd=tmp_path, default_db=True)
    took(proxy.port, "/0")
    output = proxy.stop()
    assert "recorder:***@127.0.0.1" in output
    assert "geheim" not in output
