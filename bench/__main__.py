"""`python -m bench`: what recording costs, as ratios against plain streaming mitmdump."""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from bench import (
    beside,
    checking,
    child,
    delays,
    keeping,
    proxies,
    screens,
    shrinking,
    size,
    streaming,
    table,
)
from bench.client import BrokenStream
from bench.result import BASELINE, CONTROL, Row
from bench.settings import DEFAULT, QUICK, Settings
from bench.upstream import Upstream

LIVE = {"streaming": streaming.measure, "delays": delays.measure, "beside": beside.measure}
PARTS = (*LIVE, "keeping", "size", "check", "screens", "shrinking")
RECORDERS: dict[str, proxies.Start] = {"addon": proxies.addon, "record": proxies.record}
BASELINES: dict[str, proxies.Start] = {
    BASELINE: proxies.plain,
    CONTROL: proxies.plain,
}


async def measure(
    parts: set[str], recorders: dict[str, proxies.Start], settings: Settings, folder: Path
) -> list[Row]:
    """The rows of the wanted parts; the live ones share proxies, which take turns."""
    rows: list[Row] = []
    starts = {**BASELINES, **recorders}
    async with Upstream() as upstream:
        if parts & LIVE.keys():
            with proxies.running(starts, upstream.port, folder) as started:
                for name in (name for name in LIVE if name in parts):
                    _say(f"{name} …")
                    rows += await LIVE[name](upstream, list(started.values()), settings)
        if "keeping" in parts:
            _say("keeping …")
            keepers = {name: keeping.STARTS[name] for name in recorders}
            own = folder / "keeping"
            own.mkdir()
            with proxies.running({**BASELINES, **keepers}, upstream.port, own) as started:
                rows += await keeping.measure(upstream, list(started.values()), settings)
        if "size" in parts:
            _say("size …")
            rows += await size.measure(upstream, recorders, settings, folder)
    if "check" in parts:
        _say("check …")
        rows += checking.measure(settings, folder)
    if "screens" in parts:
        _say("screens …")
        rows += screens.measure(settings, folder)
    if "shrinking" in parts:
        _say("shrinking …")
        rows += shrinking.measure(settings, folder)
    return rows


def machine() -> dict[str, object]:
    """What the numbers depend on."""
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "mitmproxy": version("mitmproxy"),
        "system": platform.system(),
    }


def main() -> None:
    """Measure and print; the exit status is 0 whatever was measured: a bench is no test."""
    asked = _asked()
    start = time.monotonic()
    before = machine()
    recorders = {name: RECORDERS[name] for name in asked.recorder or RECORDERS}
    settings = QUICK if asked.quick else DEFAULT
    with tempfile.TemporaryDirectory(prefix="kimitap-bench-") as folder:
        try:
            measured = measure(set(asked.only or PARTS), recorders, settings, Path(folder))
            rows = asyncio.run(measured)
        except (proxies.ProxyFailed, BrokenStream, child.CommandFailed) as error:
            sys.exit(f"bench: nothing measured: {error}")
    if asked.json:
        print(table.as_json(rows, before))
        return
    for line in table.as_text(rows):
        print(line)
    facts = ", ".join(f"{name} {value}" for name, value in before.items())
    print(f"\n{facts}; took {time.monotonic() - start:.0f} s")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="at most 40 s, less exact")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; repeatable")
    parser.add_argument(
        "--recorder", action="append", choices=RECORDERS, help="this recorder; repeatable"
    )
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
