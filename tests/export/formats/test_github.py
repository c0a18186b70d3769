"""Workflow commands as GitHub's runner reads them."""

import re
from dataclasses import replace
from pathlib import Path

from kimitap.export.formats import Checked
from kimitap.export.formats.github import github
from kimitap.rules.finding import Severity
from tests.support.checks import checked, hostile_session, two_threads


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """(command, properties, message) of each line that the runner takes for a command."""
    found = []
    for line in text.splitlines():
        if not line.lstrip().startswith("::"):
            assert "##[" not in line
            continue
        _, head, data = line.lstrip().split("::", 2)
        name, _, rest = head.partition(" ")
        pairs = (pair.split("=", 1) for pair in rest.split(","))
        found.append((name, {k: _property(v) for k, v in pairs}, _data(data)))
    return found


def _data(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _property(text: str) -> str:
    return _data(text.replace("%3A", ":").replace("%2C", ","))


def test_a_finding_is_an_annotation(tmp_path: Path) -> None:
    text = github(checked(tmp_path / "a.db", two_threads()))
    ((name, properties, message),) = commands(text)
    assert name == "error"
    assert properties["title"] == "tool-turn-lost (exchange 2, message 1, side: agent)"
    assert properties["file"].endswith("a.db")
    assert len(message.splitlines()) > 2
    assert "What to do: " in message
    assert text.splitlines()[-1].startswith("kimitap: ")


def test_recorded_text_gives_no_command_and_loses_no_percent_sign(tmp_path: Path) -> None:
    ((name, _, message),) = commands(github(checked(tmp_path / "a.db", hostile_session())))
    assert name == "error"
    assert "100%" in message
    assert "##[" not in message


def test_the_worst_comes_first_since_github_shows_ten(tmp_path: Path) -> None:
    result = checked(tmp_path / "a.db", two_threads())
    graded = [replace(result.findings[0], severity=s) for s in reversed(Severity)]
    names = [name for name, _, _ in commands(github(replace(result, findings=graded)))]
    assert names == ["error", "warning", "notice"]


def test_a_title_and_a_file_cannot_end_early(tmp_path: Path) -> None:
    result: Checked = replace(checked(tmp_path / "a.db", two_threads()), uri="a,b:c%2Cd\ne.db")
    (line,) = (x for x in github(result).splitlines() if x.startswith("::"))
    assert re.match(r"::error file=a%2Cb%3Ac%252Cd%0Ae\.db,title=[^,:]+::", line)
