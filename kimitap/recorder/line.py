"""The line between the hooks and the scribe: the hooks only put, and never wait for the disk.

Memory is bounded: what waits is weighed, and past the limit less is recorded, loudly. A response
that lost a part is recorded up to that part: what is kept is always a true beginning. What waits is
kept here until it is on disk: where the scribe dies, another one goes on with it.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Protocol

from kimitap.exchange import Exchange
from kimitap.recorder.ledger import Ledger
from kimitap.recorder.post import Post
from kimitap.recorder.slips import (
    Answered,
    AnyNews,
    AnySlip,
    Arrived,
    Begun,
    Captured,
    Ended,
    Freed,
    Kept,
    Left,
    Missed,
    Opened,
    Recovered,
    Settled,
    Spoiled,
    Taken,
    Trouble,
    weight,
)
from kimitap.recorder.tally import Tally
from kimitap.recorder.timeline import go_on_after
from kimitap.store.location import location

logger = logging.getLogger("kimitap")

_BEAT_S = 0.2
"""What streams is sent to the scribe this often, and so is on disk well within half a second."""
_SHORT_S = 3.0
_LONG_S = 40.0
"""How long the end waits for a scribe that still writes: silently, and after saying so. Longer than
the scribe waits for another program's lock."""
_REST_S = 0.25
_LONGEST_REST_S = 60.0
"""How long after a scribe's death the next is started: longer each time, while none of them writes
anything."""
_FULL = "the recorder's memory was full"

_tickets = count(1)


class Source(Protocol):
    """What collects the parts of a response between two beats."""

    def flush(self) -> None:
        """Hand the parts over."""


