"""The command that compares a client's own history with the wire: belief."""

from collections.abc import Sequence
from pathlib import Path

import click

from kimitap.cli.choosing import with_choice
from kimitap.cli.reading import read
from kimitap.cli.words import one_place, split, with_database
from kimitap.errors import UsageError
from kimitap.places import is_place
from kimitap.settings import Settings


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[DB] [PLACE] HISTORY")
@with_database
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_choice
def belief(words: Sequence[str], db: str | None, as_json: bool, settings: Settings) -> int:
    """Compare what a client believes was said with what the wire says.

    HISTORY is the client's own file: Roo Code's api_conversation_history.json, or Cline's or Kilo
    Code's of the same name. It is read and not kept: a belief is no traffic. Each of its messages
    is looked for in the thread that PLACE names, by default the one that has most of them.

    Exit status: 0 they agree, 1 a turn was lost on its way out of the client or into it, 2 it could
    not be compared.
    """
    import orjson

    from kimitap.belief import best_thread, compare, read_history
    from kimitap.belief.checking import findings_of
    from kimitap.belief.words import as_json as plain
    from kimitap.belief.words import lines

    where, rest, path = _words(words, db)
    history = read_history(path)
    analysis = read(where, settings.choice)
    place = one_place(rest)
    found = analysis.threads_at(place) if place else analysis.threads
    threads = [thread for thread in found if thread.kind != "replay"]  # no request of the client's
    thread = best_thread(history, threads)
    if thread is None:
        raise UsageError(f"no thread of {where} has a message of {path}: is it of another task?")
    compared = compare(history, thread)
    held = findings_of(history, settings.choice)
    wire = [f for f in analysis.findings if f.thread == thread.name]
    if as_json:
        click.echo(orjson.dumps(plain(compared, held, wire), option=orjson.OPT_INDENT_2))
    else:
        for line in lines(compared, held, wire):
            click.echo(line)
    for fault in history.faults:
        click.echo(f"{path}: {fault.where} left out: {fault.what}", err=True)
    return 0 if compared.agrees else 1


def _words(words: Sequence[str], db: str | None) -> tuple[str, list[str], Path]:
    """The database, the words of a place, and the history: the last word."""
    *before, history = words
    if is_place(history) and not Path(history).is_file():
        raise UsageError("say the client's history last: kimitap belief s3 FILE")
    where, rest = split(before, db)
    return where, rest, Path(history)
