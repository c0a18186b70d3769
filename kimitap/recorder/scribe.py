"""Writes slips into the recording, each exchange's in order; survives a database that refuses.

Requests come first, since an answer may wait for its own. While the database refuses (locked, disk
full, no permission, damaged), slips wait and are tried again; the line before the scribe is what
bounds their number. A slip that fails for a reason of its own is tried thrice, then given up and
counted.
"""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from kimitap.errors import NewerRecording, NotARecording, RecordingError, UsageError
from kimitap.exchange import Body, Piece
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
    Missed,
    Opened,
    Recovered,
    Settled,
    Spoiled,
    Taken,
    Trouble,
    weight,
)
from kimitap.store import RecordingWriter

_TRIES = 3
_LASTING = (NotARecording, NewerRecording, UsageError)


class Scribe:
    """Owns the writer's connection; everything is called from one thread."""

    def __init__(self, where: str, tell: Callable[[AnyNews], None]) -> None:
        self._where = where
        self._tell = tell
        self._writer: RecordingWriter | None = None
        self._requests: deque[Begun] = deque()
        self._waiting: deque[AnySlip] = deque()
        self._numbers: dict[int, int] = {}
        self._tries = 0
        self.in_trouble = False
        self.refused = False
        """Whether the last step came to nothing, so that the next had better wait a little."""

    @property
    def waits(self) -> bool:
        """Whether there is something to write."""
        return bool(self._requests or self._waiting)

    @property
    def unwritten(self) -> int:
        """How many exchanges would lose something if nothing more could be written."""
        lacking = [slip for slip in self._waiting if not isinstance(slip, Missed)]
        return len({getattr(slip, "ticket", id(slip)) for slip in [*self._requests, *lacking]})

    def take(self, slips: Iterable[AnySlip]) -> None:
        """Queue `slips`; nothing is written yet."""
        for slip in slips:
            if isinstance(slip, Begun):
                self._requests.append(slip)
            else:
                self._waiting.append(slip)

    def step(self) -> None:
        """Write one slip, if the database takes it; open the recording first."""
        self.refused = False
        writer = self._opened()
        queue: deque[AnySlip] | deque[Begun] = self._requests or self._waiting
        if writer and queue and self._written(writer, queue[0]):
            self._tell(Freed(weight(queue.popleft())))
        if writer and self.in_trouble and not self.waits:
            self.in_trouble = False
            self._tell(Recovered())

    def close(self) -> None:
        """Let go of the database; what is open in it is ended there as interrupted."""
        if self._writer is not None:
            with suppress(RecordingError):
                self._writer.close()
            self._writer = None

    def _opened(self) -> RecordingWriter | None:
        if self._writer is None:
            try:
                self._writer = RecordingWriter(self._where)
            except Exception as error:
                self._troubled(error)
            else:
                self._tell(Opened(self._where))
        return self._writer

    def _written(self, writer: RecordingWriter, slip: AnySlip) -> bool:
        """Whether nothing more is to be done for `slip`; False if it must be tried again.

        An error that the database did not raise is about the slip, and will not go away.
        """
        try:
            self._put(writer, slip)
        except Exception as error:
            self._tries += 1
            of_database = isinstance(error, _LASTING) or (
                isinstance(error, RecordingError) and error.__cause__ is not None
            )
            if of_database or self._tries < _TRIES:
                self._troubled(error)
                return False
            ticket = getattr(slip, "ticket", 0)
            self._numbers.pop(ticket, None)
            self._tell(Spoiled(ticket, _words(error)))
        self._tries = 0
        return True

    def _troubled(self, error: Exception) -> None:
        self.in_trouble = self.refused = True
        self._tell(Trouble(_words(error), isinstance(error, _LASTING)))

    def _put(self, writer: RecordingWriter, slip: AnySlip) -> None:
        match slip:
            case Begun(ticket=ticket):
                # The writer cuts and hashes the body itself: no key is needed here.
                exchange = replace(slip.exchange, request=Body((Piece(b"", slip.body),)))
                self._numbers[ticket] = writer.begin(exchange)
                self._tell(Kept(ticket))
            case Captured(exchange=exchange):
                self._tell(Taken(writer.add(exchange) is not None))
            case Missed(count=count, reason=reason, at=at):
                writer.lose(count, reason, at)
            case _:
                number = self._numbers.get(slip.ticket)
                if number is not None:  # else its beginning was given up
                    self._advance(writer, number, slip)

    def _advance(
        self, writer: RecordingWriter, number: int, slip: Answered | Arrived | Ended
    ) -> None:
        match slip:
            case Answered():
                writer.respond(
                    number, slip.status, slip.reason, slip.headers, slip.http_version, slip.at
                )
            case Arrived():
                writer.append(number, slip.parts)
            case Ended():
                writer.finish(number, slip.outcome, slip.detail, slip.at, slip.lost_bytes)
                del self._numbers[slip.ticket]
                self._tell(Settled(slip.ticket))


def _words(error: Exception) -> str:
    known = isinstance(error, RecordingError | UsageError)
    return str(error) if known else f"{type(error).__name__}: {error}"
