"""Compressed bodies: undone as far as they reach, and bounded."""

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import brotli  # type: ignore[import-untyped] # ships no types
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kimitap.dialects import DIALECTS, Memo, decode, encoding
from kimitap.dialects.encoding import DEEPEST, MOST, decoded
from kimitap.exchange import Body, Exchange, Headers
from tests.support.wire import load

TEXT = b'data: {"choices":[]}\n\n' * 500


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda data: bytes(brotli.compress(data, quality=2)),
    "zstd": zstandard.compress,
}


def headed(encoding: str) -> Headers:
    return (("content-encoding", encoding),)


@pytest.mark.parametrize("name", PACKERS)
def test_an_encoding_is_undone(name: str) -> None:
    assert decoded(PACKERS[name](TEXT), headed(name)) == (TEXT, "")
    assert decoded(PACKERS[name](TEXT), headed(name.upper())) == (TEXT, "")


def test_raw_deflate_is_deflate_too() -> None:
    assert decoded(raw_deflate(TEXT), headed("deflate")) == (TEXT, "")


def test_several_encodings_are_undone_from_the_last() -> None:
    data = brotli.compress(gzip.compress(TEXT))
    assert decoded(data, headed("gzip, br")) == (TEXT, "")


def test_several_gzip_members_are_one_body() -> None:
    assert decoded(gzip.compress(TEXT) + gzip.compress(b"x"), headed("gzip")) == (TEXT + b"x", "")


def test_several_zstd_frames_are_one_body() -> None:
    data = zstandard.compress(TEXT) + zstandard.compress(b"x")
    assert decoded(data, headed("zstd")) == (TEXT + b"x", "")


@pytest.mark.parametrize("encoding", ["", "identity", " , "])
def test_without_an_encoding_the_bytes_stay(encoding: str) -> None:
    assert decoded(TEXT, headed(encoding)) == (TEXT, "")
    assert decoded(TEXT, ()) == (TEXT, "")


def test_an_unknown_encoding_is_told() -> None:
    assert decoded(TEXT, headed("rot13")) == (TEXT, "unknown Content-Encoding 'rot13'")


@pytest.mark.parametrize("name", PACKERS)
def test_bytes_in_another_encoding_than_they_say_are_told(name: str) -> None:
    data, trouble = decoded(TEXT, headed(name))
    assert data == TEXT
    assert trouble.startswith(f"not {name}: ")


