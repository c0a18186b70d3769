"""An agent that runs on a recording has the conversation that was recorded, to the last byte."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from openai import ConflictError

from kimitap.analysis import Analysis
from kimitap.demo import history
from kimitap.demo.history import History
from kimitap.demo.upstream import Upstream
from kimitap.diff import compare_sessions
from kimitap.exchange import Exchange
from kimitap.lineage import Mark
from kimitap.store import Recording
from tests.support import openai_agent
from tests.support.middle import Middle


@contextmanager
def started(*words: str | Path) -> Iterator[str]:
    """A command of Kimitap as a process of its own; its base URL without `/v1`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kimitap.cli", *map(str, words), "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"ready: .*(http://\S+)/v1$", line.strip()):
                yield found[1]
                break
        else:
            raise AssertionError("it did not start")
        process.send_signal(signal.SIGINT)
        told = process.stdout.read()
        assert process.wait(30) == 0, told
    finally:
        process.kill()
        process.wait()


def play(url: str, where: Path, written: History, folder: Path, stream: bool) -> Analysis:
    """The agent does its task through `kimitap record` before `url`."""
    folder.mkdir()
    with started("record", "--upstream", url, "--db", where) as middle:
        there = Middle(middle, where)
        openai_agent.run(there.client(), written, folder, most_turns=4, stream=stream)
    return there.analysis()


def exchanges(where: Path) -> list[Exchange]:
    with Recording.open(str(where)) as recording:
        return list(recording.exchanges())


@pytest.mark.parametrize(("written", "stream"), [(history.healthy, True), (history.r1, False)])
def test_an_agent_on_a_recording_has_the_recorded_conversation(
    tmp_path: Path, written: History, stream: bool
) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    with Upstream() as upstream:
        before = play(upstream.url, first, written, tmp_path / "one", stream)
    with started("serve-recording", first, "--speed", "max") as url:
        after = play(url, second, written, tmp_path / "two", stream)
    (old,), (new,) = before.sessions, after.sessions
    pairs = compare_sessions(old, new).turns
    assert len(pairs) == 4
    assert {(pair.mark, pair.differs) for pair in pairs} == {(Mark.SAME, ())}
    for one, other in zip(exchanges(first), exchanges(second), strict=True):
        assert one.response == other.response
        assert one.response_headers == other.response_headers
        assert (one.status, one.reason) == (other.status, other.reason)
        assert one.request.content == other.request.content


def test_an_agent_that_writes_its_history_in_another_way_hears_where(tmp_path: Path) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    with Upstream() as upstream:
        play(upstream.url, first, history.healthy, tmp_path / "one", stream=True)
    with (
        started("serve-recording", first, "--speed", "max") as url,
        pytest.raises(ConflictError) as told,
    ):
        play(url, second, history.r1, tmp_path / "two", stream=True)
    assert "differs from exchange 1: message 0 (system) is missing" in str(told.value)
