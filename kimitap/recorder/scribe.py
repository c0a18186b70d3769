"""Writes slips into the recording, in order, off the event loop; survives a database that cannot.

While the database refuses (locked, disk full, no permission, damaged), slips wait and are tried
again; the queue before the scribe is what bounds their number. A slip that fails for a reason of
its own is tried thrice, then given up and counted.
"""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from kimitap.errors import RecordingError
from kimitap.exchange import Body
from kimitap.recorder.slips import (
    Answered,
    Arrived,
    Begun,
    Captured,
    Ended,
    Missed,
    Slip,
    weight,
)
from kimitap.store import RecordingWriter

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Kept:
    """The request of this ticket is on disk."""

    ticket: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A captured exchange was added, or was already there."""

    new: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """The recording cannot be written now; what is not yet written waits."""

    reason: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """The recording can be written again; nothing waits any more."""


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A slip could not be written for a reason of its own, and was given up."""

    reason: str


@dataclass(frozen=True, slots=True)
class Freed:
    """So many bytes of slips wait no more."""

    weight: int


News = Kept | Taken | Trouble | Recovered | Spoiled | Freed


class Scribe:
    """Owns the writer's connection: everything but the constructor is called from one thread."""

    def __init__(self, where: str, tell: Callable[[News], None]) -> None:
        self._where = where
        self._tell = tell
        self._writer: RecordingWriter | None = None
        self._waiting: deque[Slip] = deque()
        self._numbers: dict[int, int] = {}
        self._parts: dict[int, list[Arrived]] = {}
        self._tries = 0
        self._freed = 0
        self.in_trouble = False

    @property
    def idle(self) -> bool:
        """Whether nothing waits and no exchange is open."""
        return not (self._waiting or self._parts or self._numbers)

    @property
    def settled(self) -> bool:
        """Whether everything taken is on disk."""
        return not (self._waiting or self._parts)

    @property
    def unwritten(self) -> int:
        """How many exchanges would lose something if nothing more could be written."""
        waiting = {getattr(slip, "ticket", id(slip)) for slip in self._waiting}
        return len(waiting | self._parts.keys())

    def open(self) -> None:
        """Open the recording ahead of the first slip, so that the first request need not wait."""
        self._opened()

    def take(self, slips: Iterable[Slip]) -> None:
        """Queue `slips`; nothing is written yet."""
        self._waiting.extend(slips)

    def write(self) -> None:
        """Write everything that waits, as far as the database takes it."""
        if not self._opened():
            return
        while self._waiting:
            slip = self._waiting[0]
            if not self._guarded(partial(self._put, slip), slip):
                break
            self._waiting.popleft()
            if not isinstance(slip, Arrived):
                self._freed += weight(slip)
        for parts in [] if self._waiting else list(self._parts.values()):
            if not self._guarded(partial(self._flush, parts[-1].ticket), parts[-1]):
                break
        if self._freed:
            self._tell(Freed(self._freed))
            self._freed = 0
        if self.in_trouble and self.settled:
            self.in_trouble = False
            self._tell(Recovered())

    def close(self) -> None:
        """Let go of the database; what is open in it is ended there as interrupted."""
        if self._writer is not None:
            with suppress(RecordingError):
                self._writer.close()
            self._writer = None

    def _opened(self) -> bool:
        if self._writer is None:
            try:
                self._writer = RecordingWriter(self._where)
            except Exception as error:
                self._troubled(_words(error))
                return False
        return True

    def _guarded(self, act: Callable[[], object], slip: Slip) -> bool:
        """Do `act`, which writes `slip`; False if it must be tried again later.

        An error that the database did not raise is about the slip, and will not go away.
        """
        try:
            act()
        except Exception as error:
            self._tries += 1
            of_database = isinstance(error, RecordingError) and error.__cause__ is not None
            if of_database or self._tries < _TRIES:
                self._troubled(_words(error))
                return False
            self._give_up(slip, _words(error))
        self._tries = 0
        return True

    def _give_up(self, slip: Slip, reason: str) -> None:
        """Leave out the rest of the exchange that `slip` belongs to."""
        ticket = getattr(slip, "ticket", 0)
        self._numbers.pop(ticket, None)
        self._release(ticket)
        self._tell(Spoiled(reason))

    def _release(self, ticket: int) -> None:
        self._freed += sum(weight(part) for part in self._parts.pop(ticket, ()))

    def _troubled(self, reason: str) -> None:
        self.in_trouble = True
        self._tell(Trouble(reason))

    def _put(self, slip: Slip) -> None:
        writer = self._writer
        assert writer is not None
        match slip:
            case Arrived(ticket=ticket):
                self._parts.setdefault(ticket, []).append(slip)
                if ticket not in self._numbers:  # its beginning was given up
                    self._release(ticket)
            case Begun(ticket=ticket):
                exchange = replace(slip.exchange, request=Body.whole(slip.body))
                self._numbers[ticket] = writer.begin(exchange)
                self._tell(Kept(ticket))
            case Captured(exchange=exchange):
                self._tell(Taken(writer.add(exchange) is not None))
            case Missed(count=count, reason=reason, at=at):
                writer.lose(count, reason, at)
            case Answered() | Ended():
                self._advance(writer, slip)

    def _advance(self, writer: RecordingWriter, slip: Answered | Ended) -> None:
        number = self._numbers.get(slip.ticket)
        if number is None:  # its beginning was given up
            return
        if isinstance(slip, Answered):
            writer.respond(
                number, slip.status, slip.reason, slip.headers, slip.http_version, slip.at
            )
            return
        self._flush(slip.ticket)
        writer.finish(
            number, slip.outcome, slip.detail, ended_at=slip.at, lost_bytes=slip.lost_bytes
        )
        del self._numbers[slip.ticket]

    def _flush(self, ticket: int) -> None:
        parts = self._parts.get(ticket)
        if not parts:
            return
        assert self._writer is not None
        number = self._numbers[ticket]
        self._writer.append(number, [(part.at_s, part.data) for part in parts])
        self._release(ticket)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, RecordingError) else f"{type(error).__name__}: {error}"
