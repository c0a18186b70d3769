"""Small requests, long replies: time to the first event and events per second, on ÷ off."""

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from bench.client import Client
from bench.proxies import Proxy
from bench.result import BASELINE, CONTROL, Row, compared
from bench.settings import Settings
from bench.stream import Stream
from bench.upstream import Upstream

_ITSELF = "bench itself"
"""The client and the upstream, which share a process."""
_EVENTS = 300
"""Events of one reply."""
_THINK_S = 0.02
"""How long the upstream reads the prompt; a real model needs longer."""
_WIDE = 32
"""More streams than this get longer rounds, or each would be at its beginning only."""
_PAUSE_S = 0.02
"""Between two requests of an agent, so that the first event does not wait for the last reply."""
_FIRSTS = (
    ("kept connection", True, _THINK_S),
    ("new connection", False, _THINK_S),
    ("answered at once", True, 0.0),
)
"""What, whether the connection is kept, and how long the upstream reads the prompt: one that needs
no time is the hardest for a recorder, which has the request on disk before the answer passes."""
_bodies = count()


@dataclass
class Tally:
    """What the rounds of one proxy gave."""

    values: list[float] = field(default_factory=list)
    events: int = 0
    cpu_s: float = 0
    writer_s: float = 0
    """What of it the process that writes the recording took."""
    own_s: float = 0
    """Processor time of the bench itself meanwhile."""


def small_body() -> bytes:
    """A short chat request, unlike any other."""
    said = f"Please look at the file number {next(_bodies)} and say what it is for. " * 8
    return (
        b'{"model":"kimi-k2","stream":true,"messages":[{"role":"system","content":"Be terse."},'
        b'{"role":"user","content":"%b"}]}' % said.encode()
    )


def in_turn(proxies: Sequence[Proxy], rounds: int) -> Iterator[tuple[Proxy, ...]]:
    """The proxies' order in each round: there and back, so that no place is anyone's."""
    for number in range(rounds):
        yield tuple(proxies) if number % 2 == 0 else tuple(reversed(proxies))


async def events_per_s(
    upstream: Upstream, proxies: Sequence[Proxy], width: int, settings: Settings
) -> dict[str, Tally]:
    """Rounds of `width` streams at once through one proxy after another."""
    seconds = settings.round_s * max(1.0, width / _WIDE)
    tallies = {proxy.name: Tally() for proxy in proxies}
    clients = {p.name: [Client(upstream.streams, p.port) for _ in range(width)] for p in proxies}
    for proxy in proxies:
        await _flood(clients[proxy.name], seconds / 4)
    spent = {proxy.name: (proxy.cpu_s(), proxy.writer_cpu_s()) for proxy in proxies}
    for order in in_turn(proxies, settings.rounds):
        for proxy in order:
            own_s = time.process_time()
            events, rate = await _flood(clients[proxy.name], seconds)
            tallies[proxy.name].own_s += time.process_time() - own_s
            tallies[proxy.name].values.append(rate)
            tallies[proxy.name].events += events
    await asyncio.sleep(min(1.0, settings.round_s))
    for proxy in proxies:
        whole_s, writer_s = spent[proxy.name]
        tallies[proxy.name].cpu_s = proxy.cpu_s() - whole_s
        tallies[proxy.name].writer_s = proxy.writer_cpu_s() - writer_s
        for client in clients[proxy.name]:
            client.close()
    return tallies


async def _flood(clients: Sequence[Client], seconds: float) -> tuple[int, float]:
    """(events, events per second) of every client asking for one reply after another for so long.

    The rate is the sum of the clients' rates while their replies stream; what lies between them
    belongs to the time to the first event.
    """
    until = asyncio.get_running_loop().time() + seconds
    done = await asyncio.gather(*(_read_on(client, until) for client in clients))
    return sum(events for events, _ in done), sum(events / flow_s for events, flow_s in done)


