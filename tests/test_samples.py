"""The two recordings that come with the project: what they show, and what must not be in them."""

import re
import sqlite3
from pathlib import Path

import pytest

from kimitap.analysis import Analysis
from kimitap.store import Recording

SESSIONS = Path(__file__).parent.parent / "sessions"
LOST, HEALTHY = SESSIONS / "lost-tool-turn.db", SESSIONS / "healthy-tool-turn.db"


def analysed(sample: Path) -> Analysis:
    with Recording.open(str(sample)) as recording:
        found = Analysis(recording)
        found.refresh()
    return found


def test_the_lost_tool_turn_shows_the_bug_and_nothing_else() -> None:
    analysis = analysed(LOST)
    assert [len(thread.turns) for thread in analysis.threads] == [4]
    assert {finding.rule for finding in analysis.findings} == {"tool-turn-lost"}
    first = analysis.findings[0]
    assert (first.place.exchange, first.place.message_index) == (2, 1)


def test_the_healthy_twin_has_four_tool_turns_and_no_finding() -> None:
    analysis = analysed(HEALTHY)
    [thread] = analysis.threads
    assert [len(turn.reply.message.tool_calls) for turn in thread.turns] == [1, 1, 1, 1, 0]
    assert analysis.findings == ()


@pytest.mark.parametrize("sample", [LOST, HEALTHY], ids=lambda sample: sample.stem)
def test_a_sample_is_one_small_file_that_is_read_without_writing(sample: Path) -> None:
    assert sample.stat().st_size < 200_000
    before = sample.read_bytes()
    analysed(sample)
    assert sample.read_bytes() == before
    assert not list(SESSIONS.glob(f"{sample.name}-*"))


@pytest.mark.parametrize("sample", [LOST, HEALTHY], ids=lambda sample: sample.stem)
def test_a_sample_tells_nothing_about_the_machine_it_was_made_on(sample: Path) -> None:
    with Recording.open(str(sample)) as recording:
        exchanges = list(recording.exchanges())
    said = "".join(
        f"{e.path}\n{e.request_headers}\n{e.response_headers}\n{e.detail}\n"
        + e.request.content.decode()
        + e.response.decode()
        for e in exchanges
    )
    with sqlite3.connect(f"file:{sample}?mode=ro", uri=True) as connection:
        said += "\n".join(connection.iterdump())
    connection.close()
    assert "Test.md" in said
    assert not re.search(
        r"/(home|Users|root|tmp|work|var)\b|\b(?!127\.0)\d+\.\d+\.\d+\.\d+\b", said
    )
