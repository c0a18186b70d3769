"""Our HAR in the developer tools of a real Chromium: their own importer reads it, whole."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kimitap.exchange import Exchange
from kimitap.interchange.outgoing.har import har
from tests.support import chromium
from tests.support.captured import every_kind
from tests.support.recorded import lost

pytestmark = pytest.mark.skipif(
    chromium.find() is None,
    reason="no Chromium here: apt-get install chromium, and these tests run",
)

TOOLS = "devtools://devtools/bundled/devtools_app.html"
IMPORT = """
(async () => {
  const tools = await import('devtools://devtools/bundled/models/har/har.js');
  const root = new tools.HARFormat.HARRoot(JSON.parse(%s));
  const requests = tools.Importer.Importer.requestsFromHARLog(root.log);
  return Promise.all(requests.map(async one => {
    const answer = await one.requestContentData();
    return {
      url: one.url(), method: one.requestMethod, status: one.statusCode, type: one.mimeType,
      asked: await one.requestFormData(), finished: one.finished, failed: one.failed,
      answer: answer.isTextContent ? answer.text : null,
      begin: one.startTime, head: one.responseReceivedTime, end: one.endTime,
    };
  }));
})()
"""


async def shown(exchanges: list[Exchange], folder: Path) -> list[Mapping[str, Any]]:
    """What the network panel has of them once the file was dropped into it."""
    text = json.dumps("".join(har(exchanges)))
    async with chromium.browser(folder / "profile") as page:
        await page.send("Page.navigate", url=TOOLS)
        for _ in range(600):
            if await page.run(f"location.href == '{TOOLS}' && document.title == 'DevTools'"):
                break
            await asyncio.sleep(0.1)
        read: list[Mapping[str, Any]] = await page.run(IMPORT % text)
    return read


async def test_the_network_panel_shows_each_request_and_its_answer(tmp_path: Path) -> None:
    turns = lost()
    read = await shown(turns, tmp_path)
    assert [one["url"] for one in read] == [f"http://{t.host}:{t.port}{t.path}" for t in turns]
    for one, turn in zip(read, turns, strict=True):
        assert (one["method"], one["status"], one["finished"]) == ("POST", 200, True)
        assert one["asked"] == turn.request.content.decode()
        assert one["answer"] == turn.response.decode()
        assert one["type"] == "text/event-stream"
        assert turn.ended_at is not None
        assert one["begin"] == pytest.approx(turn.started_at.timestamp(), abs=0.002)
        assert one["end"] == pytest.approx(turn.ended_at.timestamp(), abs=0.002)
        assert one["begin"] <= one["head"] <= one["end"]


async def test_no_kind_of_exchange_is_lost_on_it(tmp_path: Path) -> None:
    exchanges = every_kind()
    read = await shown(exchanges, tmp_path)
    assert len(read) == len(exchanges)
    assert [one["status"] for one in read] == [one.status or 0 for one in exchanges]
    assert [one["method"] for one in read] == [one.method for one in exchanges]
