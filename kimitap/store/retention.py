"""Which exchanges are old enough to go, so that no conversation is torn where that can be helped.

An agent that works leaves pauses: between two of at least ten minutes lies a piece of work. What is
kept begins after such a pause. This needs the rows alone, however much was recorded.

Clocks are wrong at times: a machine without a battery begins in 1970. What was recorded after
another exchange is not older than that, whatever the clock said. That is not so of what was
imported, which is older than the recorder that wrote it.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from kimitap.errors import UsageError
from kimitap.store import opening
from kimitap.store.deleting import PAUSE_S, delete
from kimitap.store.glimpse import Glimpse
from kimitap.store.glimpses import glimpses
from kimitap.store.location import file_of, shown
from kimitap.store.times import to_us
from kimitap.store.trouble import translated
from kimitap.store.weighing import weigh

PAUSE_US = 600 * 1_000_000
_SLACK_US = 60 * 1_000_000
_ROUNDS = 12
_RATHER_MORE = 1.05
_EMPTY = 20 * 1024
"""Bytes of a recording without an exchange, about."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The exchanges that are older than a limit, by number; `torn`: work went on at that moment."""

    numbers: tuple[int, ...]
    torn: bool


def older_than(glimpses: Sequence[Glimpse], limit: datetime, now: datetime | None = None) -> Cut:
    """What began before `limit`, up to the last pause before it; what is in flight stays."""
    starts, in_time = _by_age(glimpses, now or datetime.now(UTC))
    old = bisect_left(starts, to_us(limit))
    pause = max((at for at in _pauses(in_time) if at <= old), default=0)
    return Cut(_ended(in_time[: pause or old]), torn=not pause and old > 0)


def _by_age(glimpses: Sequence[Glimpse], now: datetime) -> tuple[Sequence[int], Sequence[Glimpse]]:
    """When each began, ascending, and the exchanges in that order.

    A recorded one began not before those that were recorded before it, but for those whose clock
    was ahead of `now`.
    """
    now_us, latest_us = to_us(now), 0
    dated = []
    for glimpse in sorted(glimpses):
        at_us = glimpse.started_us
        if at_us >= glimpse.opened_us - _SLACK_US:  # it was not imported
            at_us = max(at_us, latest_us)
            latest_us = at_us if at_us <= now_us else latest_us
        dated.append((at_us, glimpse))
    dated.sort()
    return [at_us for at_us, _ in dated], [glimpse for _, glimpse in dated]


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
        raise UsageError(
            f"{shown(where)} is on a server, which has its own limits of size: go by age"
        )
    with translated(where), opening.reader(where) as connection, connection.begin():
        pages, free, size = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be deleted: the `numbers`, when the first and the last of them began, and about
    how many bytes of those in use that would free; None on a server."""

    numbers: tuple[int, ...]
    since: datetime | None
    until: datetime | None
    frees: int | None
    used: int | None
    torn: bool


def plan(where: str, age: timedelta | None = None, most: int | None = None) -> Plan:
    """What goes if nothing older than `age` is kept, and at most `most` bytes; changes nothing.

    Raises UsageError where a server's size is asked for, and RecordingErrors as a reader does.
    """
    used = used_bytes(where) if most is not None or file_of(where) else None
    with translated(where), opening.reader(where) as connection, connection.begin():
        _, in_time = _by_age(glimpses(connection, 0), datetime.now(UTC))
        weights = weigh(connection, [glimpse.number for glimpse in in_time])
    old = older_than(in_time, datetime.now(UTC) - age) if age is not None else Cut((), False)
    chosen = set(old.numbers)
    if most is not None and used is not None:
        chosen |= set(_too_much(in_time, weights, used, most))
    gone = [glimpse for glimpse in in_time if glimpse.number in chosen]
    weight = sum(w for w, glimpse in zip(weights, in_time, strict=True) if glimpse.number in chosen)
    return Plan(
        numbers=tuple(sorted(chosen)),
        since=gone[0].started_at if gone else None,
        until=gone[-1].started_at if gone else None,
        frees=None if used is None else round((used - _EMPTY) * weight / max(1.0, sum(weights))),
        used=used,
        torn=old.torn,
    )


def shrink_to(where: str, most: int, pause_s: float = PAUSE_S) -> int:
    """Delete the oldest exchanges until at most `most` bytes are in use; how many went.

    As many go as weigh what is too much, up to a pause if there is one; since weights are
    estimates, again and again.
    """
    gone = 0
    for _ in range(_ROUNDS):
        numbers = plan(where, most=most).numbers
        if not numbers:
            break
        gone += delete(where, numbers, pause_s).exchanges
    return gone


def _too_much(
    in_time: Sequence[Glimpse], weights: Sequence[float], used: int, most: int
) -> Sequence[int]:
    """The oldest that must go: up to the next pause, if that takes not twice as many, or of all
    only few."""
    if used <= most or not in_time:
        return ()
    surplus = _RATHER_MORE * (used - most) * sum(weights) / max(1, used - _EMPTY)
    wanted = min(bisect_left(list(accumulate(weights)), surplus) + 1, len(in_time))
    further = wanted + max(wanted, len(in_time) // 5)
    pauses = (at for at in _pauses(in_time) if wanted <= at <= further and at < len(in_time))
    return _ended(in_time[: next(pauses, wanted)])
