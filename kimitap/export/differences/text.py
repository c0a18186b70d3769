"""A comparison for a terminal or a pipe: plain text, words that differ in git's marks."""

from collections.abc import Iterable, Iterator, Sequence

from kimitap.export.differences.document import (
    Document,
    Field,
    Line,
    Row,
    Run,
    ThreadPart,
    TurnLine,
    TurnPart,
)
from kimitap.export.measures import Measure, shown, shown_ratio
from kimitap.lineage import Mark


def text(document: Document) -> str:
    """The whole comparison, a block a thread."""
    lines = [f"{document.old} against {document.new}"]
    for thread in document.threads:
        lines += ["", *_thread(thread)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _thread(thread: ThreadPart) -> Iterator[str]:
    names = " and ".join(dict.fromkeys(filter(None, [thread.old, thread.new])))
    yield f"══ {thread.mark} {names or 'turn by turn'} ══"
    yield thread.sentence
    yield ""
    yield from table(["", "before", "after"], thread.facts)
    yield ""
    yield from measures(thread.measures)
    yield ""
    yield from table(
        ["", "turn", "before", "after", "what the replies do"], map(_turn, thread.turns)
    )
    for part in thread.details:
        yield from ("", *_details(part))
    if thread.left_out:
        yield ""
        yield f"… {thread.left_out:,} more turns differ; --format json tells all of them"


def measures(told: Sequence[Measure]) -> Iterator[str]:
    """A table of numbers, with the ratio of the new to the old."""
    rows = [
        (m.name, shown(m.old, m.unit), shown(m.new, m.unit), shown_ratio(m.ratio)) for m in told
    ]
    yield from table(["", "before", "after", "ratio"], rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Columns that stand below one another; the last one is as long as it is."""
    cells = [head, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head) - 1)]
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield f"  {'  '.join([*padded, row[-1]])}"


def _turn(line: TurnLine) -> tuple[str, ...]:
    number = f"{line.number}" if line.number == line.last else f"{line.number}–{line.last}"
    also = [name for name in line.differs if name not in {"reply", "request"}]
    told = f"  (other {', '.join(also)})" if also else ""
    return line.mark, number, between(line.old), between(line.new), f"{line.what}{told}"


def between(exchanges: tuple[int, int] | None) -> str:
    """`#3`, `#3–7`, or nothing."""
    if exchanges is None:
        return ""
    first, last = exchanges
    return f"#{first}" if first == last else f"#{first}–{last}"


def title(part: TurnPart) -> str:
    """`turn 2: #3 against #12`."""
    sides = [f"#{number}" for number in (part.old, part.new) if number is not None]
    alone = {Mark.GONE: " (only before)", Mark.NEW: " (only after)"}.get(part.mark, "")
    return f"turn {part.number}: {' against '.join(sides)}{alone}"


def _details(part: TurnPart) -> Iterator[str]:
    yield f"── {title(part)} ──"
    if part.settings:
        yield "settings"
        for setting in part.settings:
            yield from _field(setting)
    for row in part.rows:
        yield from _row(row)
    yield from measures(part.measures)


def _row(row: Row) -> Iterator[str]:
    if row.count > 1:
        yield f"{row.mark} {row.count} messages are the same"
        return
    at = "reply" if row.is_reply else "message " + _indexes(row)
    yield f"{row.mark} {at}  {row.role}: {row.gist}"
    for one in row.fields:
        yield from _field(one, row.mark in {Mark.GONE, Mark.NEW})


def _indexes(row: Row) -> str:
    sides = [str(index) for index in (row.old, row.new) if index is not None]
    return " → ".join(dict.fromkeys(sides))


def _field(told: Field, alone: bool = False) -> Iterator[str]:
    """The field's name and lines; `alone` where all of the message is on one side only."""
    where = "" if told.has_old or alone else " (absent before)"
    where = where if told.has_new or alone else " (absent after)"
    yield f"    {told.name}{where}{f': {told.note}' if told.note and not told.lines else ''}"
    for line in told.lines:
        yield from _line(line)
    if told.note and told.lines:
        yield f"      … {told.note}"


def _line(line: Line) -> Iterator[str]:
    if line.mark is Mark.SAME and line.old is not None:
        yield f"        {_joined(line.old, '', '')}"
        return
    if line.old is not None:
        yield f"      - {_joined(line.old, '[-', '-]')}"
    if line.new is not None:
        yield f"      + {_joined(line.new, '{+', '+}')}"


def _joined(runs: Sequence[Run], opens: str, closes: str) -> str:
    return "".join(f"{opens}{run.text}{closes}" if run.differs else run.text for run in runs)
