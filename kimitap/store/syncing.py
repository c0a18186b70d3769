"""Has what was committed reach the disk itself, within a second, while nobody waits for that.

SQLite leaves it to the system when the log of a recording is written to the disk (`synchronous` is
NORMAL): after half a minute, as a rule. That is lost where the power fails, though never more than
that. Syncing at each commit would have each request wait for the disk; so a thread does it.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kimitap.errors import UsageError
from kimitap.store.location import file_of

EACH_S = 0.5
"""How long what was committed waits at most until its sync begins."""

_sync = getattr(os, "fdatasync", os.fsync)  # macOS has none


class Syncer:
    """Syncs the log of the recording at `where`, in a thread; a server sees to that itself.

    The log is opened apart from SQLite: it locks other files, so that closing it gives up no lock.
    """

    def __init__(self, where: str, nap: Callable[[float], object] | None = None) -> None:
        self._log = _log_of(where)
        self._known: int | None = None
        self._due = threading.Event()
        self._stopped = threading.Event()
        self._nap = nap or self._stopped.wait
        self._thread = threading.Thread(target=self._work, daemon=True)
        if self._log is not None:
            self._thread.start()

    def soon(self) -> None:
        """Something was committed."""
        if not self._due.is_set():
            self._due.set()

    def close(self) -> None:
        """End, with a last sync."""
        self._stopped.set()
        self._due.set()
        if self._log is not None:
            self._thread.join()
            self._try(self._log)

    def _work(self) -> None:
        while not self._stopped.is_set():
            self._due.wait()
            self._nap(EACH_S)
            self._due.clear()  # what is committed from now on needs another sync
            if self._log is not None and not self._stopped.is_set():
                self._try(self._log)

    def _try(self, log: Path) -> None:
        with suppress(OSError):  # it was moved away, or SQLite will meet the disk's error
            self._sync(log)

    def _sync(self, log: Path) -> None:
        handle = os.open(log, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _sync(handle)
            inode = os.fstat(handle).st_ino
        finally:
            os.close(handle)
        if inode != self._known:  # a new log is lost as well where its folder does not name it
            _sync_folder(log.parent)
            self._known = inode


def _log_of(where: str) -> Path | None:
    try:
        path = file_of(where)
    except UsageError:  # who opens the recording says so
        return None
    return None if path is None else path.with_name(path.name + "-wal")


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # some systems cannot open a folder
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
