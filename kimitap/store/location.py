"""Where the recording is: a path, or a SQLAlchemy URL, which alone needs SQLAlchemy loaded."""

import os
import re
from pathlib import Path

from kimitap.errors import UsageError

DEFAULT = "sessions/kimitap.db"
VARIABLE = "KIMITAP_DB"
MAGIC = b"SQLite format 3\x00"
"""How every SQLite database begins."""


def location(option: str | None) -> str:
    """The option if given, else `$KIMITAP_DB`, else `sessions/kimitap.db` in the current folder."""
    return option or os.environ.get(VARIABLE) or DEFAULT


def file_of(where: str) -> Path | None:
    """The file of a SQLite recording; None where `where` is the URL of a server.

    Raises UsageError for an URL that is none, or that names no file.
    """
    if "://" not in where:
        return Path(where)
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(where)
        url.get_dialect()
    except (ArgumentError, ValueError) as error:
        raise UsageError(
            f"{shown(where)} is no database URL: try a path, or postgresql://…"
        ) from error
    if url.get_backend_name() != "sqlite":
        return None
    if not url.database or url.database == ":memory:":
        raise UsageError(f"{where} names no file: a recording in memory cannot be read by others")
    return Path(url.database)


def shown(where: str) -> str:
    """`where` for a message: an URL without its password."""
    if "://" not in where:
        return where
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(where).render_as_string()
    except (ArgumentError, ValueError):
        return re.sub(r"://.*@", "://***@", where)


def demand_folder(file: Path) -> None:
    """Raise UsageError where there is no folder for a new file: a slip makes none."""
    if not file.parent.is_dir():
        raise UsageError(f"{file}: there is no folder {file.parent}: make it, or name another")


def make_folder(folder: Path) -> None:
    """Make the folder, and those above it that are missing, each for its owner only."""
    for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def looks_recorded(where: str) -> bool:
    """True where a SQLite database stands: it may still be refused when it is opened."""
    if "://" in where:
        return False
    try:
        with Path(where).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False
