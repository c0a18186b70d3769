"""Agents' loops with a real llama-server: the healthy one, and Roo Code's four ways to write it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kimitap.demo import history
from kimitap.demo.history import History
from kimitap.demo.model import POEM
from kimitap.demo.proxy import recorder
from kimitap.rules.finding import Finding
from tests.support import openai_agent, roo
from tests.support.id_eater import without_call_ids
from tests.support.middle import Middle

Play = Callable[[History], list[Finding]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "work"
    inside.mkdir()
    return inside


@pytest.mark.parametrize("stream", [True, False])
def test_a_healthy_loop_of_four_tool_turns_has_no_finding(
    middle: Middle, folder: Path, stream: bool
) -> None:
    past = openai_agent.run(middle.client(), history.healthy, folder, stream=stream)
    assert [len(memory.results) for memory in past] == [1, 1, 1, 1, 0]
    assert (folder / "Test.md").read_text() == POEM

    analysis = middle.analysis()
    assert [len(thread.turns) for thread in analysis.threads] == [5]
    assert analysis.findings == ()
    assert not any(turn.faults for turn in analysis.turns.values())
    replies = [analysis.turns[n].reply.message for n in sorted(analysis.turns)]
    assert [reply.reasoning for reply in replies] == [memory.reply.reasoning for memory in past]
    assert [[c.arguments for c in reply.tool_calls] for reply in replies] == [
        [c.arguments for c in memory.reply.calls] for memory in past
    ]


def play(middle: Middle, written: History, folder: Path) -> list[Finding]:
    """Three turns of an agent with this history, and what is found in their recording."""
    openai_agent.run(middle.client(), written, folder, most_turns=3)
    analysis = middle.analysis()
    assert [len(thread.turns) for thread in analysis.threads] == [3]
    return list(analysis.findings)


def rules(findings: list[Finding]) -> set[str]:
    """The rules that struck, notes on the order of roles aside: each setting but one gets some."""
    return {f.rule for f in findings if (f.rule, f.severity) != ("unusual-role-order", "info")}


def test_roo_s_r1_setting_loses_the_tool_turn(middle: Middle, folder: Path) -> None:
    findings = play(middle, history.r1, folder)
    assert rules(findings) == {"tool-turn-lost"}
    assert findings[0].severity == "error"
    assert findings[0].side == "agent"
    assert (findings[0].place.exchange, findings[0].place.message_index) == (2, 1)
    assert "write_to_file" in " ".join(e.quote for e in findings[0].evidence if e.exchange == 1)


def test_roo_s_legacy_format_flattens_the_history(middle: Middle, folder: Path) -> None:
    findings = play(middle, roo.legacy, folder)
    assert rules(findings) == {"flattened-tool-history"}
    assert findings[0].place.exchange == 2


def test_roo_s_default_drops_only_the_reasoning(middle: Middle, folder: Path) -> None:
    findings = play(middle, roo.default, folder)
    assert rules(findings) == {"reasoning-dropped"}


def test_an_empty_id_makes_roo_flatten_the_history(
    llama: str, folder: Path, tmp_path: Path
) -> None:
    database = tmp_path / "empty-ids.db"
    with (
        without_call_ids(llama) as upstream,
        recorder(upstream, str(database)) as url,
    ):
        findings = play(Middle(url, database), roo.without_ids, folder)
    assert rules(findings) == {"flattened-tool-history", "missing-tool-call-id"}
    sides = {finding.rule: finding.side for finding in findings}
    assert sides["missing-tool-call-id"] == "server"
