"""Findings that are kept up to date are those that a check of everything finds."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules import RULES, check
from kimitap.rules.checker import Checker
from kimitap.rules.choice import Choice
from kimitap.rules.finding import Finding, Severity, by_place
from kimitap.rules.rule import Sample
from kimitap.weave import Weaver, weave
from tests.support import chat, corpus
from tests.support.examples import exchange_of
from tests.support.histories import default, empty_id, healthy, legacy, r1, session

SOME = corpus.captures()[::4]
"""Captures that are grown turn by turn: enough to show every kind of thread."""


def checked(sessions: Sequence[Session]) -> list[Finding]:
    """What a check of everything finds."""
    return sorted((f for s in sessions for f in check(s)), key=by_place)


def decoded(samples: Sequence[Sample]) -> list[Turn]:
    return chat.turns([exchange_of(n, s) for n, s in enumerate(samples, 1)])


def grown(turns: Sequence[Turn]) -> None:
    """Weave and check turn by turn; each time all must be as if checked at once."""
    weaver, checker = Weaver(), Checker(RULES)
    for turn in turns:
        weaver.add(turn)
        sessions = weaver.sessions()
        checker.update(sessions)
        assert list(checker.findings) == checked(sessions)


@pytest.mark.parametrize("given_back", [healthy, r1, legacy, default, empty_id])
def test_a_session_that_grows_is_found_as_broken_as_the_whole(given_back: object) -> None:
    turns = decoded(session(given_back, 6))  # type: ignore[arg-type]  # one of the histories
    grown(turns)
    mixed = list(turns)
    Random(1).shuffle(mixed)
    grown(mixed)


@pytest.mark.parametrize(("agent", "case"), SOME)
def test_a_real_run_that_grows_is_found_as_broken_as_the_whole(agent: str, case: str) -> None:
    grown(corpus.turns(agent, case))


def test_there_were_real_runs() -> None:
    if not SOME:
        pytest.skip(f"NOT TESTED against real agents: {corpus.MISSING}")


def test_findings_that_stay_are_the_same_objects() -> None:
    turns = decoded(session(r1, 6))
    weaver, checker = Weaver(), Checker(RULES)
    for turn in turns[:4]:
        weaver.add(turn)
    checker.update(weaver.sessions())
    before = {id(finding) for finding in checker.findings}
    weaver.add(turns[4])
    checker.update(weaver.sessions())
    kept = [f for f in checker.findings if f.place.exchange < 4]
    assert kept and all(id(finding) in before for finding in kept)


def test_what_was_not_chosen_is_not_told_and_what_is_gone_is_forgotten() -> None:
    sessions = weave(decoded(session(r1, 4)))
    silent = Checker(RULES, Choice(ignore={"tool-turn-lost"}))
    silent.update(sessions)
    assert "tool-turn-lost" not in {f.rule for f in silent.findings}
    mild = Checker(RULES, Choice(grades={"tool-turn-lost": Severity.INFO}))
    mild.update(sessions)
    lost = [f for f in mild.findings if f.rule == "tool-turn-lost"]
    assert lost and all(f.severity is Severity.INFO for f in lost)
    mild.update(())
    assert mild.findings == ()


def every_thread() -> list[tuple[Thread, Session]]:
    """The threads of hand-made histories, of the rules' own examples, and of real runs."""
    made = [weave(decoded(session(way, 5))) for way in (healthy, r1, legacy, default, empty_id)]
    made += [weave(decoded(e.exchanges)) for rule in RULES for e in rule.examples]
    made += [weave(corpus.turns(*name)) for name in SOME]
    return [(t, s) for sessions in made for s in sessions for t in s.threads]


def test_a_rule_that_judges_by_turn_finds_in_each_turn_what_it_finds_in_the_thread() -> None:
    for thread, whole in every_thread():
        slices = [
            replace(thread, turns=(turn,), links=(link,))
            for turn, link in zip(thread.turns, thread.links, strict=True)
        ]
        for rule in (rule for rule in RULES if rule.by_turn):
            apart = [finding for one in slices for finding in rule.check(one, whole)]
            assert apart == list(rule.check(thread, whole)), rule.name


def test_a_rule_that_does_not_say_that_it_reads_the_session_does_not() -> None:
    for thread, whole in every_thread():
        alone = Session(whole.number, (thread,), whole.agent, whole.model)
        for rule in (rule for rule in RULES if not rule.reads_session):
            assert list(rule.check(thread, alone)) == list(rule.check(thread, whole)), rule.name
