"""The keeper's process: deletes what is too old or too much from a recording that is being written.

A process of its own, since counting what is still needed takes Python's lock; the scribe waits for
no more than one of its short transactions (see `store.deleting`). Not at a low priority: it would
be interrupted while it holds the lock for which the scribe waits.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from kimitap.amounts import counted, in_words, span
from kimitap.errors import KimitapError, NoRecording
from kimitap.store import Recording, delete, file_of, location, retention, sweep

SIZE_EVERY_S = 2.0
"""How often the size is looked at: at that of the files alone, as long as that is small enough."""
AGE_EVERY_S = 600.0
ENOUGH = 0.9
"""What is too much goes down to this share of the limit, so that not every look deletes."""
PAUSE_S = 0.25
"""How long the scribe has the database for itself after each transaction: nothing is urgent."""


def main(option: str, age_s: str, most: str) -> None:
    """Keep to the limits until standard input ends. `option` is the recording as given."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    age = timedelta(seconds=float(age_s)) if age_s else None
    keeping = Keeping(location(option), age, int(most) if most else None, _tell)
    while True:
        keeping.look()
        time.sleep(SIZE_EVERY_S)


class Keeping:
    """Looks again and again whether something is too old or too much; `say` gets what came of it:
    a line, and whether it is a complaint."""

    def __init__(
        self, where: str, age: timedelta | None, most: int | None, say: Callable[[str, bool], None]
    ) -> None:
        self._where = where
        self._age = age
        self._most = most
        self._say = say
        self._next_age_s = 0.0
        self._swept = False
        self._complaint = ""
        self._began, self._began_s = datetime.now(UTC), _steady_s()

    def look(self) -> None:
        """Delete what is due. What hinders that is said once, until something else does."""
        try:
            if not self._swept:
                sweep(self._where, PAUSE_S)
                self._swept = True
            if self._age is not None and time.monotonic() >= self._next_age_s:
                self._delete_old(self._age)
                self._next_age_s = time.monotonic() + AGE_EVERY_S
            if self._most is not None:
                self._delete_surplus(self._most)
        except NoRecording:
            return  # it was moved away; the recorder makes another with its next exchange
        except KimitapError as error:
            if str(error) != self._complaint:
                self._say(f"nothing is deleted: {error}", True)
            self._complaint = str(error)
        else:
            self._complaint = ""

    def _delete_old(self, age: timedelta) -> None:
        with Recording.open(self._where) as recording:
            now = self._now()
            old = retention.older_than(recording.glimpses(), now - age, now).numbers
        if old:
            gone = delete(self._where, old, PAUSE_S).exchanges
            self._say(f"{counted(gone, 'exchange')} deleted, older than {span(age)}", False)

    def _now(self) -> datetime:
        """The time, as far as the steady clock agrees: a date put forward deletes nothing."""
        return min(datetime.now(UTC), self._began + timedelta(seconds=_steady_s() - self._began_s))

    def _delete_surplus(self, most: int) -> None:
        if _size(self._where) <= most or retention.used_bytes(self._where) <= most:
            return
        gone = retention.shrink_to(self._where, round(ENOUGH * most), PAUSE_S)
        used = retention.used_bytes(self._where)
        if gone:
            self._say(
                f"{counted(gone, 'exchange')} deleted, the oldest: {in_words(used)} of "
                f"{in_words(most)} are in use",
                False,
            )


def _size(where: str) -> float:
    """The bytes of the files: what is in use is never more. Unknown is any size."""
    path = file_of(where)
    if path is None:
        return float("inf")
    size = 0
    for file in (path, path.with_name(path.name + "-wal")):
        with suppress(FileNotFoundError):
            size += file.stat().st_size
    return size


def _steady_s() -> float:
    """Seconds of a clock that nobody sets, and that runs on while the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def _tell(line: str, complaint: bool) -> None:
    print(json.dumps([line, complaint]), flush=True)  # noqa: T201


def _end_with_parent() -> None:
    """A transaction that is not at its end is taken back by whoever opens the recording next."""
    sys.stdin.buffer.read()
    os._exit(0)
