"""`check` and `rules`: what broke, and what can."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from kimitap.analysis import Analysis
from kimitap.cli.choosing import with_choice
from kimitap.cli.reading import read
from kimitap.cli.rendering import ask_about, with_server
from kimitap.cli.results import close_stdout, result_of, spare, speak_utf8, told_to
from kimitap.cli.words import only_database, with_database
from kimitap.errors import UsageError
from kimitap.export.formats import FORMATS, Checked, summary
from kimitap.rules import RULES
from kimitap.settings import THRESHOLDS, Settings, rule_names, threshold
from kimitap.store import Recording


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
@with_server
@click.option(
    "--ask-all", is_flag=True, help="Ask about all chats, not only where it matters most."
)
@with_choice
@click.option(
    "--fail-on",
    type=click.Choice(THRESHOLDS),
    help="Exit with 1 from this severity on.  [default: the settings file's, else error]",
)
def check(
    words: Sequence[str],
    db: str | None,
    wanted: str | None,
    as_json: bool,
    output: Path | None,
    watching: bool,
    server: str | None,
    ask_all: bool,
    settings: Settings,
    fail_on: str | None,
) -> int:
    """Say what broke: every finding with its place, its evidence and what to do.

    Exit status 0: nothing at or above --fail-on; 1: something; 2: could not run.
    """
    form = _form(wanted, as_json)
    where = only_database(words, db, "check")
    spare(where, output)
    if form != "text":
        speak_utf8()
    if fail_on is not None:
        settings = replace(settings, fail_on=threshold(fail_on))
    if ask_all and server is None:
        raise UsageError("--ask-all goes with --ask-server URL")
    if watching:
        if server is not None:
            raise UsageError("--ask-server asks once; it does not go with --watch")
        return _watch(where, settings, form, output)
    checked = result_of(where, _read(where, settings, server, ask_all), settings)
    try:
        _tell(checked, form, output)
    except BrokenPipeError:  # the reader has seen enough, and the status is the same
        close_stdout()
    return int(checked.failed)


def _tell(checked: Checked, form: str, output: Path | None) -> None:
    told = FORMATS[form](checked)
    with told_to(output) as say:
        say(told.removesuffix("\n"))
    if output is not None and str(output) != "-":
        click.echo(summary(checked))


def _read(where: str, settings: Settings, server: str | None, ask_all: bool) -> Analysis:
    """The recording, checked; with the prompts that a server was asked for."""
    if server is None:
        return read(where, settings.choice)
    with Recording.open(where) as recording:
        analysis = Analysis(recording, choice=settings.choice)
        analysis.refresh()
        click.echo(ask_about(analysis, server, ask_all), err=True)
    return analysis


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
