"""Every flawed example of every rule, shrunk."""

import pytest

from kimitap.rules import RULES
from kimitap.rules.rule import Example, Rule
from kimitap.shrink import shrink
from tests.support.shrinking import demand_minimal, demand_the_same, exchanges_of, findings_in

FLAWED = [
    pytest.param(r, e, id=f"{r.name}: {e.title}") for r in RULES for e in r.examples if e.expected
]


@pytest.mark.parametrize(("rule", "example"), FLAWED)
def test_an_example_shrinks_to_what_its_finding_needs(rule: Rule, example: Example) -> None:
    exchanges = tuple(exchanges_of(example.exchanges))
    wanted = rule.name, example.expected[0]
    finding = next(f for f in findings_in(exchanges) if (f.rule, f.place) == wanted)

    shrunk = shrink(exchanges, finding)

    assert shrunk.finished
    demand_the_same(shrunk, finding, exchanges)
    demand_minimal(shrunk)
