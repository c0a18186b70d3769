"""Undoes a body's `Content-Encoding`, as far as the bytes reach and no further than a bound."""

import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped] # ships no types
import zstandard

from kimitap.exchange import Headers, header

MOST = 64 * 1024 * 1024
"""The bound on what a body may expand to, in bytes."""

_STEP = 4096


def decoded(data: bytes, headers: Headers, most: int = MOST) -> tuple[bytes, str]:
    """The body without its encodings, and what went wrong (`""`: nothing).

    A cut body gives what its bytes still hold. Where an encoding is unknown, the bytes stay.
    """
    names = [n.strip().lower() for n in header(headers, "content-encoding").split(",")]
    for name in reversed([n for n in names if n not in ("", "identity")]):
        undo = _DECODERS.get(name)
        if undo is None:
            return data, f"unknown Content-Encoding {name[:40]!r}"
        if not data:
            return b"", ""
        try:
            data, whole = undo(data, most)
        except (zlib.error, zstandard.ZstdError, brotli.error, ValueError) as error:
            return data, f"not {name}: {str(error)[:200]}"
        if len(data) > most:
            return data[:most], f"expands to more than {most} bytes"
        if not whole:
            return data, f"the {name} data is cut"
    return data, ""


def _gunzip(data: bytes, most: int) -> tuple[bytes, bool]:
    out = bytearray()
    while data and len(out) <= most:
        member = zlib.decompressobj(wbits=31)
        out += member.decompress(data, most + 1 - len(out))
        if not member.eof:
            return bytes(out), len(out) > most
        data = member.unused_data.lstrip(b"\0")
    return bytes(out), True


def _inflate(data: bytes, most: int) -> tuple[bytes, bool]:
    """`deflate` is zlib by the standard, and raw deflate from some servers."""
    try:
        stream = zlib.decompressobj()
        out = stream.decompress(data, most + 1)
    except zlib.error:
        stream = zlib.decompressobj(wbits=-15)
        out = stream.decompress(data, most + 1)
    return out, stream.eof


def _unzstd(data: bytes, most: int) -> tuple[bytes, bool]:
    reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(
        data, read_across_frames=True
    )
    out = bytearray()
    while len(out) <= most:
        part = reader.read(min(1 << 20, most + 1 - len(out)))
        if not part:
            break
        out += part
    return bytes(out), bool(out)


def _unbrotli(data: bytes, most: int) -> tuple[bytes, bool]:
    stream = brotli.Decompressor()
    out = bytearray()
    for at in range(0, len(data), _STEP):
        out += stream.process(data[at : at + _STEP])
        if len(out) > most:
            break
    return bytes(out), bool(stream.is_finished())


_DECODERS: dict[str, Callable[[bytes, int], tuple[bytes, bool]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
    "zstd": _unzstd,
    "br": _unbrotli,
}
