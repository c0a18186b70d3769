"""Two texts line by line, and word by word inside the lines that were changed.

Bounded whatever the texts hold: one `Effort` for all of a comparison, words only in lines that are
short enough and while there is effort left, and of longer ones what stands between a common
beginning and a common end.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kimitap.beginnings import shared_prefix
from kimitap.diff.sequence import Block, Effort, blocks, likest
from kimitap.lineage import Mark

LONGEST = 4000
"""Characters of a line up to which its words are compared."""
LIKE = 0.4
"""The share of common characters from which on two lines are one line that was changed."""
_CELLS = 400
"""Pairs of lines up to which the likest are found; beyond, lines are paired in their order."""
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


class Span(NamedTuple):
    """Characters of a line that differ, from `start` up to `stop`."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class LineRow:
    """One line of both texts, or of one: `old_number` and `new_number` count from 1.

    In a changed row with spans these are what differs; without spans all of the line was replaced.
    """

    mark: Mark
    old_number: int | None
    new_number: int | None
    old: str | None
    new: str | None
    old_spans: tuple[Span, ...] = ()
    new_spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class TextDiff:
    """Two texts as rows, in order of both."""

    rows: tuple[LineRow, ...]

    @property
    def same(self) -> bool:
        return all(row.mark is Mark.SAME for row in self.rows)


def diff_text(old: str | None, new: str | None, effort: Effort | None = None) -> TextDiff:
    """Compare two texts; None is the text of a field that is not there and has no line.

    Joined by line feeds, the rows' old lines are the old text, and the new ones the new text.
    """
    effort = effort or Effort()
    a, b = (side.split("\n") if side is not None else [] for side in (old, new))
    rows: list[LineRow] = []
    i = j = 0
    for block in [*blocks(a, b, effort), Block(len(a), len(b), 0)]:
        rows += _replaced(a[i : block.old], b[j : block.new], i, j, effort)
        i, j = block.old, block.new
        same = a[i : i + block.size]
        rows += [LineRow(Mark.SAME, i + n, j + n, s, s) for n, s in enumerate(same, 1)]
        i, j = i + block.size, j + block.size
    return TextDiff(tuple(rows))


def _replaced(
    old: Sequence[str], new: Sequence[str], i: int, j: int, effort: Effort
) -> Iterator[LineRow]:
    """The rows of lines that differ: likest lines as pairs, then the rest in their order."""
    at_old = at_new = 0
    for x, y in [*_likest(old, new, effort), (len(old), len(new))]:
        for n in range(max(x - at_old, y - at_new)):
            p = at_old + n if at_old + n < x else None
            q = at_new + n if at_new + n < y else None
            yield _row(old, new, p, q, i, j, effort)
        if x < len(old):
            yield _row(old, new, x, y, i, j, effort)
        at_old, at_new = x + 1, y + 1


def _row(
    old: Sequence[str],
    new: Sequence[str],
    p: int | None,
    q: int | None,
    i: int,
    j: int,
    effort: Effort,
) -> LineRow:
    if q is None and p is not None:
        return LineRow(Mark.GONE, i + p + 1, None, old[p], None)
    if p is None and q is not None:
        return LineRow(Mark.NEW, None, j + q + 1, None, new[q])
    assert p is not None and q is not None
    spans = changed_spans(old[p], new[q], effort)
    return LineRow(Mark.CHANGED, i + p + 1, j + q + 1, old[p], new[q], *spans)


def _likest(old: Sequence[str], new: Sequence[str], effort: Effort) -> list[tuple[int, int]]:
    """Which of few lines are one line that was changed, in order of both, by common words."""
    if not 1 < len(old) * len(new) <= _CELLS or (len(old) == len(new) == 1):
        return []
    effort.left -= sum(min(len(line), LONGEST) for line in (*old, *new)) // 4
    if effort.left <= 0:
        return []
    words = [[_counted(line) for line in side] for side in (old, new)]
    effort.left -= sum(len(one) * len(new) for one in words[0]) // 2
    return likest([[_dice(one, other) for other in words[1]] for one in words[0]], LIKE)


def _counted(line: str) -> Counter[str]:
    return Counter(_WORDS.findall(line[:LONGEST]))


def _dice(one: Counter[str], other: Counter[str]) -> float:
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0


def changed_spans(old: str, new: str, effort: Effort) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """What differs inside a pair of lines; nothing where they have too little in common."""
    if max(len(old), len(new)) >= LONGEST:
        return _middles(old, new)
    effort.left -= (len(old) + len(new)) // 4
    if effort.left <= 0:
        return (), ()
    a, b = _WORDS.findall(old), _WORDS.findall(new)
    common = blocks(a, b, effort)
    kept = sum(len(word) for block in common for word in a[block.old : block.old + block.size])
    if 2 * kept <= LIKE * (len(old) + len(new)):
        return (), ()
    return _gaps(a, [(c.old, c.size) for c in common]), _gaps(b, [(c.new, c.size) for c in common])


def _gaps(words: Sequence[str], common: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
    """The characters of the words that are not common; those that only a space parts are one."""
    ends = [0]
    for word in words:
        ends.append(ends[-1] + len(word))
    spans: list[Span] = []
    at = 0
    for start, size in [*common, (len(words), 0)]:
        if start > at:
            between = (
                "".join(words[at - 1 : at]) if spans and spans[-1].stop == ends[at - 1] else ""
            )
            begun = spans.pop().start if between.isspace() else ends[at]
            spans.append(Span(begun, ends[start]))
        at = start + size
    return tuple(spans)


def _middles(old: str, new: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """What stands between the common beginning and the common end of two long lines."""
    head = shared_prefix(old, new)
    tail = shared_prefix(old[: head - len(old) - 1 : -1], new[: head - len(new) - 1 : -1])
    if 2 * (head + tail) <= LIKE * (len(old) + len(new)):
        return (), ()
    spans = (Span(head, len(old) - tail), Span(head, len(new) - tail))
    return tuple((s,) if s.stop > s.start else () for s in spans)  # type: ignore[return-value]