@pytest.mark.parametrize("name", PACKERS)
def test_a_cut_body_gives_what_it_still_holds(name: str) -> None:
    noise = random.Random(1).randbytes(300_000)
    packed = PACKERS[name](noise)
    data, trouble = decoded(packed[: len(packed) // 2], headed(name))
    assert noise.startswith(data)
    assert trouble == ""
    if name != "zstd":
        assert data


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_is_stopped_at_the_bound(name: str) -> None:
    bomb = PACKERS[name](bytes(50_000_000))
    tracemalloc.start()
    data, trouble = decoded(bomb, headed(name), most=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(data) == 1_000_000
    assert trouble == "expands to more than 1000000 bytes"
    assert peak < 12_000_000


@given(st.binary(), st.sampled_from([*PACKERS, "gzip, zstd", "x"]))
def test_no_bytes_make_it_raise(data: bytes, encoding: str) -> None:
    decoded(data, headed(encoding), most=1000)
    packed = PACKERS.get(encoding, gzip.compress)(data)
    decoded(packed[: len(packed) // 2] + data, headed(encoding), most=1000)


def test_encodings_may_stand_in_headers_of_their_own() -> None:
    headers = (("Content-Encoding", "gzip"), ("content-encoding", "br"))
    assert decoded(brotli.compress(gzip.compress(TEXT)), headers) == (TEXT, "")


def test_a_body_of_too_many_encodings_is_left_as_it_is() -> None:
    data = TEXT
    for _ in range(DEEPEST + 1):
        data = gzip.compress(data)
    deep = ", ".join(["gzip"] * DEEPEST)
    assert decoded(data, headed(deep)) == (gzip.compress(TEXT), "")
    assert decoded(data, headed(f"{deep}, gzip")) == (data, f"{DEEPEST + 1} encodings of one body")


def test_a_gzip_body_may_be_padded_with_zeros() -> None:
    assert decoded(gzip.compress(TEXT) + bytes(100), headed("gzip")) == (TEXT, "")


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_what_follows_a_body_takes_nothing_away(name: str) -> None:
    data, trouble = decoded(PACKERS[name](TEXT) + b"<!-- served in 12 ms -->", headed(name))
    assert data == TEXT
    assert trouble.startswith(f"not {name}: ")
    assert trouble.endswith(f"after {len(TEXT)} bytes")


@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_a_body_that_breaks_gives_what_stands_before_the_break(name: str) -> None:
    noise = random.Random(2).randbytes(400_000)
    packed = bytearray(PACKERS[name](noise))
    packed[-4] ^= 1  # in the checksum
    data, trouble = decoded(bytes(packed), headed(name))
    assert len(data) > 390_000
    assert noise.startswith(data)
    assert "incorrect data check, after" in trouble or "incorrect length check, after" in trouble


@cache
def ten_gigabytes(name: str) -> bytes:
    """Ten gigabytes of zeros, of which the first few were packed and the rest copied."""
    some = 64 * 1024 * 1024
    if name in ("gzip", "zstd"):
        return PACKERS[name](bytes(some)) * 160
    packer: Any = zlib.compressobj(1) if name == "deflate" else brotli.Compressor(quality=1)
    flush = (zlib.Z_FULL_FLUSH,) if name == "deflate" else ()
    add = packer.compress if name == "deflate" else packer.process
    first, more = (add(bytes(some)) + packer.flush(*flush) for _ in range(2))
    return bytes(first + more * 159)


@pytest.mark.parametrize("name", PACKERS)
def test_ten_gigabytes_cost_no_more_than_the_bound(name: str) -> None:
    bomb = ten_gigabytes(name)
    parts = encoding._DECODERS[name](bomb, MOST)
    sizes = []
    while sum(sizes) <= MOST:
        sizes.append(len(next(parts)))
    assert max(sizes) <= 8 * 1024 * 1024
    data, trouble = decoded(bomb, headed(name))
    assert (len(data), trouble) == (MOST, f"expands to more than {MOST} bytes")


def test_bombs_within_bombs_cost_no_more_than_the_bound_each() -> None:
    bomb = brotli.compress(zstandard.compress(gzip.compress(ten_gigabytes("zstd"))))
    data, trouble = decoded(bomb, headed("zstd, gzip, zstd, br"))
    assert (len(data), trouble) == (MOST, f"expands to more than {MOST} bytes")


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_hundred_thousand_empty_members_are_nothing(name: str) -> None:
    pack = PACKERS[name]
    assert decoded(pack(b"") * 100_000, headed(name)) == (b"", "")
    assert decoded(pack(b"a") + pack(b"") * 100 + pack(b"b"), headed(name)) == (b"ab", "")


class OlderBrotli:
    """The library before 1.2: it gives all that it can make of the bytes, whatever that is."""

    error = brotli.error

    class Decompressor:
        def __init__(self) -> None:
            self._real = _Decompressor()

        def process(self, data: bytes) -> bytes:
            made: bytes = self._real.process(data)
            return made


_Decompressor = brotli.Decompressor


def test_an_older_brotli_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "brotli", OlderBrotli)
    assert decoded(brotli.compress(TEXT), headed("br")) == (TEXT, "")
    assert decoded(b"nonsense, this", headed("br"))[1].startswith("not br: ")
    bomb = ten_gigabytes("br")
    data, trouble = decoded(bomb, headed("br"))
    assert (len(data), trouble) == (MOST, f"expands to more than {MOST} bytes")
    dense = brotli.compress(bytes(200_000_000), quality=5)  # about 300 bytes
    sizes = [len(part) for part in encoding._DECODERS["br"](dense, MOST)]
    assert max(sizes) <= 48 * 1024 * 1024


SAMPLES = [
    "chat_stream",
    "chat_nonstream",
    "responses_stream",
    "responses_nonstream",
    "anthropic_stream",
    "anthropic_nonstream",
    "completion_stream",
    "completion_nonstream",
]


def packed_with(one: Exchange, name: str) -> Exchange:
    """The exchange as it would be if both bodies were sent in that encoding."""
    return replace(
        one,
        request=Body.whole(PACKERS[name](one.request.content)),
        request_headers=(*one.request_headers, ("Content-Encoding", name)),
        response=PACKERS[name](one.response),
        response_headers=(*one.response_headers, ("Content-Encoding", name)),
    )


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_turn_is_the_same_in_every_encoding(sample: str, name: str) -> None:
    one = load(sample)
    plain, packed = decode(one), decode(packed_with(one, name))
    assert plain is not None
    assert packed is not None
    assert packed.messages == plain.messages
    assert packed.reply == plain.reply
    assert packed.parameters == plain.parameters
    assert packed.faults == ()


@pytest.mark.parametrize("dialect, name", zip(DIALECTS, PACKERS, strict=True))
def test_a_bomb_in_any_dialect_is_a_fault(dialect: Any, name: str) -> None:
    sample = next(s for s in SAMPLES if dialect.speaks(load(s)))
    bomb = ten_gigabytes(name)
    one = replace(
        load(sample),
        request=Body.whole(bomb),
        request_headers=headed(name),
        response=bomb,
        response_headers=headed(name),
    )
    turn = dialect.decode(one, Memo())
    told = [(fault.where, fault.what) for fault in turn.faults]
    assert ("request", f"expands to more than {MOST} bytes") in told
    assert ("response", f"expands to more than {MOST} bytes") in told
