"""A real browser without a window, driven over Chromium's DevTools protocol (CDP)."""

import asyncio
import base64
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.served import plain

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,860",
    "--remote-debugging-port=0",
    "about:blank",
)
START_S = 30.0
_BINARY = 2


def find() -> str | None:
    """The browser's path; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab. `requests` are the addresses that it asked for, `said` what its console said.

    `terminal` is what came over its WebSockets in bytes, without a terminal's sequences.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._next = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.requests: list[str] = []
        self.said: list[str] = []
        self.terminal = ""
        self._reading = asyncio.create_task(self._read())

    async def send(self, method: str, **params: object) -> dict[str, Any]:
        """Call a method of the protocol and wait for its result."""
        self._next += 1
        number = self._next
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(START_S):
            answer = await self._answers[number]
        del self._answers[number]
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    async def _read(self) -> None:
        async for message in self._socket:
            told = message.json()
            if "id" in told and told["id"] in self._answers:
                self._answers[told["id"]].set_result(told)
            match told.get("method"):
                case "Network.requestWillBeSent":
                    self.requests.append(told["params"]["request"]["url"])
                case "Network.webSocketCreated":
                    self.requests.append(told["params"]["url"])
                case "Network.webSocketFrameReceived":
                    frame = told["params"]["response"]
                    if frame["opcode"] == _BINARY:
                        self.terminal += plain(base64.b64decode(frame["payloadData"]))
                case "Runtime.consoleAPICalled":
                    said = told["params"]["args"]
                    self.said.append(" ".join(str(one.get("value", one)) for one in said))
                case "Log.entryAdded":
                    self.said.append(told["params"]["entry"]["text"])

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        done = await self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    async def press(self, key: str) -> None:
        """Type one character."""
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=key, key=key)
        await self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def click(self, x: int, y: int) -> None:
        at = {"x": x, "y": y, "button": "left", "clickCount": 1}
        await self.send("Input.dispatchMouseEvent", type="mousePressed", **at)
        await self.send("Input.dispatchMouseEvent", type="mouseReleased", **at)

    async def screenshot(self, path: Path) -> None:
        """What the tab shows, as PNG."""
        picture = await self.send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(picture["data"]))

    async def close(self) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """A new browser with nothing in it but one tab; its profile is in `folder`."""
    path = find()
    assert path is not None
    words = [path, *FLAGS[:-1], f"--user-data-dir={folder}", FLAGS[-1]]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        async with aiohttp.ClientSession() as client:
            url = await _tab(client, folder)
            async with client.ws_connect(url, max_msg_size=0) as socket:
                page = Page(socket)
                for domain in ("Network", "Page", "Runtime", "Log"):
                    await page.send(f"{domain}.enable")
                try:
                    yield page
                finally:
                    await page.close()
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _tab(client: aiohttp.ClientSession, folder: Path) -> str:
    """The address of the first tab, once the browser says where it listens."""
    told = folder / "DevToolsActivePort"
    async with asyncio.timeout(START_S):
        while True:
            with suppress(OSError, IndexError, ValueError, aiohttp.ClientError):
                port = int(told.read_text().splitlines()[0])
                async with client.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    for tab in await answer.json():
                        if tab["type"] == "page":
                            return str(tab["webSocketDebuggerUrl"])
            await asyncio.sleep(0.1)
