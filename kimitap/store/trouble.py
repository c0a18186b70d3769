"""What the database says when it cannot serve, as our errors: what happened and what to do."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from kimitap.errors import (
    DamagedRecording,
    NotARecording,
    RecordingError,
    RecordingUnavailable,
)
from kimitap.store.location import shown

logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())
"""Where nobody set up logging, its pool would print a traceback when Ctrl-C comes while it closes a
connection; the interruption itself is raised all the same."""

_SAID = {
    sqlite3.SQLITE_BUSY: "is locked by another program: close it, or try again",
    sqlite3.SQLITE_LOCKED: "is locked by another program: close it, or try again",
    sqlite3.SQLITE_FULL: "cannot grow, the disk is full: free some space",
    sqlite3.SQLITE_READONLY: "may not be written: change its permissions, or name another",
    sqlite3.SQLITE_PERM: "may not be opened: change its permissions, or name another",
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened: look at the permissions of the file and of its folder"
    ),
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error",
}


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise our errors for the driver's inside the block."""
    try:
        yield
    except UnicodeDecodeError as error:  # text that no recorder wrote
        raise DamagedRecording(damaged(where)) from error
    except (DBAPIError, sqlite3.Error) as error:
        raise translate(where, error) from error


def damaged(where: str, how: str = "") -> str:
    """What to say of a damaged recording: `how`, in a few words, and what to do."""
    name = shown(where)
    return (
        f"{name} is damaged{f' ({how})' if how else ''}: restore it from a copy, or save what is "
        f"left of it with `kimitap verify {name} --save NEW.db`"
    )


def translate(where: str, error: Exception) -> RecordingError:
    """Our error for one of the driver's."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    name = shown(where)
    match code & 0xFF if isinstance(code, int) else None:
        case sqlite3.SQLITE_NOTADB:
            return NotARecording(
                f"{name} is no Kimitap recording: it is no SQLite database; name another"
            )
        case sqlite3.SQLITE_CORRUPT:
            return DamagedRecording(damaged(where))
        case int(known) if known in _SAID:
            return RecordingUnavailable(f"{name} {_SAID[known]}")
    said = " ".join(str(cause).split())
    return RecordingUnavailable(f"{name} cannot be used: {said}")
