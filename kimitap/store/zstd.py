"""zstd, with one compressor and decompressor a thread: making one costs more than a small flush."""

import threading

import zstandard

from kimitap.errors import DamagedRecording

QUICK, FAST, THOROUGH, PATIENT = 1, 3, 7, 9
"""Levels: for what is kept for seconds, for what is large, for what is kept for years, and for what
is compressed again when nobody waits.

Level 9 takes twice as long for a small pack, and saves a percent or two.
"""


class _Ready(threading.local):
    def __init__(self) -> None:
        self.compressors = {
            level: zstandard.ZstdCompressor(level=level) for level in (QUICK, FAST, THOROUGH)
        }
        self.decompressor = zstandard.ZstdDecompressor()


_ready = _Ready()


def compress(data: bytes, level: int = THOROUGH) -> bytes:
    """`data` as one zstd frame."""
    return _ready.compressors[level].compress(data)


def decompress(frame: bytes) -> bytes:
    """The inverse of `compress`. Raises DamagedRecording."""
    try:
        return _ready.decompressor.decompress(frame)
    except (zstandard.ZstdError, MemoryError) as error:  # a broken head may ask for any size
        raise DamagedRecording(f"compressed data is broken: {error}") from error
