"""What the hooks pack is what the scribe reads, wherever the recorder dies."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from kimitap.exchange import Exchange, Outcome
from kimitap.recorder.frames import packed_slips, read_slips
from kimitap.recorder.slips import AnySlip, Arrived, Begun, Ended

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HEADERS = (("Host", "ü"),)
EXCHANGE = Exchange(0, START, "POST", "http", "127.0.0.1", 8080, "/v1", HEADERS, segments=[])
SLIPS: list[AnySlip] = [
    Begun(1, EXCHANGE, b"short"),
    Begun(2, EXCHANGE, b"l" * 70_000),
    Arrived(1, [(0.5, b"\x00\xff"), (0.75, b"")], 2),
    Begun(3, EXCHANGE, bytes(range(256)) * 1000),
    Begun(4, EXCHANGE, b""),
    Ended(1, Outcome.COMPLETE, "", START),
]


def wire(*frames: Sequence[AnySlip]) -> bytes:
    return b"".join(bytes(part) for frame in frames for part in packed_slips(frame))


def test_slips_come_out_as_they_went_in() -> None:
    read = read_slips(io.BytesIO(wire(SLIPS, SLIPS[:1], SLIPS[3:])))
    assert list(read) == [SLIPS, SLIPS[:1], SLIPS[3:]]


def test_a_long_body_is_not_copied() -> None:
    body = b"l" * 1_000_000
    frame, follows = packed_slips([Begun(1, EXCHANGE, body)])
    assert len(frame) < 1_000
    assert follows.obj is body


@pytest.mark.parametrize("left", [1, 100, 60_000, 256_000, 326_001])
def test_a_frame_that_breaks_off_is_not_read_and_those_before_it_are(left: int) -> None:
    whole = wire(SLIPS[:1], SLIPS)
    assert list(read_slips(io.BytesIO(whole[:-left]))) == [SLIPS[:1]]
