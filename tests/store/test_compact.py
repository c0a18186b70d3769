"""Lists of pieces and the times of arrivals, written as few bytes, come back as they were."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimitap.exchange import Elements, first_s, pauses_since, times_since
from kimitap.store import manifest, varint
from kimitap.store.arrivals import Segments, of_parts, pack
from kimitap.store.manifest import Manifest

IDS = st.lists(st.integers(0, 2**40), max_size=40).map(tuple)
EVENT = b'data: {"n": 1}\n\n'
GAPS = st.lists(st.integers(-300, 300) | st.integers(-(2**40), 2**40), max_size=30)


@given(st.lists(st.integers(0, 2**63), max_size=60))
def test_whole_numbers_are_read_as_they_were_written(numbers: list[int]) -> None:
    reader = varint.Reader(varint.pack([*numbers, 7]))
    assert reader.numbers(len(numbers)) == numbers
    assert reader.number() == 7


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x01\x80"])
def test_fewer_numbers_than_there_should_be_are_an_error(data: bytes) -> None:
    with pytest.raises(IndexError):
        varint.Reader(data).numbers(2)


@given(st.integers(0, 300), st.integers(0, 300), IDS)
def test_a_list_of_pieces_is_read_as_it_was_written(
    prefix: int, suffix: int, middle: tuple[int, ...]
) -> None:
    written = Manifest(prefix, suffix, middle, (Elements("messages", 3, 9),))
    assert manifest.unpack(manifest.pack(written)) == written


@given(GAPS, st.sampled_from([EVENT, EVENT + EVENT, b"half a"]))
def test_the_times_of_events_are_read_as_they_were_written(gaps: list[int], part: bytes) -> None:
    ticks = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    parts = [(tick / 10_000, part) for tick in ticks]
    arrived = of_parts(parts)
    read = Segments(pack(arrived), arrived.data)
    plain = arrived.segments
    assert tuple(read) == plain
    assert first_s(read) == first_s(plain) == (plain[0].at_s if plain else None)
    for byte in (0, 1, len(EVENT), len(EVENT) + 1):
        assert times_since(Segments(pack(arrived), arrived.data), byte) == times_since(plain, byte)
        one, other = pauses_since(read, byte), pauses_since(plain, byte)
        assert (one and one[:3]) == pytest.approx(other and other[:3])
        if one:  # of two that are equally long, rounding may make either the longest
            times = times_since(plain, byte)
            silences = [(b - a, a) for a, b in pairwise(times)] or [(0.0, times[0])]
            longest = pytest.approx((one.longest_s, one.since_s), rel=1e-9, abs=1e-5)
            assert any(silence == longest for silence in silences)
