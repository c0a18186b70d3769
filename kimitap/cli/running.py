"""`run`: a command behind a recorder of its own, and what broke in it."""

import io
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from kimitap.cli.choosing import with_choice
from kimitap.cli.results import result_of, spare, told_to
from kimitap.cli.words import with_database
from kimitap.errors import KimitapError, NoRecording, UsageError
from kimitap.export.formats import FORMATS, Checked, summary
from kimitap.settings import THRESHOLDS, Settings, threshold
from kimitap.store import location, shown
from kimitap.visible import one_line

if TYPE_CHECKING:
    from kimitap.running import Recorded, RunningRecorder

NOTHING = 2
"""The exit status where no conversation went through the recorder."""
_MOST_WARNINGS = 20

_say = partial(click.echo, err=True)


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
@click.option("--upstream", required=True, metavar="URL", help="The server: http://127.0.0.1:8080")
@with_database
@click.option(
    "--env",
    "extra",
    multiple=True,
    metavar="NAME=/PATH",
    help="Set this variable too: to the recorder's address and this path, or to a text in which "
    "{url} stands for the address.",
)
@click.option(
    "--leave", multiple=True, metavar="NAME", help="Leave this variable of the command as it is."
)
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS]),
    default="text",
    show_default=True,
    help="How to tell what was found.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it there, for the owner only, instead of to stderr; - is stdout.",
)
@with_choice
@click.option(
    "--fail-on",
    type=click.Choice(THRESHOLDS),
    help="Exit with 1 from this severity on.  [default: the settings file's, else error]",
)
@click.option(
    "--allow-empty", is_flag=True, help="Let a command pass that has no conversation recorded."
)
@click.option("--quiet", is_flag=True, help="Say nothing before the command runs.")
def run(
    command: Sequence[str],
    upstream: str,
    db: str | None,
    extra: Sequence[str],
    leave: Sequence[str],
    form: str,
    output: Path | None,
    settings: Settings,
    fail_on: str | None,
    allow_empty: bool,
    quiet: bool,
) -> int:
    """Run COMMAND behind a recorder, and say at its end what broke.

    kimitap run --upstream http://127.0.0.1:8080 -- pytest tests/agent

    The recorder listens on a free port of loopback. The command finds it by OPENAI_BASE_URL,
    OPENAI_API_BASE, ANTHROPIC_BASE_URL and others (see docs/ci.md); for what takes a flag, {url} in
    a word of the command stands for the address: --api-base {url}/v1. Terminal, streams and signals
    are the command's own. What was found in this run is told on stderr.

    Exit status: the command's where it is not 0; else 1 for a finding at or above --fail-on, 2
    where no conversation was recorded or the server answered none, 0 otherwise. 127: there is no
    such command; 126: it cannot be started; 128 + n: signal n ended it.
    """
    from kimitap import running

    where = location(db)
    spare(where, output)
    _demand_folder(output)
    if fail_on is not None:
        settings = replace(settings, fail_on=threshold(fail_on))
    running.surroundings("", upstream, {}, extra)  # refuses what is none, before anything starts
    before = running.last_number(where)
    with running.recorder(upstream, where) as recorder:
        added = running.surroundings(recorder.url, upstream, os.environ, extra, leave)
        if not quiet:
            _begin(upstream, where, recorder.url)
        if why := running.unreachable(upstream):
            _say(f"kimitap: nobody answers at {upstream} ({why}); the command runs all the same")
        try:
            words = running.filled_in(command, recorder.url)
            status = running.run_command(words, {**os.environ, **added})
        except running.CannotStart as error:
            _say(f"kimitap: {one_line(str(error), 300)}")
            return error.status
        running.settled(where, before)
    _complain(recorder)
    try:
        found = _judged(where, before, settings, Wanted(form, output, allow_empty), recorder, added)
    except KimitapError as error:  # the command's status is not lost over it
        _say(f"kimitap: {one_line(str(error), 1000)}")
        found = NOTHING
    return status or found


class Wanted(NamedTuple):
    """How the findings are told, and whether a run without any conversation may pass."""

    form: str
    output: Path | None
    allow_empty: bool


def _judged(
    where: str,
    before: int,
    settings: Settings,
    wanted: Wanted,
    recorder: "RunningRecorder",
    added: Iterable[str],
) -> int:
    """Tell what was found in this run, and give the exit status of a command that went well."""
    checked, recorded = _checked(where, before, settings)
    if not recorded.turns and not wanted.allow_empty:
        _say(_nothing(checked, recorder.url, added))
        return NOTHING
    if recorded.unanswered and not wanted.allow_empty:
        _say("kimitap: THE SERVER ANSWERED NO REQUEST, so nothing was checked: is it running?")
        return NOTHING
    _tell(checked, wanted.form, wanted.output)
    return NOTHING if recorder.failure else int(checked.failed)


def _demand_folder(output: Path | None) -> None:
    """Raise `UsageError` before the command runs where its findings could not be written."""
    if output is not None and not output.absolute().parent.is_dir():
        raise UsageError(
            f"{output} cannot be written: there is no such folder; make it, or name another"
        )


def _begin(upstream: str, where: str, url: str) -> None:
    _say(f"kimitap: recording {upstream} into {shown(where)}, for the command at {url}")


def _complain(recorder: "RunningRecorder") -> None:
    """Tell what the recorder complained of; while the command ran it had the terminal."""
    said = list(dict.fromkeys([*recorder.warnings, *filter(None, [recorder.failure])]))
    for line in said[:_MOST_WARNINGS]:
        _say(f"kimitap: {one_line(line, 500)}")
    if len(said) > _MOST_WARNINGS:
        _say(f"kimitap: and {len(said) - _MOST_WARNINGS} more such lines")
    if recorder.lost:
        _say(
            f"kimitap: {recorder.lost} exchanges are missing from the recording, wholly or in part"
        )


def _checked(where: str, before: int, settings: Settings) -> tuple[Checked, "Recorded"]:
    """What was found in this run, and what it left."""
    from kimitap import running
    from kimitap.cli.reading import read

    try:
        recorded = running.since(read(where, settings.choice), before)
    except NoRecording:  # nothing came, and so nothing was made
        recorded = running.Recorded((), (), {})
    return result_of(where, recorded, settings), recorded


def _tell(checked: Checked, form: str, output: Path | None) -> None:
    told = FORMATS[form](checked).removesuffix("\n")
    if output is None:
        if form != "text" and isinstance(sys.stderr, io.TextIOWrapper):
            sys.stderr.reconfigure(encoding="utf-8")
        _say(told)
        return
    with told_to(output) as say:
        say(told)
    if str(output) != "-":
        _say(f"kimitap: {summary(checked)}")


def _nothing(checked: Checked, url: str, added: Iterable[str]) -> str:
    """Why nothing was checked, and what to look at."""
    what = "no conversation" if checked.others else "nothing"
    named = ", ".join(name for name in added if "KEY" not in name and "PROXY" not in name.upper())
    return (
        f"kimitap: {what.upper()} WENT THROUGH THE RECORDER, so nothing was checked: {url}\n"
        f"kimitap: these variables named it to the command: {named}\n"
        "kimitap: for another variable say --env NAME=/v1, for a flag {url}/v1 in the command's "
        "words; --allow-empty lets it pass"
    )
