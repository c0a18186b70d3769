"""`python -m bench.soak --agents N --minutes M`: does recording hold out, and lose nothing?

N agents ask through a recorder, and as many, of the same seeds, through a mitmdump that records
nothing, at the same time. Afterwards the recording is compared with the agents' own list. The exit
status is 1 where something was lost or altered, has another outcome, or grew in the second half.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench import proxies, table
from bench.agents import Agent
from bench.asks import Ask, Record, Way, fault_of, record_of
from bench.comparing import Compared, compare
from bench.flatness import FILE, MEMORY, Growth, Sample, growths, long_enough
from bench.model import Model
from bench.procs import resident_mb
from bench.proxies import Proxy, Start
from bench.recordings import file_bytes, log_bytes
from bench.result import BASELINE, Row, percentile

RECORDERS: dict[str, Start] = {"addon": proxies.addon, "record": proxies.record}
_SAMPLES = 120


@dataclass
class Fleet:
    """The agents of one proxy, and what came of their asks."""

    proxy: Proxy
    records: dict[str, Record] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)
    big: int = 0
    digits: int = 0
    """Asks with a big body, and the random digits of these."""

    def over(self, ask: Ask) -> None:
        """An ask has ended."""
        self.records[ask.name] = record_of(ask)
        if fault := fault_of(ask):
            self.faults.append(f"{ask.name} ({ask.way}): {fault}")
        if ask.way is Way.STREAM:
            self.delays_s += ask.delays_s
        if ask.way is Way.BIG:
            self.big += 1
            self.digits += len(ask.body) + sum(map(len, ask.parts))


@dataclass
class Soak:
    """What a soak gave."""

    recorded: Fleet
    plain: Fleet
    samples: list[Sample]
    compared: Compared
    closed_bytes: int
    """The size of the recording after closing."""
    cpu_s: Mapping[str, float]
    """Processor time of the recorder's proxy, of its writer, and of the plain proxy."""

    @property
    def sound(self) -> bool:
        """Whether nothing was lost or altered."""
        seen = self.compared
        wrong = seen.lost or seen.altered or seen.misjudged or seen.extra
        return not (self.recorded.faults or wrong)

    @property
    def growing(self) -> list[Growth]:
        """What of the recorder's does not stay as it was, if the soak was long enough to tell."""
        if not long_enough(self.samples):
            return []
        return [one for one in growths(self.samples) if not (one.flat or "plain" in one.what)]


async def soak(name: str, agents: int, seconds: float, folder: Path) -> Soak:
    """Let `agents` work through the recorder of this name for so long, and as many beside it."""
    samples: list[Sample] = []
    async with Model() as model:
        starts = {BASELINE: proxies.plain, name: RECORDERS[name]}
        with proxies.running(starts, model.port, folder) as started:
            plain, recorded = Fleet(started[BASELINE]), Fleet(started[name])
            until = asyncio.get_running_loop().time() + seconds
            watch = asyncio.create_task(_watch(recorded, plain, seconds / _SAMPLES, samples))
            await asyncio.gather(
                *(
                    Agent(model, fleet.proxy.port, seed, fleet.over).work(until)
                    for fleet in (recorded, plain)
                    for seed in range(agents)
                )
            )
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            writer_s = recorded.proxy.writer_cpu_s()
            cpu_s = {
                "proxy": recorded.proxy.cpu_s() - writer_s,
                "writer": writer_s,
                BASELINE: plain.proxy.cpu_s(),
            }
    database = recorded.proxy.database
    seen = compare(str(database), recorded.records)
    return Soak(recorded, plain, samples, seen, file_bytes(database), cpu_s)


async def _watch(recorded: Fleet, plain: Fleet, each_s: float, samples: list[Sample]) -> None:
    start = time.monotonic()
    while True:
        await asyncio.sleep(max(each_s, 0.2))
        samples.append(
            Sample(
                time.monotonic() - start,
                len(recorded.records),
                resident_mb(recorded.proxy.process.pid),
                resident_mb(recorded.proxy.writer or 0),
                resident_mb(plain.proxy.process.pid),
                file_bytes(recorded.proxy.database) / 1e6,
                log_bytes(recorded.proxy.database) / 1e6,
                recorded.big,
                recorded.digits / 1e6,
            )
        )


