"""Asking before something is done that cannot be taken back: what leaves this machine has left."""

import sys
from collections.abc import Sequence

import click

from kimitap.errors import UsageError
from kimitap.visible import one_line


def demand_consent(question: str, *, to: str, otherwise: str) -> None:
    """Ask the user on stderr; raise `UsageError` without a yes.

    `to` is what `--yes` agrees to, for where nobody can be asked; `otherwise` says what was not
    done then.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"nobody can be asked here: say --yes to {to}")
    if not click.confirm(question, err=True):
        raise UsageError(otherwise)


def demand_sending(question: str, hosts: Sequence[str], yes: bool) -> None:
    """Ask before something is sent to hosts that are not this machine; none: nothing is asked."""
    if hosts and not yes:
        named = " and ".join(one_line(host, 200) for host in hosts)
        demand_consent(question, to=f"send this to {named}", otherwise="nothing was sent")
