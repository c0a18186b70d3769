"""Reading any capture but mitmproxy's into a recording."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from kimitap.exchange import NO_REQUEST, NO_RESPONSE, Exchange
from kimitap.interchange.incoming import claude_tap, detect, har, jsonl, kvprof, prompts
from kimitap.interchange.incoming.record import LeftOut, Read
from kimitap.store import RecordingWriter

READERS: dict[str, Callable[[Path, bytes], Read]] = {
    detect.HAR: har.read,
    detect.JSONL: jsonl.read,
    detect.CLAUDE_TAP: claude_tap.read,
    detect.CLAUDE_TAP_BUNDLE: claude_tap.read_bundle,
    detect.KVPROF: kvprof.read,
    detect.PROMPTS: prompts.read,
}
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Added:
    """What came of a capture: exchanges added; skipped, because they were in the recording already;
    those of the added that have lost a body; and what could not be read, the first of it by name.
    """

    added: int = 0
    skipped: int = 0
    bodiless: int = 0
    left_out: int = 0
    told: tuple[LeftOut, ...] = ()


def add(path: Path, where: str, key: bytes, kind: str) -> Added:
    """Add a capture's exchanges to the recording at `where`, with their own times.

    `key` is what their credentials are masked under. Raises CaptureError for a file that is no such
    capture, and RecordingError as the writer does.
    """
    read = READERS[kind](path, key)
    broken: list[LeftOut] = []
    for one in read:  # a file without an exchange makes no recording
        if isinstance(one, Exchange):
            return _add(chain(broken, [one], read), where)
        broken.append(one)
    return Added(left_out=len(broken), told=tuple(broken[:_MOST_TOLD]))


def _add(read: Read, where: str) -> Added:
    added = skipped = bodiless = left_out = 0
    told: list[LeftOut] = []
    with RecordingWriter(where) as writer:
        for one in read:
            if isinstance(one, LeftOut):
                left_out += 1
                told += [one] if len(told) < _MOST_TOLD else []
            elif writer.add(one) is None:
                skipped += 1
            else:
                added += 1
                bodiless += one.detail.endswith((NO_REQUEST, NO_RESPONSE))
    return Added(added, skipped, bodiless, left_out, tuple(told))
