"""Every rule's own examples, through the real decoder and weaver."""

import pytest

from kimitap.rules import RULES
from kimitap.rules.finding import Severity
from kimitap.rules.rule import Example, Rule
from tests.support.examples import findings_of, turn_of

CASES = [pytest.param(r, e, id=f"{r.name}: {e.title}") for r in RULES for e in r.examples]


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_an_example_is_judged_as_it_says(rule: Rule, example: Example) -> None:
    """Notes of other rules need not be named: many agents write what some rule takes note of."""
    found = findings_of(example.exchanges)
    assert [f.place for f in found if f.rule == rule.name] == list(example.expected), found
    told = {f.rule for f in found if f.severity is not Severity.INFO or f.rule in example.also}
    assert told - {rule.name} == set(example.also), found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_has_two_clean_and_two_flawed_examples_at_least(rule: Rule) -> None:
    flawed = [example for example in rule.examples if example.expected]
    assert len(flawed) >= 2
    assert len(rule.examples) - len(flawed) >= 2


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_strikes_only_where_a_user_can_look(rule: Rule) -> None:
    for example in rule.examples:
        for finding in findings_of(example.exchanges):
            for place in (finding.place, *finding.related):
                sent = turn_of(place.exchange, example.exchanges[place.exchange - 1]).messages
                assert place.message_index is None or 0 <= place.message_index <= len(sent)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_finding_quotes_every_exchange_that_it_is_about(rule: Rule) -> None:
    for example in rule.examples:
        for finding in (f for f in findings_of(example.exchanges) if f.rule == rule.name):
            assert finding.evidence
            assert finding.place.exchange in {e.exchange for e in finding.evidence}
            assert all(0 < len(e.quote) <= 200 for e in finding.evidence), finding
            assert "\n" not in finding.message
