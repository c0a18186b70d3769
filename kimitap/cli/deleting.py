"""The command that takes sessions out of a recording: delete."""

import sys
from collections.abc import Sequence

import click

from kimitap.analysis import Analysis
from kimitap.cli.reading import read
from kimitap.cli.words import split, with_database
from kimitap.errors import UsageError
from kimitap.lineage import Session
from kimitap.places import parse_place
from kimitap.store import delete as delete_exchanges
from kimitap.store import shown
from kimitap.visible import one_line


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[DB] SESSION...")
@with_database
@click.option("--yes", is_flag=True, help="Do not ask. Without a terminal nothing else is taken.")
def delete(words: Sequence[str], db: str | None, yes: bool) -> None:
    """Take sessions out of a recording for good: kimitap delete s3 s7.

    Their side requests and sub-agents go with them; what other sessions say stays byte for byte. A
    recorder may write meanwhile. There is no way back: copy the file first if in doubt.
    """
    where, rest = split(words, db)
    if not rest:
        raise UsageError("say which sessions: kimitap delete s3")
    if not yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("nobody can be asked here: say --yes to delete for good")
    analysis = read(where)
    sessions = [_session(analysis, word) for word in rest]
    if not yes:
        _ask(sessions, where)
    numbers = [turn.exchange for s in sessions for thread in s.threads for turn in thread.turns]
    done = delete_exchanges(where, numbers)
    names = ", ".join(session.name for session in sessions)
    told = f"{names}: {_counted(done.exchanges, 'exchange')} deleted from {shown(where)}"
    click.echo(told if done.compacted else f"{told}; the space is free for what comes")


def _session(analysis: Analysis, word: str) -> Session:
    """The session that a word names. Raises `UsageError` for any other place."""
    place = parse_place(word)
    if place.kind != "s":
        raise UsageError(f"only whole sessions can be deleted, and {word} is none: say s3")
    analysis.threads_at(place)  # refuses one that is not there
    return next(s for s in analysis.sessions if s.number == place.number)


def _ask(sessions: Sequence[Session], where: str) -> None:
    """Say what would go, and raise `UsageError` unless the user wants that."""
    for session in sessions:
        turns = sum(len(thread.turns) for thread in session.threads)
        began = session.threads[0].turns[0].started_at.astimezone()
        facts = (
            f"{began:%Y-%m-%d %H:%M}",
            one_line(session.agent, 60),
            one_line(session.model, 60),
            _counted(len(session.threads), "thread"),
            _counted(turns, "turn"),
        )
        click.echo(f"{session.name}  {' · '.join(fact for fact in facts if fact)}")
    if not click.confirm(f"Delete for good from {shown(where)}?"):
        raise UsageError("nothing was deleted")


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
