"""The queue between the hooks and the scribe: the hooks only put, and never wait for the disk.

Memory is bounded: what waits is weighed, and past the limit less is recorded, loudly. A response
that lost a part is recorded as the part before: what is kept is always a true beginning.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from kimitap.exchange import Exchange
from kimitap.recorder.scribe import Freed, Kept, News, Recovered, Scribe, Spoiled, Taken, Trouble
from kimitap.recorder.slips import Arrived, Begun, Captured, Missed, Slip, weight

logger = logging.getLogger("kimitap")

_BEAT_S = 0.2
"""What streams is written this often, and so is on disk well within half a second."""
_RETRY_S = 1.0
_PATIENCE_S = 5.0
"""How long the end waits for a database that refuses."""
_STUCK_S = 60.0

_tickets = count(1)


@dataclass
class Tally:
    """What became of the exchanges that came to one line."""

    begun: int = 0
    added: int = 0
    skipped: int = 0
    lost: int = 0
    """Exchanges that are missing from the recording, wholly or in part."""


class Line:
    """One recording's queue and the thread that empties it. Lives on the event loop."""

    def __init__(self, where: str, limit: int) -> None:
        self.where = where
        self.tally = Tally()
        self.closed = False
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._slips: deque[Slip] = deque()
        self._put_bytes = 0
        self._freed_bytes = 0
        self._missed = 0
        self._overflowing = False
        self._trouble = ""
        self._behind = False
        self._acks: dict[int, asyncio.Future[None]] = {}
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kimitap-scribe", daemon=True)
        self._thread.start()

    # --- the hooks' side, on the event loop ---

    @property
    def queued(self) -> int:
        """Bytes that wait to be written, about."""
        return self._put_bytes - self._freed_bytes

    @property
    def in_trouble(self) -> bool:
        """Whether the database refuses."""
        return bool(self._trouble)

    def begin(self, exchange: Exchange, body: bytes) -> int | None:
        """Queue a request; its ticket, or None where there is no room for it."""
        slip = Begun(next(_tickets), exchange, body)
        if self.closed or not self._room(weight(slip)):
            return None
        self.tally.begun += 1
        self._acks[slip.ticket] = self._loop.create_future()
        self.put(slip)
        self._wake.set()
        return slip.ticket

    async def kept(self, ticket: int, patience_s: float) -> None:
        """Wait until the request is on disk; not for long, and not for a database that refuses."""
        ack = self._acks.get(ticket)
        if ack is None or self._trouble or self._behind:
            return
        try:
            await asyncio.wait_for(asyncio.shield(ack), patience_s)
        except TimeoutError:
            self._behind = True
            logger.error(
                "Kimitap: %s takes nothing for %g s; the traffic goes on, and waits in memory "
                "to be recorded",
                self.where,
                patience_s,
            )

    def arrived(self, ticket: int, at_s: float, data: bytes) -> bool:
        """Queue a part of a response; False where there is no room for it."""
        slip = Arrived(ticket, at_s, data)
        if not self._room(weight(slip)):
            return False
        self.put(slip)
        return True

    async def capture(self, exchange: Exchange) -> None:
        """Queue an exchange of a capture; waits for room as long as the database takes any."""
        slip = Captured(exchange)
        while self.queued > self._limit // 8 and not self._trouble:  # noqa: ASYNC110 - rare
            await asyncio.sleep(0.01)
        if self._room(weight(slip)):
            self.put(slip)
            self._wake.set()

    def put(self, slip: Slip) -> None:
        """Queue a small slip, for which there is always room."""
        if self._overflowing and self.queued < self._limit // 2:
            self._overflowing = False
            self.note_losses()
        self._put_bytes += weight(slip)
        self._slips.append(slip)

    def miss(self) -> None:
        """Count an exchange that the recording will lack, wholly or in part."""
        self._missed += 1
        self.tally.lost += 1

    def note_losses(self) -> None:
        """Have the recording say what it lacks, after all that waits now."""
        if self._missed:
            reason = self._trouble or "the recorder's memory was full"
            slip = Missed(self._missed, reason, datetime.now(UTC))
            self._missed = 0
            self.put(slip)

    def close(self) -> None:
        """Write what waits; blocks. A database that refuses is given a few seconds."""
        if self.closed:
            return
        self.note_losses()
        self.closed = True
        self._stop.set()
        self._wake.set()
        self._thread.join(_STUCK_S)
        for ack in self._acks.values():
            ack.cancel()

    def _room(self, size: int) -> bool:
        if self.queued + size <= self._limit:
            return True
        if not self._overflowing:
            self._overflowing = True
            logger.error(
                "Kimitap: %d MB wait to be written to %s, the limit (kimitap_memory): part of what "
                "passes now is NOT recorded",
                self.queued >> 20,
                self.where,
            )
        return False

    def _hear(self, news: News) -> None:
        """What the scribe says, on the event loop."""
        match news:
            case Kept(ticket=ticket):
                self._behind = False
                if (ack := self._acks.pop(ticket, None)) and not ack.done():
                    ack.set_result(None)
            case Trouble(reason=reason):
                if reason != self._trouble:
                    logger.error(
                        "Kimitap: NOT recording: %s (the traffic goes on; trying again)", reason
                    )
                self._trouble = reason
                for ack in self._acks.values():
                    if not ack.done():
                        ack.set_result(None)
            case Recovered():
                logger.warning("Kimitap: recording again into %s", self.where)
                self.note_losses()
                self._trouble = ""
            case Spoiled(reason=reason):
                logger.error("Kimitap: an exchange could not be recorded: %s", reason)
                self.miss()
                self.note_losses()
            case _:
                pass

    # --- the scribe's side, on its own thread ---

    def _tell(self, news: News) -> None:
        match news:
            case Freed(weight=freed):
                self._freed_bytes += freed
            case Taken(new=new):
                self.tally.added += new
                self.tally.skipped += not new
            case _:
                self._post(self._hear, news)

    def _post(self, call: Callable[[News], None], news: News) -> None:
        if self._stop.is_set():  # the loop is blocked in `close`, or gone
            call(news)
        else:
            self._loop.call_soon_threadsafe(call, news)

    def _run(self) -> None:
        scribe = Scribe(self.where, self._tell)
        scribe.open()
        while not self._stop.is_set():
            self._beat(scribe)
        self._finish(scribe)

    def _beat(self, scribe: Scribe) -> None:
        if scribe.in_trouble:
            self._stop.wait(_RETRY_S)
        else:
            self._wake.wait(None if scribe.idle and not self._slips else _BEAT_S)
        self._wake.clear()
        self._write(scribe)

    def _write(self, scribe: Scribe) -> None:
        scribe.take(self._slips.popleft() for _ in range(len(self._slips)))
        scribe.write()

    def _finish(self, scribe: Scribe) -> None:
        for _ in range(round(_PATIENCE_S / _BEAT_S)):
            self._write(scribe)
            if scribe.settled and not self._slips:
                break
            threading.Event().wait(_BEAT_S)
        if lost := scribe.unwritten:
            self.tally.lost += lost
        scribe.close()
