"""Long bodies, a client that hardly reads, a server that never ends: memory stays bounded.

The bounds that README.md names are held here.
"""

import logging
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from tests.faults.conftest import Begin
from tests.support.floods import BLOCK, Flood, Reader, block, body, digest, flooding, joined
from tests.support.memory import MB, Growth
from tests.support.proxy import request_bytes, wait_for
from tests.support.recorders import stop
from tests.support.wholeness import assert_whole, ended, exchanges, losses

logger = logging.getLogger(__name__)

LONG = 100 * MB
PROXY_MB = 350.0
"""What a request and a response of 100 MB, one after the other, may cost the proxy, which must hold
the request whole before it sends it on; and the process that writes."""
WRITER_MB = 450.0


def test_bodies_of_100_mb_pass_unaltered_and_are_recorded(begin: Begin, where: Path) -> None:
    sent = body(LONG)
    wanted = digest(sent)

    def play(flood: Flood) -> None:
        flood.send_head(LONG)
        for number in range(-(-LONG // BLOCK)):
            flood.send(block(number)[: LONG - flood.sent])

    with flooding(play) as server:
        proxy = begin(server.url, where)
        grown = Growth(proxy)
        reader = Reader(proxy.port, request_bytes("/long", sent))
        assert b"200 OK" in reader.head()
        while len(reader.received) < LONG:
            assert reader.read(1 << 20)
        assert server.floods[0].digest == wanted
        assert digest(reader.received) == wanted
        (exchange,) = ended(where, 1)
        proxy_mb, writer_mb = grown.measured()
        stop(proxy)
    assert exchange.outcome is Outcome.COMPLETE
    assert digest(exchange.request.content) == wanted
    assert digest(exchange.response) == wanted
    assert exchange.lost_bytes == 0
    assert losses(where) == ()
    assert_whole(where)
    logger.info(f"100 MB: proxy {proxy_mb:.0f} MB, writer {writer_mb:.0f} MB")
    assert proxy_mb < PROXY_MB
    assert writer_mb < WRITER_MB


def test_a_client_that_hardly_reads_slows_the_server_down_and_fills_no_memory(
    begin: Begin, where: Path
) -> None:
    size = 120 * MB

    def play(flood: Flood) -> None:
        flood.send_head()
        number = 0
        while flood.sent < size:
            flood.chunk(block(number)[: size - flood.sent])
            number += 1
        flood.chunk(b"")

    with flooding(play) as server:
        proxy = begin(server.url, where)
        grown = Growth(proxy)
        reader = Reader(proxy.port, request_bytes("/slow", b"{}"), window=1 << 14)
        assert b"200 OK" in reader.head()
        sent = -1
        while sent < server.floods[0].sent:
            sent = server.floods[0].sent
            reader.trickle(2)
        assert sent < size * 0.8, "nothing slowed the server down"
        proxy_mb, writer_mb = grown.measured()
        assert proxy_mb < 100
        assert writer_mb < 100
        while reader.read(1 << 20):
            pass
        (exchange,) = ended(where, 1)
        assert digest(joined(reader.received)) == digest(body(size))
        stop(proxy)
    assert exchange.response == body(size)
    assert exchange.outcome is Outcome.COMPLETE
    assert_whole(where)


def test_a_server_that_never_ends_is_recorded_up_to_the_bound_and_memory_stays_within(
    begin: Begin, where: Path
) -> None:
    bound = 8

    def play(flood: Flood) -> None:
        flood.send_head()
        number = 0
        while True:
            flood.chunk(block(number))
            number += 1
            if flood.sent < 2 * bound * MB:
                time.sleep(0.1)  # no faster than the writer is

    with flooding(play) as server:
        proxy = begin(server.url, where, memory_mb=bound)
        reader = Reader(proxy.port, request_bytes("/endless", b"{}"))
        assert b"200 OK" in reader.head()
        grown = Growth(proxy)
        passed = 0
        while passed < 300 * MB:
            passed += reader.read(1 << 20)
            del reader.received[:]
        proxy.said("is NOT recorded")
        reader.socket.close()
        assert server.cut_off.wait(20)
        (exchange,) = ended(where, 1)
        proxy_mb, writer_mb = grown.measured()
        wait_for(lambda: losses(where), "the mark")
        stop(proxy)
    assert exchange.outcome is Outcome.CLIENT_HUNG_UP
    assert exchange.response == body(len(exchange.response))
    assert bound * MB * 3 // 4 < len(exchange.response) <= bound << 20
    assert len(exchange.response) + exchange.lost_bytes > 290 * MB
    assert [loss.count for loss in losses(where)] == [1]
    assert "a response is longer than" in losses(where)[0].reason
    assert_whole(where)
    assert proxy_mb < 60
    assert writer_mb < 60


def test_no_more_waits_for_a_locked_database_than_the_bound_in_either_process(
    begin: Begin, where: Path
) -> None:
    bound, size, count = 8, MB, 120

    def play(flood: Flood) -> None:
        flood.send_head(size)
        flood.send(body(size))

    with flooding(play) as server:
        proxy = begin(server.url, where, memory_mb=bound)
        ask = partial(Reader, proxy.port)
        whole(ask(request_bytes("/first", b"{}")), size)
        ended(where, 1)
        grown = Growth(proxy)
        with closing(sqlite3.connect(where, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for number in range(count):
                reader = ask(request_bytes(f"/{number}", b"{}"))
                assert whole(reader, size) == body(size)
            proxy.said("part of what passes now is NOT recorded", 60)
            proxy_mb, writer_mb = grown.measured()
        wait_for(lambda: losses(where), "the mark", 60)
        stop(proxy)
    found = exchanges(where)
    assert bound - 3 <= sum(not exchange.lost_bytes for exchange in found) <= bound + 1
    assert sum(loss.count for loss in losses(where)) >= count - len(found)
    assert_whole(where)
    logger.info(f"locked: proxy {proxy_mb:.0f} MB, writer {writer_mb:.0f} MB")
    assert proxy_mb < 60
    assert writer_mb < 60


def whole(reader: Reader, size: int) -> bytes:
    """All of an answer's body."""
    reader.head()
    while len(reader.received) < size:
        assert reader.read(1 << 20)
    reader.socket.close()
    return bytes(reader.received)


@pytest.mark.parametrize("kind", ["kimitap record"])
def test_what_is_over_the_bound_leaves_other_exchanges_alone(begin: Begin, where: Path) -> None:
    def play(flood: Flood) -> None:
        size = int(flood.head.split(b" ")[1].rpartition(b"/")[2])
        flood.send_head(size)
        flood.send(body(size))

    with flooding(play) as server:
        proxy = begin(server.url, where, memory_mb=2)
        for size in (3 * MB, 1000, MB):
            reader = Reader(proxy.port, request_bytes(f"/{size}", b"{}"))
            reader.head()
            while len(reader.received) < size:
                assert reader.read(1 << 20)
            assert bytes(reader.received) == body(size)
            reader.socket.close()
        found = ended(where, 3)
        stop(proxy)
    assert [exchange.lost_bytes > 0 for exchange in found] == [True, False, False]
    assert [len(exchange.response) for exchange in found[1:]] == [1000, MB]
    assert_whole(where)
