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

from kimitap.errors import DamagedRecording
from kimitap.exchange import Segment
from kimitap.store import zstd
from kimitap.store.varint import zigzag

Parts = Sequence[tuple[float, bytes]]
"""Seconds since the exchange's start, and the bytes that came then."""

_TICKS = 10_000
_EVENT_END = re.compile(rb"\n\r?\n")


def pack_flush(parts: Parts) -> bytes:
    """The parts of one flush, bytes included, while the response is open."""
    count = len(parts)
    ticks = [round(at_s * _TICKS) for at_s, _ in parts]
    lengths = [len(data) for _, data in parts]
    head = struct.pack(f"<I{count}q{count}Q", count, *ticks, *lengths)
    return zstd.compress(head + b"".join([data for _, data in parts]), zstd.QUICK)


def unpack_flush(flush: bytes) -> tuple[list[Segment], bytes]:
    """The inverse of `pack_flush`: the segments, and their bytes joined."""
    joined = zstd.decompress(flush)
    (count,) = struct.unpack_from("<I", joined)
    numbers = struct.unpack_from(f"<{count}q{count}Q", joined, 4)
    at_s = [ticks / _TICKS for ticks in numbers[:count]]
    return list(map(Segment, at_s, numbers[count:])), joined[4 + 16 * count :]


def pack(segments: Sequence[Segment], data: bytes) -> bytes:
    """The segments of the whole response `data`, without its bytes."""
    ticks = [0, *(round(segment.at_s * _TICKS) for segment in segments)]
    gaps = [zigzag(b - a) for a, b in pairwise(ticks)]
    return zstd.compress(_planes([*gaps, *_codes(segments, _event_ends(data))]))


def unpack(packed: bytes, data: bytes) -> tuple[Segment, ...]:
    """The inverse of `pack`, given the same `data`. Raises DamagedRecording."""
    numbers = _unplanes(zstd.decompress(packed))
    count = len(numbers) // 2
    ticks = accumulate([(gap >> 1) ^ -(gap & 1) for gap in numbers[:count]])
    try:
        lengths = _lengths(numbers[count:], _event_ends(data))
    except IndexError as error:
        raise DamagedRecording("the arrivals are not those of the response") from error
    return tuple(map(Segment, [tick / _TICKS for tick in ticks], lengths))


def _event_ends(data: bytes) -> list[int]:
    return [found.end() for found in _EVENT_END.finditer(data)]


def _codes(segments: Sequence[Segment], event_ends: Sequence[int]) -> list[int]:
    """For each segment twice the number of its events, or twice its length plus one."""
    codes, end, events = [], 0, 0
    for segment in segments:
        end += segment.length
        before, events = events, bisect_left(event_ends, end, events)
        if events < len(event_ends) and event_ends[events] == end:
            events += 1
            codes.append((events - before) << 1)
        else:
            codes.append(segment.length << 1 | 1)
    return codes


def _lengths(codes: Sequence[int], event_ends: Sequence[int]) -> list[int]:
    """The inverse of `_codes`."""
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
