"""docs/ci.md and docs/diff.md cannot rot: their workflow, commands, tables and keys are ours."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from kimitap.cli import app
from kimitap.diff import Run, compare_runs, compare_threads
from kimitap.export.differences import DIFFERENCES, RUNS, runs_document
from kimitap.running import VARIABLES
from tests.support.two_runs import calls, session, thread

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "ci.md").read_text()
WORKFLOW = DOCS / "examples" / "agent-tests.yml"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def scripts() -> Iterator[str]:
    """All that the workflows run."""
    for job in yaml.safe_load(WORKFLOW.read_text())["jobs"].values():
        yield from (step["run"] for step in job["steps"] if "run" in step)
    yield from yaml.safe_load(blocks("yaml")[1])["agent"]["script"]


def indented() -> Iterator[str]:
    """The examples of both pages."""
    for page in (PAGE, (DOCS / "diff.md").read_text()):
        yield from (line for line in re.findall(r"(?m)^    (kimitap (?:.*\\\n)*.*)", page))


def commands() -> list[str]:
    """Every `kimitap …` that the pages tell a reader to run."""
    joined = (text.replace("\\\n", " ") for text in (*scripts(), *indented()))
    lines = (line.strip() for text in joined for line in text.splitlines())
    return [line for line in lines if line.startswith("kimitap ")]


def test_the_page_shows_the_workflow_as_it_lies_beside_it() -> None:
    assert WORKFLOW.read_text() in blocks("yaml")


def test_the_workflow_is_one_that_github_takes() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    assert workflow[True] == ["push", "pull_request"]  # YAML 1.1 reads the key `on` so
    assert workflow["permissions"]["security-events"] == "write"
    (job,) = workflow["jobs"].values()
    assert all(("run" in step) != ("uses" in step) for step in job["steps"])
    used = {step["uses"].split("@")[0]: step for step in job["steps"] if "uses" in step}
    assert used["github/codeql-action/upload-sarif"]["with"]["sarif_file"] == "kimitap.sarif"
    assert "run.db" in used["actions/upload-artifact"]["with"]["path"].split()


def test_there_are_commands_to_look_at() -> None:
    assert {line.split()[1] for line in commands()} == {"run", "check", "diff"}
    assert len(commands()) > 8


@pytest.mark.parametrize("line", commands())
def test_every_command_of_the_pages_is_understood(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command = app.get_command(click.Context(app), words[0])
    assert command is not None
    parsed = command.make_context(words[0], words[1:])
    if words[0] == "run":
        assert "--" not in parsed.params["command"]
        assert parsed.params["upstream"].startswith("http://")


def test_the_table_of_variables_is_the_program_s() -> None:
    (table,) = re.findall(r"<!-- variables -->\n(.*?)<!-- /variables -->", PAGE, re.DOTALL)
    rows = [f"| `{v.name}` | `{{url}}{v.path}` | {v.readers} |" for v in VARIABLES]
    assert table.splitlines()[2:] == rows


def keys(value: Any) -> set[str]:
    """All keys of a document, but those that are names of rules, facts or turns."""
    if isinstance(value, list):
        return set().union(*map(keys, value))
    if not isinstance(value, dict):
        return set()
    free = {"facts", "findings", "by_turn", "by_part"}
    deeper = ({*value[name]} and set() if name in free else keys(value[name]) for name in value)
    return set(value).union(*deeper)


def test_every_key_of_the_json_is_documented() -> None:
    page = (DOCS / "diff.md").read_text()
    old, new = thread(1, *calls(["look"])), thread(11, *calls(["read"]), model="other")
    places = json.loads(DIFFERENCES["json"](compare_threads(old, new)))
    pairs = compare_runs([Run("a", session(old))], [Run("b", session(new))])
    runs = json.loads(RUNS["json"](runs_document("old", "new", pairs)))
    told = keys(places) | keys(runs)
    assert len(told) > 40
    assert not {key for key in told if f"`{key}`" not in page}


def test_the_pages_name_every_format() -> None:
    page = (DOCS / "diff.md").read_text()
    assert all(f"| `{form}` |" in page for form in DIFFERENCES)
