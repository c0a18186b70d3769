"""`check` and `rules`: what broke, and what can."""

import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import click

from kimitap.analysis import Analysis
from kimitap.cli.choosing import with_choice
from kimitap.cli.reading import read
from kimitap.cli.words import only_database, with_database
from kimitap.errors import UsageError
from kimitap.export.formats import FORMATS, Checked, harmless, summary
from kimitap.rules import RULES
from kimitap.settings import DEFAULTS, THRESHOLDS, Settings, rule_names, threshold
from kimitap.store import file_of, shown
from kimitap.visible import one_line


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
    checked = result_of(where, read(where, settings.choice), settings)
    told = FORMATS[form](checked)
    if output is None or str(output) == "-":
        click.echo(told, nl=False)
    else:
        write_private(output, told)
        click.echo(summary(checked))
    return int(checked.failed)


def _form(wanted: str | None, as_json: bool) -> str:
    if as_json and wanted not in {None, "json"}:
        raise UsageError(f"--json is --format json: say it, or --format {wanted}, not both")
    return "json" if as_json else wanted or "text"


def result_of(where: str, analysis: Analysis, settings: Settings = DEFAULTS) -> Checked:
    """What was found in the recording at `where`, ready for any format."""
    return Checked(
        database=shown(where),
        uri=_uri(where),
        counts=analysis.counts,
        others=len(analysis.others),
        sessions=analysis.sessions,
        findings=harmless(analysis.findings),
        rules=[rule for rule in RULES if settings.choice.wants(rule.name)],
        fail_on=settings.fail_on,
    )


def _uri(where: str) -> str:
    """The recording as a URI reference: a file by its path from here, else by its whole one."""
    path = file_of(where)
    if path is None:
        return quote(shown(where), safe=":/?=&@*")
    whole = path.absolute()
    if whole.is_relative_to(Path.cwd()):
        return quote(os.fsencode(whole.relative_to(Path.cwd()).as_posix()))
    return whole.as_uri()


def write_private(path: Path, text: str) -> None:
    """Put `text` into a file that only its owner can read; raises `UsageError` where it cannot."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                os.fchmod(handle, 0o600)
            file.write(text)
    except OSError as error:
        raise UsageError(
            f"{one_line(str(path), 300)} cannot be written: {error.strerror}"
        ) from error


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
