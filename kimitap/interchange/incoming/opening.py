"""Files as they come: plain, or compressed with xz, gzip or bzip2; whole, or line by line."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from kimitap.errors import CaptureError
from kimitap.interchange.incoming.record import LARGEST

_OPENERS: dict[bytes, Callable[[Path], object]] = {
    b"\xfd7zXZ\x00": lzma.open,
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
}
LONGEST_LINE = 1 << 28


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file's content, uncompressed as it is read; raises `CaptureError` while it is open."""
    try:
        with _open(path) as file:
            yield file
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "it breaks off or is damaged"
        raise CaptureError(f"{path} cannot be read: {reason}") from error


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        head = file.read(6)
    for magic, opener in _OPENERS.items():
        if head.startswith(magic):
            return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, opener(path))))
    return path.open("rb")


def content(path: Path) -> bytes:
    """The whole content; raises `CaptureError`, also for more than `LARGEST` bytes."""
    with opened(path) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise CaptureError(f"{path} is larger than 1 GiB: split it")
    return data


def lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """The lines that are not blank, each with its name (`line 1`); raises `CaptureError`."""
    with opened(path) as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                raise CaptureError(f"{path}: line {number} is longer than 256 MiB")
            if line.strip():
                yield f"line {number}", line
