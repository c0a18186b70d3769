"""Which exchanges are old enough to go, so that no conversation is torn where that can be helped.

An agent that works leaves pauses: between two of at least ten minutes lies a piece of work. What is
kept begins after such a pause. This needs the rows alone, however much was recorded.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from kimitap.errors import UsageError
from kimitap.store import opening
from kimitap.store.deleting import delete
from kimitap.store.glimpse import Glimpse
from kimitap.store.location import file_of, shown
from kimitap.store.reading import Recording
from kimitap.store.times import to_us
from kimitap.store.trouble import translated

PAUSE_US = 600 * 1_000_000
_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Cut:
    """The exchanges that are older than a limit, by number; `torn`: work went on at that moment."""

    numbers: tuple[int, ...]
    torn: bool


def older_than(glimpses: Sequence[Glimpse], limit: datetime) -> Cut:
    """What began before `limit`, up to the last pause before it; what is in flight stays."""
    in_time = sorted(glimpses, key=_start)
    old = bisect_left(in_time, to_us(limit), key=_start)
    pause = max((at for at in _pauses(in_time) if at <= old), default=0)
    return Cut(_ended(in_time[: pause or old]), torn=not pause and old > 0)


def _start(glimpse: Glimpse) -> int:
    return glimpse.started_us


def _pauses(in_time: Sequence[Glimpse]) -> Iterator[int]:
    """Before which of them, in the order of time, nothing had gone on for a while.

    The end counts as a pause.
    """
    last_us = 0
    for at, glimpse in enumerate(in_time):
        if at and glimpse.started_us - last_us >= PAUSE_US:
            yield at
        last_us = max(last_us, glimpse.ended_us or glimpse.started_us)
    yield len(in_time)


def _ended(glimpses: Sequence[Glimpse]) -> tuple[int, ...]:
    return tuple(sorted(glimpse.number for glimpse in glimpses if glimpse.ended_us is not None))


def used_bytes(where: str) -> int:
    """How much of a SQLite recording's file is in use: what was deleted may leave free pages.

    Raises UsageError for a server, and RecordingErrors as a reader does.
    """
    if file_of(where) is None:
        raise UsageError(f"{shown(where)} is on a server, which has its own limits of size")
    with translated(where), opening.reader(where) as connection, connection.begin():
        pages, free, size = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


def shrink_to(where: str, most: int) -> int:
    """Delete the oldest exchanges until at most `most` bytes are in use; how many went.

    The share of the bytes that is too much is the share of the exchanges that goes, at a pause if
    there is one, again and again.
    """
    gone = 0
    for _ in range(_ROUNDS):
        used = used_bytes(where)
        if used <= most:
            return gone
        with Recording.open(where) as recording:
            in_time = sorted(recording.glimpses(), key=_start)
        numbers = _oldest(in_time, max(1, round(len(in_time) * (1 - most / used))))
        if not numbers:
            return gone
        gone += delete(where, numbers).exchanges
    return gone


def _oldest(in_time: Sequence[Glimpse], wanted: int) -> Sequence[int]:
    """About so many of the oldest: up to the next pause, if that takes not twice as many."""
    pause = next((at for at in _pauses(in_time) if at >= wanted), wanted)
    return _ended(in_time[: pause if pause <= 2 * wanted else wanted])
