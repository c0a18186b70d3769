"""The command that says what keeps a user from recording: doctor."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from kimitap.cli.words import only_database, with_database
from kimitap.visible import visible

FOUND_SOMETHING = 1
_MARKS = {"good": "✓", "warning": "!", "bad": "✗"}


@click.command()
@click.argument("words", nargs=-1, metavar="[DB]")
@click.option(
    "--upstream",
    default="http://127.0.0.1:8080",
    show_default=True,
    metavar="URL",
    help="The server that would be recorded.",
)
@click.option(
    "--listen",
    default="127.0.0.1:9090",
    show_default=True,
    metavar="HOST:PORT",
    help="Where the recorder would listen.",
)
@with_database
def doctor(words: Sequence[str], upstream: str, listen: str, db: str | None) -> int:
    """Look at all that recording needs, and say what to do about what is wrong.

    Python and packages, the database, the port, the server's health and template, a live request
    through a recorder, agents' settings that pass it by. Nothing is generated, nothing is changed.
    Exits with 1 where something keeps you from recording.
    """
    from kimitap.doctor import State, examine
    from kimitap.recorder.proxy import parse_listen, parse_upstream

    where = only_database(words, db, "doctor")
    target, place = parse_upstream(upstream), parse_listen(listen)
    states = []
    for check in examine(target, place, where, os.environ, Path.home(), Path.cwd()):
        states.append(check.state)
        click.echo(visible(f"{_MARKS[check.state]} {check.what:<10} {check.said}"))
        if check.to_do:
            click.echo(visible(f"  {'':<10} → {check.to_do}"))
    wrong, odd = states.count(State.BAD), states.count(State.WARNING)
    if not wrong and not odd:
        click.echo("all is well")
    else:
        click.echo(f"{wrong} to mend, {odd} to know")
    return FOUND_SOMETHING if wrong else 0
