"""Findings are chosen and graded by their rule's name."""

from dataclasses import replace

from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Finding, Place, Severity, Side

LOST = Finding("tool-turn-lost", Severity.ERROR, Side.AGENT, "It is gone.", Place(2, 1))
LOOP = replace(LOST, rule="repeated-tool-call", severity=Severity.WARNING)


def test_without_a_choice_all_stay_as_they_are() -> None:
    assert EVERYTHING.of([LOST, LOOP]) == [LOST, LOOP]


def test_only_what_is_selected_is_told() -> None:
    assert Choice(select={"repeated-tool-call"}).of([LOST, LOOP]) == [LOOP]
    assert Choice(select=set()).of([LOST, LOOP]) == []


def test_what_is_ignored_or_off_is_not_told() -> None:
    assert Choice(ignore={"tool-turn-lost"}).of([LOST, LOOP]) == [LOOP]
    assert Choice(grades={"tool-turn-lost": None}).of([LOST, LOOP]) == [LOOP]
    assert Choice({"tool-turn-lost"}, {"tool-turn-lost"}).of([LOST, LOOP]) == []


def test_a_grade_is_the_severity_of_every_finding_of_its_rule() -> None:
    graded = Choice(grades={"repeated-tool-call": Severity.ERROR}).of([LOST, LOOP])
    assert [f.severity for f in graded] == [Severity.ERROR, Severity.ERROR]
    assert graded[1] == replace(LOOP, severity=Severity.ERROR)
