"""How slips and news travel between the two processes: a length, then MessagePack."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from kimitap.recorder.slips import AnyNews, AnySlip

HEAD = 8
"""Bytes of the length before each frame."""

_encoder = msgspec.msgpack.Encoder()
_slips = msgspec.msgpack.Decoder(list[AnySlip])
_news = msgspec.msgpack.Decoder(list[AnyNews])


def packed(items: Sequence[AnySlip] | Sequence[AnyNews]) -> bytearray:
    """`items` as one frame."""
    frame = bytearray(HEAD)
    _encoder.encode_into(items, frame, HEAD)
    frame[:HEAD] = (len(frame) - HEAD).to_bytes(HEAD, "big")
    return frame


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
        yield _slips.decode(frame)
