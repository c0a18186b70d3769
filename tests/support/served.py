"""The screens as served to a browser, and a client that plays the browser."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from kimitap.web.address import Address, bound
from kimitap.web.server import WebScreens

SAMPLE = str(Path(__file__).parents[2] / "sessions" / "lost-tool-turn.db")
SCREENS = (sys.executable, "-m", "kimitap.cli", "tui", "--no-config", "--", SAMPLE)
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?$]*[ -/]*[@-~]|\][^\x07]*\x07)")


def plain(written: bytes) -> str:
    """What a terminal would show of it, without colours and places."""
    return _ESCAPES.sub("", written.decode("utf-8", "replace"))


@dataclass
class Served:
    """A running server, and what its processes complained of."""

    server: WebScreens
    origin: str
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.guard.url

    @property
    def port(self) -> int:
        return self.server.port


@asynccontextmanager
async def served(words: Sequence[str] = SCREENS) -> AsyncIterator[Served]:
    """The server in this process, on a free port of loopback."""
    said: list[str] = []
    with bound(Address("127.0.0.1", 0)) as listening:
        here = Address("127.0.0.1", listening.getsockname()[1])
        server = WebScreens(words, here, said.append)
        runner = web.AppRunner(await server.make_app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        try:
            yield Served(server, here.origin, said)
        except AssertionError as error:
            error.add_note(f"the processes said: {said}")
            raise
        finally:
            await runner.cleanup()


@asynccontextmanager
async def known(page: Served) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that has opened the printed address, and has its cookie."""
    jar = aiohttp.CookieJar(unsafe=True)  # "unsafe": it takes cookies of addresses without a name
    async with aiohttp.ClientSession(cookie_jar=jar) as client:
        async with client.get(page.url) as answer:
            assert answer.status == 200
        yield client


async def until(socket: aiohttp.ClientWebSocketResponse, words: str, seconds: float = 30) -> str:
    """What the screens show by the time that they have shown `words`."""
    written = b""
    async with asyncio.timeout(seconds):
        while words not in plain(written):
            message = await socket.receive()
            assert message.type is aiohttp.WSMsgType.BINARY, (message, plain(written))
            written += message.data
    return plain(written)
