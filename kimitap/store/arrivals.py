"""When the parts of a response arrived, and how long they were, as a few bytes.

Times are kept to a tenth of a millisecond, as distances. Servers send an event at a time, so a
length is written as the number of events that end in the part, where it ends with one (1 for nearly
every part of a stream, which costs almost nothing); else as itself.
"""

import re
import struct
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain, repeat
from operator import sub
from typing import cast, overload

from kimitap.errors import DamagedRecording
from kimitap.exchange import Pauses, Segment, TimedSegments, first_s, pauses, times_since
from kimitap.store import zstd
from kimitap.store.varint import zigzag

Parts = Sequence[tuple[float, bytes]]
"""Seconds since the exchange's start, and the bytes that came then."""

TICKS = 10_000
"""In a second."""

_EVENT_END = re.compile(rb"\n\r?\n")
_ONE_EVENT = 1 << 1
"""The code of a part that is one event."""
_EVEN = bytes(range(0, 256, 2))
_new_segment = cast(Callable[[type[Segment], tuple[float, int]], Segment], tuple.__new__)
"""`Segment(*values)`, in a third of the time: a recording has hundreds of thousands."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Some of a response: of each part when it came (in ticks) and its length; all their bytes."""

    ticks: Sequence[int]
    lengths: Sequence[int]
    data: bytes

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The parts without their bytes."""
        return _segments(self.ticks, self.lengths)


class Segments(TimedSegments):
    """The segments of the response `data`, as `pack` wrote them; unpacked as far as one looks.

    Raises DamagedRecording at the first look where they are not those of the response, within the
    context that `guard` makes.
    """

    def __init__(
        self,
        packed: bytes,
        data: bytes,
        guard: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._packed, self._data, self._guard = packed, data, guard

    @overload
    def __getitem__(self, index: int) -> Segment: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Segment]: ...
    def __getitem__(self, index: int | slice) -> Segment | Sequence[Segment]:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._all)

    def __eq__(self, other: object) -> bool:
        return self._all == (other._all if isinstance(other, Segments) else other)

    def __hash__(self) -> int:
        return hash(self._all)

    def __repr__(self) -> str:
        return repr(self._all)

    def times_since(self, byte: int) -> list[float]:
        """When those that hold bytes came, from the one in which the first `byte` bytes ended."""
        if not self._are_blocks:
            return times_since(self._all, byte)
        ticks = list(accumulate(self._columns[0]))
        return [tick / TICKS for tick in ticks[self._blocks_before(byte) :]]

    def pauses_since(self, byte: int) -> Pauses | None:
        """The pauses between these; from the distances as they are written."""
        gaps = self._doubled
        if gaps is None:
            return pauses(self.times_since(byte))
        first = self._blocks_before(byte) if byte else 0
        if first >= len(gaps):
            return None
        later = gaps[first + 1 :]
        longest = max(later, default=0)
        to_longest = later.index(longest) if later else 0
        begun = sum(gaps[: first + 1])
        halves = begun, begun + sum(later), longest, begun + sum(later[:to_longest])
        return Pauses(*(half / (2 * TICKS) for half in halves))

    @property
    def first_s(self) -> float | None:
        """When the first one that holds bytes came."""
        gaps = self._doubled
        if gaps is None:
            return first_s(self._all)
        return gaps[0] / (2 * TICKS) if gaps else None

    @cached_property
    def _doubled(self) -> Sequence[int] | None:
        """Twice the distances, where each segment is one block of lines, and no clock was set back.

        None elsewhere. So it is with nearly every stream; its codes are not even unpacked.
        """
        planes = self._planes
        count = len(planes) // 16
        rows = [planes[i * count : (i + 1) * count] for i in range(16)]
        gaps, codes = rows[::2], rows[1::2]
        if (
            codes[0] != _ONE_EVENT.to_bytes() * count
            or any(map(bytes(count).__ne__, (*codes[1:], *gaps[4:])))
            or gaps[0].translate(None, _EVEN)  # a distance below zero is odd
            or b"\r" in self._data
        ):
            return None
        numbers = bytearray(4 * count)
        for i in range(4):
            numbers[i::4] = gaps[i]
        return struct.unpack(f"<{count}I", numbers)

    @cached_property
    def _are_blocks(self) -> bool:
        """True where each segment is one block of lines, as an event is."""
        codes = self._columns[1]
        return codes.count(_ONE_EVENT) == len(codes) and b"\r" not in self._data

    def _blocks_before(self, byte: int) -> int:
        """How many blocks end before the first `byte` bytes do."""
        return self._data.count(b"\n\n", 0, max(byte - 1, 0))

    @cached_property
    def _all(self) -> tuple[Segment, ...]:
        gaps, codes = self._columns
        with self._guard():
            return _segments(accumulate(gaps), _lengths(codes, _event_ends(self._data)))

    @cached_property
    def _columns(self) -> tuple[Sequence[int], Sequence[int]]:
        """The distances of the segments (in ticks), and what `_codes` says of their lengths."""
        numbers = _unplanes(self._planes)
        count = len(numbers) // 2
        return [(gap >> 1) ^ -(gap & 1) for gap in numbers[:count]], numbers[count:]

    @cached_property
    def _planes(self) -> bytes:
        with self._guard():
            return zstd.decompress(self._packed)


def of_parts(parts: Parts) -> Arrived:
    """The parts as they come from the recorder."""
    data = [some for _, some in parts]
    return Arrived([round(at_s * TICKS) for at_s, _ in parts], [*map(len, data)], b"".join(data))


def of_segments(segments: Sequence[Segment], data: bytes) -> Arrived:
    """The inverse of `Arrived.segments`."""
    ticks = [round(segment.at_s * TICKS) for segment in segments]
    return Arrived(ticks, [segment.length for segment in segments], data)


def joined(some: Sequence[Arrived]) -> Arrived:
    """All of them, one after the other."""
    if len(some) == 1:
        return some[0]
    return Arrived(
        list(chain.from_iterable(one.ticks for one in some)),
        list(chain.from_iterable(one.lengths for one in some)),
        b"".join([one.data for one in some]),
    )


def pack_flush(arrived: Arrived) -> bytes:
    """What came since the last flush, bytes included, while the response is open."""
    count = len(arrived.ticks)
    head = struct.pack(f"<I{count}q{count}Q", count, *arrived.ticks, *arrived.lengths)
    return zstd.compress(head + arrived.data, zstd.QUICK)


def unpack_flush(flush: bytes) -> Arrived:
    """The inverse of `pack_flush`."""
    whole = zstd.decompress(flush)
    (count,) = struct.unpack_from("<I", whole)
    numbers = struct.unpack_from(f"<{count}q{count}Q", whole, 4)
    return Arrived(numbers[:count], numbers[count:], whole[4 + 16 * count :])


def pack(arrived: Arrived) -> bytes:
    """The parts of the whole response, without its bytes."""
    gaps = list(map(sub, arrived.ticks, chain((0,), arrived.ticks)))
    gaps = [gap << 1 if gap >= 0 else zigzag(gap) for gap in gaps]
    return zstd.compress(_planes([*gaps, *_codes(arrived.lengths, _event_ends(arrived.data))]))


def _segments(ticks: Iterable[int], lengths: Iterable[int]) -> tuple[Segment, ...]:
    times = [tick / TICKS for tick in ticks]
    return tuple(map(_new_segment, repeat(Segment), zip(times, lengths, strict=True)))


def _event_ends(data: bytes) -> list[int]:
    if b"\r" in data:
        return [found.end() for found in _EVENT_END.finditer(data)]
    events = data.split(b"\n\n")
    events.pop()
    return list(accumulate([len(event) + 2 for event in events]))


def _codes(lengths: Sequence[int], event_ends: list[int]) -> list[int]:
    """For each part twice the number of its events, or twice its length plus one."""
    ends = list(accumulate(lengths))
    if ends == event_ends:
        return [_ONE_EVENT] * len(ends)
    codes, events = [], 0
    for length, end in zip(lengths, ends, strict=True):
        before, events = events, bisect_left(event_ends, end, events)
        if events < len(event_ends) and event_ends[events] == end:
            events += 1
            codes.append((events - before) << 1)
        else:
            codes.append(length << 1 | 1)
    return codes


def _lengths(codes: Sequence[int], event_ends: list[int]) -> Sequence[int]:
    """The inverse of `_codes`. Raises DamagedRecording."""
    if len(codes) == len(event_ends) and set(codes) == {_ONE_EVENT}:
        return list(map(sub, event_ends, chain((0,), event_ends)))
    try:
        return _one_by_one(codes, event_ends)
    except IndexError as error:
        raise DamagedRecording("the arrivals are not those of the response") from error


def _one_by_one(codes: Sequence[int], event_ends: list[int]) -> list[int]:
    lengths, end, events = [], 0, 0
    for code in codes:
        start = end
        if code & 1:
            end += code >> 1
            events = bisect_left(event_ends, end, events)
        else:
            events += code >> 1
            end = event_ends[events - 1]
        lengths.append(end - start)
    return lengths


def _planes(numbers: Sequence[int]) -> bytes:
    """All lowest bytes first, then all second ones, …: equal bytes come to stand together."""
    rows = struct.pack(f"<{len(numbers)}Q", *numbers)
    return b"".join([rows[i::8] for i in range(8)])


def _unplanes(planes: bytes) -> tuple[int, ...]:
    count = len(planes) // 8
    rows = bytearray(count * 8)
    for i in range(8):
        rows[i::8] = planes[i * count : (i + 1) * count]
    return struct.unpack(f"<{count}Q", rows)
