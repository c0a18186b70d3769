"""A comparison of two turns as entries that fold: headers, fields, lines of text.

Made in a worker for all that differs; what is the same is laid out when it is unfolded.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from kimitap.diff import Effort, LineRow, Span, TurnPair, diff_text
from kimitap.lineage import Mark
from kimitap.rules.finding import Severity
from kimitap.transcript.wording import plural
from kimitap.visible import visible

CONTEXT = 3
"""Lines around a change that stay in view."""
SHOWN = 10
"""Lines of a text that only one side has before the rest is folded."""
MOST = 400
"""Entries of one text that stand before the rest is folded, if much of the rest differs."""
WIDEST = 1000
"""Characters of a line beyond which what does not differ is folded away."""
_AROUND = 200
"""Characters around a difference in such a line that stay."""


class Body:
    """Entries that are made when they are wanted, once."""

    def __init__(self, make: Callable[[], Iterable["Entry"]]) -> None:
        self._make = make

    @cached_property
    def entries(self) -> tuple["Entry", ...]:
        return tuple(self._make())


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The header of a message, or of the settings. `badge` says what happened to it.

    `text` makes what it says, when it is painted: thousands may be unfolded at once.
    """

    mark: Mark
    old_index: int | None
    new_index: int | None
    role: str
    badge: str
    severity: Severity | None
    text: Callable[[], str]
    body: Body
    opened: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A field that differs, by name; `note` says more about it, `badge` what became of it."""

    name: str
    note: str = ""
    badge: str = ""
    severity: Severity | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """What is folded away, in words."""

    text: str
    body: Body
    opened: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Note:
    """A sentence about the comparison."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A pair of turns to go to, the pair `at` of all; `here` is the one that is shown."""

    at: int
    pair: TurnPair
    names: str
    here: bool


Entry = Head | Field | Fold | Note | Step | LineRow


def lines(old: str | None, new: str | None, effort: Effort) -> Iterator[Entry]:
    """The lines of two texts; runs that both have are folded, and long ones of one side.

    A single line has no number.
    """
    before, after = cleaned(old, new)
    rows = diff_text(before, after, effort).rows
    if all(side is None or "\n" not in side for side in (before, after)):
        rows = tuple(replace(row, old_number=None, new_number=None) for row in rows)
    if before is None or after is None:
        yield from _one_sided(rows)
    else:
        yield from _both_sided(rows, 0)


def _both_sided(rows: Sequence[LineRow], at: int) -> Iterator[Entry]:
    """The rows from `at` on; behind as many as a reader takes in, the others are folded."""
    shown = 0
    while at < len(rows):
        run = at
        while run < len(rows) and rows[run].mark is Mark.SAME:
            run += 1
        for entry in _run(rows, at, run):
            shown += 1
            yield entry
        if run < len(rows):
            shown += 1
            yield from pieces(rows[run])
        at = run + 1
        changed = sum(row.mark is not Mark.SAME for row in rows[at:]) if shown >= MOST else 0
        if changed > MOST // 4:
            text = f"{plural(len(rows) - at, 'more line')}, {changed:,} of them changed"
            yield Fold(text, Body(partial(_both_sided, rows, at)))
            return
        if shown >= MOST:
            shown = 0


def _one_sided(rows: Sequence[LineRow]) -> Iterator[Entry]:
    shown = len(rows) if len(rows) <= SHOWN + CONTEXT else SHOWN
    for row in rows[:shown]:
        yield from pieces(row)
    if shown < len(rows):
        yield _folded(f"{plural(len(rows) - shown, 'more line')}", rows[shown:])


def _run(rows: Sequence[LineRow], begin: int, end: int) -> Iterator[Entry]:
    """Lines that both have: those next to a change, and the others folded."""
    first = begin + (CONTEXT if begin else 0)
    last = end - (CONTEXT if end < len(rows) else 0)
    hidden = rows[first:last] if last - first > 1 else ()
    for row in rows[begin : first if hidden else end]:
        yield from pieces(row)
    if hidden:
        yield _folded(f"{plural(len(hidden), 'line')} unchanged", hidden)
        for row in rows[last:end]:
            yield from pieces(row)


def _folded(text: str, rows: Sequence[LineRow]) -> Fold:
    return Fold(text, Body(lambda: (piece for row in rows for piece in pieces(row))))


def pieces(row: LineRow) -> Iterator[Entry]:
    """A line as it is shown: of a very long one, what differs and a little around it."""
    longest = max(len(row.old or ""), len(row.new or ""))
    if longest <= WIDEST or len(row.old_spans) + len(row.new_spans) > 2:
        yield row
        return
    spans = (row.old_spans or row.new_spans)[:1]
    skip = max(0, spans[0].start - _AROUND) if spans else 0
    if skip > _AROUND:
        yield _piece_folded(row, 0, skip, "unchanged")
    else:
        skip = 0
    ends = [max((s.stop for s in side), default=0) for side in (row.old_spans, row.new_spans)]
    stop = skip + WIDEST
    same = bool(spans) and max(ends) < stop and row.mark is not Mark.SAME
    if same:
        stop = max(ends) + _AROUND
    yield _cut(row, skip, stop)
    if longest > stop:
        yield _piece_folded(row, stop, longest, "unchanged" if same else "more")


def _piece_folded(row: LineRow, start: int, stop: int, what: str) -> Fold:
    text = f"{plural(stop - start, 'character')} {what}"
    return Fold(text, Body(lambda: (_cut(row, start, stop),)))


def _cut(row: LineRow, start: int, stop: int) -> LineRow:
    """The line from `start` up to `stop`; its number stands at its beginning only."""
    old, new = (None if side is None else side[start:stop] for side in (row.old, row.new))
    first = start == 0
    return LineRow(
        Mark.SAME if old == new else row.mark,
        row.old_number if first else None,
        row.new_number if first else None,
        old,
        new,
        _moved(row.old_spans, start, stop),
        _moved(row.new_spans, start, stop),
    )


def _moved(spans: Iterable[Span], start: int, stop: int) -> tuple[Span, ...]:
    cut = (Span(max(s.start, start) - start, min(s.stop, stop) - start) for s in spans)
    return tuple(span for span in cut if span.stop > span.start)


def cleaned(old: str | None, new: str | None) -> tuple[str | None, str | None]:
    """Both texts as a terminal may have them.

    Tabs and carriage returns that only one side has would vanish; they are written out.
    """
    if old is not None and new is not None:
        for mark, written in (("\t", "\\t"), ("\r", "\\r")):
            if old.count(mark) != new.count(mark):
                old, new = old.replace(mark, written), new.replace(mark, written)
    return _clean(old), _clean(new)


def _clean(text: str | None) -> str | None:
    return None if text is None else visible(text).expandtabs(4)
