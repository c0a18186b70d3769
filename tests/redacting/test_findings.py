"""What weaving and rules say of a redacted recording is what they say of the original."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kimitap.dialects import Memo, decode
from kimitap.exchange import Exchange
from kimitap.redacting import Level, redacted
from kimitap.rules import RULES
from kimitap.rules.checker import Checker
from kimitap.rules.choice import EVERYTHING
from kimitap.store import Recording
from kimitap.weave import Weaver
from tests.support import corpus, wire

SESSIONS = sorted((Path(__file__).parents[2] / "sessions").glob("*.db"))
LEVELS = [Level.SECRETS, Level.TEXT]
CAPTURES = [("claude", "subagent"), ("gptme", "f_leak"), ("qwen", "kimi"), ("mixed", "three")]
"""One of each way to write calls; all others were measured, too (in the report)."""


def story(exchanges: Sequence[Exchange]) -> object:
    """Threads, echoes and (rule, place, severity) of each finding."""
    memo, weaver = Memo(), Weaver()
    for turn in (decode(exchange, memo) for exchange in exchanges):
        if turn is not None:
            weaver.add(turn)
    sessions = weaver.sessions()
    checker = Checker(RULES, EVERYTHING)
    checker.update(sessions)
    threads = [
        (thread.number, thread.kind, [turn.exchange for turn in thread.turns])
        for session in sessions
        for thread in session.threads
    ]
    echoes = [
        (link.relation, link.prefix, link.pairs, link.echo.kind, link.echo.slot, link.echo.altered)
        for session in sessions
        for thread in session.threads
        for link in thread.links
        if link is not None
    ]
    return threads, echoes, [(f.rule, f.place, f.severity) for f in checker.findings]


def assert_same(exchanges: Sequence[Exchange], level: Level) -> None:
    assert story([out for out, _ in redacted(exchanges, level)]) == story(exchanges)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("folder", [wire.MAINLINE, wire.IK], ids=lambda folder: folder.name)
def test_recorded_answers_have_the_same_findings(folder: Path, level: Level) -> None:
    names = wire.names(folder)
    assert_same([wire.load(name, folder, i) for i, name in enumerate(names, 1)], level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.name)
def test_recorded_sessions_have_the_same_findings(path: Path, level: Level) -> None:
    with Recording.open(str(path)) as recording:
        assert_same(list(recording.exchanges()), level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("agent", "case"), CAPTURES)
def test_agents_sessions_have_the_same_findings(agent: str, case: str, level: Level) -> None:
    if not corpus.present():
        pytest.skip(corpus.MISSING)
    assert_same(corpus.exchanges(agent, case), level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.name)
def test_sessions_of_another_machine_have_the_same_findings(path: Path, level: Level) -> None:
    with Recording.open(str(path)) as recording:
        exchanges = [replace(one, host="gpu.corp.example") for one in recording.exchanges()]
    assert_same(exchanges, level)
    outs = [out for out, _ in redacted(exchanges, level)]
    assert {(one.host, one.port) for one in outs} == {
        ("host-1.invalid", one.port) for one in exchanges
    }
