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
from collections import Counter
from contextlib import suppress
from typing import BinaryIO

from kimitap.recorder.frames import packed, read_slips
from kimitap.recorder.scribe import Scribe
from kimitap.recorder.slips import AnyNews, AnySlip, Freed, Left, Settled, Taken
from kimitap.store import location
from kimitap.store.syncing import Syncer

RETRY_S = 1.0
"""How often a database that refuses is tried again."""
QUIET_S = 0.05
TIDY_EACH_S = 1.0
"""What was written is made smaller when nothing has come for so long, and not more often than so:
what comes meanwhile waits for some ten milliseconds."""
HELD_S = 0.1
"""News for which nobody waits are held back for so long while there is something to write."""
PATIENCE_S = 5.0
"""How long the end waits for a database that refuses."""


def main(option: str) -> None:
    """Write what comes on standard input until it ends. `option` is the recording as given."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the end of the input is the sign to stop
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may speak among the news
    _work(location(option), _Inbox(sys.stdin.buffer), _Outbox(output))


class _Inbox:
    """The slips that have come, collected by a thread."""

    def __init__(self, file: BinaryIO) -> None:
        self.open = True
        self._frames: queue.SimpleQueue[list[AnySlip] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(file,), daemon=True).start()

    def take(self, patience_s: float | None) -> list[AnySlip]:
        """All that are here; waits for the first, None: as long as it takes."""
        slips: list[AnySlip] = []
        with suppress(queue.Empty):
            while self.open:
                frame = self._frames.get(timeout=0 if slips else patience_s)
                if frame is None:
                    self.open = False
                else:
                    slips += frame
        return slips

    def _read(self, file: BinaryIO) -> None:
        for slips in read_slips(file):
            self._frames.put(slips)
        self._frames.put(None)


class _Outbox:
    """Sends news; keeps those back for which nobody waits, to send them together."""

    def __init__(self, file: BinaryIO) -> None:
        self._file: BinaryIO | None = file
        self._held: list[AnyNews] = []
        self._freed: Counter[int] = Counter()
        self._flushed_at = 0.0

    def tell(self, news: AnyNews) -> None:
        """Send `news`, now or later."""
        if isinstance(news, Freed):
            for ticket, count in news.slips:
                self._freed[ticket] += count
            return
        self._held.append(news)
        if not isinstance(news, Settled | Taken):
            self.flush()

    def flush_if_due(self) -> None:
        """Send what was kept back for so long that the recorder holds much in vain."""
        if time.monotonic() - self._flushed_at > HELD_S:
            self.flush()

    def flush(self) -> None:
        """Send what was kept back."""
        self._flushed_at = time.monotonic()
        if self._freed:
            self._held.append(Freed(list(self._freed.items())))
            self._freed.clear()
        held, self._held = self._held, []
        if held and self._file:
            try:
                self._file.write(packed(held))
                self._file.flush()
            except OSError:  # the recorder died: go on writing, there is nobody to tell
                file, self._file = self._file, None
                with suppress(OSError):  # else Python complains at its exit of what is unsent
                    file.close()


def _work(where: str, inbox: _Inbox, outbox: _Outbox) -> None:
    scribe, syncer = Scribe(where, outbox.tell), Syncer(where)
    scribe.take(inbox.take(None))  # what a scribe before this one had begun
    scribe.step()  # opens the recording
    tidied_at, behind = time.monotonic(), True
    while inbox.open:
        rest_s = max(QUIET_S, tidied_at + TIDY_EACH_S - time.monotonic())
        slips = inbox.take(_patience_s(scribe, rest_s))
        scribe.take(slips)
        if inbox.open and not slips and not scribe.waits and scribe.untidy:
            scribe.tidy()
            tidied_at = time.monotonic()
        scribe.step()
        syncer.soon()
        behind = behind and scribe.waits  # a death may cost no more than one step's news
        if scribe.refused or behind or not scribe.waits:
            outbox.flush()
        outbox.flush_if_due()
    deadline = time.monotonic() + PATIENCE_S
    while scribe.waits and not (scribe.refused and time.monotonic() > deadline):
        time.sleep(0.2 if scribe.refused else 0)
        scribe.step()
    outbox.tell(Left(scribe.unwritten))
    scribe.close()
    syncer.close()


def _patience_s(scribe: Scribe, rest_s: float) -> float | None:
    """How long to wait for slips before going on with what there is; `rest_s`: with tidying up."""
    if scribe.refused:
        return RETRY_S
    if scribe.waits:
        return 0
    return rest_s if scribe.untidy else None
