"""The delay of an event, on ÷ off, while old exchanges are deleted beside its stream.

The recorders have room for a megabyte, and get requests whose content is new, so that the process
that deletes (`--max-size`) has to work all the time. Before the next request the last is answered.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice

from bench import proxies
from bench.beside import Delays, rows
from bench.client import Client
from bench.proxies import Proxy
from bench.result import Row
from bench.sessions import Session
from bench.settings import Settings
from bench.stream import Stream
from bench.streaming import in_turn, small_body
from bench.upstream import Upstream

ROOM = "1MB"
STARTS: dict[str, proxies.Start] = {
    "addon": lambda *where: proxies.addon(*where, "--set", f"kimitap_max_size={ROOM}"),
    "record": lambda *where: proxies.record(*where, "--max-size", ROOM),
}
_STREAMS = 4
_INTERVAL_S = 0.01
_REQUEST_EACH_S = 0.2
_TURN = 12
"""The turn of a session whose request is sent: some 100 KB, of a conversation of its own."""


async def measure(upstream: Upstream, started: Sequence[Proxy], settings: Settings) -> list[Row]:
    """The rows of this measurement; the two baselines are among the proxies."""
    seen = {proxy.name: Delays() for proxy in started}
    count = int(settings.keeping_s / _REQUEST_EACH_S)
    bodies = list(islice(_bodies(), count * settings.keeping_rounds))
    for number, order in enumerate(in_turn(started, settings.keeping_rounds)):
        for proxy in order:
            now = bodies[number * count : (number + 1) * count]
            seen[proxy.name].add(await _round(upstream, proxy, now, settings.keeping_s))
    also = {
        proxy.name: f"; {deleted(proxy)} exchanges deleted" for proxy in started if proxy.writer
    }
    return rows("delay of an event while old ones are deleted", seen, also)


def deleted(proxy: Proxy) -> int:
    """How many exchanges are no longer in its recording."""
    with closing(sqlite3.connect(proxy.database)) as database:
        last, left = database.execute("SELECT max(id), count(*) FROM exchange").fetchone()
    return int(last or 0) - int(left)


def _bodies() -> Iterator[bytes]:
    seed = 10_000
    while True:
        seed += 1
        *_, turn = Session(seed=seed).turns(_TURN)
        yield turn.request


async def _round(
    upstream: Upstream, proxy: Proxy, bodies: Sequence[bytes], seconds: float
) -> list[float]:
    """The delays of all events of the open streams, while the bodies are sent one by one."""
    clients = [Client(upstream.streams, proxy.port) for _ in range(_STREAMS)]
    other = Client(upstream.streams, proxy.port)
    count = int(seconds / _INTERVAL_S)
    streams = [Stream(count=count, interval_s=_INTERVAL_S) for _ in clients]

    async def send() -> None:
        for body in bodies:
            await asyncio.sleep(seconds / (len(bodies) + 1))
            await other.ask(body, Stream(count=5))

    asks = [c.ask(small_body(), s) for c, s in zip(clients, streams, strict=True)]
    await asyncio.gather(*asks, send())
    for client in (*clients, other):
        client.close()
    return [delay for stream in streams for delay in stream.delays_s]
