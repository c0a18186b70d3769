"""Asking a live server, while something is shrunk, whether its answer still shows a finding."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from kimitap.cli.consent import demand_sending
from kimitap.errors import UsageError

if TYPE_CHECKING:
    from kimitap.exchange import Exchange
    from kimitap.rules.finding import Finding
    from kimitap.shrink import Live

Often = tuple[int, int]
"""How many times a server is asked about a request, and how many answers must show the finding."""


def with_often[F: Callable[..., object]](command: F) -> F:
    """The options that say how often a server is asked: the words `runs` and `least`."""
    for option in (
        click.option(
            "-k",
            "--least",
            default=1,
            show_default=True,
            type=click.IntRange(1, 1000),
            help="With --server: so many must show it.",
        ),
        click.option(
            "-n",
            "--runs",
            default=1,
            show_default=True,
            type=click.IntRange(1, 1000),
            help="With --server: ask so often.",
        ),
    ):
        command = option(command)
    return command


def demand_possible(often: Often, server: str | None) -> None:
    """Raise `UsageError` where more answers are to show it than there are, or none is asked for."""
    runs, least = often
    if least > runs:
        raise UsageError(f"of {runs} answers {least} cannot show it: say -n {least} at least")
    if server is None and runs > 1:
        raise UsageError("-n and -k go with --server: they say how often it is asked")


def live_test(
    server: str, often: Often, yes: bool, finding: "Finding", exchanges: "Sequence[Exchange]"
) -> "Live":
    """The test by a server's live answers. Raises `UsageError` where they do not show the finding
    to begin with, or the user does not want anything to be sent there."""
    from kimitap.replay import outgoing, send
    from kimitap.replay.telling import question
    from kimitap.shrink import Live

    own = next(one for one in exchanges if one.number == finding.place.exchange)
    request = outgoing(own, server)
    away = () if request.stays_here else (request.origin,)
    demand_sending(question(away), away, yes)
    live = Live(finding, partial(send, server=server), *often)
    if not live(exchanges):
        raise UsageError(
            f"the answers of {request.origin} do not show the {finding.rule}: try -n 5, or the "
            "server that answered then"
        )
    return live
