"""What the words of a command line name: a database, and a place in it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from kimitap.errors import UsageError
from kimitap.places import PlaceWord, parse_place
from kimitap.store import location


def names_database(word: str) -> bool:
    return "://" in word or word.endswith(".db") or Path(word).is_file()


def split(words: Sequence[str], db: str | None) -> tuple[str, list[str]]:
    """The database, and the words that are left: the first word may name the database."""
    rest = list(words)
    if rest and names_database(rest[0]):
        if db is not None:
            raise UsageError(f"two databases named: {rest[0]} and --db {db}; say one")
        db = rest.pop(0)
    return location(db), rest


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
