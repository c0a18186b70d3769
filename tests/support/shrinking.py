"""What the tests of shrink have in common: exchanges to shrink, and what they show."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import orjson

from kimitap.exchange import Exchange
from kimitap.rules import check
from kimitap.rules.finding import Finding
from kimitap.rules.rule import Sample
from kimitap.shrink import Shrunk
from kimitap.shrink.draft import Draft
from kimitap.shrink.sameness import LEFT_BEHIND, gives_no_other_reason
from kimitap.weave import weave
from tests.support import chat
from tests.support.examples import exchange_of


def exchanges_of(samples: Sequence[Sample]) -> Iterator[Exchange]:
    """The samples as exchanges; what comes after a pause begins later by as much."""
    late = timedelta()
    for number, sample in enumerate(samples, 1):
        made = exchange_of(number, sample)
        ended = made.ended_at and made.ended_at + late
        yield replace(made, started_at=made.started_at + late, ended_at=ended)
        late += timedelta(seconds=sum(sample.pauses.values()))


def findings_in(exchanges: Sequence[Exchange]) -> list[Finding]:
    """Everything that all rules find, by another way than shrink's own."""
    return [f for session in weave(chat.turns(exchanges)) for f in check(session)]


def defects_in(found: Sequence[Finding]) -> Counter[tuple[str, str]]:
    """How many findings there are of each rule and severity."""
    return Counter((f.rule, f.severity.value) for f in found if f.rule not in LEFT_BEHIND)


def kind(finding: Finding) -> tuple[object, ...]:
    return finding.rule, finding.severity, finding.side


def demand_the_same(shrunk: Shrunk, finding: Finding, exchanges: Sequence[Exchange]) -> None:
    """Assert all that shrink promises of its outcome."""
    before, after = findings_in(exchanges), findings_in(shrunk.exchanges)
    assert shrunk.finding in after
    assert kind(shrunk.finding) == kind(finding)
    assert shrunk.numbers[shrunk.finding.place.exchange - 1] == finding.place.exchange
    assert [one.number for one in shrunk.exchanges] == list(range(1, len(shrunk.exchanges) + 1))
    assert defects_in(after) <= defects_in(before)
    assert shrunk.after.content <= shrunk.before.content
    for one in shrunk.exchanges:
        was = exchanges[[e.number for e in exchanges].index(shrunk.numbers[one.number - 1])]
        demand_valid(one, was)


def demand_valid(one: Exchange, was: Exchange) -> None:
    """Assert that what was JSON is JSON, in the request and in each event of the answer."""
    if is_json(was.request.content):
        assert is_json(one.request.content)
    unreadable, before = (sum(not p.data for p in Draft(e).parts) for e in (one, was))
    assert unreadable <= before
    assert sum(segment.length for segment in one.segments) == len(one.response)


def demand_minimal(shrunk: Shrunk) -> None:
    """Assert that no exchange can be left out: the finding goes, or another comes."""
    after = findings_in(shrunk.exchanges)
    place = shrunk.finding.place
    for one in shrunk.exchanges:
        left = findings_in([other for other in shrunk.exchanges if other is not one])
        stays = any(
            kind(f) == kind(shrunk.finding)
            and f.place == place
            and gives_no_other_reason(shrunk.finding, f)
            for f in left
        )
        assert not stays or defects_in(left) - defects_in(after), one.number


def is_json(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True
