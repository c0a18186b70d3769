"""The process that shows the screens to one tab of a browser."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from kimitap.visible import one_line

PATIENCE_S = 3.0
"""How long a process that was told to end may take."""
SIZES = range(1, 1001)
"""Columns, or rows, that a page may ask for."""
_SPEAKS = b"__GANGLION__\n"
"""What Textual's web driver says first; see textual/drivers/web_driver.py."""


class Screens(AppService):
    """One process of `words`, started without a shell; what it complains of is told to `say`."""

    def __init__(
        self,
        words: Sequence[str],
        socket: web.WebSocketResponse,
        downloads: DownloadManager,
        say: Callable[[str], None],
    ) -> None:
        async def close() -> None:
            await socket.close()

        super().__init__(
            " ".join(words),
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=close,
            download_manager=downloads,
        )
        self._words = words
        self._say = say
        self._ending: asyncio.Task[None] | None = None

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        """In a session of its own: a Ctrl-C at the terminal is for the server, which ends it."""
        self._process = process = await asyncio.create_subprocess_exec(
            *self._words,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._build_environment(width, height),
            start_new_session=True,
        )
        self._stdin = process.stdin
        return process

    async def run(self) -> None:
        """Hand on what the process says until it ends; then close the tab's connection."""
        process = self._process
        assert process is not None and process.stdout is not None and process.stderr is not None
        complaints = asyncio.create_task(self._tell(process.stderr))
        try:
            if await _speaks(process.stdout):
                await self._hand_on(process.stdout)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass  # it has ended, its page has gone, or what it says is no packet
        finally:
            await complaints
            await self.remote_close()

    async def _hand_on(self, stdout: asyncio.StreamReader) -> None:
        """Packets: a letter, four bytes of length, and the rest."""
        takers = {b"D": self.on_data, b"M": self.on_meta, b"P": self.on_packed}
        while True:
            kind = await stdout.readexactly(1)
            size = int.from_bytes(await stdout.readexactly(4), "big")
            payload = await stdout.readexactly(size)
            if kind in takers:
                await takers[kind](payload)

    async def _tell(self, stderr: asyncio.StreamReader) -> None:
        """What the process wrote to stderr, line by line, cleaned: it may quote recorded text."""
        while True:
            try:
                data = await stderr.readline()
            except ValueError:  # a line longer than anybody reads
                continue
            if not data:
                return
            if line := one_line(data.decode("utf-8", "replace"), 1000):
                self._say(line)

    async def set_terminal_size(self, width: int, height: int) -> None:
        await super().set_terminal_size(within(width, SIZES), within(height, SIZES))

    async def stop(self) -> None:
        """End the process, by force where it does not end by itself, and wait for it.

        Who asks again waits, too; who is cancelled meanwhile does not stop the ending.
        """
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        task, process = self._task, self._process
        if task is None or process is None:
            return
        await self._download_manager.cancel_app_downloads(self.app_service_id)
        await self.send_meta({"type": "quit"})
        try:
            async with asyncio.timeout(PATIENCE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await asyncio.wait({task}, timeout=PATIENCE_S)
        task.cancel()


async def _speaks(stdout: asyncio.StreamReader) -> bool:
    """True once the process has said that it is a Textual app; False where it ends without."""
    while line := await stdout.readline():
        if line == _SPEAKS:
            return True
    return False


def within(number: int, among: range) -> int:
    """The number, or the nearest that is among those."""
    return max(among.start, min(number, among.stop - 1))
