"""The delay of an event while requests of 2 MB arrive beside its stream, on ÷ off."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.client import Client
from bench.proxies import Proxy
from bench.result import BASELINE, CONTROL, Row, compared, percentile
from bench.sessions import Session
from bench.settings import Settings
from bench.stream import Stream
from bench.streaming import in_turn, small_body
from bench.upstream import Upstream

_STREAMS = 4
_INTERVAL_S = 0.01
"""Between two events of a stream: 400 events a second in all."""
_REQUEST_EACH_S = 0.5
_PERCENTS = (50, 99)


@dataclass
class Delays:
    """Of one proxy: percentiles of each round, and the largest of all, in seconds."""

    rounds: dict[int, list[float]] = field(default_factory=lambda: {p: [] for p in _PERCENTS})
    largest: float = 0
    events: int = 0

    def add(self, delays: Sequence[float]) -> None:
        """Take the delays of one round."""
        for percent, values in self.rounds.items():
            values.append(percentile(delays, percent))
        self.largest = max(self.largest, *delays)
        self.events += len(delays)


async def measure(upstream: Upstream, proxies: Sequence[Proxy], settings: Settings) -> list[Row]:
    """The rows of this measurement; the two baselines are among the proxies."""
    bodies = _large_bodies(settings)
    seen = {proxy.name: Delays() for proxy in proxies}
    sent = dict.fromkeys(seen, 0)
    for order in in_turn(proxies, settings.beside_rounds):
        for proxy in order:
            at = sent[proxy.name]
            now = bodies[at : at + len(bodies) // settings.beside_rounds]
            sent[proxy.name] += len(now)
            seen[proxy.name].add(await _round(upstream, proxy, now, settings.beside_s))
    return rows("delay of an event beside 2 MB requests", seen)


def _large_bodies(settings: Settings) -> list[bytes]:
    """Successive requests of one long session, the same for every proxy."""
    wanted = settings.beside_rounds * max(1, int(settings.beside_s / _REQUEST_EACH_S))
    session = Session(seed=7)
    for _ in session.turns(settings.beside_turn):
        pass
    return [turn.request for turn in session.turns(wanted)]


async def _round(
    upstream: Upstream, proxy: Proxy, bodies: Sequence[bytes], seconds: float
) -> list[float]:
    """The delays of all events of the open streams, while the bodies are sent one by one."""
    clients = [Client(upstream.streams, proxy.port) for _ in range(_STREAMS)]
    large = Client(upstream.streams, proxy.port)
    count = int(seconds / _INTERVAL_S)
    streams = [Stream(count=count, interval_s=_INTERVAL_S) for _ in clients]

    async def send() -> None:
        for body in bodies:
            await asyncio.sleep(seconds / (len(bodies) + 1))
            await large.ask(body, Stream(count=5))

    asks = [c.ask(small_body(), s) for c, s in zip(clients, streams, strict=True)]
    await asyncio.gather(*asks, send())
    for client in (*clients, large):
        client.close()
    return [delay for stream in streams for delay in stream.delays_s]


def rows(name: str, delays: dict[str, Delays], also: Mapping[str, str] | None = None) -> list[Row]:
    """The rows of both percentiles; `also` is what there is to note of a proxy."""
    return [row for percent in _PERCENTS for row in _rows(name, percent, delays, also or {})]


def _rows(
    name: str, percent: int, delays: dict[str, Delays], also: Mapping[str, str]
) -> Iterator[Row]:
    values = {arm: d.rounds[percent] for arm, d in delays.items()}
    seen = compared(values)
    for arm, ratio in seen.ratios.items():
        control = arm == CONTROL
        on, off = values[arm], values[BASELINE] if control else seen.base
        note = f"{percentile(on, 50) * 1000:.2f} ms ÷ {percentile(off, 50) * 1000:.2f} ms"
        if percent == max(_PERCENTS):
            largest = delays[arm].largest * 1000, delays[BASELINE].largest * 1000
            note += f"; largest {largest[0]:.0f} ÷ {largest[1]:.0f} ms"
        note += also.get(arm, "")
        most = None if control else 1.05
        title = f"{name}, p{percent}: {arm}"
        yield Row(title, ratio.median, "×", None, most, ratio.spread, seen.noise, note)
