"""A thousand streams at once."""

import asyncio
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kimitap.exchange import Outcome
from tests.faults.conftest import Begin
from tests.support.crowds import Crowd, ask_all, chunked, reply
from tests.support.memory import Growth
from tests.support.proxy import Proxy
from tests.support.recorders import stop
from tests.support.wholeness import assert_whole, ended, losses

STREAMS = 1000
FILES = 3 * STREAMS
"""This process holds both ends of each stream."""
STREAM_KB = 150.0
"""What a stream may cost the proxy while it is open."""


@pytest.fixture(autouse=True)
def files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        pytest.skip(f"this system lets a process open {hard} files, and {FILES} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def usual_files() -> None:
    """As many open files as most systems allow a program that does not ask for more."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


async def crowd(begin: Callable[[str], Proxy], body: bytes) -> tuple[Proxy, list[bytes], Growth]:
    crowd = Crowd(STREAMS)
    server = await crowd.serve()
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    proxy = await asyncio.to_thread(begin, url)
    grown = Growth(proxy)
    answers = await ask_all(proxy.port, [f"/{n}" for n in range(STREAMS)], body)
    assert crowd.most == STREAMS
    server.close()
    return proxy, answers, grown


def test_a_thousand_streams_at_once_are_each_exact_and_recorded(begin: Begin, where: Path) -> None:
    body = b'{"messages":[{"role":"user","content":"all at once"}]}'
    proxy, answers, grown = asyncio.run(
        crowd(lambda url: begin(url, where, before=usual_files), body)
    )
    assert answers == [chunked(f"/{n}") for n in range(STREAMS)]
    found = {exchange.path: exchange for exchange in ended(where, STREAMS)}
    for n in range(STREAMS):
        exchange = found[f"/{n}"]
        assert exchange.outcome is Outcome.COMPLETE
        assert exchange.request.content == body
        assert exchange.response == reply(f"/{n}")
    assert losses(where) == ()
    proxy_mb, writer_mb = grown.measured()
    assert f"{STREAMS:,} exchanges recorded" in stop(proxy)
    assert_whole(where)
    assert proxy_mb < STREAM_KB * STREAMS / 1000
    assert writer_mb < 100
