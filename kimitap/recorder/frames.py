"""How slips and news travel between the two processes: a length, then MessagePack."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from kimitap.recorder.slips import AnyNews, AnySlip

_LENGTH = 8

_encoder = msgspec.msgpack.Encoder()
_slips = msgspec.msgpack.Decoder(list[AnySlip])
_news = msgspec.msgpack.Decoder(list[AnyNews])


def send(file: BinaryIO, items: Sequence[AnySlip] | Sequence[AnyNews]) -> None:
    """Write `items` as one frame to an unbuffered `file`; blocks while the other end is busy."""
    frame = bytearray(_LENGTH)
    _encoder.encode_into(items, frame, _LENGTH)
    frame[:_LENGTH] = (len(frame) - _LENGTH).to_bytes(_LENGTH, "big")
    rest = memoryview(frame)
    while rest:
        rest = rest[file.write(rest) :]


def read_slips(file: BinaryIO) -> Iterator[list[AnySlip]]:
    """The frames of slips until the other end closes or dies."""
    return (_slips.decode(frame) for frame in _frames(file))


def read_news(file: BinaryIO) -> Iterator[list[AnyNews]]:
    """The frames of news until the other end closes or dies."""
    return (_news.decode(frame) for frame in _frames(file))


def _frames(file: BinaryIO) -> Iterator[bytes]:
    while len(head := file.read(_LENGTH)) == _LENGTH:
        length = int.from_bytes(head, "big")
        frame = file.read(length)
        if len(frame) < length:
            return
        yield frame
