"""`check` and `rules`: what broke, and what can."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from kimitap.cli.choosing import with_choice
from kimitap.cli.reading import read
from kimitap.cli.results import result_of, told_to
from kimitap.cli.words import only_database, with_database
from kimitap.errors import UsageError
from kimitap.export.formats import FORMATS, summary
from kimitap.rules import RULES
from kimitap.settings import THRESHOLDS, Settings, rule_names, threshold


@click.command()
@click.argument("words", nargs=-1, metavar="[DB]")
@with_database
@click.option(
    "--format",
    "wanted",
    type=click.Choice([*FORMATS]),
    help="How to tell it: text for people, json, sarif, junit or github for programs, "
    "markdown for a page.  [default: text]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it there, for the owner only, and print one line of summary.",
)
@click.option(
    "--watch",
    "watching",
    is_flag=True,
    help="Tell findings as they happen, as text or as lines of JSON, until Ctrl-C.",
)
@with_choice
@click.option(
    "--fail-on",
    type=click.Choice(THRESHOLDS),
    help="Exit with 1 from this severity on.  [default: error]",
)
def check(
    words: Sequence[str],
    db: str | None,
    wanted: str | None,
    as_json: bool,
    output: Path | None,
    watching: bool,
    settings: Settings,
    fail_on: str | None,
) -> int:
    """Say what broke: every finding with its place, its evidence and what to do.

    Exit status 0: nothing at or above --fail-on; 1: something; 2: could not run.
    """
    form = _form(wanted, as_json)
    where = only_database(words, db, "check")
    if fail_on is not None:
        settings = replace(settings, fail_on=threshold(fail_on))
    if watching:
        return _watch(where, settings, form, output)
    checked = result_of(where, read(where, settings.choice), settings)
    told = FORMATS[form](checked)
    with told_to(output) as say:
        say(told.removesuffix("\n"))
    if output is not None and str(output) != "-":
        click.echo(summary(checked))
    return int(checked.failed)


def _watch(where: str, settings: Settings, form: str, output: Path | None) -> int:
    from kimitap.cli.watching import watch

    if form not in {"text", "json"}:
        raise UsageError(f"--watch tells as text or json, not {form}")
    with told_to(output) as say:
        return watch(where, settings, form, say, partial(click.echo, err=True))


def _form(wanted: str | None, as_json: bool) -> str:
    if as_json and wanted not in {None, "json"}:
        raise UsageError(f"--json is --format json: say it, or --format {wanted}, not both")
    return "json" if as_json else wanted or "text"


@click.command()
@click.argument("name", required=False)
def rules(name: str | None) -> None:
    """List the rules, or explain one."""
    from kimitap.rules.table import explain, listed

    if name is None:
        for line in listed():
            click.echo(line)
        return
    rule_names([name])
    click.echo(explain(next(rule for rule in RULES if rule.name == name)))
