"""The list of sessions, painted: a line a session, and below it the tree of its threads."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from kimitap.places import PlaceWord
from kimitap.transcript.tree import BranchKind
from kimitap.tui.conversation.paint import highlit
from kimitap.tui.palette import FAINT, KEY, NAME, NORMAL, RECORDING, RULE, STRONG
from kimitap.tui.sessions.columns import GAP, Columns, columns, newest_day, numbers
from kimitap.tui.sessions.overview import Entry
from kimitap.tui.sessions.rows import RowKind, SessionRow
from kimitap.tui.widgets.row_list import RowList
from kimitap.tui.widgets.virtual_list import Line
from kimitap.tui.widgets.wrapping import fit

_TITLE = {BranchKind.THREAD: NAME, BranchKind.EVENT: KEY, BranchKind.ASIDES: FAINT}


@dataclass(frozen=True)
class Brush:
    """What rows are painted with, besides themselves."""

    columns: Columns
    today: date | None = None
    live: frozenset[str] = frozenset()
    marked: PlaceWord | None = None
    hit: re.Pattern[str] | None = None


def paint_session(row: SessionRow, brush: Brush) -> Line:
    """One row in the width of the columns."""
    if row.kind is RowKind.SESSION and row.entry is not None:
        segments = _session(row, row.entry, brush)
    else:
        segments = _branch(row, brush)
    used = sum(cell_len(segment.text) for segment in segments)
    gap = Segment(" " * max(0, brush.columns.words - used))
    return Line([*segments, gap, *numbers(row.tally, brush.columns, brush.today)])


def _session(row: SessionRow, entry: Entry, brush: Brush) -> list[Segment]:
    at = brush.columns
    segments = [_fold(row), Segment(f"{entry.session.name:<{at.name - 2}}", STRONG)]
    badges = _badges(row, brush, entry)
    taken = sum(cell_len(segment.text) for segment in badges)
    if not at.task:
        segments += badges
    for text, width, style in ((entry.agent, at.agent, NORMAL), (entry.model, at.model, FAINT)):
        if width:
            segments += _column(text, width if at.task else max(0, width - taken), style, brush)
            taken = taken if at.task else 0
    if at.task:
        segments += [*badges, *_column(entry.task, max(0, at.task - taken), FAINT, brush)]
    return segments


def _column(text: str, width: int, style: Style, brush: Brush) -> list[Segment]:
    text = fit(text, width)
    pad = " " * (width - cell_len(text))
    return [Segment(" " * GAP), *highlit(text, style, brush.hit), Segment(pad)]


def _branch(row: SessionRow, brush: Brush) -> list[Segment]:
    branch = row.branch
    room = brush.columns.words if row.tally else brush.columns.width
    segments = [Segment("  ")]
    if branch is not None:
        segments = [Segment(f"   {branch.lead}", RULE)]
    elif row.kind is RowKind.OTHER:
        segments = [Segment("     ")]
    if row.folds:
        segments = [*segments, _fold(row)] if branch else [_fold(row)]
    segments += _badges(row, brush, None)
    used = sum(cell_len(segment.text) for segment in segments)
    style = _TITLE[branch.kind] if branch else FAINT
    title = fit(row.title, room - used)
    segments += highlit(title, style, brush.hit)
    left = room - used - cell_len(title) - GAP
    if row.text and left > 3:
        segments += [Segment("  "), *highlit(fit(row.text, left), FAINT, brush.hit)]
    return segments


def _fold(row: SessionRow) -> Segment:
    if not row.folds:
        return Segment("  ")
    return Segment("▾ " if row.opened else "▸ ", FAINT)


def _badges(row: SessionRow, brush: Brush, entry: Entry | None) -> list[Segment]:
    """REC where somebody records now, and the mark for a comparison."""
    names = {thread.name for thread in entry.session.threads} if entry else set()
    if row.branch is not None and row.branch.kind is not BranchKind.EVENT:
        names = {thread.name for thread in row.branch.threads}
    out = []
    if names & brush.live:
        out += [Segment("  " if entry else ""), Segment(" REC ", RECORDING), Segment(" ")]
    if brush.marked is not None and row.place == brush.marked and _stands_for_itself(row):
        out += [Segment("  " if entry else ""), Segment("MARKED", KEY), Segment(" ")]
    return out


def _stands_for_itself(row: SessionRow) -> bool:
    return row.branch is None or row.branch.kind is BranchKind.THREAD


class SessionsList(RowList[SessionRow]):
    """Rows of sessions and threads; the cursor stays on its row while more is recorded."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.entries: Sequence[Entry] = ()
        self.live: frozenset[str] = frozenset()
        self.marked: PlaceWord | None = None
        self.hit: re.Pattern[str] | None = None
        self._brush: Brush | None = None

    def set_rows(self, rows: Sequence[SessionRow], entries: Sequence[Entry]) -> None:
        """Show the rows; the cursor stays on the row where it stands."""
        at = {row.key: i for i, row in enumerate(rows)}
        self.entries = entries
        self.repaint()
        self.put(rows, lambda row: at.get(row.key))

    def repaint(self) -> None:
        """Something that rows are painted with changed."""
        self._brush = None
        self.refresh()

    def resized(self) -> None:
        self._brush = None
        super().resized()

    @property
    def brush(self) -> Brush:
        """What the rows are painted with at the present width."""
        if self._brush is None:
            at = columns(self.entries, self.line_width)
            day = newest_day(self.entries)
            self._brush = Brush(at, day, self.live, self.marked, self.hit)
        return self._brush

    def paint(self, index: int, width: int) -> Line:
        return paint_session(self.rows[index], self.brush)
