"""mitmproxy's flow files → the recording, as `mitmdump -n -r` with the addon would do it."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, cast

from mitmproxy import http
from mitmproxy.exceptions import FlowReadException
from mitmproxy.flow import Flow
from mitmproxy.io import FlowReader

from kimitap.errors import CaptureError
from kimitap.exchange import NO_REQUEST, NO_RESPONSE, Exchange
from kimitap.recorder.flows import exchange_of
from kimitap.recorder.secret import digest_key
from kimitap.store import RecordingWriter

_Opener = Callable[[Path], object]

_OPENERS: dict[bytes, _Opener] = {
    b"\xfd7zXZ\x00": lzma.open,
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a capture: exchanges added; skipped, because they were in the recording already;
    flows that are no HTTP, which were passed over; and how many of those added had lost a body."""

    added: int = 0
    skipped: int = 0
    passed_over: int = 0
    bodiless: int = 0


def import_capture(path: Path, where: str) -> Imported:
    """Add a flow file's exchanges to the recording at `where`, with their own times.

    The file may be compressed with xz, gzip or bzip2, and may be a HAR, which mitmproxy reads too.
    Raises CaptureError for a file that cannot be read; what came before the fault is kept, and the
    message says how many flows that were. Raises RecordingError as the writer does.
    """
    added = skipped = passed_over = bodiless = 0
    key = digest_key()
    exchanges = read_capture(path, key)
    first = list(islice(exchanges, 1))  # a file that cannot be read makes no recording
    with RecordingWriter(where) as writer:
        for exchange in chain(first, exchanges):
            if exchange is None:
                passed_over += 1
            elif writer.add(exchange) is None:
                skipped += 1
            else:
                added += 1
                bodiless += exchange.detail.endswith((NO_REQUEST, NO_RESPONSE))
    return Imported(added, skipped, passed_over, bodiless)


def read_capture(path: Path, key: bytes) -> Iterator[Exchange | None]:
    """The exchanges of a flow file, one after another; None for a flow that is no HTTP."""
    done = 0
    try:
        with _opened(path) as file:
            for flow in cast(Iterator[Flow], FlowReader(file).stream()):
                yield exchange_of(flow, key) if isinstance(flow, http.HTTPFlow) else None
                done += 1
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise CaptureError(_said(path, done, error), done) from error
    except FlowReadException as error:
        raise CaptureError(_said(path, done, None), done) from error


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        head = file.read(6)
    for magic, opener in _OPENERS.items():
        if head.startswith(magic):
            return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, opener(path))))
    return path.open("rb")


def _said(path: Path, done: int, error: Exception | None) -> str:
    """One line: what is wrong with the file, and what was read of it."""
    if isinstance(error, OSError) and error.strerror:
        reason = f"{path} cannot be read: {error.strerror}"
    elif done:
        reason = f"{path} breaks off or is damaged"
    else:
        reason = f"{path} holds no whole flow of mitmproxy's (write them with `mitmdump -w`)"
    if not done:
        return reason
    kept = "the one flow" if done == 1 else f"the {done} flows"
    return f"{reason}; {kept} before that {'was' if done == 1 else 'were'} read and kept"
