"""Undoes a body's `Content-Encoding`, as far as the bytes reach and no further than a bound."""

import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped] # ships no types
import zstandard

from kimitap.exchange import Headers, header

MOST = 64 * 1024 * 1024
"""The bound on what a body may expand to, in bytes."""

_STEP = 1 << 20
_WINDOW = 1 << 27
"""The memory that a zstd frame may ask for; the command line tool's own bound."""


def decoded(data: bytes, headers: Headers, most: int = MOST) -> tuple[bytes, str]:
    """The body without its encodings, and what went wrong (`""`: nothing).

    A cut body gives what its bytes still hold, which is not held to be wrong: the JSON or the
    stream in it tells where it was cut. Where an encoding is unknown, the bytes stay.
    """
    names = [n.strip().lower() for n in header(headers, "content-encoding").split(",")]
    for name in reversed([n for n in names if n not in ("", "identity")]):
        undo = _DECODERS.get(name)
        if undo is None:
            return data, f"unknown Content-Encoding {name[:40]!r}"
        if not data:
            return b"", ""
        try:
            data = undo(data, most)
        except (zlib.error, zstandard.ZstdError, brotli.error, ValueError) as error:
            return data, f"not {name}: {str(error)[:200]}"
        if len(data) > most:
            return data[:most], f"expands to more than {most} bytes"
    return data, ""


def _gunzip(data: bytes, most: int) -> bytes:
    out = bytearray()
    while data and len(out) <= most:
        member = zlib.decompressobj(wbits=31)
        out += member.decompress(data, most + 1 - len(out))
        if not member.eof:
            break
        data = member.unused_data.lstrip(b"\0")
    return bytes(out)


def _inflate(data: bytes, most: int) -> bytes:
    """`deflate` is zlib by the standard, and raw deflate from some servers."""
    try:
        return zlib.decompressobj().decompress(data, most + 1)
    except zlib.error:
        return zlib.decompressobj(wbits=-15).decompress(data, most + 1)


def _unzstd(data: bytes, most: int) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    reader = decompressor.stream_reader(data, read_across_frames=True)
    return _all_of(reader.read, most)


def _unbrotli(data: bytes, most: int) -> bytes:
    stream = brotli.Decompressor()
    try:
        first = stream.process(data, output_buffer_limit=_STEP)
    except TypeError:
        raise ValueError(
            "this version of the brotli library cannot bound what it expands"
        ) from None
    return _all_of(lambda size: stream.process(b"", output_buffer_limit=size), most, first)


def _all_of(read: Callable[[int], bytes], most: int, first: bytes = b"") -> bytes:
    """What `read` gives until it gives nothing more, at most one byte beyond `most`."""
    out = bytearray(first)
    while len(out) <= most:
        part = read(min(_STEP, most + 1 - len(out)))
        if not part:
            break
        out += part
    return bytes(out)


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
    "zstd": _unzstd,
    "br": _unbrotli,
}
