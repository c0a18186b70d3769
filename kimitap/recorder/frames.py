"""How slips and news travel between the two processes: a length, then MessagePack.

A long body follows its frame as it is. Copying it into the frame would take the event loop a
millisecond and more, most of it for the memory.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from kimitap.recorder.slips import AnyNews, AnySlip, Begun

HEAD = 8
"""Bytes of the length before each frame."""

_LONG = 1 << 16
"""A body from this many bytes on follows its frame."""

_encoder = msgspec.msgpack.Encoder()
_slips = msgspec.msgpack.Decoder(list[AnySlip])
_news = msgspec.msgpack.Decoder(list[AnyNews])


def packed(items: Sequence[AnySlip] | Sequence[AnyNews]) -> bytearray:
    """`items` as one frame."""
    frame = bytearray(HEAD)
    _encoder.encode_into(items, frame, HEAD)
    frame[:HEAD] = (len(frame) - HEAD).to_bytes(HEAD, "big")
    return frame


def packed_slips(slips: Sequence[AnySlip]) -> list[memoryview]:
    """`slips` as one frame, and the long bodies that follow it."""
    light: list[AnySlip] = []
    bodies: list[memoryview] = []
    for slip in slips:
        if isinstance(slip, Begun) and len(slip.body) >= _LONG:
            bodies.append(memoryview(slip.body))
            slip = msgspec.structs.replace(slip, body=b"", follows=len(slip.body))
        light.append(slip)
    return [memoryview(packed(light)), *bodies]


def length_of(head: bytes) -> int:
    """How many bytes follow the head of a frame."""
    return int.from_bytes(head, "big")


def news_of(frame: bytes) -> list[AnyNews]:
    """What a frame without its head says. Raises msgspec.DecodeError."""
    return _news.decode(frame)


def read_slips(file: BinaryIO) -> Iterator[list[AnySlip]]:
    """The frames of slips in `file` until the other end closes or dies."""
    while len(head := file.read(HEAD)) == HEAD:
        frame = file.read(length_of(head))
        if len(frame) < length_of(head):
            return
        slips = _slips.decode(frame)
        for index, slip in enumerate(slips):
            if isinstance(slip, Begun) and slip.follows:
                body = file.read(slip.follows)
                if len(body) < slip.follows:
                    return
                slips[index] = msgspec.structs.replace(slip, body=body, follows=0)
        yield slips
