"""The command that makes a report which others can check: report."""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kimitap.amounts import in_words
from kimitap.cli.choosing import with_choice
from kimitap.cli.consent import demand_consent
from kimitap.cli.live import demand_possible, live_test, with_often
from kimitap.cli.words import one_place, split, with_database
from kimitap.settings import Settings
from kimitap.visible import one_line

if TYPE_CHECKING:
    from kimitap.evidence import Report

LEVELS = ("none", "secrets", "text")


@click.command()
@click.argument("words", nargs=-1, metavar="[DB] [PLACE]")
@with_database
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER|FILE.zip",
    help="Where to write it; else kimitap-report-PLACE in the current folder.",
)
@click.option(
    "--redact",
    "level",
    type=click.Choice(LEVELS),
    default="secrets",
    show_default=True,
    help="What to mask: nothing but credentials in headers; keys, tokens, e-mail addresses, users "
    "and hosts too; all text too, by placeholders of the same length.",
)
@click.option(
    "--mask", "also", multiple=True, metavar="WORD", help="Mask this word too. Repeatable."
)
@click.option("--zip", "as_zip", is_flag=True, help="One zip instead of a folder.")
@click.option(
    "--whole", is_flag=True, help="Keep the whole session, not the fewest exchanges that show it."
)
@click.option(
    "--shrink",
    is_flag=True,
    help="Take away the messages, tools and text, too, that the finding does not need.",
)
@click.option(
    "--server",
    metavar="URL",
    help="With --shrink, for a finding in a reply: send the smaller request to this server each "
    "time, and go on only while the answer shows the finding again.",
)
@with_often
@click.option("--force", is_flag=True, help="Replace an earlier report of the same name.")
@click.option(
    "--yes",
    is_flag=True,
    help="Do not ask before a large one is written, nor before requests leave this machine.",
)
@with_choice
def report(
    words: Sequence[str],
    db: str | None,
    output: Path | None,
    level: str,
    also: Sequence[str],
    as_zip: bool,
    whole: bool,
    shrink: bool,
    server: str | None,
    runs: int,
    least: int,
    force: bool,
    yes: bool,
    settings: Settings,
) -> None:
    """Make a report that anyone can check and run: one folder or zip.

    It is about the worst finding at PLACE, an exchange, thread or session; else of the whole
    recording. It holds a page to paste, a page for a browser, the fewest exchanges that show the
    finding as a recording and as JSON lines, the requests as curl commands, and what was masked
    where. Secrets are masked unless --redact says otherwise. Before one of more than 50 MB is
    written you are asked, and before --server takes a request beyond this machine: it is sent as it
    was recorded, not masked.
    """
    from kimitap.analysis import Analysis
    from kimitap.errors import UsageError
    from kimitap.evidence import Wanted, subject_at, write_report
    from kimitap.redact import Level
    from kimitap.store import Recording

    if whole and shrink:
        raise UsageError("say --whole or --shrink, not both")
    if server is not None and not shrink:
        raise UsageError("--server goes with --shrink: it is asked about the smaller requests")
    demand_possible((runs, least), server)
    where, rest = split(words, db)
    place = one_place(rest)
    wanted = Wanted(
        level=Level(level),
        also=tuple(word for word in also if word),
        whole=whole,
        shrink=shrink,
        ask=partial(live_test, server, (runs, least), yes) if server else None,
        choice=settings.choice,
        say=partial(click.echo, err=True),
    )
    with Recording.open(where) as recording:
        analysis = Analysis(recording, choice=settings.choice)
        analysis.refresh()
        subject = subject_at(analysis, place)
        if server is not None and subject.finding is None:
            raise UsageError("nothing was found there that a server's answer could show")
        target, zipped = _target(output, f"kimitap-report-{subject.word}", as_zip)
        agree = partial(_demand_room, target.absolute().parent, yes)
        done = write_report(
            analysis, subject, target, wanted, as_zip=zipped, force=force, agree=agree
        )
    _say(done, "" if zipped else "/")


def _say(done: "Report", ending: str) -> None:
    """What was written where, in a line; what the report does not show by itself on stderr."""
    if done.unshown:
        click.echo(f"not shown by the exchanges alone: {done.unshown}", err=True)
    what = done.rule or done.unshown or "nothing wrong was found here"
    counted = f"{done.exchanges:,} of {done.of:,} exchanges"
    name = one_line(str(done.path), 1000) + ending
    click.echo(f"{name}  {what}; {counted}; {_masks(done.masked)}")


def _demand_room(folder: Path, yes: bool, size: int) -> None:
    """Say how large a large report will be, and ask whether it is to be written."""
    from kimitap.evidence import LARGE

    if size < LARGE:
        return
    free = shutil.disk_usage(folder).free
    told = f"the report will have about {in_words(size)}, and {in_words(free)} are free"
    click.echo(f"{told}: it holds each request whole, once as a body and once as JSON", err=True)
    if not yes:
        demand_consent("Write it?", to="write it", otherwise="nothing was written")


def _target(output: Path | None, stem: str, as_zip: bool) -> tuple[Path, bool]:
    """Where the report goes, and whether it is a zip: as its name says, or the option."""
    if output is None:
        return Path(f"{stem}.zip" if as_zip else stem), as_zip
    if output.suffix.lower() == ".zip":
        return output, True
    return (output.with_name(f"{output.name}.zip"), True) if as_zip else (output, False)


def _masks(count: int) -> str:
    return "nothing masked" if not count else f"{count:,} masked (see redactions.md)"
