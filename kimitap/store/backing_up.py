"""A copy of a recording as it is at one moment, while a recorder may write."""

import secrets
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from kimitap.amounts import in_words
from kimitap.errors import UsageError
from kimitap.store import opening
from kimitap.store.location import demand_folder, file_of, shown
from kimitap.store.retention import used_bytes
from kimitap.store.trouble import translated


def back_up(where: str, into: Path) -> int:
    """Copy the SQLite recording at `where` to the new file `into`; the copy's size in bytes.

    The copy is one file for its owner only, and complete or not there at all. Raises UsageError for
    a database server, whose own tools make backups, and where `into` is there already, its folder
    is not, or too little room is; NoRecording, NotARecording, OlderRecording, NewerRecording,
    RecordingUnavailable, DamagedRecording.
    """
    if file_of(where) is None:
        raise UsageError(f"{shown(where)} is on a server: back it up there, as with pg_dump")
    if into.exists():
        raise UsageError(f"{shown(str(into))} is there already: name a new file")
    demand_folder(into)
    _demand_room(where, into)
    half = into.with_name(f".{into.name[:100]}.{secrets.token_hex(4)}")
    try:
        opening.make(str(into), half)
        with translated(where), closing(opening.reader(where)) as connection:
            _copy(opening.driver_of(connection), half)
        half.rename(into)
    finally:
        half.unlink(missing_ok=True)
    return into.stat().st_size


def _demand_room(where: str, into: Path) -> None:
    """Raise UsageError where the copy would not fit on its disk."""
    needed, free = used_bytes(where), shutil.disk_usage(into.parent).free
    if needed > free:
        raise UsageError(
            f"{shown(str(into))} would need {in_words(needed)}, and {in_words(free)} are free "
            "there: free some space, or name another place"
        )


def _copy(source: sqlite3.Connection, into: Path) -> None:
    """In one step, so that no recorder makes it begin again; in WAL mode it holds nobody up."""
    with closing(sqlite3.connect(into)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
