"""Aligning one history with the next: which message is which, though some were edited or dropped.

What both share at the beginning and the end is trimmed first; in long histories runs of equal
messages are paired next, so that the quadratic part stays small.
"""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from kimitap.conversation import Message
from kimitap.lineage import Mark, Pair
from kimitap.weave.keys import LIKENESS, Keys

EQUAL, ALIKE, GAP = 2, 1, -1
SMALL = 64
"""Comparisons up to which all are made; beyond, equal runs are paired first."""
CELLS = 2_500
"""The largest table of comparisons that is filled in."""

_PAIRS: dict[tuple[Mark, int | None, int | None], Pair] = {}


def pair(mark: Mark, old: int | None, new: int | None) -> Pair:
    """A pair; equal pairs are one object, since long histories hold thousands of them."""
    made = _PAIRS.get((mark, old, new))
    if made is None:
        made = Pair(mark, old, new)
        if len(_PAIRS) < 100_000:
            _PAIRS[mark, old, new] = made
    return made


def shared(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """How many entries both have in common at the beginning."""
    limit = min(len(one), len(other))
    return next((i for i in range(limit) if one[i] != other[i]), limit)


def align(
    old: Sequence[Message], new: Sequence[Message], keys: Keys, old_at: int = 0, new_at: int = 0
) -> list[Pair]:
    """Pair the messages of `old` and `new`, in order of both.

    `old_at` and `new_at` are added to the indexes. Equal messages score 2, alike ones of one role
    1, a gap -1; the best sum wins. Gone messages stand before new ones at the same place.
    """
    a, b = keys.all(old), keys.all(new)
    head = shared(a, b)
    tail = shared(a[head:][::-1], b[head:][::-1])
    matches = [(i, i) for i in range(head)]
    at_old = at_new = head
    for i, j, size in _blocks(a, b, head, tail):
        gap = _table(old[at_old:i], new[at_new:j], keys)
        matches += [(at_old + x, at_new + y) for x, y in gap]
        matches += [(i + k, j + k) for k in range(size)]
        at_old, at_new = i + size, j + size
    return _pairs(matches, a, b, old_at, new_at)


def _blocks(
    a: Sequence[bytes], b: Sequence[bytes], head: int, tail: int
) -> list[tuple[int, int, int]]:
    """Runs of equal messages after the head, as (start in a, start in b, length)."""
    end_a, end_b = len(a) - tail, len(b) - tail
    runs: list[tuple[int, int, int]] = []
    if (end_a - head) * (end_b - head) > SMALL:
        matcher = SequenceMatcher(None, a[head:end_a], b[head:end_b], autojunk=False)
        blocks = matcher.get_matching_blocks()
        runs = [(i + head, j + head, size) for i, j, size in blocks if size]
    return [*runs, (end_a, end_b, tail)]


def _pairs(
    matches: Iterable[tuple[int, int]], a: list[bytes], b: list[bytes], old_at: int, new_at: int
) -> list[Pair]:
    pairs: list[Pair] = []
    at_old = at_new = 0
    for i, j in [*matches, (len(a), len(b))]:
        pairs += [pair(Mark.GONE, old_at + k, None) for k in range(at_old, i)]
        pairs += [pair(Mark.NEW, None, new_at + k) for k in range(at_new, j)]
        if i < len(a):
            mark = Mark.SAME if a[i] == b[j] else Mark.CHANGED
            pairs.append(pair(mark, old_at + i, new_at + j))
        at_old, at_new = i + 1, j + 1
    return pairs


def _table(old: Sequence[Message], new: Sequence[Message], keys: Keys) -> list[tuple[int, int]]:
    """The best matches of two short runs (Needleman and Wunsch); none if they are long."""
    if not old or not new or len(old) * len(new) > CELLS:
        return []
    score = [[_score(one, other, keys) for other in new] for one in old]
    best = [[GAP * (i + j) for j in range(len(new) + 1)] for i in range(len(old) + 1)]
    for i, row in enumerate(score):
        for j, match in enumerate(row):
            matched = best[i][j] + match if match else best[i][j] + 2 * GAP
            best[i + 1][j + 1] = max(matched, best[i][j + 1] + GAP, best[i + 1][j] + GAP)
    return _trace(best, score)


def _score(one: Message, other: Message, keys: Keys) -> int:
    likeness = keys.likeness(one, other)
    if likeness == 1.0:
        return EQUAL if keys.key(one) == keys.key(other) else ALIKE
    return ALIKE if likeness >= LIKENESS else 0


def _trace(best: list[list[int]], score: list[list[int]]) -> list[tuple[int, int]]:
    matches: list[tuple[int, int]] = []
    i, j = len(score), len(score[0])
    while i and j:
        if score[i - 1][j - 1] and best[i][j] == best[i - 1][j - 1] + score[i - 1][j - 1]:
            i, j = i - 1, j - 1
            matches.append((i, j))
        elif best[i][j] == best[i][j - 1] + GAP:
            j -= 1
        else:
            i -= 1
    return matches[::-1]
