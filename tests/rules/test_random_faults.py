"""Clean sessions stay clean; broken at random, the right rule strikes at the right place."""

from functools import cache

import pytest

from kimitap.rules import RULES
from kimitap.rules.finding import Severity
from tests.scoring.cache import counted
from tests.scoring.dialects import CANNOT, Dialect
from tests.scoring.dressing import Dress, dressed
from tests.scoring.faults import FAULTS
from tests.scoring.measure import Scores, broken_sessions, in_company, measure
from tests.scoring.sound import SOUND
from tests.scoring.translate import places, translated
from tests.support.examples import findings_of, sessions_of

SEED = 7
EVERY = pytest.mark.parametrize("dialect", Dialect)


@cache
def measured(dialect: Dialect) -> Scores:
    return measure(SEED, 1, dialect)


@EVERY
@pytest.mark.parametrize("dress", Dress)
@pytest.mark.parametrize("title", SOUND)
def test_a_clean_session_has_no_error(title: str, dress: Dress, dialect: Dialect) -> None:
    worn = dressed(SOUND[title], dress)
    for samples in (worn, counted(worn)):
        found = findings_of(translated(samples, dialect))
        assert [f for f in found if f.severity is Severity.ERROR] == []


@EVERY
@pytest.mark.parametrize("title", SOUND)
def test_a_session_is_the_same_in_every_dialect(title: str, dialect: Dialect) -> None:
    samples = SOUND[title]
    chat = {
        turn.exchange: turn for s in sessions_of(samples) for t in s.threads for turn in t.turns
    }
    spoken = sessions_of(translated(samples, dialect))
    turns = [turn for session in spoken for thread in session.threads for turn in thread.turns]
    assert {turn.dialect for turn in turns} == {dialect}
    assert len(turns) == len(samples)
    for turn in turns:
        old, sample = chat[turn.exchange], samples[turn.exchange - 1]
        sent: list[object] = sample.request["messages"]  # type: ignore[assignment] # a test's JSON
        where = places(sent, dialect)  # type: ignore[arg-type] # a test's JSON
        assert turn.faults == ()
        assert len(turn.messages) == where[-1]
        assert [turn.messages[i].role for i in where[:-1]] == [m.role for m in old.messages]
        assert turn.reply.message.tool_calls == old.reply.message.tool_calls
        assert turn.reply.message.text == old.reply.message.text
        assert turn.reply.message.reasoning == old.reply.message.reasoning


@EVERY
@pytest.mark.parametrize("title", SOUND)
def test_a_session_is_woven_alike_in_every_dialect(title: str, dialect: Dialect) -> None:
    def shape(of: Dialect) -> list[list[tuple[int, ...]]]:
        sessions = sessions_of(translated(SOUND[title], of))
        return [[tuple(t.exchange for t in th.turns) for th in s.threads] for s in sessions]

    assert shape(dialect) == shape(Dialect.CHAT)


def test_the_clean_sessions_can_be_broken_in_every_way() -> None:
    broken = list(broken_sessions(SEED, 1))
    assert {case.fault for case in broken} == set(FAULTS)
    assert {case.dress for case in broken} == set(Dress)
    assert {fault for fault, _ in CANNOT} <= set(FAULTS)


def test_every_rule_has_a_fault_that_it_must_find() -> None:
    found = {case.broken.rule for case in broken_sessions(SEED, 1)}
    assert found == {rule.name for rule in RULES}


@EVERY
def test_of_random_faults_nearly_all_are_found_at_their_place_by_their_rule(
    dialect: Dialect,
) -> None:
    scores = measured(dialect)
    missed = [miss for score in scores.values() for miss in score.missed]
    tried = sum(score.tried for score in scores.values())
    assert tried > 1700
    assert len(missed) <= 0.01 * tried, "\n".join(missed)
    assert {rule for rule, score in scores.items() if not score.hits} == set()


@EVERY
def test_a_fault_makes_no_other_rule_call_an_error(dialect: Dialect) -> None:
    assert [kind for score in measured(dialect).values() for kind in score.astray] == []


@EVERY
def test_two_faults_are_both_found(dialect: Dialect) -> None:
    missed = in_company(SEED, 60, dialect)
    assert len(missed) <= 2, "\n".join(missed)
