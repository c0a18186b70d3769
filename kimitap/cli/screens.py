"""The command that opens the screens: tui. It loads them, and nothing that reads for them."""

import sys
from collections.abc import Sequence

import click

from kimitap.cli.choosing import with_choice
from kimitap.cli.words import one_place, split, with_database, with_server
from kimitap.errors import UsageError
from kimitap.places import PlaceWord
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.settings import Settings
from kimitap.store import looks_recorded
from kimitap.web.inside import end_with_parent, in_browser


@click.command()
@click.argument("words", nargs=-1, metavar="[DB] [PLACE]")
@with_database
@with_server
@with_choice
def tui(words: Sequence[str], db: str | None, server: str | None, settings: Settings) -> None:
    """Open the screens: sessions and threads, the conversation, and where it broke."""
    where, rest = split(words, db)
    open_tui(where, one_place(rest), settings.choice, server)


def open_tui(
    where: str,
    place: PlaceWord | None,
    choice: Choice = EVERYTHING,
    server: str | None = None,
) -> None:
    """Open the screens on a recording; `server` is asked for prompts."""
    demand_screens(where, server)
    if in_browser():
        end_with_parent()
    elif not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the screens need a terminal; for a pipe there is: kimitap show")
    from kimitap.tui.app import run

    status = run(where, place, choice, server)
    if status:
        raise click.exceptions.Exit(status)


def demand_screens(where: str, server: str | None) -> None:
    """Raise a `KimitapError` where the screens cannot open. That it can be read is not asked here:
    they are painted before anything is."""
    if not looks_recorded(where):
        from kimitap.store import Recording

        with Recording.open(where):
            pass  # says what is wrong with it
    if server is not None:
        from kimitap.asking import Server

        Server(server)  # refuses an unfit address


def demand_place(where: str, place: PlaceWord) -> None:
    """Read all, and raise `UsageError` where the screens have no conversation at that place."""
    from kimitap.cli.reading import read

    analysis = read(where)
    if place.kind:
        analysis.threads_at(place)
    else:
        analysis.turn_at(place)
