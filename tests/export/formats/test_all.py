"""All formats tell the same findings, and none tells a secret or lets a text act."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from kimitap.export.formats import FORMATS
from kimitap.rules.choice import Choice
from kimitap.rules.finding import Severity
from kimitap.settings import Settings
from tests.support.chat import exchange
from tests.support.checks import SECRET, checked, hostile_session, two_threads
from tests.support.recordings import healthy_tool_turn


@pytest.mark.parametrize("form", FORMATS)
def test_every_finding_is_told_with_its_place(tmp_path: Path, form: str) -> None:
    result = checked(tmp_path / "a.db", two_threads())
    told = FORMATS[form](result)
    assert [f.rule for f in result.findings] == ["tool-turn-lost"]
    assert "tool-turn-lost" in told
    assert result.findings[0].message.split("(")[0][:40] in told.replace("\\", "")
    place = '"exchange": 2' if form == "json" else "exchange 2"
    assert place in told


@pytest.mark.parametrize("form", FORMATS)
def test_no_secret_is_told(tmp_path: Path, form: str) -> None:
    told = FORMATS[form](checked(tmp_path / "a.db", hostile_session()))
    assert "tool-turn-lost" in told
    assert SECRET not in told
    assert "[masked" in told.replace("\\", "")


@pytest.mark.parametrize("form", FORMATS)
def test_no_control_or_bidi_character_gets_through(tmp_path: Path, form: str) -> None:
    told = FORMATS[form](checked(tmp_path / "a.db", hostile_session()))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufeff]", told)


@pytest.mark.parametrize("form", FORMATS)
def test_a_healthy_and_an_empty_recording_are_told_too(tmp_path: Path, form: str) -> None:
    for name, exchanges in (
        ("healthy", healthy_tool_turn()),
        ("empty", []),
        ("props", [exchange(1, {}, {}, path="/props")]),
    ):
        result = checked(tmp_path / f"{name}.db", exchanges)
        assert not result.failed
        told = FORMATS[form](result)
        assert f"{name}.db" in told
        assert told.endswith("\n")


@pytest.mark.parametrize("form", FORMATS)
def test_a_grade_shows_in_every_format(tmp_path: Path, form: str) -> None:
    choice = Choice(grades={"tool-turn-lost": Severity.WARNING})
    result = checked(tmp_path / "a.db", two_threads(), Settings(choice))
    assert not result.failed
    assert re.search("warning", FORMATS[form](result))


@pytest.mark.parametrize("form", FORMATS)
def test_a_finding_of_a_rule_that_is_not_listed_is_told_all_the_same(
    tmp_path: Path, form: str
) -> None:
    result = replace(checked(tmp_path / "a.db", two_threads()), rules=[])
    assert "tool-turn-lost" in FORMATS[form](result)
