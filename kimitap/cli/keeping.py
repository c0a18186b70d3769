"""The commands that keep a recording in order: status, verify, backup, prune."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kimitap.amounts import counted, in_words, span
from kimitap.cli.amounts import Age, Size
from kimitap.cli.words import only_database, split, with_database
from kimitap.errors import UsageError
from kimitap.store import shown
from kimitap.visible import one_line

if TYPE_CHECKING:
    from kimitap.store.retention import Plan

FOUND_SOMETHING = 1
_MOST_LINES = 20
_TORN = "there is no pause before that age: conversations that went on are torn"


@click.command()
@click.argument("words", nargs=-1, metavar="[DB]")
@with_database
def status(words: Sequence[str], db: str | None) -> None:
    """Say who records now, what is open, how large the recording is, and what was lost."""
    from kimitap.store.standing import standing

    where = only_database(words, db, "status")
    now = standing(where)
    click.echo(f"{shown(where)}: {counted(now.exchanges, 'exchange')}")
    if now.last_at:
        click.echo(f"newest     {_ago(now.last_at)}")
    if now.size is not None and now.used is not None:
        free = now.size - now.used
        told = (
            f", of which {in_words(free)} are free for what comes" if free > now.size / 10 else ""
        )
        click.echo(f"size       {in_words(now.size)}{told}")
    for recorder in now.recorders:
        at = f"process {recorder.pid} on {one_line(recorder.host, 60)}"
        click.echo(f"recording  {at}, since {_local(recorder.since)}")
    if not now.recorders:
        click.echo("recording  nobody, now")
    for number, started_at in now.open[:_MOST_LINES]:
        click.echo(f"in flight  #{number}, for {span(datetime.now(UTC) - started_at)}")
    for loss in now.losses[-_MOST_LINES:]:
        said = f"{loss.count} at {_local(loss.at)}: {one_line(loss.reason, 200)}"
        click.echo(f"lost       {said}")


@click.command()
@click.argument("words", nargs=-1, metavar="[DB]")
@with_database
@click.option(
    "--save", type=click.Path(path_type=Path), metavar="FILE", help="Write what can be read there."
)
def verify(words: Sequence[str], db: str | None, save: Path | None) -> int:
    """Look whether everything in the recording is there and what it says it is.

    Every piece is hashed again, every body put together, every reference followed. Exits with 0
    where all is whole, with 1 where something is damaged; --save writes all that can still be read
    into a new recording, with the same numbers. Nothing is changed; a recorder may write meanwhile.
    """
    from kimitap.store.verifying import verify as look

    where = only_database(words, db, "verify")
    if save is not None and save.exists():
        raise UsageError(f"{one_line(str(save), 300)} is there already: name a new file")
    found = look(where)
    counts = (
        counted(found.exchanges, "exchange"),
        "1 request body" if found.bodies == 1 else f"{found.bodies:,} request bodies",
        counted(found.pieces, "piece"),
    )
    click.echo(f"{shown(where)}: {', '.join(counts)}")
    if not found.damages:
        click.echo("whole: every piece matches its hash, every body and response is complete")
    for damage in found.damages[:_MOST_LINES]:
        at = "" if damage.exchange is None else f"#{damage.exchange} "
        click.echo(f"damaged: {at}{one_line(damage.what, 200)}")
    if len(found.damages) > _MOST_LINES:
        click.echo(f"damaged: … and {len(found.damages) - _MOST_LINES} more")
    if save is not None:
        _save(where, save)
    elif found.damages:
        click.echo(
            f"{len(found.harmed)} of {counts[0]} lost something; --save NEW.db saves the rest"
        )
    return FOUND_SOMETHING if found.damages else 0


def _save(where: str, into: Path) -> None:
    from kimitap.store.rescuing import rescue

    done = rescue(where, str(into))
    told = [f"{counted(done.exchanges, 'exchange')} saved to {one_line(str(into), 300)}"]
    if done.incomplete:
        told.append(f"incomplete: {_numbers(done.incomplete)}")
    if done.lost:
        told.append(f"not readable: {_numbers(done.lost)}")
    click.echo("; ".join(told))


def _numbers(numbers: Sequence[int]) -> str:
    named = ", ".join(f"#{number}" for number in numbers[:_MOST_LINES])
    left = len(numbers) - _MOST_LINES
    return f"{named} and {left} more" if left > 0 else named


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[DB] FILE")
@with_database
def backup(words: Sequence[str], db: str | None) -> None:
    """Copy the recording to a new file, as it is at one moment; a recorder may write meanwhile."""
    from kimitap.store.backing_up import back_up

    if len(words) > 2 or (len(words) == 2 and db is not None):
        raise UsageError("say the recording and the new file: kimitap backup sessions/a.db copy.db")
    where, _ = split(words[:-1], db)
    size = back_up(where, Path(words[-1]))
    click.echo(f"{shown(where)} copied to {one_line(words[-1], 300)}, {in_words(size)}")


@click.command()
@click.argument("words", nargs=-1, metavar="[DB]")
@with_database
@click.option("--older-than", type=Age(), help="Delete what is older: 30d, 12h, 2w.")
@click.option("--max-size", type=Size(), help="Delete the oldest until so much is in use: 2GB.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted; delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask. Without a terminal nothing else is taken.")
def prune(
    words: Sequence[str],
    db: str | None,
    older_than: timedelta | None,
    max_size: int | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Delete the oldest exchanges for good, by age or down to a size.

    Cuts where nobody had asked anything for ten minutes, if there is such a pause, so that no
    conversation is torn. A recorder may write meanwhile; then the file keeps its size, and what is
    free in it is used again. `kimitap record --keep 30d --max-size 5GB` does the same all the time.
    """
    where = only_database(words, db, "prune")
    if older_than is None and max_size is None:
        raise UsageError("say how much to keep: kimitap prune --older-than 30d, or --max-size 2GB")
    if not (yes or dry_run or (sys.stdin.isatty() and sys.stdout.isatty())):
        raise UsageError("nobody can be asked here: say --yes to delete for good, or --dry-run")
    for line in _pruned(where, older_than, max_size, dry_run, yes):
        click.echo(line)


