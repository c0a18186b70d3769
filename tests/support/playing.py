"""A recording served in this process, on a free port of loopback."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from kimitap.analysis import Analysis
from kimitap.exchange import Exchange
from kimitap.places import PlaceWord
from kimitap.serving.script import Script, takes_of, threads_to_serve
from kimitap.serving.server import Player
from kimitap.store import Recording
from kimitap.web.address import Address, bound
from tests.support.recorded import record


@dataclass
class Played:
    """Where it is served, and what it said."""

    port: int
    script: Script
    said: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def playing(
    path: Path,
    exchanges: Iterable[Exchange] = (),
    place: PlaceWord | None = None,
    *,
    loose: bool = False,
    paced: bool = False,
) -> Iterator[Played]:
    """Serve the recording at `path`, made of `exchanges` if there are any."""
    where = str(path)
    if exchanges:
        record(path, exchanges)
    with Recording.open(where) as recording, bound(Address("127.0.0.1", 0)) as listening:
        analysis = Analysis(recording)
        analysis.refresh()
        script = Script(takes_of(analysis, threads_to_serve(analysis, place)), loose=loose)
        port = listening.getsockname()[1]
        played = Played(port, script)
        player = Player(
            script,
            recording.exchange,
            Address("127.0.0.1", port),
            paced=paced,
            say=played.said.append,
            complain=played.complaints.append,
        )
        loop = asyncio.new_event_loop()
        runner: list[web.ServerRunner] = []

        async def start() -> None:
            runner.append(player.runner())
            await runner[0].setup()
            await web.SockSite(runner[0], listening).start()

        thread = threading.Thread(target=loop.run_forever, daemon=True)
        loop.run_until_complete(start())
        thread.start()
        try:
            yield played
        finally:
            asyncio.run_coroutine_threadsafe(runner[0].cleanup(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()
