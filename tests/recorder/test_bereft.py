"""A writer that dies, or cannot be started: what is on disk is not lost, and all ends."""

import asyncio
import os
import signal
import sqlite3
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kimitap.errors import RecordingUnavailable
from kimitap.exchange import Body, Exchange, Outcome
from kimitap.recorder import post
from kimitap.recorder.line import Line
from kimitap.recorder.scribe import Scribe
from kimitap.recorder.slips import Answered, AnyNews, Begun, Ended, Kept, Resumed, Spoiled
from kimitap.store.writing import RecordingWriter

LIMIT = 64 << 20
LATER = 8
"""Enough to keep a writer busy while it is killed."""


def exchange(origin: str, body: bytes = b"") -> Exchange:
    now = datetime.now(UTC)
    return Exchange(
        0, now, "POST", "http", "h", 1, f"/{origin}", request=Body.whole(body), origin=origin
    )


async def until(question: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not question():  # noqa: ASYNC110 (nothing tells of it)
            await asyncio.sleep(0.001)


def kill_writer(line: Line) -> object:
    """Kill the process that writes; what it was."""
    way = line._post
    assert way._process is not None
    os.kill(way._process.pid, signal.SIGKILL)
    return way


def count(where: Path, of: str) -> int:
    with closing(sqlite3.connect(where)) as connection:
        (found,) = connection.execute(f"SELECT count(*) FROM {of}").fetchone()
        return int(found)


def test_what_a_third_writer_committed_before_it_died_is_not_given_up(tmp_path: Path) -> None:
    """It said so too late, being busy with what came later."""
    where = tmp_path / "kimitap.db"

    def end(line: Line, ticket: int) -> None:
        line.put(Ended(ticket, Outcome.COMPLETE, "", datetime.now(UTC)))

    def answer(line: Line, ticket: int) -> None:
        line.put(Answered(ticket, 200, "OK", (), "HTTP/1.1", datetime.now(UTC)))
        line.arrived(ticket, [(0.1, b"x" * 10)], 10)

    async def live() -> Line:
        line = Line(str(where), LIMIT)
        first = line.begin(exchange("first"), b"{}")
        await line.kept(first, 60)
        await asyncio.sleep(0.5)
        answer(line, first)
        way = kill_writer(line)
        await until(lambda: line._post is not way and line._post.started)
        way = kill_writer(line)  # before it wrote anything
        end(line, first)
        await until(lambda: line._post is not way)
        later = [line.begin(exchange(f"later{n}"), b"{}") for n in range(LATER)]
        for ticket in later:
            answer(line, ticket)
            end(line, ticket)
        done = "exchange WHERE outcome = 'complete' AND path != '/first'"
        await until(lambda: count(where, done))
        way = kill_writer(line)
        await until(lambda: line._post is not way and line._post.started)
        await line.close()
        return line

    line = asyncio.run(live())
    assert line.tally.lost == 0
    assert count(where, "exchange WHERE outcome = 'complete'") == LATER + 1
    assert count(where, "loss") == 0


def test_a_line_ends_though_every_writer_dies_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, started = asyncio.create_subprocess_exec, 0

    async def dead(*_: str, **__: object) -> Process:
        nonlocal started
        started += 1
        return await start("/bin/false", stdin=PIPE, stdout=PIPE)

    async def live() -> Line:
        line = Line(str(tmp_path / "kimitap.db"), LIMIT)
        line.speak()
        line.begin(exchange("a"), b"{}")
        await until(lambda: line.tally.lost)
        before = started
        await asyncio.wait_for(line.close(), 30)
        assert started - before < 20
        return line

    monkeypatch.setattr(post.asyncio, "create_subprocess_exec", dead)
    assert asyncio.run(live()).tally.lost == 1


def test_where_no_process_can_be_started_the_start_hears_of_it_and_a_capture_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(*_: str, **__: object) -> Process:
        raise OSError(12, "Cannot allocate memory")

    async def live() -> Line:
        line = Line(str(tmp_path / "kimitap.db"), 1 << 20)
        assert await line.scribe_spoke(60)
        assert line.trouble is not None and "cannot be started" in line.trouble.reason
        for number in range(8):
            await asyncio.wait_for(line.capture(exchange(str(number), b"x" * 300_000)), 30)
        return line

    monkeypatch.setattr(post.asyncio, "create_subprocess_exec", none)
    assert asyncio.run(live()).tally.lost > 0


def test_a_recording_that_was_replaced_is_opened_again_though_that_fails_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = tmp_path / "kimitap.db"
    news: list[AnyNews] = []
    scribe = Scribe(str(where), news.append)
    scribe.take([Resumed([])])
    scribe.step()
    for path in tmp_path.iterdir():
        path.rename(path.with_name(f"old-{path.name}"))
    real, failed = RecordingWriter._end_abandoned, False

    def fails_once(self: RecordingWriter) -> None:
        nonlocal failed
        if not failed:
            failed = True
            raise RecordingUnavailable("locked") from sqlite3.OperationalError("locked")
        real(self)

    monkeypatch.setattr(RecordingWriter, "_end_abandoned", fails_once)
    for ticket in (1, 2):
        scribe.take([Begun(ticket, exchange(str(ticket)), b"{}")])
        for _ in range(5):
            scribe.step()
    scribe.close()
    assert failed
    assert not [one for one in news if isinstance(one, Spoiled)]
    assert {one.ticket for one in news if isinstance(one, Kept)} == {1, 2}
    assert count(where, "exchange") == 2
