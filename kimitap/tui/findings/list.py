"""The list of findings, painted: a line a rule, and below it a line for each place."""

from collections.abc import Mapping, Sequence
from functools import partial

from rich.cells import cell_len
from rich.segment import Segment

from kimitap.rules.finding import Finding
from kimitap.transcript import SYMBOLS
from kimitap.tui.findings.rows import FindingRow, at_row
from kimitap.tui.findings.text import where
from kimitap.tui.palette import ALARM, FAINT, NAME, NORMAL, STRONG
from kimitap.tui.widgets.row_list import RowList
from kimitap.tui.widgets.virtual_list import Line
from kimitap.tui.widgets.wrapping import fit
from kimitap.visible import one_line

_SUMMARY = 16
"""Cells that a rule's summary must have, or it is left out."""


class FindingsList(RowList[FindingRow]):
    """Rows of rules and findings; the cursor stays on its row while more is found."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.summaries: Mapping[str, str] = {}
        """What each rule says is wrong, in one line."""
        self._place = self._thread = 0

    def set_rows(self, rows: Sequence[FindingRow], here: FindingRow | None = None) -> None:
        """Show the rows; the cursor goes to `here`, or stays on the row where it stands."""
        found = [row.finding for row in rows if row.finding is not None]
        self._place = min(24, max((len(where(f.place)) for f in found), default=0))
        self._thread = min(8, max((len(f.thread) for f in found), default=0))
        self.put(rows, partial(at_row, rows), here)

    def paint(self, index: int, width: int) -> Line:
        row = self.rows[index]
        if row.finding is None:
            return Line(_rule(row, self.summaries.get(row.rule, ""), width))
        return Line(self._finding(row.finding, width))

    def _finding(self, finding: Finding, width: int) -> list[Segment]:
        symbol = f"   {SYMBOLS[finding.severity]} "
        place = f"{fit(where(finding.place), self._place):<{self._place}}"
        thread = f"{fit(one_line(finding.thread, 20), self._thread):<{self._thread}}"
        segments = [
            Segment(symbol, ALARM[finding.severity]),
            Segment(f"{place}  ", STRONG),
            Segment(f"{thread}  ", NAME),
        ]
        room = width - sum(cell_len(segment.text) for segment in segments)
        return [*segments, Segment(fit(one_line(finding.message, 400), room), NORMAL)]


def _rule(row: FindingRow, summary: str, width: int) -> list[Segment]:
    counts = [Segment(f" {SYMBOLS[s]}{n}", ALARM[s]) for s, n in row.counts]
    head = [Segment("▾ " if row.opened else "▸ ", FAINT)]
    head += [Segment(f"{SYMBOLS[row.worst]} ", ALARM[row.worst])]
    room = width - sum(cell_len(segment.text) for segment in (*head, *counts))
    name = fit(one_line(row.rule, 80), room)
    left = room - cell_len(name) - 3
    words = f"  {fit(summary, left)}" if summary and left >= _SUMMARY else ""
    gap = Segment(" " * max(0, room - cell_len(name) - cell_len(words)))
    return [*head, Segment(name, ALARM[row.worst]), Segment(words, FAINT), gap, *counts]
