"""Fields that differ, word by word: secrets masked and characters made visible before anything is
compared or cut."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kimitap.conversation import Message
from kimitap.diff import Change, Effort, LineRow, changes_of, diff_text, laid_out, only_spelling
from kimitap.diff.text import Span
from kimitap.export.differences.document import Field, Limits, Line, Run
from kimitap.lineage import Mark
from kimitap.redact import mask_text
from kimitap.visible import one_line, visible

_AROUND = 3
"""Lines that are the same which are told before and behind one that differs."""


def field(change: Change, limits: Limits, effort: Effort) -> Field:
    """One change, line by line; JSON is laid out first, so that only what it says differs."""
    name = one_line(mask_text(change.field), 200)
    sides = [
        None if side is None else visible(mask_text(side, change.field))
        for side in (change.old, change.new)
    ]
    has = {"has_old": sides[0] is not None, "has_new": sides[1] is not None}
    old, new = sides
    if old is not None and new is not None:
        if old == new:
            return Field(name, (), "differs only in what is masked", **has)
        if only_spelling(old, new) and laid_out(old) is not None:
            return Field(name, (), "the same JSON in another spelling", **has)
    told = [None if side is None else laid_out(side) or side for side in sides]
    rows = list(_near(diff_text(told[0], told[1], effort).rows))
    lines = [_line(row, limits) for row in rows[: limits.lines]]
    more = len(rows) - len(lines)
    return Field(name, lines, f"{more:,} more lines" if more else "", **has)


def fields_of(message: Message) -> tuple[Change, ...]:
    """All that a message says, as the fields that a blank one lacks."""
    found = changes_of(Message(message.role), message)
    return tuple(replace(change, field=change.field.replace("[+", "[")) for change in found)


def _near(rows: Sequence[LineRow]) -> Iterator[LineRow]:
    """The rows that differ, and those around them."""
    kept = {
        near
        for i, row in enumerate(rows)
        if row.mark is not Mark.SAME
        for near in range(i - _AROUND, i + _AROUND + 1)
    }
    yield from (row for i, row in enumerate(rows) if i in kept)


def _line(row: LineRow, limits: Limits) -> Line:
    differs = row.mark is Mark.CHANGED
    return Line(
        row.mark,
        _runs(row.old, row.old_spans, differs and bool(row.new_spans or row.old_spans), limits),
        _runs(row.new, row.new_spans, differs and bool(row.new_spans or row.old_spans), limits),
    )


def _runs(
    text: str | None, spans: Sequence[Span], by_word: bool, limits: Limits
) -> Sequence[Run] | None:
    if text is None:
        return None
    if not by_word:
        return (Run(_cut(text, limits.characters), False),)
    runs: list[Run] = []
    at = 0
    for span in spans:
        runs.append(Run(text[at : span.start], False))
        runs.append(Run(text[span.start : span.stop], True))
        at = span.stop
    runs.append(Run(text[at:], False))
    return [Run(_cut(run.text, limits.characters), run.differs) for run in runs if run.text]


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} … ({len(text) - 2 * half:,} characters) … {text[-half:]}"
