"""A recording's size ÷ what zstd makes of what is unique in it: the last request, all replies."""

from collections.abc import Sequence
from pathlib import Path

import zstandard

from bench import recordings
from bench.client import Client
from bench.proxies import Start, running
from bench.result import Row
from bench.sessions import Session, Turn
from bench.settings import Settings
from bench.stream import Stream
from bench.upstream import Upstream

_LEVEL = 3


def baseline_bytes(turns: Sequence[Turn]) -> int:
    """zstd, level 3, of the last request and all replies, compressed as one."""
    together = b"".join([turns[-1].request, *(turn.response for turn in turns)])
    return len(zstandard.ZstdCompressor(level=_LEVEL).compress(together))


async def measure(
    upstream: Upstream, starts: dict[str, Start], settings: Settings, folder: Path
) -> list[Row]:
    """A session through each real recorder, and a longer one through the store alone."""
    turns = list(Session(seed=5).turns(settings.live_turns))
    rows = []
    for name, start in starts.items():
        own = folder / f"size-{name}"
        own.mkdir()
        with running({name: start}, upstream.port, own) as proxies:
            client = Client(upstream.streams, proxies[name].port)
            for turn in turns:
                await client.ask(turn.request, Stream(events=turn.events))
            client.close()
        rows.append(_row(name, turns, recordings.file_bytes(proxies[name].database)))
    longer = list(Session(seed=6).turns(settings.longer_turns))
    where = folder / "longer.db"
    recordings.write(where, [longer])
    rows.append(_row("store alone", longer, recordings.file_bytes(where)))
    return rows


def _row(name: str, turns: Sequence[Turn], size: int) -> Row:
    least = baseline_bytes(turns)
    sent = sum(len(turn.request) for turn in turns)
    note = f"{size / 1e3:.0f} kB ÷ {least / 1e3:.0f} kB; {sent / 1e6:.1f} MB were sent"
    return Row(f"recording's size, {len(turns)} turns: {name}", size / least, most=3, note=note)