def rows(name: str, done: Soak) -> Iterator[Row]:
    """The table of a soak."""
    seen, count = done.compared, len(done.recorded.records)
    ways = ", ".join(f"{number} {way}" for way, number in seen.ways.most_common())
    yield Row("exchanges", count, "", note=ways)
    yield Row("lost", len(seen.lost), "", most=0, note=_some(seen.lost))
    yield Row("altered in the recording", len(seen.altered), "", most=0, note=_some(seen.altered))
    faults = done.recorded.faults
    yield Row("altered at the client", len(faults), "", most=0, note=_some(faults))
    faults = done.plain.faults
    yield Row("altered at the client: plain", len(faults), "", note=_some(faults))
    yield Row("another outcome", len(seen.misjudged), "", most=0, note=_some(seen.misjudged))
    yield Row("recorded, but not asked for", seen.extra, "", most=0)
    for percent in (50, 99):
        on = percentile(done.recorded.delays_s, percent) * 1000
        off = percentile(done.plain.delays_s, percent) * 1000
        note = f"{on:.2f} ms ÷ {off:.2f} ms: {on - off:+.2f} ms"
        yield Row(f"delay of an event, p{percent}", on / off, "×", note=note)
    total_s = done.cpu_s["proxy"] + done.cpu_s["writer"]
    note = f"{done.cpu_s['writer']:.1f} of {total_s:.1f} s; plain {done.cpu_s[BASELINE]:.1f} s"
    yield Row("the writer's share of the processor", done.cpu_s["writer"] / total_s, note=note)
    yield from _flatness(done)
    size = done.closed_bytes / max(1, count) / 1e3
    note = f"{done.closed_bytes / 1e6:.1f} MB after closing"
    yield Row("bytes of an exchange", size, "kB", note=note)


def _flatness(done: Soak) -> Iterator[Row]:
    """What the second half added: to memory, and to the file against what the first half did."""
    long = long_enough(done.samples)
    for one in growths(done.samples):
        verdict = f": {'flat' if one.flat else 'NOT flat'}" if long else ""
        yield Row(one.what, one.level, one.unit, note=one.note + verdict)
    logs = [sample.log_mb for sample in done.samples]
    yield Row("the log beside the file, at most", max(logs, default=0.0), "MB")


def _some(said: Sequence[str]) -> str:
    return "; ".join(said[:3]) + ("; …" if len(said) > 3 else "")


def main() -> None:
    """Soak, and print; exits with 1 where something was lost or altered, or is not flat."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--agents", type=int, default=4, help="how many work at once")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--recorder", choices=RECORDERS, default="addon")
    parser.add_argument("--samples", action="store_true", help="every sample, as a table, too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kimitap-soak-") as folder:
        try:
            done = asyncio.run(soak(asked.recorder, asked.agents, asked.minutes * 60, Path(folder)))
        except proxies.ProxyFailed as error:
            sys.exit(f"soak: {error}")
    for line in table.as_text(list(rows(asked.recorder, done))):
        print(line)
    if asked.samples:
        for sample in done.samples:
            print(
                f"{sample.at_s:7.1f} s {sample.exchanges:6} exchanges; proxy {sample.proxy_mb:.1f},"
                f" writer {sample.writer_mb:.1f}, plain {sample.plain_mb:.1f} MB; file"
                f" {sample.file_mb:.2f}, of it log {sample.log_mb:.2f} MB"
            )
    load = round(os.getloadavg()[0], 2)
    print(f"\n{asked.recorder}, {asked.agents} agents, {asked.minutes:g} minutes, load {load}")
    print(f"flat is: memory +{MEMORY:.0%}, an exchange in the file +{FILE:.0%}, at most")
    sys.exit(0 if done.sound and not done.growing else 1)


if __name__ == "__main__":
    main()
