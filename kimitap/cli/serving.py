"""The command that answers as the recorded server did: serve-recording."""

from collections.abc import Sequence

import click

from kimitap.analysis import Analysis
from kimitap.cli.words import one_place, split, with_database
from kimitap.serving import (
    DEFAULT_LISTEN,
    Script,
    answered,
    parse_listen,
    serve,
    takes_of,
    threads_to_serve,
)
from kimitap.store import Recording, shown

_IN_REACH = (
    "kimitap: other machines can connect: whoever can reach this one can read the recorded "
    "conversation, and it goes in the clear"
)


@click.command("serve-recording")
@click.argument("words", nargs=-1, metavar="[DB] [SESSION]")
@with_database
@click.option(
    "--listen",
    default=DEFAULT_LISTEN,
    show_default=True,
    metavar="HOST:PORT",
    help="Where the agent will connect.",
)
@click.option(
    "--speed",
    type=click.Choice(["recorded", "max"]),
    default="recorded",
    show_default=True,
    help="Every part when it came, or all at once.",
)
@click.option(
    "--loose",
    is_flag=True,
    help="Answer requests that differ, too: by what they say, then by their place in the thread.",
)
@click.option("--allow-remote", is_flag=True, help="Let other machines connect.")
def serve_recording(
    words: Sequence[str], db: str | None, listen: str, speed: str, loose: bool, allow_remote: bool
) -> None:
    """Answer as the recorded server did, so that an agent runs without the model. Ctrl-C ends it.

    A request is found by its bytes, else by what its JSON says, spelling and made-up ids aside; the
    same request gets the recorded answers one after another. Status, headers, bytes and times are
    the recorded ones, and a stream that broke off breaks off. A request that is nowhere in the
    recording gets an error that says how it differs from the nearest one: 409, or 404 for another
    path.
    """
    address = parse_listen(listen, remote=allow_remote)
    if address.remote:
        click.echo(_IN_REACH, err=True)
    where, rest = split(words, db)
    with Recording.open(where) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        threads = threads_to_serve(analysis, one_place(rest))
        script = Script(takes_of(analysis, threads), loose=loose)
        turns = sum(len(thread.turns) for thread in threads)
        others = len(script.takes) - turns

        def ready(url: str) -> None:
            named = f"{rest[0]} of {shown(where)}" if rest else shown(where)
            click.echo(f"serving {named}: {turns} turns, and {others} other exchanges")
            click.echo(f"ready: give your agent the base URL {url}/v1")

        serve(
            script,
            recording.exchange,
            address,
            paced=speed == "recorded",
            remote=allow_remote,
            on_ready=ready,
            say=click.echo,
            complain=lambda line: click.echo(f"kimitap: {line}", err=True),
        )
    served, there = answered(script.takes)
    click.echo(f"{served} of {there} recorded exchanges were asked for")
