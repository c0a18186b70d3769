"""The fewest exchanges that show a finding, for every rule and on real captures."""

import time
from pathlib import Path

import pytest

from kimitap.evidence import subject_of
from kimitap.evidence.case import Wanted, gather, make_case
from kimitap.evidence.fewest import fewest
from kimitap.rules import RULES
from kimitap.rules.finding import Finding, Severity
from kimitap.rules.rule import Rule
from tests.support import corpus
from tests.support.evidence import analysed
from tests.support.examples import _in_turn as exchanges_of
from tests.support.recorded import lost, next_turn


def same(one: Finding, other: Finding | None) -> bool:
    """The same rule, as grave, at the corresponding message."""
    if other is None:
        return False
    facts = (
        (f.rule, f.severity, f.side, f.place.message_index, f.place.part) for f in (one, other)
    )
    return len(set(facts)) == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_fewest_exchanges_show_every_flawed_example(rule: Rule, tmp_path: Path) -> None:
    """Written, masked, and read again: the same rule at the same message, and no new error."""
    for n, example in enumerate(e for e in rule.examples if e.expected):
        with analysed(tmp_path / f"{n}.db", exchanges_of(example.exchanges)) as analysis:
            finding = next(f for f in analysis.findings if f.rule == rule.name)
            case = make_case(
                gather(analysis, subject_of(analysis, finding), Wanted()),
                Wanted(),
                tmp_path / f"{n}s.db",
            )
            case.analysis.recording.close()
            assert same(finding, case.finding), example.title
            assert len(case.exchanges) <= len(example.exchanges)
            old = {(f.rule, f.place.message_index, f.severity) for f in analysis.findings}
            errors = [f for f in case.analysis.findings if f.severity is Severity.ERROR]
            assert all((f.rule, f.place.message_index, f.severity) in old for f in errors)


def test_what_the_finding_does_not_need_is_left_out(tmp_path: Path) -> None:
    turns = [*lost(), next_turn(4, "On Friday.")]
    with analysed(tmp_path / "x.db", turns) as analysis:
        finding = next(f for f in analysis.findings if f.rule == "tool-turn-lost")
        assert fewest(analysis, finding) == (2, 3)


def test_a_finding_that_no_exchange_shows_is_not_pretended(tmp_path: Path) -> None:
    with analysed(tmp_path / "x.db", lost()) as analysis:
        known = analysis.findings[0]
        made_up = Finding("no-such-rule", known.severity, known.side, "", known.place)
        assert fewest(analysis, made_up) is None


def test_without_patience_what_shows_the_finding_is_kept_as_it_is(tmp_path: Path) -> None:
    with analysed(tmp_path / "x.db", lost()) as analysis:
        finding = next(f for f in analysis.findings if f.rule == "tool-turn-lost")
        numbers = fewest(analysis, finding, patience_s=0.0)
        assert numbers is not None and finding.place.exchange in numbers


CAPTURES = corpus.captures()


@pytest.mark.skipif(not CAPTURES, reason=corpus.MISSING)
def test_every_errored_capture_has_a_smaller_recording_that_shows_its_error(
    tmp_path: Path,
) -> None:
    """The first capture of each agent for each rule: the others say the same once more."""
    told: set[tuple[str, str]] = set()
    for agent, name in CAPTURES:
        with analysed(tmp_path / f"{agent}-{name}.db", corpus.exchanges(agent, name)) as analysis:
            errors = [f for f in analysis.findings if f.severity is Severity.ERROR]
            if not errors or (agent, errors[0].rule) in told:
                continue
            told.add((agent, errors[0].rule))
            began = time.monotonic()
            path = tmp_path / f"{agent}-{name}-small.db"
            case = make_case(
                gather(analysis, subject_of(analysis, errors[0]), Wanted()), Wanted(), path
            )
            case.analysis.recording.close()
            assert same(errors[0], case.finding), (agent, name, errors[0].rule)
            assert len(case.exchanges) <= case.of
            assert time.monotonic() - began < 60
    assert len(told) > 5