class Line:
    """One recording's queue. All methods are called on the event loop."""

    def __init__(self, option: str, limit: int) -> None:
        self.where, self._option = location(option), option
        self.tally = Tally()
        self.closed = False
        self.trouble: Trouble | None = None
        self.limit = limit
        self._loop = asyncio.get_running_loop()
        self._unsaid: list[str] | None = []
        self._ledger = Ledger()
        self._missed = 0
        self._why = ""
        self._overflowing = False
        self._behind = False
        self._over = False
        """Whether the scribe has said its last word."""
        self._acks: dict[int, asyncio.Future[None]] = {}
        self._sources: set[Source] = set()
        self._beating = False
        self._first_word = asyncio.Event()
        self._rest_s = _REST_S
        self._post = Post(option, self._listen, self._ledger.again())

    @property
    def named(self) -> str:
        """The recording's place for a message: a URL without its password."""
        return re.sub(r"(?<=://)([^/@:]*):[^/@]*@", r"\1:***@", self.where)

    @property
    def queued(self) -> int:
        """Bytes that wait to be written, about."""
        return self._ledger.weight

    async def scribe_spoke(self, patience_s: float | None) -> bool:
        """Whether the recording is open or in `trouble`: waits until it is, or patience ends."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._first_word.wait(), patience_s)
        return self._first_word.is_set()

    def speak(self) -> None:
        """Say errors at once from now on. mitmproxy takes one that is logged while it starts for a
        failed start, and ends; so they are kept back until somebody says that it has started."""
        unsaid, self._unsaid = self._unsaid, None
        for text in unsaid or ():
            logger.error(text)

    def forget_unsaid(self) -> None:
        """Say nothing of what was kept back: mitmproxy ends at once, and has said why."""
        if self._unsaid:
            self._unsaid.clear()

    def say_aloud(self, text: str) -> None:
        """Say an error: at once, or while mitmproxy starts, as soon as it has started."""
        if self._unsaid is None or self.closed:
            logger.error(text)
        else:
            self._unsaid.append(text)

    # --- what the hooks do ---

    def begin(self, exchange: Exchange, body: bytes) -> int | None:
        """Queue a request; its ticket, or None where there is no room for it."""
        slip = Begun(next(_tickets), exchange, body)
        size = weight(slip)
        if self.closed or not self._room(size):
            self.miss()
            return None
        self._ledger.open(slip.ticket, exchange.origin)
        self._queue(slip.ticket, slip, size)
        self._acks[slip.ticket] = self._loop.create_future()
        self._post.send()
        return slip.ticket

    async def kept(self, ticket: int, patience_s: float) -> None:
        """Wait until the request is on disk; not for long, and not for a database that refuses."""
        ack = self._acks.get(ticket)
        if ack is None or self.trouble or self._behind:
            return
        await asyncio.wait([ack], timeout=patience_s)
        if not ack.done():
            self._behind = True
            self.say_aloud(
                f"Kimitap: {self.named} has taken nothing for {patience_s:g} s: the traffic goes "
                "on, and waits in memory to be recorded"
            )

    def soon(self, source: Source) -> None:
        """Have `source` flushed at the next beat."""
        self._sources.add(source)
        self._need_beat()

    def arrived(self, ticket: int, parts: list[tuple[float, bytes]], size: int) -> bool:
        """Queue parts of a response, `size` bytes; False where there is no room for them.

        Of an exchange that was given up, and told as lost, nothing is wanted any more.
        """
        if not self._ledger.is_open(ticket):
            return True
        slip_size = weight(Arrived(ticket, parts, size))
        room = self._room(slip_size)
        if room:
            slip = Arrived(ticket, parts, size, self._ledger.reach(ticket, size))
            self._queue(ticket, slip, slip_size)
        return room

    async def capture(self, exchange: Exchange) -> None:
        """Queue an exchange of a capture; waits for room as long as the database takes any."""
        slip = Captured(next(_tickets), exchange)
        while self.queued > self.limit // 8 and not self.trouble:  # noqa: ASYNC110 - rare
            await asyncio.sleep(0.01)
        size = weight(slip)
        if self._room(size):
            self._ledger.open(slip.ticket)
            self._queue(slip.ticket, slip, size)
            self._post.send()
        else:
            self.miss()

    def put(self, slip: Answered | Ended) -> None:
        """Queue a small slip, for which there is always room; it leaves with the next beat."""
        if self._ledger.is_open(slip.ticket):
            self._queue(slip.ticket, slip, weight(slip))

    def miss(self, reason: str = "") -> None:
        """Count an exchange that the recording will lack, wholly or in part."""
        self._missed += 1
        self._why = reason or (self.trouble.reason if self.trouble else _FULL)
        self.tally.lost += 1
        if reason or not (self.trouble or self._overflowing):
            self._note_losses()

    async def close(self) -> None:
        """Write what waits; a database that refuses is given a few seconds only."""
        if self.closed:
            return
        for source in list(self._sources):
            source.flush()
        self._note_losses()
        self.closed = True
        post: Post | None = None
        while self._post is not post:  # where one dies, another one may have taken its place
            post = self._post
            if await post.close(_SHORT_S):
                continue
            logger.warning("Kimitap still writes to %s", self.named)
            if not await post.close(_LONG_S):
                self.tally.lost += self._ledger.exchanges
                logger.error("Kimitap: %s takes too long: not waiting any longer", self.named)
                return

    def _queue(self, ticket: int, slip: AnySlip, size: int) -> None:
        self._ledger.put(ticket, slip, size)
        self._post.put(slip, size)
        self._need_beat()

    def _need_beat(self) -> None:
        if not self._beating and not self.closed:
            self._beating = True
            self._loop.call_later(_BEAT_S, self._beat)

    def _beat(self) -> None:
        self._beating = False
        sources, self._sources = self._sources, set()
        for source in sources:
            source.flush()
        self._post.send()

    def _room(self, size: int) -> bool:
        if self.queued + size <= self.limit or not self.queued:
            return True
        if not self._overflowing:
            self._overflowing = True
            self.say_aloud(
                f"Kimitap: no more than {self.limit >> 20} MB may wait to be written to "
                f"{self.named} (kimitap_memory): part of what passes now is NOT recorded"
            )
        return False

    def _note_losses(self) -> None:
        """Have the recording say what it lacks, after all that waits now."""
        if self._missed:
            missed, self._missed = self._missed, 0
            slip = Missed(next(_tickets), missed, self._why, datetime.now(UTC))
            self._ledger.open(slip.ticket)
            self._queue(slip.ticket, slip, weight(slip))

    # --- what the scribe says ---

    def _listen(self, news: Sequence[AnyNews | None]) -> None:
        for one in news:
            self._hear(one)

    def _hear(self, news: AnyNews | None) -> None:
        match news:
            case Kept(ticket=ticket):
                self._behind = False
                self.tally.recorded += self._ledger.keep(ticket)
                self._acknowledge(ticket)
            case Freed(slips=slips):
                self._freed(slips)
            case Settled(ticket=ticket):
                self._ledger.close(ticket)
            case Taken(new=new):
                self.tally.added += new
                self.tally.skipped += not new
            case Opened(where=where, newest_s=newest_s):
                self.where = where
                go_on_after(newest_s)
                self._first_word.set()
                if self.trouble:
                    self._recovered()
            case Trouble():
                self._first_word.set()
                self._in_trouble(news)
            case Recovered() if self.trouble:
                self._recovered()
            case Spoiled(ticket=ticket, reason=reason):
                self._acknowledge(ticket)
                if self._ledger.close(ticket):
                    self._lose(1, reason)
            case Left(unwritten=unwritten):
                self.tally.lost += unwritten
                self._over = True
            case None if not self._over:
                self._bereft()

    def _freed(self, slips: Sequence[tuple[int, int]]) -> None:
        self._rest_s = _REST_S
        for ticket, count_ in slips:
            self._ledger.free(ticket, count_)
        if self._overflowing and self.queued < self.limit // 2 and not self.closed:
            self._overflowing = False
            self._note_losses()

    def _acknowledge(self, ticket: int) -> None:
        if (ack := self._acks.pop(ticket, None)) and not ack.done():
            ack.set_result(None)

    def _in_trouble(self, trouble: Trouble) -> None:
        if self.trouble is None or trouble.reason != self.trouble.reason:
            self.say_aloud(
                f"Kimitap does NOT record: {trouble.reason} (the traffic goes on, and waits in "
                "memory to be recorded)"
            )
        self.trouble = trouble
        for ticket in list(self._acks):
            self._acknowledge(ticket)

    def _recovered(self) -> None:
        logger.warning("Kimitap records again into %s", self.named)
        self.trouble = None
        self._note_losses()

    def _lose(self, number: int, reason: str) -> None:
        self.say_aloud(f"Kimitap lost {number or 'none'} of the exchanges under way: {reason}")
        self._missed += number
        self._why = reason
        self.tally.lost += number
        if not self.closed:
            self._note_losses()

    def _bereft(self) -> None:
        """The scribe's process died. Start another, which goes on with what is not on disk; but not
        with what has seen too many die. Nobody waits for it: the traffic comes first."""
        lost = self._ledger.bereave() if self._post.started else 0
        self.trouble, self._behind = None if self._post.started else self.trouble, True
        for ticket in list(self._acks):
            self._acknowledge(ticket)
        if lost:
            self._lose(lost, "the process that writes died again and again; another one goes on")
        elif self._post.started:
            self.say_aloud(
                "Kimitap: the process that writes died; another one goes on with all that waits"
            )
        if self.closed and not (self._post.started and self._ledger.waits):
            self.tally.lost += self._ledger.exchanges
            return
        self._post = Post(self._option, self._listen, self._ledger.again(), self._rest_s)
        self._rest_s = min(2 * self._rest_s, _LONGEST_REST_S)
