"""What a command line loads: a glance at Kimitap costs no second."""

import subprocess
import sys

import click
import pytest

from kimitap.cli import COMMANDS, app

HEAVY = ("sqlalchemy", "sqlmodel", "deepdiff", "mitmproxy", "textual", "kimitap.rules.catalogue")


def loaded(*words: str) -> set[str]:
    """Which heavy modules a command line has loaded when it is done."""
    code = f"""
import sys
from kimitap.cli import run
status = run({list(words)!r})
print(*sys.modules, file=sys.stderr)
sys.exit(status)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split()) & set(HEAVY)


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_a_glance_loads_no_database_no_rules_and_no_proxy(word: str) -> None:
    assert loaded(word) == set()


def test_the_rules_are_listed_without_a_database() -> None:
    assert "kimitap.rules.catalogue" in loaded("rules")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_found_under_its_name(name: str) -> None:
    command = app.get_command(click.Context(app), name)
    assert command is not None
    assert command.name == name


def test_every_command_has_a_whole_line_in_the_help() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kimitap.cli", "--help"], capture_output=True, text=True, check=True
    )
    for name, named in COMMANDS.items():
        assert f"  {name.ljust(max(map(len, COMMANDS)))}  {named.summary}\n" in done.stdout


def test_a_room_says_that_it_lacks_a_name() -> None:
    import kimitap.store

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        kimitap.store.nothing  # noqa: B018
