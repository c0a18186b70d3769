"""SECURITY.md promises only what is tested: each promise names tests, and they are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "SECURITY.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def promises() -> list[tuple[str, str]]:
    """Each promise, and the cell with its tests."""
    section = TEXT.partition("## What it promises")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [
        (" | ".join(row[:-1]).strip(), row[-1]) for row in rows if not row[0].startswith(" ---")
    ]


def test_there_are_promises() -> None:
    head, *rows = promises()
    assert head[0] == "promise"
    assert len(rows) >= 10


@pytest.mark.parametrize(
    ("promise", "tests"), promises()[1:], ids=[row[0][:40] for row in promises()[1:]]
)
def test_a_promise_names_tests_that_are_there(promise: str, tests: str) -> None:
    named = NAMED.findall(tests)
    assert named, promise
    assert NAMED.sub("", tests).replace("<br>", "").strip() == "", "nothing but tests stands there"
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text())
        there = {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name in there, f"{path} has no {name}"
