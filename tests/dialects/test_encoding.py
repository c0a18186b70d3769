"""Compressed bodies: undone as far as they reach, and bounded."""

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped] # ships no types
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kimitap.dialects.encoding import decoded
from kimitap.exchange import Headers

TEXT = b'data: {"choices":[]}\n\n' * 500


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
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
