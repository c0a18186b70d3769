"""The command that serves the screens to a browser."""

import sys
from collections.abc import Iterator, Sequence

import click

from kimitap.cli.choosing import with_choice
from kimitap.cli.screens import demand_place, demand_screens
from kimitap.cli.words import one_place, split, with_database, with_server
from kimitap.settings import Settings
from kimitap.web.address import DEFAULT_LISTEN, parse_listen

_OURS = frozenset({"words", "listen", "allow_remote"})

_WARNING = (
    "kimitap: other machines can connect: whoever has the address with its token sees all that was "
    "recorded, and whoever can listen in on the network sees both, since it is not encrypted"
)


@click.command()
@click.argument("words", nargs=-1, metavar="[DB] [PLACE]")
@click.option(
    "--listen",
    default=DEFAULT_LISTEN,
    show_default=True,
    metavar="HOST:PORT",
    help="Where the browser will connect.",
)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Listen where other machines can connect; they need the token, which goes in the clear.",
)
@with_database
@with_server
@with_choice
@click.pass_context
def web(
    context: click.Context,
    words: Sequence[str],
    listen: str,
    allow_remote: bool,
    db: str | None,
    server: str | None,
    settings: Settings,
) -> None:
    """Serve the screens to a browser on this machine; the address holds a token. Ctrl-C ends it."""
    address = parse_listen(listen, remote=allow_remote)
    where, rest = split(words, db)
    demand_screens(where, server)
    if (place := one_place(rest)) is not None:
        demand_place(where, place)
    from kimitap.web.server import serve

    command = [sys.executable, "-m", "kimitap.cli", "tui", *_options(context), "--", *words]
    if address.remote:
        click.echo(_WARNING, err=True)
    serve(command, address, on_ready=_ready, say=lambda line: click.echo(line, err=True))


def _options(context: click.Context) -> Iterator[str]:
    """The options of this command as `tui` takes them."""
    for option in context.command.params:
        value = context.params.get(option.name or "")
        if option.name in _OURS or not isinstance(option, click.Option):
            continue
        if option.is_flag:
            yield from option.opts[:1] if value else ()
        else:
            values = value if option.multiple else [value]
            yield from (f"{option.opts[0]}={one}" for one in values or () if one is not None)


def _ready(url: str) -> None:
    click.echo(f"ready: open {url}")
