"""A tab's process: started and ended with its connection, whatever either side does."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.support.served import SCREENS, Served, known, served, until

HELLO = "import sys, time; sys.stdout.write('__GANGLION__\\n'); sys.stdout.flush(); "
SHORT = HELLO + "sys.stdin.read(1)"
"""A process that ends with the first thing that it is told."""


@asynccontextmanager
async def tab(
    page: Served, query: str = "width=100&height=30"
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with (
        known(page) as client,
        client.ws_connect(f"{page.origin}/ws?{query}", origin=page.origin) as socket,
    ):
        yield socket


def python(code: str) -> Sequence[str]:
    return sys.executable, "-c", code


async def ended(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Wait until the server has closed the connection."""
    async with asyncio.timeout(15):
        while (await socket.receive()).type not in {
            aiohttp.WSMsgType.CLOSE,
            aiohttp.WSMsgType.CLOSING,
            aiohttp.WSMsgType.CLOSED,
        }:
            pass


async def process_of(page: Served) -> int:
    """The number of the only tab's process."""
    async with asyncio.timeout(10):
        while True:
            for screens in page.server._open.values():
                if screens._process is not None:
                    return screens._process.pid
            await asyncio.sleep(0.05)


async def gone(pid: int) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            await asyncio.sleep(0.05)


async def test_keys_go_to_the_screens_and_the_pictures_come_back() -> None:
    async with served() as page, tab(page) as socket:
        await until(socket, "LOST TURN")
        await socket.send_json(["stdin", "?"])
        assert "next finding" in await until(socket, "Conversation: keys")


async def test_the_screens_take_the_size_of_the_page() -> None:
    async with served() as page, tab(page, "width=200&height=50") as socket:
        await until(socket, "LOST TURN")
        await socket.send_json(["resize", {"width": 10**12, "height": -1}])
        await socket.send_json(["resize", {"width": 44, "height": 12}])
        await socket.send_json(["stdin", "n"])
        await until(socket, "LOST TURN")


@pytest.mark.parametrize("query", ["width=x&height=", "width=-5&height=99999999999999"])
async def test_an_absurd_size_is_none(query: str) -> None:
    async with served() as page, tab(page, query) as socket:
        await socket.send_json(["resize", {"width": 100, "height": 30}])
        await until(socket, "tool-turn-lost")


async def test_leaving_the_page_ends_the_process() -> None:
    async with served() as page:
        async with tab(page) as socket:
            await until(socket, "LOST TURN")
            pid = await process_of(page)
        await gone(pid)
        assert not page.server._open


async def test_quitting_closes_the_page() -> None:
    async with served() as page, tab(page) as socket:
        await until(socket, "LOST TURN")
        pid = await process_of(page)
        await socket.send_json(["stdin", "q"])
        await ended(socket)
        await gone(pid)


@pytest.mark.parametrize(
    "message", ["no JSON", "{}", "[]", '["stdin"]', '["stdin", 5]', '["resize", 1]']
)
async def test_what_no_page_of_ours_sends_closes_that_connection(message: str) -> None:
    async with served(python(SHORT)) as page, tab(page) as other:
        async with tab(page) as socket:
            await socket.send_str(message)
            await ended(socket)
            assert socket.close_code == aiohttp.WSCloseCode.UNSUPPORTED_DATA
        async with asyncio.timeout(10):
            while len(page.server._open) > 1:
                await asyncio.sleep(0.05)
        assert not other.closed


async def test_a_process_that_cannot_start_closes_the_page_and_says_why() -> None:
    async with (
        served(python("import sys; sys.exit('no such \\x1b]52;c;eA==\\x07 thing')")) as page,
        tab(page) as socket,
    ):
        await ended(socket)
        assert page.said == ["no such \\u001b]52;c;eA==\\u0007 thing"]


async def test_a_complaint_without_an_end_is_no_burden() -> None:
    complains = python("import sys; sys.stderr.write('x' * 1_000_000 + '\\nand so it ended\\n')")
    async with served(complains) as page, tab(page) as socket:
        await ended(socket)
        assert page.said[-1] == "and so it ended"
        assert sum(map(len, page.said)) < 10_000


async def test_a_command_that_is_not_there_closes_the_page_and_says_so() -> None:
    async with served(("/nothing/here",)) as page, tab(page) as socket:
        await ended(socket)
        assert page.said == ["the screens cannot start: No such file or directory"]


async def test_a_process_that_will_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kimitap.web.screens.PATIENCE_S", 0.3)
    stubborn = "import signal; signal.signal(15, signal.SIG_IGN); " + HELLO + "time.sleep(60)"
    async with served(python(stubborn)) as page:
        async with tab(page):
            pid = await process_of(page)
        await gone(pid)


async def test_ending_the_server_ends_all_tabs_at_once() -> None:
    async with served() as page:
        async with tab(page) as one, tab(page) as other:
            await asyncio.gather(until(one, "LOST TURN"), until(other, "LOST TURN"))
            pids = [
                screens._process.pid for screens in page.server._open.values() if screens._process
            ]
            began = time.monotonic()
            await page.server.on_shutdown(None)  # type: ignore[arg-type]  # it asks nothing of it
            assert time.monotonic() - began < 5
            await ended(one)
            await ended(other)
        assert len(pids) == 2
        for pid in pids:
            await gone(pid)


async def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    trap = f"{tmp_path}/; touch {tmp_path}/trapped; #"
    async with served((*SCREENS[:-1], trap)) as page, tab(page) as socket:
        await ended(socket)
        assert len(page.said) == 1 and "trapped" in page.said[0]
    assert not (tmp_path / "trapped").exists()
