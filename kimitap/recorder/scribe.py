"""Writes slips into the recording, each exchange's in order; survives a database that refuses.

Requests come first, since an answer may wait for its own; then what waits of one exchange after
another, in one transaction each. While the database refuses (locked, disk full, no permission,
damaged), slips wait and are tried again; the line before the scribe is what bounds their number.
Slips that fail for a reason of their own are tried thrice, then given up and counted.

Where a scribe died, the next goes on with the exchanges that it had begun. It gets all slips anew
that were not acknowledged, and writes those of them that are not there.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import accumulate, islice

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
    OneSlip,
    Opened,
    Recovered,
    Resumed,
    Settled,
    Spoiled,
    Taken,
    Trouble,
    weight,
)
from kimitap.store import Adopted, Ending, Head, RecordingWriter

_TRIES = 3
_TOGETHER = 16
_LITTLE = 1 << 18
"""So many responses, and bytes of them, are flushed in one transaction: a request that comes then
waits for a few milliseconds."""
_AT_ONCE = 4 << 20
"""Bytes of one exchange that are written in one transaction, about."""
_LASTING = (NotARecording, NewerRecording, UsageError)


class Scribe:
    """Owns the writer's connection; everything is called from one thread."""

    def __init__(self, where: str, tell: Callable[[AnyNews], None]) -> None:
        self._where = where
        self._tell = tell
        self._writer: RecordingWriter | None = None
        self._requests: deque[Begun] = deque()
        self._waiting: dict[int, list[OneSlip]] = {}
        """By ticket, the one that waits longest first."""
        self._resumed: dict[int, str] = {}
        """By ticket the origin of what a scribe before this one had begun."""
        self._found: dict[int, Adopted] = {}
        """What is there of these."""
        self._begun: dict[int, tuple[int, int]] = {}
        """By ticket: which opening of the recording it began in, and its number there."""
        self._failures: Counter[int] = Counter()
        """By ticket: how often what waits of it failed for a reason of its own."""
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
        waiting = {key for key, (slip, *_) in self._waiting.items() if not isinstance(slip, Missed)}
        return len(waiting | {slip.ticket for slip in self._requests})

    def take(self, slips: Iterable[AnySlip]) -> None:
        """Queue `slips`; nothing is written yet."""
        for slip in slips:
            if isinstance(slip, Begun):
                self._requests.append(slip)
            elif isinstance(slip, Resumed):
                self._resumed |= dict(slip.under_way)
            else:
                self._waiting.setdefault(slip.ticket, []).append(slip)

    def step(self) -> None:
        """Write a request or what waits of an exchange, if the database takes it; open it first."""
        self.refused = False
        writer = self._opened()
        if writer and self._requests:
            if self._written(writer, [self._requests[0]]):
                self._free(self._requests.popleft().ticket, 1)
        elif writer and self._waiting and not self._flushed_together(writer):
            self._go_on(writer, next(iter(self._waiting)))
        if writer and self.in_trouble and not self.waits:
            self.in_trouble = False
            self._tell(Recovered())

    @property
    def untidy(self) -> bool:
        """Whether `tidy` has something to do."""
        return self._writer is not None and not self.in_trouble and self._writer.untidy

    def tidy(self) -> None:
        """Make the recording a little smaller, in some ten milliseconds; while nothing waits."""
        if self._writer is not None:
            with suppress(RecordingError):  # the next slip will find out
                self._writer.tidy()

    def close(self) -> None:
        """Let go of the database; what is open in it is ended there as interrupted."""
        if self._writer is not None:
            with suppress(RecordingError):
                self._writer.close()
            self._writer = None

    def _go_on(self, writer: RecordingWriter, key: int) -> None:
        slips = self._waiting[key]
        some = _first(slips)
        if self._written(writer, some):
            rest = slips[len(some) :]
            if rest:
                self._waiting[key] = rest
            else:
                del self._waiting[key]
            self._free(key, len(some))

    def _flushed_together(self, writer: RecordingWriter) -> bool:
        """Write what came of several open responses in one transaction, which costs more than what
        is in it while a hundred stream. False where there are not several, or one of them cannot be
        written: one by one it is known which.
        """
        some = dict(self._streaming(writer))
        if len(some) < 2:
            return False
        parts = {
            number: [part for slip in self._waiting[ticket] for part in self._parts(slip)]
            for ticket, number in some.items()
        }
        try:
            writer.append_all(parts)
        except Exception as error:
            if not _of_database(error):
                return False
            self._troubled(error)
            return True
        for ticket in some:
            self._free(ticket, len(self._waiting.pop(ticket)))
        return True

    def _streaming(self, writer: RecordingWriter) -> Iterator[tuple[int, int]]:
        """Ticket and number of some of those that wait longest, if only parts of them wait."""
        size = 0
        for ticket, slips in islice(self._waiting.items(), _TOGETHER):
            opening, number = self._begun.get(ticket, (0, 0))
            size += sum(map(weight, slips))
            if size > _LITTLE:
                return
            if opening == writer.openings and all(isinstance(slip, Arrived) for slip in slips):
                yield ticket, number

    def _free(self, ticket: int, count: int) -> None:
        self._tell(Freed([(ticket, count)]))

    def _opened(self) -> RecordingWriter | None:
        if self._writer is None:
            try:
                self._writer = RecordingWriter(self._where, adopt=self._resumed.values())
            except Exception as error:
                self._troubled(error)
            else:
                self._tell(Opened(self._where, self._writer.newest_s))
                self._resume(self._writer)
        return self._writer

    def _resume(self, writer: RecordingWriter) -> None:
        """Take over what is there of the exchanges that were under way when a scribe died."""
        for ticket, origin in self._resumed.items():
            found = writer.adopted.get(origin)
            if found is not None:
                self._found[ticket] = found
                self._begun[ticket] = writer.openings, found.number

    def _written(self, writer: RecordingWriter, slips: Sequence[OneSlip]) -> bool:
        """Whether nothing more is to be done for `slips`; False if they must be tried again.

        An error that the database did not raise is about the slips, and will not go away. A
        database that refuses has them wait, however often it does.
        """
        ticket = slips[0].ticket
        try:
            self._put(writer, slips)
        except Exception as error:
            self._failures[ticket] += not _of_database(error)
            if _of_database(error) or self._failures[ticket] < _TRIES:
                self._troubled(error)
                return False
            self._begun.pop(ticket, None)
            self._tell(Spoiled(ticket, _words(error)))
        self._failures.pop(ticket, None)
        return True

    def _troubled(self, error: Exception) -> None:
        self.in_trouble = self.refused = True
        self._tell(Trouble(_words(error), isinstance(error, _LASTING)))

    def _put(self, writer: RecordingWriter, slips: Sequence[OneSlip]) -> None:
        match slips[0]:
            case Begun(ticket=ticket) if ticket in self._found:
                self._tell(Kept(ticket))
            case Begun(ticket=ticket) as slip:
                # The writer cuts and hashes the body itself: no key is needed here.
                exchange = replace(slip.exchange, request=Body((Piece(b"", slip.body),)))
                number = writer.begin(exchange)
                self._begun[ticket] = writer.openings, number
                self._resumed.pop(ticket, None)
                self._tell(Kept(ticket))
            case Captured(exchange=exchange):
                self._tell(Taken(writer.add(exchange) is not None))
            case Missed(count=count, reason=reason, at=at):
                writer.lose(count, reason, at)
            case slip:
                self._advance(writer, slip.ticket, slips)

    def _advance(self, writer: RecordingWriter, ticket: int, slips: Sequence[OneSlip]) -> None:
        opening, number = self._begun.get(ticket, (0, 0))
        if opening != writer.openings:
            begun_by_another = self._resumed.pop(ticket, None)
            if self._begun.pop(ticket, None) or begun_by_another:  # else it was given up
                self._tell(Spoiled(ticket, "the recording was moved away before its end"))
            return
        if ticket in self._found and self._found[ticket].ended_at is not None:
            self._end_again(ticket, slips[-1])
            return
        head: Head | None = None
        ending: Ending | None = None
        parts: list[tuple[float, bytes]] = []
        for slip in slips:
            match slip:
                case Answered():
                    head = Head(slip.status, slip.reason, slip.headers, slip.http_version, slip.at)
                case Arrived():
                    parts += self._parts(slip)
                case Ended():
                    ending = Ending(slip.outcome, slip.detail, slip.at, slip.lost_bytes)
        writer.advance(number, head=head, parts=parts, ending=ending)
        if ending:
            self._forget(ticket)
            self._tell(Settled(ticket))

    def _end_again(self, ticket: int, slip: OneSlip) -> None:
        """An exchange has ended already: by this slip, which was not acknowledged, or otherwise."""
        if not isinstance(slip, Ended):
            return
        if self._found[ticket].ended_at == slip.at:
            self._tell(Settled(ticket))
        else:
            self._tell(Spoiled(ticket, "another program ended it, since its recorder had died"))
        self._forget(ticket)

    def _forget(self, ticket: int) -> None:
        del self._begun[ticket]
        self._found.pop(ticket, None)
        self._resumed.pop(ticket, None)

    def _parts(self, slip: OneSlip) -> list[tuple[float, bytes]]:
        """The parts that a slip brings, without what is there already."""
        if not isinstance(slip, Arrived):
            return []
        found = self._found.get(slip.ticket)
        return slip.parts if found is None else _after(slip, found.size)


def _of_database(error: Exception) -> bool:
    """Whether the database raised it, and not what was to be written."""
    return isinstance(error, _LASTING) or (
        isinstance(error, RecordingError) and error.__cause__ is not None
    )


def _after(slip: Arrived, reached: int) -> list[tuple[float, bytes]]:
    """The parts that lie behind the first `reached` bytes of the response."""
    ends = accumulate((len(data) for _, data in slip.parts), initial=slip.start)
    return [part for part, start in zip(slip.parts, ends, strict=False) if start >= reached]


def _first(slips: Sequence[OneSlip]) -> Sequence[OneSlip]:
    """The first of `slips`, as many as may be written at once; one at least."""
    size = 0
    for index, slip in enumerate(slips):
        size += weight(slip)
        if index and size > _AT_ONCE:
            return slips[:index]
    return slips


def _words(error: Exception) -> str:
    known = isinstance(error, RecordingError | UsageError)
    return str(error) if known else f"{type(error).__name__}: {error}"
