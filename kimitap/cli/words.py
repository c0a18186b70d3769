"""What the words of a command line name: a database, and a place in it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from kimitap.errors import UsageError
from kimitap.places import PlaceWord, is_place, parse_place
from kimitap.store import location

_TWO = "two databases named: {} and --db {}; say one"


def names_database(word: str) -> bool:
    """True for a URL, a path, or a file or folder that is there, unless it is a place's name."""
    if set("/.") & set(word):
        return True
    try:
        return Path(word).is_file() or (Path(word).is_dir() and not is_place(word))
    except OSError:  # longer than a name may be
        return False


def split(words: Sequence[str], db: str | None) -> tuple[str, list[str]]:
    """The database, and the words that are left: the first word may name the database."""
    rest = list(words)
    if rest and names_database(rest[0]):
        if db is not None:
            raise UsageError(_TWO.format(rest[0], db))
        db = rest.pop(0)
    return location(db), rest


def only_database(words: Sequence[str], db: str | None, command: str) -> str:
    """The database of a command that takes nothing else."""
    if len(words) > 1:
        raise UsageError(f"{command} takes one database, but got {' '.join(words)}")
    if words and db is not None:
        raise UsageError(_TWO.format(words[0], db))
    return location(words[0] if words else db)


def one_place(words: Sequence[str]) -> PlaceWord | None:
    if len(words) > 1:
        raise UsageError(f"one place at most, but got {' '.join(words)}")
    return parse_place(words[0]) if words else None


def with_database[F: Callable[..., Any]](command: F) -> F:
    """The `--db` option, the same for all commands."""
    return click.option(
        "--db",
        metavar="PATH|URL",
        help="The database; else KIMITAP_DB, else sessions/kimitap.db.",
    )(command)


def with_server[F: Callable[..., Any]](command: F) -> F:
    """The `--ask-server` option, the same for all commands."""
    return click.option(
        "--ask-server",
        "server",
        metavar="URL",
        help="Have this llama-server render the chats' prompts (it only reads), and see what its "
        "template left out. Sends recorded requests there.",
    )(command)