async def _read_on(client: Client, until: float) -> tuple[int, float]:
    """(events, seconds in which they streamed) of one client."""
    events, flow_s = 0, 0.0
    while not flow_s or asyncio.get_running_loop().time() < until:
        stream = Stream(count=_EVENTS, until=until, think_s=_THINK_S)
        await client.ask(small_body(), stream)
        events += stream.received - 1  # the first begins the time
        flow_s += stream.flow_s
    return events, flow_s


async def first_event_s(
    upstream: Upstream, proxies: Sequence[Proxy], settings: Settings, *, kept: bool, think_s: float
) -> dict[str, Tally]:
    """The time to the first event of single requests, the server's own time taken off.

    The proxies take turns request by request, so that what disturbs the machine disturbs all.
    """
    tallies = {proxy.name: Tally() for proxy in proxies}
    clients = {proxy.name: Client(upstream.streams, proxy.port) for proxy in proxies}
    for client in clients.values():
        await _first(client, kept=True, think_s=0)
    for order in in_turn(proxies, settings.first_requests):
        for proxy in order:
            first_s = await _first(clients[proxy.name], kept=kept, think_s=think_s)
            tallies[proxy.name].values.append(first_s)
    for client in clients.values():
        client.close()
    return tallies


async def _first(client: Client, *, kept: bool, think_s: float) -> float:
    if not kept:
        client.close()
    await asyncio.sleep(_PAUSE_S)
    stream = Stream(count=3, think_s=think_s)
    await client.ask(small_body(), stream)
    return stream.first_s


async def measure(upstream: Upstream, proxies: Sequence[Proxy], settings: Settings) -> list[Row]:
    """All rows of this measurement; the two baselines are among the proxies."""
    rows: list[Row] = []
    for how, kept, think_s in _FIRSTS:
        tallies = await first_event_s(upstream, proxies, settings, kept=kept, think_s=think_s)
        rows += _rows(f"time to first event, {how}", tallies, most=1.05, unit="ms")
    for width in settings.widths:
        tallies = await events_per_s(upstream, proxies, width, settings)
        streams = "1 stream" if width == 1 else f"{width} streams"
        rows += _rows(f"events per second, {streams}", tallies, least=0.95, unit="/s")
        rows += _cpu_rows(f"CPU of an event, {streams}", tallies)
    return rows


def _rows(
    name: str,
    tallies: dict[str, Tally],
    *,
    unit: str,
    least: float | None = None,
    most: float | None = None,
) -> list[Row]:
    values = {arm: tally.values for arm, tally in tallies.items()}
    seen = compared(values)
    rows = []
    for arm, ratio in seen.ratios.items():
        control = arm == CONTROL
        off = values[BASELINE] if control else seen.base
        note = f"{_say(values[arm], unit)} ÷ {_say(off, unit)}"
        limits = (None, None) if control else (least, most)
        title = f"{name}: {arm}"
        rows.append(Row(title, ratio.median, "×", *limits, ratio.spread, seen.noise, note))
    return rows


def _cpu_rows(name: str, tallies: dict[str, Tally]) -> list[Row]:
    if not tallies[BASELINE].cpu_s:
        return []
    each = {arm: tally.cpu_s / tally.events * 1e6 for arm, tally in tallies.items()}
    base_us = statistics.fmean((each.pop(BASELINE), each.pop(CONTROL)))
    each[_ITSELF] = tallies[BASELINE].own_s / tallies[BASELINE].events * 1e6
    rows = [
        Row(f"{name}: {arm}", us / base_us, note=f"{us:.0f} µs ÷ {base_us:.0f} µs")
        for arm, us in each.items()
    ]
    return rows + [
        Row(
            f"the writer's share of it: {arm}",
            tally.writer_s / tally.cpu_s,
            note=f"{tally.writer_s / tally.events * 1e6:.0f} µs",
        )
        for arm, tally in tallies.items()
        if tally.writer_s
    ]


def _say(values: Sequence[float], unit: str) -> str:
    value = statistics.median(values)
    return f"{value * 1000:.2f} ms" if unit == "ms" else f"{value:.0f}/s"