def _pruned(
    where: str, age: timedelta | None, most: int | None, dry_run: bool, yes: bool
) -> Iterator[str]:
    from kimitap.store import delete, retention, sweep

    if dry_run:
        yield from _would_go(where, retention.plan(where, age, most), most)
        return
    if most is not None:
        retention.used_bytes(where)  # a server refuses before anything is deleted
    if age is not None:
        old = retention.plan(where, age)
        if old.torn:
            yield _TORN
        if old.numbers:
            _ask(f"Delete {_named(old)} for good from {shown(where)}?", yes)
            done = delete(where, old.numbers)
            yield f"{counted(done.exchanges, 'exchange')} deleted from {shown(where)}"
        else:
            sweep(where)
            yield f"nothing in {shown(where)} is that old"
    if most is None:
        return
    used = retention.used_bytes(where)
    if used <= most:
        yield f"{in_words(used)} are in use of {in_words(most)}"
        return
    _ask(f"Delete the oldest from {shown(where)} until {in_words(most)} are in use?", yes)
    gone = retention.shrink_to(where, most)
    left = in_words(retention.used_bytes(where))
    yield f"{counted(gone, 'exchange')} deleted from {shown(where)}, {left} in use"


def _would_go(where: str, planned: "Plan", most: int | None) -> Iterator[str]:
    """What a run without --dry-run would delete."""
    if planned.torn:
        yield _TORN
    if not planned.numbers:
        yield f"nothing would be deleted from {shown(where)}"
    else:
        yield f"{_named(planned)} would be deleted from {shown(where)}"
    if planned.used is not None and planned.frees is not None:
        limit = f", of {in_words(most)} allowed" if most is not None else ""
        yield f"about {in_words(planned.frees)} of the {in_words(planned.used)} in use{limit}"


def _named(planned: "Plan") -> str:
    """How many exchanges, and from when to when they began."""
    told = counted(len(planned.numbers), "exchange")
    if planned.since is None or planned.until is None:
        return told
    return f"{told} ({_local(planned.since)} to {_local(planned.until)})"


def _ask(question: str, yes: bool) -> None:
    if not yes and not click.confirm(question):
        raise UsageError("nothing was deleted")


def _ago(at: datetime) -> str:
    return f"{_local(at)}, {span(datetime.now(UTC) - at)} ago"


def _local(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
