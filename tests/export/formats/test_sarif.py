"""SARIF that its schema accepts, with places and fingerprints that stay."""

import json
import os
from contextlib import chdir
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kimitap.export.formats import Checked
from kimitap.export.formats.sarif import MOST, MOST_RELATED, sarif
from kimitap.rules import RULES
from kimitap.rules.choice import Choice
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.settings import Settings
from tests.support.chat import BEGIN
from tests.support.checks import checked, hostile_session, lost_with, two_threads

SCHEMA = Path(__file__).parent / "schemas" / "sarif-schema-2.1.0.json"


@cache
def validator() -> Any:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return jsonschema.Draft7Validator(
        schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER
    )


def log(result: Checked) -> dict[str, Any]:
    """The log, which its schema accepts."""
    value: dict[str, Any] = json.loads(sarif(result))
    problems = [f"{list(e.path)}: {e.message}" for e in validator().iter_errors(value)]
    assert problems == []
    return value


def run(result: Checked) -> dict[str, Any]:
    (only,) = log(result)["runs"]
    assert isinstance(only, dict)
    return only


def test_the_schema_can_refuse() -> None:
    assert list(validator().iter_errors({"version": "2.1.0"}))


@pytest.mark.parametrize("exchanges", [[], two_threads(), hostile_session()])
def test_the_schema_accepts_it(tmp_path: Path, exchanges: list[Any]) -> None:
    assert log(checked(tmp_path / "a.db", exchanges))["version"] == "2.1.0"


def test_a_finding_of_every_rule_and_severity_is_accepted(tmp_path: Path) -> None:
    empty = checked(tmp_path / "a.db", [])
    places = (Place(1), Place(2, 0), Place(2, 3, 1), Place(2, None, 4))
    findings = [
        Finding(rule.name, severity, side, "It broke.", place, "s1", "t1", places)
        for rule in RULES
        for severity, side, place in zip([*Severity, Severity.INFO], Side, places, strict=False)
    ]
    results = run(replace(empty, findings=findings))["results"]
    assert [r["level"] for r in results[:3]] == ["error", "warning", "note"]
    assert len({r["partialFingerprints"]["kimitapFinding/v1"] for r in results}) == len(findings)


def test_every_rule_is_explained(tmp_path: Path) -> None:
    rules = run(checked(tmp_path / "a.db", []))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.name for rule in RULES]
    for described, rule in zip(rules, RULES, strict=True):
        assert rule.remedy in described["help"]["markdown"]
        assert described["properties"]["tags"][1] == rule.side
    lost = next(r for r in rules if r["id"] == "tool-turn-lost")
    assert lost["helpUri"] == "https://github.com/RooCodeInc/Roo-Code/issues/9551"
    assert lost["name"] == "ToolTurnLost"


def test_a_rule_that_was_not_asked_for_is_not_explained(tmp_path: Path) -> None:
    only = Settings(Choice(select={"dropped-reply"}))
    driver = run(checked(tmp_path / "a.db", two_threads(), only))["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == ["dropped-reply"]


def test_a_place_is_a_path_of_session_thread_exchange_and_message(tmp_path: Path) -> None:
    with chdir(tmp_path):
        made = run(checked(Path("runs") / "a b.db", two_threads()))
    (result,) = made["results"]
    rules = made["tool"]["driver"]["rules"]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "tool-turn-lost"
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "runs/a%20b.db"
    assert made["artifacts"][0]["location"]["uri"] == "runs/a%20b.db"
    (logical,) = location["logicalLocations"]
    assert logical["fullyQualifiedName"] == "s1/t1/2/1"
    steps, at = [], logical["index"]
    while at is not None:
        steps.append(made["logicalLocations"][at]["kind"])
        at = made["logicalLocations"][at].get("parentIndex")
    assert steps == ["message", "exchange", "thread", "session"]
    assert [r["logicalLocations"][0]["name"] for r in result["relatedLocations"]]


def test_a_file_elsewhere_is_named_by_its_whole_path(tmp_path: Path) -> None:
    name = tmp_path / os.fsdecode(b"l\xff.db")
    made = run(checked(name, two_threads()))
    assert made["artifacts"][0]["location"]["uri"] == f"{tmp_path.as_uri()}/l%FF.db"


def prints(result: Checked) -> list[str]:
    return [r["partialFingerprints"]["kimitapFinding/v1"] for r in run(result)["results"]]


def test_fingerprints_stay_the_same_over_runs_growth_and_import(tmp_path: Path) -> None:
    first = prints(checked(tmp_path / "a.db", lost_with("hello")))
    assert len(first) == 1
    assert first == prints(checked(tmp_path / "again.db", lost_with("hello")))
    assert first == prints(checked(tmp_path / "grown.db", two_threads()))
    late = [replace(e, number=e.number + 7) for e in lost_with("hello")]
    assert first == prints(checked(tmp_path / "moved.db", late))


def test_github_knows_each_finding_by_its_fingerprint_and_not_by_its_line(tmp_path: Path) -> None:
    result = checked(tmp_path / "a.db", two_threads())
    again = replace(result.findings[0], place=Place(2, 0))
    results = run(replace(result, findings=[*result.findings, again]))["results"]
    hashes = [r["partialFingerprints"]["primaryLocationLineHash"] for r in results]
    assert hashes == [r["partialFingerprints"]["kimitapFinding/v1"] for r in results]
    assert len(set(hashes)) == 2


def test_of_too_many_the_worst_are_told_in_their_order(tmp_path: Path) -> None:
    empty = checked(tmp_path / "a.db", [])
    mild = [_finding(number, Severity.INFO) for number in range(1, MOST + 1)]
    bad = _finding(MOST + 1, Severity.ERROR)
    (made,) = json.loads(sarif(replace(empty, findings=[*mild, bad])))["runs"]
    assert made["properties"]["leftOut"] == 1
    levels = [r["level"] for r in made["results"]]
    assert levels == ["note"] * (MOST - 1) + ["error"]


def _finding(exchange: int, severity: Severity) -> Finding:
    return Finding("dropped-reply", severity, Side.AGENT, "It broke.", Place(exchange), "s1", "t1")


def test_of_very_many_related_places_the_first_are_told(tmp_path: Path) -> None:
    result = checked(tmp_path / "a.db", two_threads())
    spread = replace(result.findings[0], related=tuple(Place(n) for n in range(1, 2000)))
    (made,) = run(replace(result, findings=[spread]))["results"]
    assert len(made["relatedLocations"]) == MOST_RELATED


def test_the_like_finding_of_another_recording_is_another(tmp_path: Path) -> None:
    first = checked(tmp_path / "a.db", lost_with("hello"))
    shifted = [
        replace(e, started_at=e.started_at.replace(year=BEGIN.year + 1)) for e in lost_with("hello")
    ]
    assert prints(first) != prints(checked(tmp_path / "b.db", shifted))


def test_recorded_text_makes_no_link(tmp_path: Path) -> None:
    (result,) = run(checked(tmp_path / "a.db", hostile_session()))["results"]
    assert "![](" not in result["message"]["text"]
