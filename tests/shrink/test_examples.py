"""Every flawed example of every rule, shrunk."""

from collections import Counter
from collections.abc import Sequence

import pytest

from kimitap.exchange import Exchange
from kimitap.rules import RULES, check
from kimitap.rules.finding import Finding, Severity
from kimitap.rules.rule import Example, Rule
from kimitap.shrink import shrink
from kimitap.weave import weave
from tests.support import chat
from tests.support.examples import exchanges_of

FLAWED = [
    pytest.param(r, e, id=f"{r.name}: {e.title}") for r in RULES for e in r.examples if e.expected
]


def findings_in(exchanges: Sequence[Exchange]) -> list[Finding]:
    return [f for session in weave(chat.turns(tuple(exchanges))) for f in check(session)]


def errors_in(found: Sequence[Finding]) -> Counter[str]:
    return Counter(f.rule for f in found if f.severity is Severity.ERROR)


@pytest.mark.parametrize(("rule", "example"), FLAWED)
def test_an_example_shrinks_to_what_its_finding_needs(rule: Rule, example: Example) -> None:
    exchanges = list(exchanges_of(example.exchanges))
    before = findings_in(exchanges)
    finding = next(f for f in before if f.rule == rule.name and f.place == example.expected[0])

    shrunk = shrink(exchanges, finding)

    after = findings_in(shrunk.exchanges)
    assert shrunk.finding in after
    assert kind(shrunk.finding) == kind(finding)
    assert shrunk.numbers[shrunk.finding.place.exchange - 1] == finding.place.exchange
    assert errors_in(after) <= errors_in(before)
    assert shrunk.after.content <= shrunk.before.content
    assert shrunk.finished
    for one in shrunk.exchanges:
        left = findings_in([other for other in shrunk.exchanges if other is not one])
        gone = not any(corresponds(f, shrunk.finding) for f in left)
        assert gone or errors_in(left) - errors_in(after)


def kind(finding: Finding) -> tuple[object, ...]:
    return finding.rule, finding.severity, finding.side


def corresponds(one: Finding, other: Finding) -> bool:
    return (kind(one), one.place) == (kind(other), other.place)
