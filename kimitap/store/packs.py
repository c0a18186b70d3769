"""Compression of packs: several pieces as one zstd frame, with an earlier pack as dictionary.

The requests of one conversation resemble one another, and so do the replies of one server: against
an earlier one, a small pack compresses to about two thirds. A dictionary is always a pack that has
none itself, so that two packs at most are read for a piece.
"""

from dataclasses import dataclass

import zstandard

from kimitap.errors import DamagedRecording

DICTIONARY_LIMIT = 256 * 1024
"""Bytes of a pack that serve as dictionary, from its beginning."""

_LEVEL, _LEVEL_OF_LARGE, _LARGE = 9, 3, 512 * 1024
_WORTH_A_DICTIONARY = 1024
"""A pack smaller than this helps nobody as a dictionary."""
_HELPFUL = 0.95
"""A dictionary that leaves more than this of a pack does not fit it."""


def dictionary(content: bytes) -> zstandard.ZstdCompressionDict:
    """`content`, the bytes of a pack, as a dictionary."""
    return zstandard.ZstdCompressionDict(
        content[:DICTIONARY_LIMIT], dict_type=zstandard.DICT_TYPE_RAWCONTENT
    )


def ready(lean_on: zstandard.ZstdCompressionDict) -> zstandard.ZstdCompressionDict:
    """The same dictionary, digested once for all packs that will lean on it."""
    lean_on.precompute_compress(level=_LEVEL)
    return lean_on


@dataclass(frozen=True, slots=True)
class Packed:
    """A compressed pack. `leans`: it needs its dictionary. `founder`: it may serve as one."""

    data: bytes
    leans: bool
    founder: bool


def compress(
    content: bytes, lean_on: zstandard.ZstdCompressionDict | None, may_found: bool
) -> Packed:
    """`content` compressed, against `lean_on` if there is one.

    `may_found`: the pack may stand alone where `lean_on` does not fit it.
    """
    large = len(content) >= _LARGE
    level = _LEVEL_OF_LARGE if large else _LEVEL
    worthy = len(content) >= _WORTH_A_DICTIONARY
    if lean_on is None or large:
        return Packed(zstandard.ZstdCompressor(level=level).compress(content), False, worthy)
    leaning = zstandard.ZstdCompressor(level=level, dict_data=lean_on).compress(content)
    if worthy and may_found:
        alone = zstandard.ZstdCompressor(level=level).compress(content)
        if len(leaning) > _HELPFUL * len(alone):
            return Packed(alone, False, True)
    return Packed(leaning, True, False)


def decompress(data: bytes, lean_on: zstandard.ZstdCompressionDict | None) -> bytes:
    """The pack's content. Raises DamagedRecording."""
    try:
        if lean_on is None:
            return zstandard.ZstdDecompressor().decompress(data)
        return zstandard.ZstdDecompressor(dict_data=lean_on).decompress(data)
    except zstandard.ZstdError as error:
        raise DamagedRecording(f"a pack cannot be decompressed: {error}") from error
