"""The page in a real browser: it asks for nothing, nothing recorded runs, and it can be read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from kimitap.evidence.case import Wanted
from kimitap.redact import Level
from tests.support import chat, chromium, hostile_pages
from tests.support.chromium import Page
from tests.support.evidence import reported
from tests.support.recorded import OPENING, TOOLS, lost

pytestmark = pytest.mark.skipif(
    chromium.find() is None,
    reason="no Chromium here: apt-get install chromium, and these tests run",
)


@asynccontextmanager
async def opened(
    path: Path, profile: Path, *, width: int = 1200, dark: bool = False
) -> AsyncIterator[Page]:
    async with chromium.browser(profile) as page:
        await page.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await page.send("Emulation.setEmulatedMedia", features=[scheme])
        await page.send("Page.navigate", url=path.as_uri())
        loaded = "location.protocol == 'file:' && document.readyState == 'complete'"
        for _ in range(200):
            if await page.run(loaded):
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        yield page


def page_of(tmp_path: Path, wanted: Wanted | None = None, *, hostile: bool = False) -> Path:
    exchanges = hostile_pages.session() if hostile else lost()
    return reported(tmp_path, exchanges, wanted=wanted)[1] / "report.html"


async def test_a_hostile_session_runs_nothing_and_asks_for_nothing(tmp_path: Path) -> None:
    path = page_of(tmp_path, Wanted(level=Level.NONE), hostile=True)
    async with opened(path, tmp_path / "profile") as page:
        await page.run("document.querySelectorAll('details').forEach(d => d.open = true)")
        await asyncio.sleep(0.5)
        assert await page.run("typeof window.pwned") == "undefined"
        assert await page.run("document.title") != ""
        assert {url.split("?")[0] for url in page.requests} <= {path.as_uri(), "data:,"}
        made = await page.run(
            "document.querySelectorAll('script,img,svg,iframe,object,base,#evil,[onload]').length"
        )
        assert made == 0
        assert await page.run("document.querySelectorAll('h1').length") == 1
        assert await page.run("document.styleSheets.length") == 1
        assert await page.run("document.querySelector('footer').parentNode.tagName") == "BODY"
        outward = await page.run(
            "[...document.links].filter(a => !a.getAttribute('href').startsWith('#')).length"
        )
        assert outward == 0
        assert page.said == []


async def test_the_policy_stops_what_would_slip_through(tmp_path: Path) -> None:
    """A script and a picture put into the page afterwards do not run and are not loaded."""
    path = page_of(tmp_path)
    async with opened(path, tmp_path / "profile") as page:
        await page.run(
            "document.body.insertAdjacentHTML('beforeend',"
            ' \'<img src="http://127.0.0.1:9/x.png" onerror="window.pwned=1">\');'
            "const s = document.createElement('script'); s.textContent = 'window.pwned = 2';"
            "document.body.append(s)"
        )
        await asyncio.sleep(0.5)
        assert await page.run("typeof window.pwned") == "undefined"
        assert any("Content Security Policy" in said for said in page.said)


async def test_texts_fold_and_unfold_without_a_script(tmp_path: Path) -> None:
    path = page_of(tmp_path, Wanted(whole=True))
    async with opened(path, tmp_path / "profile") as page:
        box = (
            "(() => { const s = document.querySelector('.turn details summary');"
            " s.scrollIntoView({block: 'center'}); const r = s.getBoundingClientRect();"
            " return [r.x + 8, r.y + r.height / 2, s.parentNode.open] })()"
        )
        x, y, was = await page.run(box)
        assert was is False
        await page.click(x, y)
        assert (await page.run(box))[2] is True


async def test_a_finding_in_a_folded_history_is_unfolded_by_its_link(tmp_path: Path) -> None:
    """A capture that begins late: the history that its first request brings along is folded."""
    call = chat.call("read_file", {"path": "a.txt"}, "c1")
    twice = [chat.assistant("I read.", call), chat.result("Ada.", "c1"), chat.result("Ada.", "c1")]
    told = [*OPENING, *twice, chat.assistant("Ada."), chat.user("Thanks. And now?")]
    request = chat.request(*told, tools=TOOLS)
    one = chat.exchange(1, request, chat.choice(chat.assistant("Done.")), stream=True)
    path = reported(tmp_path, [one])[1] / "report.html"
    async with opened(path, tmp_path / "profile") as page:
        inside = "document.querySelector('.inside .finding')"
        assert "duplicate-tool-result" in await page.run(f"{inside}.textContent")
        assert await page.run(f"{inside}.checkVisibility()") is False
        await page.run("document.querySelector('#f1 a').click()")
        await asyncio.sleep(0.3)
        assert await page.run(f"{inside}.checkVisibility()") is True


async def test_a_finding_leads_to_where_it_stands(tmp_path: Path) -> None:
    path = page_of(tmp_path)
    async with opened(path, tmp_path / "profile") as page:
        await page.run("document.querySelector('#f1 a').click()")
        assert "LOST TURN" in await page.run("document.querySelector(':target').textContent")


@pytest.mark.parametrize(
    ("width", "dark"), [(1200, False), (1200, True), (400, False), (320, True)]
)
async def test_it_fits_its_window_in_light_and_dark(tmp_path: Path, width: int, dark: bool) -> None:
    path = page_of(tmp_path, Wanted(whole=True))
    async with opened(path, tmp_path / "profile", width=width, dark=dark) as page:
        assert await page.run("document.documentElement.scrollWidth") <= width
        ground = await page.run("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(18, 22, 28)" if dark else "rgb(255, 255, 255)")


WORDS_ON_TWO_LINES = """
(() => {
  const broken = [];
  for (const cell of document.querySelectorAll('.compare td.what')) {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      for (const word of texts.currentNode.data.matchAll(/[A-Za-z]+/g)) {
        const range = document.createRange();
        range.setStart(texts.currentNode, word.index);
        range.setEnd(texts.currentNode, word.index + word[0].length);
        if (range.getClientRects().length > 1) broken.push(word[0]);
      }
    }
  }
  return broken;
})()
"""


@pytest.mark.parametrize("width", [1200, 700, 400])
async def test_no_word_of_what_changed_is_broken(tmp_path: Path, width: int) -> None:
    first, second, _ = lost()
    request = orjson.loads(second.request.content)
    reply = request["messages"][2]
    reply["tool_calls"][0]["function"]["arguments"] = '{"path": "n", "lines": 2}'
    reply |= {"content": "I have read them.", "reasoning_content": "The notes are long."}
    second = chat.exchange(2, request, chat.choice(chat.assistant("No.")), stream=True)
    path = reported(tmp_path, [first, second], "1")[1] / "report.html"
    async with opened(path, tmp_path / "profile", width=width) as page:
        assert "differs in" in await page.run("document.querySelector('.compare').textContent")
        assert await page.run(WORDS_ON_TWO_LINES) == []


LUMINANCE = """
(() => {
  const lum = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const ground = e => { for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c)) return c }
    return getComputedStyle(document.body).backgroundColor };
  let worst = 99;
  for (const e of document.querySelectorAll('main *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const [a, b] = [lum(getComputedStyle(e).color), lum(ground(e))].sort((x, y) => y - x);
    worst = Math.min(worst, (a + 0.05) / (b + 0.05));
  }
  return worst })()
