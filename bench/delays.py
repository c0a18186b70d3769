"""The delay of an event, on ÷ off, while 1, 4, 32 and 128 streams come at a model's pace.

What comes while they begin is left out: it waits for connections, and the first event of each for
its request to be on disk, which `streaming` measures.
"""

import asyncio
from collections.abc import Sequence

from bench.beside import Delays, rows
from bench.client import Client
from bench.proxies import Proxy
from bench.result import Row
from bench.settings import Settings
from bench.stream import Stream
from bench.streaming import in_turn, small_body
from bench.upstream import Upstream

_INTERVAL_S = 0.02
"""Between two events of a stream: 50 tokens a second."""
_MOST_PER_S = 1500
"""Events of all streams in a second, far from what a proxy can carry: more streams are slower."""
_BEGINNING = 0.4
"""So much of each stream belongs to the beginning."""


async def measure(upstream: Upstream, proxies: Sequence[Proxy], settings: Settings) -> list[Row]:
    """The rows of this measurement; the two baselines are among the proxies."""
    made: list[Row] = []
    for width in settings.widths:
        seen = {proxy.name: Delays() for proxy in proxies}
        for order in in_turn(proxies, settings.delay_rounds):
            for proxy in order:
                seen[proxy.name].add(await _round(upstream, proxy, width, settings.delay_s))
        streams = "1 stream" if width == 1 else f"{width} streams"
        made += rows(f"delay of an event, {streams}", seen)
    return made


async def _round(upstream: Upstream, proxy: Proxy, width: int, seconds: float) -> list[float]:
    """The delays of all events of `width` streams, which begin one after another."""
    interval_s = max(_INTERVAL_S, width / _MOST_PER_S)
    clients = [Client(upstream.streams, proxy.port) for _ in range(width)]
    streams = [
        Stream(count=max(3, int(seconds / interval_s)), interval_s=interval_s) for _ in clients
    ]

    async def ask(number: int) -> None:
        await asyncio.sleep(interval_s * number / width)
        await clients[number].ask(small_body(), streams[number])

    await asyncio.gather(*map(ask, range(width)))
    for client in clients:
        client.close()
    return [
        delay
        for stream in streams
        for delay in stream.delays_s[int(_BEGINNING * len(stream.delays_s)) :]
    ]
