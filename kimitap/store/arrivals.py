"""When the parts of a response arrived, and how long they were, as a few bytes.

Times are kept to a tenth of a millisecond, as distances. Servers send an event at a time, so a
length is written as the number of events that end in the part, where it ends with one (1 for nearly
every part of a stream, which costs almost nothing); else as itself.
"""

import re
import struct
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise

import zstandard

from kimitap.exchange import Segment
from kimitap.store.varint import unzigzag, zigzag

Parts = Sequence[tuple[float, bytes]]
"""Seconds since the exchange's start, and the bytes that came then."""

_TICKS = 10_000
_EVENT_END = re.compile(rb"\n\r?\n")


def pack_flush(parts: Parts) -> bytes:
    """The parts of one flush, bytes included, while the response is open."""
    count = len(parts)
    ticks = [_ticks(at_s) for at_s, _ in parts]
    head = struct.pack(f"<I{count}q{count}Q", count, *ticks, *(len(data) for _, data in parts))
    joined = head + b"".join(data for _, data in parts)
    return zstandard.ZstdCompressor(level=1).compress(joined)


def unpack_flush(flush: bytes) -> tuple[list[Segment], bytes]:
    """The inverse of `pack_flush`: the segments, and their bytes joined."""
    joined = zstandard.ZstdDecompressor().decompress(flush)
    (count,) = struct.unpack_from("<I", joined)
    numbers = struct.unpack_from(f"<{count}q{count}Q", joined, 4)
    segments = [
        Segment(ticks / _TICKS, length)
        for ticks, length in zip(numbers[:count], numbers[count:], strict=True)
    ]
    return segments, joined[4 + 16 * count :]


def pack(segments: Sequence[Segment], data: bytes) -> bytes:
    """The segments of the whole response `data`, without its bytes."""
    ticks = [0, *(_ticks(segment.at_s) for segment in segments)]
    gaps = [zigzag(b - a) for a, b in pairwise(ticks)]
    event_ends = [found.end() for found in _EVENT_END.finditer(data)]
    lengths, events = [], 0
    for end, segment in zip(
        accumulate(segment.length for segment in segments), segments, strict=True
    ):
        before, events = events, bisect_left(event_ends, end, events)
        if events < len(event_ends) and event_ends[events] == end:
            events += 1
            lengths.append((events - before) << 1)
        else:
            lengths.append(segment.length << 1 | 1)
    return zstandard.ZstdCompressor(level=12).compress(_planes([*gaps, *lengths]))


def unpack(packed: bytes, data: bytes) -> tuple[Segment, ...]:
    """The inverse of `pack`, given the same `data`."""
    numbers = _unplanes(zstandard.ZstdDecompressor().decompress(packed))
    count = len(numbers) // 2
    ticks = accumulate(unzigzag(gap) for gap in numbers[:count])
    event_ends = [found.end() for found in _EVENT_END.finditer(data)]
    segments, end, events = [], 0, 0
    for tick, code in zip(ticks, numbers[count:], strict=True):
        start = end
        if code & 1:
            end += code >> 1
            events = bisect_left(event_ends, end, events)
        else:
            events += code >> 1
            end = event_ends[events - 1]
        segments.append(Segment(tick / _TICKS, end - start))
    return tuple(segments)


def _ticks(at_s: float) -> int:
    return round(at_s * _TICKS)


def _planes(numbers: Sequence[int]) -> bytes:
    """All lowest bytes first, then all second ones, …: equal bytes come to stand together."""
    rows = struct.pack(f"<{len(numbers)}Q", *numbers)
    return b"".join(rows[i::8] for i in range(8))


def _unplanes(planes: bytes) -> tuple[int, ...]:
    count = len(planes) // 8
    rows = bytearray(len(planes))
    for i in range(8):
        rows[i::8] = planes[i * count : (i + 1) * count]
    return struct.unpack(f"<{count}Q", rows)
