"""The writer of a recording: for one thread of a recorder; what it returned from is on disk."""

import math
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Self

from kimitap.errors import RecordingError, RecordingUnavailable, UsageError
from kimitap.exchange import Exchange, Headers, Outcome
from kimitap.store import adopting, arrivals, merging, opening, recall, recovery, tables
from kimitap.store.adopting import Adopted
from kimitap.store.arrivals import Parts
from kimitap.store.cut import Familiar, cut
from kimitap.store.exchanges import Ending, ExchangeWriter, Head, storable
from kimitap.store.location import file_of, shown
from kimitap.store.migrating import ensure_schema
from kimitap.store.times import to_us
from kimitap.store.trouble import translated

DELETING_S = 10.0
"""A deletion may still go on for so long after one of its transactions."""
TIDY_S = 1.0
TRIM_S = 0.5
"""How long closing may take, about, to merge what is small, and to give back empty pages."""


class RecordingWriter:
    """Writes exchanges to the recording at `where`, which it makes or migrates if need be.

    Several writers, in several processes, may write one recording. A method that raises
    RecordingUnavailable (locked, full, not permitted) or DamagedRecording has changed nothing, and
    may be called again. On opening, exchanges that a dead recorder left open are ended, but those
    of the origins to `adopt`: what is there of these is in `adopted`, and they go on here.
    """

    def __init__(self, where: str, adopt: Collection[str] = ()) -> None:
        self.where = where
        self.adopted: Mapping[str, Adopted] = {}
        self.openings = 0
        """How often the recording was opened: numbers given before count no more."""
        self._flushed: dict[int, int] = {}
        """The exchanges that are open here, and how many times some of each was stored."""
        self._familiar = Familiar()
        self._open(adopt)

    def begin(self, exchange: Exchange) -> int:
        """Store a request; its number. What `exchange` says of a response does not matter."""
        self._keep_to_the_file()
        request = cut(exchange.request.content, self._familiar)
        with self._transaction():
            number = self._exchanges.begin(exchange, request)
        self._flushed[number] = 0
        return number

    def respond(
        self,
        number: int,
        status: int,
        reason: str,
        headers: Headers,
        http_version: str,
        at: datetime,
    ) -> None:
        """Store the head of the response."""
        self.advance(number, head=Head(status, reason, headers, http_version, at))

    def append(self, number: int, parts: Parts) -> None:
        """Store parts of the response as they came: seconds since the start, and bytes."""
        self.advance(number, parts=parts)

    def append_all(self, some: Mapping[int, Parts]) -> None:
        """The same for several exchanges, by number, in one transaction: all or nothing."""
        if not some.keys() <= self._flushed.keys():
            raise RecordingUnavailable(f"an exchange is not open in {shown(self.where)}")
        rows = [
            (number, self._flushed[number], arrivals.of_parts(parts))
            for number, parts in some.items()
        ]
        with self._transaction():
            self._exchanges.append_all(rows)
        for number in some:
            self._flushed[number] += 1

    def finish(
        self,
        number: int,
        outcome: Outcome,
        detail: str = "",
        ended_at: datetime | None = None,
        lost_bytes: int = 0,
    ) -> None:
        """End the exchange, now unless `ended_at` says when; what streamed is packed."""
        ending = Ending(outcome, detail, ended_at or datetime.now(UTC), lost_bytes)
        self.advance(number, ending=ending)

    def advance(
        self,
        number: int,
        *,
        head: Head | None = None,
        parts: Parts = (),
        ending: Ending | None = None,
    ) -> None:
        """Store what came of the response, all of it or nothing: its head, parts of it, its end."""
        flushed = self._flushed.get(number)
        if flushed is None:
            raise RecordingUnavailable(f"exchange {number} is not open in {shown(self.where)}")
        arrived = arrivals.of_parts(parts) if parts else None
        with self._transaction():
            if head:
                self._exchanges.respond(number, head)
            if ending:
                self._exchanges.end(number, ending, arrived, flushed > 0)
            elif arrived:
                self._exchanges.append(number, flushed, arrived)
        if ending:
            del self._flushed[number]
        elif arrived:
            self._flushed[number] = flushed + 1

    def add(self, exchange: Exchange, renumber: bool = True) -> int | None:
        """Store a finished exchange of a capture; None if its origin is there already.

        It gets the next number; in a SQLite file it can keep its own, without `renumber`, if that
        is free. Raises UsageError where a server gives the numbers.
        """
        if not renumber and file_of(self.where) is None:
            raise UsageError(f"{shown(self.where)} gives its own numbers: name a file instead")
        self._keep_to_the_file()
        request = cut(exchange.request.content, self._familiar)
        with self._transaction():
            number = self._exchanges.add(exchange, request, renumber)
        with suppress(RecordingError):  # the exchange is there
            self.tidy()
        return number

    def lose(self, count: int, reason: str, at: datetime) -> None:
        """Say in the recording that exchanges, or parts of them, could not be recorded; once."""
        row = {
            "recorder_id": self._recorder,
            "at_us": to_us(at),
            "count": count,
            "reason": storable(reason),
        }
        with self._transaction():
            if not adopting.has_loss(self._connection, row):
                self._connection.execute(tables.loss.insert(), row)

    @property
    def untidy(self) -> bool:
        """Whether `tidy` has something to do."""
        return self._exchanges.small.ready() is not None

    def tidy(self, at_the_end: bool = False) -> bool:
        """Merge some of the small packs that were written here, where there are enough of them.

        Takes some ten milliseconds, for moments when nobody waits. False: there was nothing to do,
        or somebody deletes, who would have to begin again.
        """
        small = self._exchanges.small
        dictionary = small.ready(at_the_end)
        if dictionary is None:
            return False
        with (
            translated(self.where),
            merging.unhindered(self._connection),
            self._transaction(),
        ):
            if time.monotonic() - self._deleted_at < DELETING_S:
                return False
            merging.merge(self._connection, dictionary, small.take(dictionary))
        return True

    def close(self) -> None:
        """End what is still open as interrupted, tidy up for a little, and sign out."""
        if self._connection.closed:
            return
        try:
            for number in list(self._flushed):
                self.finish(number, Outcome.INTERRUPTED, "the recorder stopped")
            with suppress(RecordingError):  # what was recorded is there, tidy or not
                self._tidy_up()
            with self._transaction():
                recovery.sign_out(self._connection, self._recorder, _now_us())
        finally:
            self._connection.close()

    def _tidy_up(self) -> None:
        """Merge what is small, and give back the pages that this left empty."""
        if file_of(self.where) is None:
            return
        deadline = time.monotonic() + TIDY_S
        while time.monotonic() < deadline and self.tidy(at_the_end=True):
            pass
        with translated(self.where):
            opening.trim(self._connection, time.monotonic() + TRIM_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, adopt: Collection[str] = ()) -> None:
        self._connection = opening.writer(self.where)
        self.openings += 1
        try:
            with translated(self.where):
                ensure_schema(self.where, self._connection)
                with self._connection.begin():
                    self._recorder = recovery.sign_in(self._connection, _now_us())
                    self.newest_s = recall.newest_us(self._connection) / 1e6
                    """The latest time of the last exchanges, in seconds since 1970; else 0."""
            file = self._identity()
            self._exchanges = ExchangeWriter(self._connection, self._recorder)
            self._generation = -1
            self._deleted_at = -math.inf
            self._adopt(adopt)
            self._end_abandoned()
            self._file = file  # at last: else an opening that fails is not tried again
        except BaseException:
            self._connection.close()
            raise

    def _adopt(self, origins: Collection[str]) -> None:
        with self._transaction():
            self.adopted = adopting.adopt(self._connection, self._recorder, origins)
        self._flushed = {
            one.number: one.flushes for one in self.adopted.values() if one.ended_at is None
        }

    def _end_abandoned(self) -> None:
        with self._transaction():
            numbers = recovery.abandoned(self._connection, _now_us())
        for number in numbers:
            with self._transaction():
                ending = Ending(Outcome.INTERRUPTED, "the recorder died")
                self._exchanges.end(number, ending, None, flushed=True)

    def _keep_to_the_file(self) -> None:
        """Open anew if the file was moved or removed: else we would write where nobody looks."""
        if self._identity() != self._file:
            self._flushed.clear()
            self._connection.close()
            self._open()

    def _identity(self) -> tuple[int, int] | None:
        path = file_of(self.where)
        try:
            found = path.stat() if path is not None else None
        except OSError:
            return None
        return found and (found.st_dev, found.st_ino)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._connection.closed:
            raise RecordingUnavailable(f"{shown(self.where)} is not open")
        with translated(self.where):
            try:
                with self._connection.begin():
                    self._heed_deletions()
                    yield
            except BaseException:
                self._exchanges.forget()
                raise

    def _heed_deletions(self) -> None:
        """Where something was deleted, remember only what is there now: the rest has lost its id.

        Nobody can delete until the transaction ends.
        """
        now = self._exchanges.generation()
        if now != self._generation:
            if self._generation >= 0:
                self._deleted_at = time.monotonic()
            self._exchanges.forget()
            recall.recall(self._connection, self._exchanges.bodies)
            self._generation = now


def _now_us() -> int:
    return to_us(datetime.now(UTC))
