"""A body's list of pieces as a few bytes: what differs from its parent's list.

The bytes: a mark (0 as they are, 1 compressed), then varints: how many ids the list shares with its
parent's at the beginning and at the end, the ids between (count, then each as its distance from the
one before), and the arrays (count; each: length of the name, name, start, number of elements).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from kimitap.beginnings import shared_prefix
from kimitap.exchange import Elements
from kimitap.store import varint, zstd

_PLAIN, _COMPRESSED = b"\x00", b"\x01"
_WORTH_COMPRESSING = 96


@dataclass(frozen=True, slots=True)
class Manifest:
    """`prefix` ids of the parent, then `middle`, then the parent's last `suffix` ids."""

    prefix: int
    suffix: int
    middle: tuple[int, ...]
    elements: tuple[Elements, ...]

    def ids(self, parent: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The whole list, given the parent's."""
        return self.whole(parent, self.middle)

    def whole[T](self, parent: tuple[T, ...], middle: tuple[T, ...]) -> tuple[T, ...]:
        """`middle` between what the parent's list has at both ends."""
        return parent[: self.prefix] + middle + parent[len(parent) - self.suffix :]


def against(
    parent: tuple[int, ...], ids: tuple[int, ...], elements: tuple[Elements, ...]
) -> Manifest:
    """The manifest of `ids` against `parent`; against `()` it is a whole list."""
    prefix = shared_prefix(parent, ids)
    suffix = shared_suffix(parent, ids, min(len(parent), len(ids)) - prefix)
    return Manifest(prefix, suffix, ids[prefix : len(ids) - suffix], elements)


def shared_suffix(a: Sequence[int], b: Sequence[int], limit: int) -> int:
    """How many ids are equal from the end backwards, at most `limit`."""
    count = 0
    while count < limit and a[-1 - count] == b[-1 - count]:
        count += 1
    return count


def pack(manifest: Manifest) -> bytes:
    """The bytes of `manifest`."""
    deltas, last = [], 0
    for id_ in manifest.middle:
        deltas.append(varint.zigzag(id_ - last))
        last = id_
    out = varint.pack((manifest.prefix, manifest.suffix, len(deltas), *deltas))
    out += varint.pack((len(manifest.elements),))
    for run in manifest.elements:
        name = run.name.encode()
        out += varint.pack((len(name),)) + name + varint.pack((run.start, run.stop - run.start))
    if len(out) < _WORTH_COMPRESSING:
        return _PLAIN + out
    return _COMPRESSED + zstd.compress(out)


def unpack(data: bytes) -> Manifest:
    """The manifest in `data`. Raises DamagedRecording, ValueError or IndexError."""
    plain = data[1:]
    reader = varint.Reader(zstd.decompress(plain) if data[:1] == _COMPRESSED else plain)
    prefix, suffix = reader.number(), reader.number()
    distances = reader.numbers(reader.number())
    middle = tuple(accumulate([(number >> 1) ^ -(number & 1) for number in distances]))
    elements = []
    for _ in range(reader.number()):
        name = reader.take(reader.number()).decode()
        start = reader.number()
        elements.append(Elements(name, start, start + reader.number()))
    return Manifest(prefix, suffix, middle, tuple(elements))
