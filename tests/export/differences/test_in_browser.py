"""The pages of a comparison in a real browser: they ask for nothing, and nothing recorded runs."""

import asyncio
from pathlib import Path

import pytest

from kimitap.diff import Run, compare_runs, compare_threads
from kimitap.export.differences import DIFFERENCES, RUNS, runs_document
from tests.support import chromium
from tests.support.two_runs import calls, session, thread

EVIL = (
    "</style></script><script>window.pwned=1</script>"
    "<img src=http://127.0.0.1:9/x onerror='window.pwned=2'>"
    "<svg onload=window.pwned=3></svg><iframe srcdoc='<script>parent.pwned=4</script>'></iframe>"
    '" onmouseover="window.pwned=5" x="{{ 7 * 7 }}{% raw %}'
)

pytestmark = pytest.mark.skipif(
    chromium.find() is None,
    reason="no Chromium here: apt-get install chromium, and these tests run",
)


def pages(tmp_path: Path) -> list[Path]:
    """Both pages, of runs in which every text is hostile."""
    old = thread(1, *calls([EVIL, "look"]), asked=EVIL, prompt=EVIL, model=EVIL)
    new = thread(11, *calls(["look"]), asked=f"{EVIL} too", says=EVIL)
    two, runs = tmp_path / "two.html", tmp_path / "runs.html"
    two.write_text(DIFFERENCES["html"](compare_threads(old, new)))
    pairs = compare_runs([Run(EVIL, session(old))], [Run("new", session(new))])
    runs.write_text(RUNS["html"](runs_document(EVIL, "new", pairs)))
    return [two, runs]


async def test_a_hostile_comparison_runs_nothing_and_asks_for_nothing(tmp_path: Path) -> None:
    async with chromium.browser(tmp_path / "profile") as page:
        for path in pages(tmp_path):
            page.requests.clear()
            await page.send("Page.navigate", url=path.as_uri())
            loaded = f"location.href == '{path.as_uri()}' && document.readyState == 'complete'"
            for _ in range(200):
                if await page.run(loaded):
                    break
                await asyncio.sleep(0.1)
            await page.run("document.querySelectorAll('details').forEach(d => d.open = true)")
            await asyncio.sleep(0.5)
            assert await page.run("typeof window.pwned") == "undefined"
            assert {url.split("?")[0] for url in page.requests} <= {path.as_uri(), "data:,"}
            made = (
                "document.querySelectorAll('script,img,svg,iframe,[onload],[onmouseover]').length"
            )
            assert await page.run(made) == 0
            assert await page.run("document.styleSheets.length") == 1
            assert "{{ 7 * 7 }}" in await page.run("document.body.textContent")
            assert page.said == []
