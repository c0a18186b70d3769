"""The agents of a soak: each asks through one proxy, on a kept connection where there is one."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress

from bench.asks import HEADER, Ask, Way, asks
from bench.model import Model
from bench.sessions import PATH

_REQUEST = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: bench\r\n"
    "Authorization: Bearer sk-bench\r\nContent-Type: application/json\r\n"
    "{header}: {name}\r\nContent-Length: {length}\r\n\r\n"
)
_SLOW_BYTES = 2048
_SLOW_S = 0.01
"""A slow reader takes so many bytes at a time, and rests so long: slower than they are sent."""
_AT_MOST_S = 120
_PAUSE_S = (0.05, 0.8)

type _Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Agent:
    """One agent's asks through the proxy at `port`, until `until` by the loop's clock."""

    def __init__(self, model: Model, port: int, seed: int, over: Callable[[Ask], None]) -> None:
        self._model = model
        self._port = port
        self._seed = seed
        self._over = over
        self._rng = random.Random(seed)
        self._kept: _Connection | None = None

    async def work(self, until: float) -> None:
        """Ask for one thing after another; `over` is told of each that has ended."""
        loop = asyncio.get_running_loop()
        for ask in asks(self._seed):
            if loop.time() >= until:
                break
            self._model.asks[ask.name] = ask
            with suppress(TimeoutError):
                async with asyncio.timeout(_AT_MOST_S):
                    await self._ask(ask)
            del self._model.asks[ask.name]
            self._over(ask)
            await asyncio.sleep(self._rng.uniform(*_PAUSE_S))
        self._hang_up()

    async def _ask(self, ask: Ask) -> None:
        reader, writer = await self._connection()
        head = _REQUEST.format(
            path=PATH, port=self._port, header=HEADER, name=ask.name, length=len(ask.body)
        )
        writer.write(head.encode() + ask.body)
        try:
            await writer.drain()
            answer = await reader.readuntil(b"\r\n\r\n")
            ask.got_status = int(answer.split(b" ", 2)[1])
            if not await self._read(ask, reader):
                self._hang_up()
        except (OSError, asyncio.IncompleteReadError):
            self._hang_up()

    async def _read(self, ask: Ask, reader: asyncio.StreamReader) -> bool:
        """Read the answer's body; whether the connection may be kept."""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            while size:
                most = _SLOW_BYTES if ask.way is Way.SLOW else 1 << 16
                data = await reader.read(min(size, most))
                if not data:
                    return False
                size -= len(data)
                ask.arrived(data, time.monotonic_ns())
                if ask.way is Way.SLOW:
                    await asyncio.sleep(_SLOW_S)
            await reader.readexactly(2)
            if ask.way is Way.HANG_UP and len(ask.delays_s) >= (ask.stop_after or 0):
                return False
        await reader.readexactly(2)
        return True

    async def _connection(self) -> _Connection:
        if self._kept is None or self._kept[0].at_eof():
            self._kept = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 14)
        return self._kept

    def _hang_up(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            with suppress(OSError):
                kept[1].transport.abort()
