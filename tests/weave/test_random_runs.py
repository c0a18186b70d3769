"""Made-up agents, at random from a seed: woven as they were, in any order, and never mixed."""

from collections.abc import Sequence
from random import Random

import pytest

from kimitap.lineage import EchoKind, Relation, Session
from kimitap.weave import Weaver, weave
from tests.support.random_runs import Run, merged

SEEDS = range(40)


def threads_of(sessions: Sequence[Session]) -> set[tuple[int, ...]]:
    return {tuple(t.exchange for t in thread.turns) for s in sessions for thread in s.threads}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("named", ["ses_1", ""], ids=["named", "unnamed"])
def test_a_run_is_woven_as_it_was(seed: int, named: str) -> None:
    run = Run(seed, named=named).play(14)
    sessions = weave(run.turns)
    assert threads_of(sessions) == run.threads
    assert len(sessions) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_no_healthy_reply_is_held_to_be_lost(seed: int) -> None:
    links = [
        link
        for session in weave(Run(seed).play(20).turns)
        for thread in session.threads
        for link in thread.links
        if link is not None and link.judged
    ]
    assert links
    assert {link.echo.kind for link in links} <= {EchoKind.SAME}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_two_agents_with_one_prompt_and_one_task_are_never_mixed(seed: int, named: bool) -> None:
    runs = [Run(seed, name, f"ses_{name}" if named else "").play(12) for name in "ab"]
    turns, _, owned = merged(runs)
    for thread in threads_of(weave(turns)):
        assert set(thread) <= owned[0] or set(thread) <= owned[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_agents_side_by_side_are_woven_as_each_alone(seed: int) -> None:
    runs = [
        Run(
            seed,
            name,
            f"ses_{name}" if name in "ab" else "",
            f"You are the agent {name}, of another make than all others here.",
            f"Please do what {name} is for: {name * 5} by {name * 7}, and say when it is done.",
        ).play(8)
        for name in "abcd"
    ]
    turns, threads, _ = merged(runs)
    sessions = weave(turns)
    assert threads_of(sessions) == threads
    assert len(sessions) == 4


@pytest.mark.parametrize("seed", SEEDS)
def test_woven_as_they_arrive_they_are_what_they_are_at_once(seed: int) -> None:
    turns, _, _ = merged([Run(seed, name).play(8) for name in "ab"])
    dice = Random(seed)
    whole = weave(turns)
    weaver = Weaver()
    for turn in turns:
        weaver.add(turn)
        weaver.sessions()
    assert weaver.sessions() == whole
    late = sorted(turns, key=lambda turn: turn.exchange + dice.uniform(0, 5))
    weaver = Weaver()
    for turn in late:
        weaver.add(turn)
        if dice.random() < 0.5:
            weaver.sessions()
    assert weaver.sessions() == whole


def test_the_runs_hold_what_they_should() -> None:
    relations = {
        link.relation
        for seed in SEEDS
        for session in weave(Run(seed).play(14).turns)
        for thread in session.threads
        for link in thread.links
        if link is not None
    }
    assert relations >= {Relation.CONTINUES, Relation.RETRY, Relation.FORK, Relation.COMPACTION}
    kinds = {t.kind for seed in SEEDS for s in weave(Run(seed).play(14).turns) for t in s.threads}
    assert kinds == {"main", "side", "sub-agent", "fork"}
