"""Compression of packs: several pieces as one zstd frame, with an earlier pack as dictionary.

The requests of one conversation resemble one another, and so do the replies of one server: against
an earlier one, a small pack compresses to about two thirds. A dictionary is always a pack that has
none itself, so that two packs at most are read for a piece.
"""

from dataclasses import dataclass

import zstandard

from kimitap.errors import DamagedRecording
from kimitap.store import zstd

DICTIONARY_LIMIT = 256 * 1024
"""Bytes of a pack that serve as dictionary, from its beginning."""

_LARGE = 512 * 1024
"""Bytes from which on a pack is compressed fast, and alone."""
_WORTH_A_DICTIONARY = 1024
"""A pack smaller than this helps nobody as a dictionary."""
_HELPFUL = 0.95
"""A dictionary that leaves more than this of a pack does not fit it."""
_SURELY_HELPFUL = 0.8
"""Less than this of what fast compression leaves: no other would leave less without it."""


def dictionary(content: bytes) -> zstandard.ZstdCompressionDict:
    """`content`, the bytes of a pack, as a dictionary."""
    return zstandard.ZstdCompressionDict(
        content[:DICTIONARY_LIMIT], dict_type=zstandard.DICT_TYPE_RAWCONTENT
    )


def ready(lean_on: zstandard.ZstdCompressionDict) -> zstandard.ZstdCompressionDict:
    """The same dictionary, digested once for all packs that will lean on it."""
    lean_on.precompute_compress(level=zstd.THOROUGH)
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
    worthy = len(content) >= _WORTH_A_DICTIONARY
    if len(content) >= _LARGE:
        return Packed(zstd.compress(content, zstd.FAST), False, worthy)
    if lean_on is None:
        return Packed(zstd.compress(content), False, worthy)
    leaning = zstandard.ZstdCompressor(level=zstd.THOROUGH, dict_data=lean_on).compress(content)
    fast = len(zstd.compress(content, zstd.FAST)) if worthy and may_found else 0
    if fast and len(leaning) > _SURELY_HELPFUL * fast:
        alone = zstd.compress(content)
        if len(leaning) > _HELPFUL * len(alone):
            return Packed(alone, False, True)
    return Packed(leaning, True, False)


def merged(content: bytes, help_: bytes) -> bytes:
    """The content of several packs that leaned on `help_`, compressed against it as one."""
    lean_on = dictionary(help_)
    return zstandard.ZstdCompressor(level=zstd.PATIENT, dict_data=lean_on).compress(content)


def decompressor(content: bytes) -> zstandard.ZstdDecompressor:
    """For all packs that lean on the one of this content: making it takes as long as using it."""
    return zstandard.ZstdDecompressor(dict_data=dictionary(content))


def decompress(data: bytes, leaning: zstandard.ZstdDecompressor | None) -> bytes:
    """The pack's content; `leaning` is of the pack on which it leans. Raises DamagedRecording."""
    if leaning is None:
        return zstd.decompress(data)
    try:
        return leaning.decompress(data)
    except (zstandard.ZstdError, MemoryError) as error:  # a broken head may ask for any size
        raise DamagedRecording(f"a pack cannot be decompressed: {error}") from error
