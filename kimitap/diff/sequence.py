"""Which entries of two sequences are the same, in a bounded number of steps whatever they hold.

What both share at the beginning and the end is trimmed; in long sequences the entries that stand
once on each side are paired next; between those, Myers' greedy search (E. W. Myers, "An O(ND)
Difference Algorithm and Its Variations", 1986) finds the fewest differences. Where its effort is
spent, what it found so far counts, and the rest is held to be replaced.
"""

from array import array
from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kimitap.beginnings import shared_prefix

STEPS = 300_000
"""Steps of the search that one diff may take: about half a second."""
_LONG = 400
"""Entries of both sides together from which on those that stand once are paired first."""


class Block(NamedTuple):
    """`size` entries that are the same from `old` and from `new` on."""

    old: int
    new: int
    size: int


@dataclass(slots=True)
class Effort:
    """The steps that are left; the parts of one diff share them."""

    left: int = STEPS


def blocks(
    old: Sequence[Hashable], new: Sequence[Hashable], effort: Effort | None = None
) -> list[Block]:
    """The runs that both have in common, in order of both; what lies between them differs."""
    effort = effort or Effort()
    numbers: dict[Hashable, int] = {}
    a, b = (array("q", (numbers.setdefault(x, len(numbers)) for x in side)) for side in (old, new))
    return list(_joined(_between(a, b, effort)))


def _between(a: array[int], b: array[int], effort: Effort) -> Iterator[Block]:
    head = shared_prefix(a, b)
    tail = shared_prefix(a[head:][::-1], b[head:][::-1])
    end_a, end_b = len(a) - tail, len(b) - tail
    yield Block(0, 0, head)
    at_a, at_b = head, head
    long = end_a + end_b - 2 * head > _LONG
    for i, j in [*(_anchors(a, b, head, end_a, end_b) if long else ()), (end_a, end_b)]:
        for block in _trimmed(a[at_a:i], b[at_b:j], effort):
            yield Block(at_a + block.old, at_b + block.new, block.size)
        yield Block(i, j, 1 if i < end_a else tail)
        at_a, at_b = i + 1, j + 1


def _joined(found: Iterator[Block]) -> Iterator[Block]:
    """The blocks, those that touch as one, empty ones left out."""
    held = Block(0, 0, 0)
    for block in found:
        if block.old == held.old + held.size and block.new == held.new + held.size:
            held = Block(held.old, held.new, held.size + block.size)
        elif block.size:
            if held.size:
                yield held
            held = block
    if held.size:
        yield held


def _anchors(
    a: array[int], b: array[int], begin: int, end_a: int, end_b: int
) -> list[tuple[int, int]]:
    """Pairs of entries that stand once on each side, as many as ascend on both (patience)."""
    places = _once(b, begin, end_b)
    pairs = [(i, places[x]) for x, i in _once(a, begin, end_a).items() if x in places]
    tops: list[int] = []
    piles: list[int] = []
    before = [-1] * len(pairs)
    for at, (_, j) in enumerate(pairs):
        pile = bisect_left(tops, j)
        before[at] = piles[pile - 1] if pile else -1
        tops[pile : pile + 1] = [j]
        piles[pile : pile + 1] = [at]
    at = piles[-1] if piles else -1
    chain = []
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _once(entries: array[int], begin: int, end: int) -> dict[int, int]:
    """Where the entries stand that stand once, in their order."""
    found: dict[int, int] = {}
    for i in range(begin, end):
        found[entries[i]] = -1 if entries[i] in found else i
    return {entry: i for entry, i in found.items() if i >= 0}


def _trimmed(a: array[int], b: array[int], effort: Effort) -> list[Block]:
    head = shared_prefix(a, b)
    tail = shared_prefix(a[head:][::-1], b[head:][::-1])
    middle = _search(a[head : len(a) - tail], b[head : len(b) - tail], effort)
    return [
        Block(0, 0, head),
        *(Block(head + i, head + j, size) for i, j, size in middle),
        Block(len(a) - tail, len(b) - tail, tail),
    ]


def _search(a: array[int], b: array[int], effort: Effort) -> list[Block]:
    """Myers' search: `reach[k]` is how far into `a` the diagonal `k` (old - new) has come."""
    if not a or not b or effort.left <= 0:
        return []
    n, m = len(a), len(b)
    reach = {1: 0}
    trace: list[dict[int, int]] = []
    for d in range(n + m + 1):
        ends: dict[int, int] = {}
        for k in range(-min(d, m), min(d, n) + 1):
            if (k + d) % 2:
                continue
            down = k == -d or (k != d and reach.get(k - 1, -1) < reach.get(k + 1, -1))
            x = reach.get(k + 1, -1) if down else reach.get(k - 1, -1) + 1
            y = x - k
            if not (0 <= x <= n and 0 <= y <= m):
                continue
            begun = x
            while x < n and y < m and a[x] == b[y]:
                x, y = x + 1, y + 1
            effort.left -= 1 + x - begun
            ends[k] = x
            if x == n and y == m:
                return _trace_back(trace, ends, k)
        trace.append(ends)
        reach = ends
        if effort.left <= 0:
            return _trace_back(trace[:-1], ends, max(ends, key=lambda k: 2 * ends[k] - k))
    return []


def _trace_back(trace: list[dict[int, int]], ends: dict[int, int], k: int) -> list[Block]:
    """The blocks on the way to the end of diagonal `k`."""
    found: list[Block] = []
    x = ends[k]
    for d in range(len(trace), -1, -1):
        before = trace[d - 1] if d else {}
        down = k == -d or (k != d and before.get(k - 1, -1) < before.get(k + 1, -1))
        step = k + 1 if down else k - 1
        start = (before[step] + (0 if down else 1)) if d else 0
        if x > start:
            found.append(Block(start, start - k, x - start))
        if d:
            k, x = step, before[step]
    return found[::-1]


def likest(likeness: Sequence[Sequence[float]], least: float) -> list[tuple[int, int]]:
    """Which entries belong together, in order of both: the pairs with the greatest sum of likeness.

    `likeness[i][j]` is that of the old `i` and the new `j`; pairs need more than `least`.
    """
    width = len(likeness[0]) if likeness else 0
    best = [[0.0] * (width + 1) for _ in range(len(likeness) + 1)]
    for x, row in enumerate(likeness):
        for y, alike in enumerate(row):
            pair = best[x][y] + alike if alike > least else 0.0
            best[x + 1][y + 1] = max(pair, best[x][y + 1], best[x + 1][y])
    x, y = len(likeness), width
    pairs = []
    while x and y:
        if best[x][y] == best[x - 1][y]:
            x -= 1
        elif best[x][y] == best[x][y - 1]:
            y -= 1
        else:
            x, y = x - 1, y - 1
            pairs.append((x, y))
    return pairs[::-1]
