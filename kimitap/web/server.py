"""The server of `kimitap web`: the page, its files, and a connection for each tab."""

import asyncio
import signal
import socket as sockets
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import WSCloseCode, web
from textual_serve.server import Server

from kimitap.web.address import Address, bound
from kimitap.web.guard import PAGE, Guard
from kimitap.web.screens import SIZES, Screens, within

FONT_SIZES = range(6, 73)
_MOST_BYTES = 1 << 20
"""Of one message from a browser: a long text that is pasted."""


def serve(
    words: Sequence[str],
    address: Address,
    *,
    on_ready: Callable[[str], None],
    say: Callable[[str], None],
) -> None:
    """Serve the screens of the command `words` until Ctrl-C or SIGTERM; no process is left then.

    `on_ready` gets the URL to open, `say` each line that a process complained in. Raises
    `UsageError` where it cannot listen at the address.
    """
    with bound(address) as listening:
        here = Address(address.host, listening.getsockname()[1])
        asyncio.run(_serve(listening, WebScreens(words, here, say), on_ready))


async def _serve(
    listening: sockets.socket, server: "WebScreens", on_ready: Callable[[str], None]
) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    runner = web.AppRunner(await server.make_app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        on_ready(server.guard.url)
        await ended.wait()
    finally:
        await runner.cleanup()


class WebScreens(Server):
    """textual-serve's server behind a guard; it starts no shell and names no other host."""

    def __init__(self, words: Sequence[str], address: Address, say: Callable[[str], None]) -> None:
        super().__init__(" ".join(words), address.host, address.port, title="kimitap")
        self.guard = Guard(address)
        self._words = words
        self._say = say
        self._open: dict[web.WebSocketResponse, Screens] = {}

    async def make_app(self) -> web.Application:
        """The routes, each behind the guard. Static files are textual-serve's and the page's."""
        app = web.Application()
        self.guard.install(app)
        app.add_routes(
            [
                web.get("/", self.handle_index),
                web.get("/ws", self.handle_websocket),
                web.get("/download/{key}", self.handle_download),
                web.static("/static", Path(self.statics_path)),
                web.static("/page", PAGE),
            ]
        )
        app.on_shutdown.append(self.on_shutdown)
        return app

    async def handle_index(self, request: web.Request) -> web.Response:
        """The page; its connection goes to the name under which it was asked for."""
        page = (PAGE / "index.html").read_text("utf-8")
        size = _number(request, "fontsize", 16, FONT_SIZES)
        page = page.replace("{{host}}", request.host).replace("{{font_size}}", str(size))
        return web.Response(text=page, content_type="text/html")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A tab's connection: it starts its screens, and ends them."""
        socket = web.WebSocketResponse(heartbeat=15, max_msg_size=_MOST_BYTES)
        await socket.prepare(request)
        screens = Screens(self._words, socket, self.download_manager, self._say)
        self._open[socket] = screens
        try:
            width, height = (
                _number(request, name, usual, SIZES)
                for name, usual in (("width", 80), ("height", 24))
            )
            await screens.start(width, height)
            await self._process_messages(socket, screens)
        except (ValueError, TypeError, LookupError, AssertionError, AttributeError):
            await socket.close(code=WSCloseCode.UNSUPPORTED_DATA)  # it is no terminal of ours
        except OSError as error:
            self._say(f"the screens cannot start: {error.strerror}")
        finally:
            await screens.stop()
            del self._open[socket]
        return socket

    async def on_shutdown(self, app: web.Application) -> None:
        """End all screens, and tell their tabs."""
        ending = [self._end(socket, screens) for socket, screens in self._open.items()]
        await asyncio.gather(*ending)

    async def _end(self, socket: web.WebSocketResponse, screens: Screens) -> None:
        await screens.stop()
        await socket.close(code=WSCloseCode.GOING_AWAY)


def _number(request: web.Request, name: str, usual: int, among: range) -> int:
    try:
        wanted = int(request.query.get(name, usual))
    except ValueError:
        return usual
    return within(wanted, among)
