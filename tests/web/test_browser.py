"""The screens in a real browser: what is shown, typed and downloaded, and whom the page asks."""

import asyncio
import io
import zipfile
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.support import chromium
from tests.support.chromium import Page
from tests.support.served import served

pytestmark = pytest.mark.skipif(
    chromium.find() is None,
    reason="no Chromium here: apt-get install chromium, and these tests run",
)

ERROR = (0xFF, 0x7A, 0x45)
"""The colour of what is lost; see kimitap/tui/palette.py."""
PANEL = (0x1A, 0x21, 0x2A)


async def picture(page: Page, path: Path) -> Image.Image:
    await page.screenshot(path)
    return Image.open(io.BytesIO(path.read_bytes())).convert("RGB")


def count(shown: Image.Image, colour: tuple[int, int, int]) -> int:
    """How many pixels have a colour, but for a rounding."""
    close = (
        all(abs(a - b) <= 3 for a, b in zip(pixel, colour, strict=True)) * number
        for number, pixel in shown.getcolors(shown.width * shown.height) or ()
        if isinstance(pixel, tuple)
    )
    return sum(close)


async def until_written(page: Page, words: str, since: int = 0) -> None:
    """Wait in real time until the server has sent these words to the page's terminal."""
    async with asyncio.timeout(30):
        while words not in page.terminal[since:]:
            await asyncio.sleep(0.05)


async def test_a_browser_shows_the_lost_turn_takes_keys_and_asks_no_other_host(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(served())
        page = await stack.enter_async_context(chromium.browser(tmp_path / "profile"))
        await page.send("Page.navigate", url=web.url)
        await until_written(page, "LOST TURN")
        await asyncio.sleep(1.0)
        shown = await picture(page, tmp_path / "lost.png")
        assert count(shown, ERROR) > 5000, "the lost turns stand out"
        assert await page.run("location.href") == f"{web.origin}/", "the token has gone"
        assert await page.run("document.title") == "kimitap"
        assert await page.run("document.cookie") == "", "no script can read the cookie"

        before = len(page.terminal)
        await page.press("?")
        await until_written(page, "next finding", before)
        await asyncio.sleep(0.5)
        helped = await picture(page, tmp_path / "help.png")
        assert count(helped, PANEL) > count(shown, PANEL) + 20_000, "the help lies over it"

        for where in ('"https://evil.example/"', '"/static/js/textual.js"', ""):
            opened = await page.run(f"window.open({where})")
            assert opened is None, "an address in a recorded text is not visited"

        hosts = {urlsplit(url).netloc for url in page.requests if not url.startswith("data:")}
        assert hosts == {f"127.0.0.1:{web.port}"}
        assert any(url.startswith("ws://") for url in page.requests)
        assert not [said for said in page.said if "Content Security" in said or "404" in said]


async def test_a_report_is_downloaded_and_written_nowhere_else(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(served())
        page = await stack.enter_async_context(chromium.browser(tmp_path / "profile"))
        folder = tmp_path / "downloads"
        folder.mkdir()
        await page.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        await page.send("Page.navigate", url=web.url)
        await until_written(page, "LOST TURN")
        here = set(Path.cwd().iterdir())
        await page.press("e")
        async with asyncio.timeout(30):
            while not (done := [p for p in folder.iterdir() if p.suffix == ".zip"]):
                await asyncio.sleep(0.1)
        packed = zipfile.ZipFile(done[0])
        page = packed.read(f"{done[0].stem}/report.md").decode()
        assert page.startswith("## tool-turn-lost")
        assert set(Path.cwd().iterdir()) == here


async def test_another_page_cannot_reach_the_screens(tmp_path: Path) -> None:
    """With the cookie in the same browser: another port is the same site, yet another origin."""
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(served())
        other = await stack.enter_async_context(served())
        page = await stack.enter_async_context(chromium.browser(tmp_path / "profile"))
        for url in (web.url, other.url):
            await page.send("Page.navigate", url=url)
            await asyncio.sleep(1.5)
        assert await page.run("location.href") == f"{other.origin}/"
        await page.send("Page.setBypassCSP", enabled=True)
        await page.send("Page.reload")
        await asyncio.sleep(1.5)
        tries = f"""new Promise(done => {{
            const socket = new WebSocket("ws://127.0.0.1:{web.port}/ws");
            socket.onopen = () => done("opened");
            socket.onerror = () => done("refused");
        }})"""
        assert await page.run(tries) == "refused"
        fetched = f'fetch("{web.origin}/").then(() => "read", () => "refused")'
        assert await page.run(fetched) == "refused"
