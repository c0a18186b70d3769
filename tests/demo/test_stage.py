"""The whole play: server, a real mitmdump with the addon, both agents; and what was recorded."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kimitap.analysis import Analysis
from kimitap.demo import DemoFailed, Played, run
from kimitap.demo.proxy import recorder
from kimitap.demo.stage import HEALTHY, LOSSY
from kimitap.store import Recording


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], tuple[Played, ...]]:
    database = tmp_path_factory.mktemp("demo") / "demo.db"
    said: list[str] = []
    return database, said, run(str(database), said.append, tokens_per_s=0)


@pytest.fixture
def analysis(played: tuple[Path, list[str], tuple[Played, ...]]) -> Iterator[Analysis]:
    with Recording.open(str(played[0])) as recording:
        found = Analysis(recording)
        found.refresh()
        yield found


def test_both_agents_play_to_their_end(
    played: tuple[Path, list[str], tuple[Played, ...]],
) -> None:
    _, said, (healthy, lossy) = played
    assert (healthy.turns, healthy.answer) == (5, "Test.md holds the poem and its title.")
    assert (lossy.turns, lossy.answer) == (LOSSY.most_turns, None)
    text = "\n".join(said)
    assert HEALTHY.about in text
    assert text.count("the model calls write_to_file Test.md") == 2 + LOSSY.most_turns
    assert "gives up after 4 requests" in text


def test_each_agent_is_a_session_of_one_thread(analysis: Analysis) -> None:
    shapes = [[len(thread.turns) for thread in session.threads] for session in analysis.sessions]
    assert shapes == [[5], [4]]
    sent = [session.threads[0].turns[0].agent for session in analysis.sessions]
    assert sent == [HEALTHY.name, LOSSY.name]
    assert {session.agent for session in analysis.sessions} == {"demo-agent 1.0"}


def test_only_the_lossy_agent_has_findings_and_all_are_the_lost_tool_turn(
    analysis: Analysis,
) -> None:
    assert {finding.session for finding in analysis.findings} == {"s6"}
    assert {finding.rule for finding in analysis.findings} == {"tool-turn-lost"}
    first = analysis.findings[0]
    assert (first.place.exchange, first.place.message_index) == (7, 1)


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(DemoFailed) as failure:
        run(str(tmp_path / "demo.db"), lambda _: None, llama=nobody)
    assert "did not answer" in str(failure.value)


def test_a_recorder_that_cannot_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(DemoFailed, match="did not start"),
        recorder("not-a-url:x:y", str(tmp_path / "demo.db")),
    ):
        pass