"""


@pytest.mark.parametrize("width", [1200, 400])
async def test_words_without_end_do_not_widen_it(tmp_path: Path, width: int) -> None:
    path = page_of(tmp_path, Wanted(level=Level.NONE), hostile=True)
    async with opened(path, tmp_path / "profile", width=width) as page:
        for unfolded in ("false", "true"):
            await page.run(
                f"document.querySelectorAll('details').forEach(d => d.open = {unfolded})"
            )
            assert await page.run("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True])
async def test_every_text_has_contrast_enough(tmp_path: Path, dark: bool) -> None:
    """WCAG asks for 4.5:1."""
    path = page_of(tmp_path, Wanted(whole=True))
    async with opened(path, tmp_path / "profile", dark=dark) as page:
        assert await page.run(LUMINANCE) >= 4.5


async def test_it_prints_without_its_colours_of_the_night(tmp_path: Path) -> None:
    path = page_of(tmp_path)
    async with opened(path, tmp_path / "profile", dark=True) as page:
        await page.send("Emulation.setEmulatedMedia", media="print")
        assert (
            await page.run("getComputedStyle(document.body).backgroundColor")
            == "rgb(255, 255, 255)"
        )
        printed = await page.send("Page.printToPDF")
        assert len(printed["data"]) > 10_000
