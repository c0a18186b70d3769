"""The way to the scribe's process: its death is heard, however early it comes."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process

import pytest

from kimitap.recorder import post
from kimitap.recorder.post import Post


def test_the_death_of_a_process_that_has_hardly_begun_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else no other would be started."""
    start = asyncio.create_subprocess_exec

    async def dead(*_: str, **__: object) -> Process:
        process = await start(sys.executable, "-c", "", stdin=PIPE, stdout=PIPE)
        await process.wait()
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.sleep(0.1)  # its pipe is closed by now
        return process

    async def live() -> None:
        ended = asyncio.Event()
        monkeypatch.setattr(post.asyncio, "create_subprocess_exec", dead)
        one = Post("k.db", lambda news: ended.set() if None in news else None)
        await asyncio.wait_for(ended.wait(), 60)
        assert one.started

    asyncio.run(live())
