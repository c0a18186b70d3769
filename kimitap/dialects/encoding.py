"""Undoes a body's `Content-Encoding`, as far as the bytes reach and no further than a bound.

Time and memory are bounded whatever the bytes: a few kilobytes can claim to be terabytes, hold a
million empty members, or name a thousand encodings.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import brotli  # type: ignore[import-untyped] # ships no types
import zstandard

from kimitap.exchange import Headers

MOST = 64 * 1024 * 1024
"""The bound on what a body may expand to, in bytes."""
DEEPEST = 4
"""The bound on how many encodings a body may have."""

_STEP = 1 << 20
_BITE = 4096
"""So many bytes are given to zlib at once: what a member leaves over is copied."""
_CRUMB = 16
"""So many bytes are given at once to a brotli that cannot bound what it makes of them: the format
needs about 13 bytes for each 16 MB."""
_WINDOW = 1 << 27
"""The memory that a zstd frame may ask for; the command line tool's own bound."""
_ERRORS = (zlib.error, zstandard.ZstdError, brotli.error)


def decoded(data: bytes, headers: Headers, most: int = MOST) -> tuple[bytes, str]:
    """The body without its encodings, and what went wrong (`""`: nothing).

    A cut body gives what its bytes still hold, which is not held to be wrong: the JSON or the
    stream in it tells where it was cut. A broken one gives what stands before the break. Where an
    encoding is unknown, or no byte is in it, the bytes stay.
    """
    names = _encodings(headers)
    if len(names) > DEEPEST:
        return data, f"{len(names)} encodings of one body"
    for name in reversed(names):
        undo = _DECODERS.get(name)
        if undo is None:
            return data, f"unknown Content-Encoding {name[:40]!r}"
        if not data:
            return b"", ""
        found, trouble = _gathered(undo(data, most), most)
        if trouble:
            broken = f"not {name}: {trouble}"
            return (found, f"{broken}, after {len(found)} bytes") if found else (data, broken)
        data = found
        if len(data) > most:
            return data[:most], f"expands to more than {most} bytes"
    return data, ""


def _encodings(headers: Headers) -> list[str]:
    """The encodings in the order in which they were applied, from all such headers."""
    said = [value for name, value in headers if name.lower() == "content-encoding"]
    names = [name.strip().lower() for name in ",".join(said).split(",")]
    return [name for name in names if name not in ("", "identity")]


def _gathered(parts: Iterator[bytes], most: int) -> tuple[bytes, str]:
    """What comes until it is more than `most`, and what broke it off."""
    out = bytearray()
    try:
        for part in parts:
            out += part
            if len(out) > most:
                break
    except _ERRORS as error:
        return bytes(out), str(error)[:200] or type(error).__name__
    return bytes(out), ""


def _gunzip(data: bytes, most: int) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=31)
    begun = False
    for bite in _bites(data):
        rest = bite
        while rest:
            if member.eof:
                member, begun = zlib.decompressobj(wbits=31), False
            if not begun and not (rest := rest.lstrip(b"\0")):
                break  # padding
            begun = True
            yield member.decompress(rest, most + 1)
            rest = member.unused_data


def _inflate(data: bytes, most: int) -> Iterator[bytes]:
    """`deflate` is zlib by the standard, and raw deflate from some servers."""
    try:
        stream = zlib.decompressobj()
        stream.decompress(data[:_BITE], 1)
    except zlib.error:
        stream = zlib.decompressobj(wbits=-15)
    else:
        stream = zlib.decompressobj()
    for bite in _bites(data):
        yield stream.decompress(bite, most + 1)
        if stream.eof:
            return


def _bites(data: bytes) -> Iterator[bytes]:
    return (data[at : at + _BITE] for at in range(0, len(data), _BITE))


def _unzstd(data: bytes, most: int) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    reader = decompressor.stream_reader(data, read_across_frames=True)
    while part := reader.read1(_STEP):
        yield part


def _unbrotli(data: bytes, most: int) -> Iterator[bytes]:
    stream: Any = brotli.Decompressor()
    try:
        part = stream.process(data, output_buffer_limit=_STEP)
    except TypeError:  # brotli before 1.2
        yield from _crumbs(data, stream)
        return
    while part:
        yield part
        part = stream.process(b"", output_buffer_limit=_STEP)


def _crumbs(data: bytes, stream: Any) -> Iterator[bytes]:
    for start in range(0, len(data), _CRUMB):
        yield stream.process(data[start : start + _CRUMB])


_DECODERS: dict[str, Callable[[bytes, int], Iterator[bytes]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
    "zstd": _unzstd,
    "br": _unbrotli,
}
