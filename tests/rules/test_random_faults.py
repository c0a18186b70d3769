"""Clean sessions stay clean; broken at random, the right rule strikes at the right place."""

import pytest

from kimitap.rules import RULES
from kimitap.rules.finding import Severity
from tests.scoring.cache import counted
from tests.scoring.faults import FAULTS
from tests.scoring.measure import broken_sessions, in_company, measure
from tests.scoring.sound import SOUND
from tests.support.examples import findings_of

SEED = 7


@pytest.mark.parametrize("title", SOUND)
def test_a_clean_session_has_no_error(title: str) -> None:
    found = findings_of(SOUND[title]) + findings_of(counted(SOUND[title]))
    assert [f for f in found if f.severity is Severity.ERROR] == []


def test_the_clean_sessions_can_be_broken_in_every_way() -> None:
    made = {name for _, name, _ in broken_sessions(SEED, 1)}
    assert made == set(FAULTS)
    assert {broken.rule for _, _, broken in broken_sessions(SEED, 1)} <= {r.name for r in RULES}


def test_of_random_faults_nearly_all_are_found_at_their_place_by_their_rule() -> None:
    scores = measure(SEED, 1)
    missed = [miss for score in scores.values() for miss in score.missed]
    tried = sum(score.tried for score in scores.values())
    assert tried > 600
    assert len(missed) <= 0.05 * tried, "\n".join(missed)
    assert {rule for rule, score in scores.items() if not score.hits} == set()


def test_a_fault_makes_no_other_rule_call_an_error() -> None:
    astray = [kind for score in measure(SEED, 1).values() for kind in score.astray]
    assert astray == []


def test_two_faults_are_both_found() -> None:
    missed = in_company(SEED, 150)
    assert len(missed) <= 15, "\n".join(missed)
