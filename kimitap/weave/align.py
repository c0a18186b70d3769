"""Aligning one history with the next: which message is which, though some were edited or dropped.

What both share at the beginning and the end is trimmed first, so that the quadratic part is small;
where it would not be, messages with equal keys are paired first and only the gaps are aligned.
"""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from kimitap.conversation import Message
from kimitap.lineage import Mark, Pair
from kimitap.weave.keys import Keys

EQUAL, ALIKE, GAP = 2, 1, -1
LIKENESS = 0.6
CELLS = 10_000
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
    middle = _middle(old[head : len(old) - tail], new[head : len(new) - tail], keys)
    matches = [(i, i) for i in range(head)]
    matches += [(i + head, j + head) for i, j in middle]
    matches += [(len(old) - tail + i, len(new) - tail + i) for i in range(tail)]
    return _pairs(matches, a, b, old_at, new_at)


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


def _middle(old: Sequence[Message], new: Sequence[Message], keys: Keys) -> list[tuple[int, int]]:
    if not old or not new:
        return []
    if len(old) * len(new) <= CELLS:
        return _table(old, new, keys)
    blocks = SequenceMatcher(None, keys.all(old), keys.all(new), autojunk=False)
    matches: list[tuple[int, int]] = []
    at_old = at_new = 0
    for i, j, size in blocks.get_matching_blocks():
        if (i - at_old) * (j - at_new) <= CELLS:
            gap = _table(old[at_old:i], new[at_new:j], keys)
            matches += [(at_old + x, at_new + y) for x, y in gap]
        matches += [(i + k, j + k) for k in range(size)]
        at_old, at_new = i + size, j + size
    return matches


def _table(old: Sequence[Message], new: Sequence[Message], keys: Keys) -> list[tuple[int, int]]:
    """The best matches of two short runs (Needleman and Wunsch)."""
    a, b = keys.all(old), keys.all(new)
    best = [[GAP * (i + j) for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    score = [[_score(old, new, a, b, i, j, keys) for j in range(len(b))] for i in range(len(a))]
    for i in range(len(a)):
        for j in range(len(b)):
            matched = best[i][j] + score[i][j] if score[i][j] else -(10**6)
            best[i + 1][j + 1] = max(matched, best[i][j + 1] + GAP, best[i + 1][j] + GAP)
    return _trace(best, score)


def _score(
    old: Sequence[Message],
    new: Sequence[Message],
    a: list[bytes],
    b: list[bytes],
    i: int,
    j: int,
    keys: Keys,
) -> int:
    if a[i] == b[j]:
        return EQUAL
    return ALIKE if keys.likeness(old[i], new[j]) >= LIKENESS else 0


def _trace(best: list[list[int]], score: list[list[int]]) -> list[tuple[int, int]]:
    matches: list[tuple[int, int]] = []
    i, j = len(score), len(score[0]) if score else 0
    while i and j:
        if score[i - 1][j - 1] and best[i][j] == best[i - 1][j - 1] + score[i - 1][j - 1]:
            i, j = i - 1, j - 1
            matches.append((i, j))
        elif best[i][j] == best[i][j - 1] + GAP:
            j -= 1
        else:
            i -= 1
    return matches[::-1]
