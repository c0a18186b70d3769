"""The commands that print what a recording says: show, diff."""

from collections.abc import Sequence

import click

from kimitap.analysis import Analysis, asked
from kimitap.cli.choosing import with_choice
from kimitap.cli.rendering import say_prompt, with_server
from kimitap.cli.words import one_place, split, with_database
from kimitap.errors import UsageError
from kimitap.lineage import Thread
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.settings import Settings
from kimitap.store import Recording, shown
from kimitap.visible import one_line


def read(where: str, choice: Choice = EVERYTHING) -> Analysis:
    """The recording at `where`, read, woven and checked."""
    with Recording.open(where) as recording:
        analysis = Analysis(recording, choice=choice)
        analysis.refresh()
    return analysis


@click.command()
@click.argument("words", nargs=-1, metavar="[DB] [PLACE]")
@with_database
@click.option("--prompt", is_flag=True, help="The prompt that the model read, of one PLACE.")
@with_server
@with_choice
def show(
    words: Sequence[str], db: str | None, prompt: bool, server: str | None, settings: Settings
) -> None:
    """Print the conversation for a pipe: all of it, or a session, a thread, an exchange."""
    from kimitap.transcript import plain, rows

    where, rest = split(words, db)
    place = one_place(rest)
    with Recording.open(where) as recording:
        analysis = Analysis(recording, choice=settings.choice)
        analysis.refresh()
        if prompt or server is not None:
            if place is None:
                raise UsageError("say whose prompt: kimitap show 41 --prompt")
            say_prompt(analysis, analysis.turn_at(place), server)
            return
        if place and not place.kind and place.number not in analysis.turns:
            _print_exchange(recording, place.number)
            return
    threads = analysis.threads_at(place) if place else analysis.threads
    only = place.number if place and not place.kind else None
    for thread in threads:
        found = [f for f in analysis.findings if f.thread == thread.name]
        if len(threads) > 1:
            click.echo(f"══ {thread.name} {thread.kind} · {_turns(thread)} ══")
        wanted = [r for r in rows(thread, found) if only is None or r.exchange == only]
        for line in plain(wanted):
            click.echo(line)
    if not place:
        _print_others(analysis)
    if not analysis.turns and not analysis.others:
        click.echo(f"{shown(where)}: the recording is empty")


def _print_exchange(recording: Recording, number: int) -> None:
    """An exchange that no dialect speaks: its two heads and bodies."""
    from kimitap.export.raw import as_text

    for line in as_text(recording.exchange(number)):
        click.echo(line)


def _turns(thread: Thread) -> str:
    return "1 turn" if len(thread.turns) == 1 else f"{len(thread.turns)} turns"


def _print_others(analysis: Analysis) -> None:
    if not analysis.others:
        return
    click.echo("── other exchanges ──")
    for other in analysis.others.values():
        said = other.status if other.status is not None else other.outcome
        click.echo(f"#{other.number} {one_line(asked(other), 90)} → {said}")
