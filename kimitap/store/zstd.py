"""zstd, with one compressor and decompressor a thread: making one costs more than a small flush."""

import threading

import zstandard

from kimitap.errors import DamagedRecording

QUICK, THOROUGH = 1, 9
"""Levels: for what is kept for seconds, and for what is kept for years."""


class _Ready(threading.local):
    def __init__(self) -> None:
        self.quick = zstandard.ZstdCompressor(level=QUICK)
        self.decompressor = zstandard.ZstdDecompressor()


_ready = _Ready()


def compress(data: bytes, level: int = THOROUGH) -> bytes:
    """`data` as one zstd frame."""
    if level == QUICK:
        return _ready.quick.compress(data)
    return zstandard.ZstdCompressor(level=level).compress(data)


def decompress(frame: bytes) -> bytes:
    """The inverse of `compress`. Raises DamagedRecording."""
    try:
        return _ready.decompressor.decompress(frame)
    except zstandard.ZstdError as error:
        raise DamagedRecording(f"compressed data is broken: {error}") from error
