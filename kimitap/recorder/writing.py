"""The scribe's process: reads slips from its standard input, writes them, says news on its output.

A process of its own, since cutting, hashing and compressing a long request takes Python's lock for
milliseconds, and the event loop that carries everybody's tokens would wait for it. It outlives a
recorder that is killed, and writes what had reached it.
"""

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import BinaryIO

from kimitap.recorder.frames import packed, read_slips
from kimitap.recorder.scribe import Scribe
from kimitap.recorder.slips import AnyNews, AnySlip, Freed, Left, Settled, Taken
from kimitap.store import location

RETRY_S = 1.0
"""How often a database that refuses is tried again."""
PATIENCE_S = 5.0
"""How long the end waits for a database that refuses."""

_Frame = list[AnySlip] | None
"""Slips, or None at the end."""


def main(option: str) -> None:
    """Write what comes on standard input until it ends. `option` is the recording as given."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the end of the input is the sign to stop
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may speak among the news
    frames: queue.SimpleQueue[_Frame] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, frames), daemon=True).start()
    _work(location(option), frames, _Teller(output))


class _Teller:
    """Sends news; keeps those back for which nobody waits, to send them together."""

    def __init__(self, output: BinaryIO) -> None:
        self._output: BinaryIO | None = output
        self._held: list[AnyNews] = []

    def __call__(self, news: AnyNews) -> None:
        self._held.append(news)
        if not isinstance(news, Freed | Settled | Taken):
            self.flush()

    def flush(self) -> None:
        """Send what was kept back."""
        held, self._held = self._held, []
        if held and self._output:
            try:
                self._output.write(packed(held))
                self._output.flush()
            except OSError:  # the recorder died: go on writing, there is nobody to tell
                self._output = None


def _read(file: BinaryIO, frames: "queue.SimpleQueue[_Frame]") -> None:
    for slips in read_slips(file):
        frames.put(slips)
    frames.put(None)


def _work(where: str, frames: "queue.SimpleQueue[_Frame]", tell: _Teller) -> None:
    scribe = Scribe(where, tell)
    scribe.write()  # opens the recording
    while (slips := _next(frames, scribe)) is not None:
        scribe.take(slips)
        scribe.write()
        tell.flush()
    _retry(scribe.write, lambda: scribe.unwritten > 0)
    tell(Left(scribe.unwritten))
    scribe.close()


def _next(frames: "queue.SimpleQueue[_Frame]", scribe: Scribe) -> _Frame:
    """The next frame; none of them, but in time, while the database refuses."""
    try:
        return frames.get(timeout=RETRY_S if scribe.in_trouble else None)
    except queue.Empty:
        return []


def _retry(act: Callable[[], None], needed: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while needed() and time.monotonic() < deadline:
        time.sleep(0.2)
        act()
