"""A comparison as a unified diff of both sides' text, which `patch` applies.

https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html
"""

import re
from collections.abc import Iterator, Sequence

from kimitap.diff import Comparison, Effort, LineRow, diff_text
from kimitap.export.differences.canonical import canonical
from kimitap.lineage import Mark
from kimitap.redact import mask_text
from kimitap.visible import one_line

CONTEXT = 3
_STEPS = 30_000_000


def patch(comparison: Comparison) -> str:
    """The unified diff; nothing where both sides say the same."""
    old, new = (canonical(comparison, side) for side in ("old", "new"))
    if old == new:
        return ""
    rows = diff_text(_body(old), _body(new), Effort(_STEPS)).rows
    heads = f"--- a/{_name(comparison.old)}", f"+++ b/{_name(comparison.new)}"
    return "\n".join([*heads, *_hunks(rows)]) + "\n"


def _body(text: str) -> str | None:
    """The lines without the last line feed; None where there is no line at all."""
    return text.removesuffix("\n") if text else None


def _name(said: str) -> str:
    return re.sub(r"[^\w.\[\]-]+", "-", one_line(mask_text(said), 200)).strip("-.") + ".txt"


def _hunks(rows: Sequence[LineRow]) -> Iterator[str]:
    done = at_old = at_new = 0
    for begin, stop in _spans(rows):
        at_old += sum(row.old is not None for row in rows[done:begin])
        at_new += sum(row.new is not None for row in rows[done:begin])
        part, done = rows[begin:stop], stop
        old = sum(row.old is not None for row in part)
        new = sum(row.new is not None for row in part)
        # A side without lines is placed behind the line before it.
        yield f"@@ -{_range(at_old + bool(old), old)} +{_range(at_new + bool(new), new)} @@"
        yield from _lines(part)
        at_old, at_new = at_old + old, at_new + new


def _range(start: int, count: int) -> str:
    return f"{start}" if count == 1 else f"{start},{count}"


def _spans(rows: Sequence[LineRow]) -> Iterator[tuple[int, int]]:
    """What differs, with its context; what is nearer than both contexts is one hunk."""
    begin = stop = -1
    for i, row in enumerate(rows):
        if row.mark is Mark.SAME:
            continue
        if begin >= 0 and i - CONTEXT > stop:
            yield begin, stop
            begin = -1
        begin = max(0, i - CONTEXT) if begin < 0 else begin
        stop = min(len(rows), i + CONTEXT + 1)
    if begin >= 0:
        yield begin, stop


def _lines(rows: Sequence[LineRow]) -> Iterator[str]:
    """Of lines in a row that differ, the old ones first."""
    added: list[str] = []
    for row in rows:
        if row.mark is Mark.SAME:
            yield from added
            added = []
            yield f" {row.old}"
            continue
        if row.old is not None:
            yield f"-{row.old}"
        if row.new is not None:
            added.append(f"+{row.new}")
    yield from added
