"""The list of hits, painted: what was searched for is lit in each line."""

import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment

from kimitap.transcript.passages import PassageKind
from kimitap.transcript.wording import plural
from kimitap.tui.palette import ALARM, FAINT, HIT, NAME, NORMAL, RULE, STRONG
from kimitap.tui.search.rows import HitRow, excerpt, label, lit, thread_words
from kimitap.tui.widgets.row_list import RowList
from kimitap.tui.widgets.virtual_list import Line
from kimitap.tui.widgets.wrapping import fit

_LABEL = 28
"""Cells that what a hit is may take at most, so that the texts stand below one another."""


class HitList(RowList[HitRow]):
    """Rows of hits; `pattern` is what is lit in them."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.pattern: re.Pattern[str] | None = None
        self._number = self._label = 4

    def set_rows(self, rows: Sequence[HitRow], *, stay: bool = True) -> None:
        """Show the rows; the reader stays at his row, or goes to the first."""
        at = {row.key: i for i, row in enumerate(rows)}
        last = max((row.hit.passage.place.exchange for row in rows), default=0)
        self._number = len(f"#{last}")
        widest = max((cell_len(label(row.hit)) for row in rows if not row.thread), default=0)
        self._label = min(_LABEL, widest)
        if stay and self.current:
            self.put(rows, lambda row: at.get(row.key))
        else:
            self.rows = rows
            self.show(len(rows), cursor=0, top=0)
            self.reveal()

    def paint(self, index: int, width: int) -> Line:
        row = self.rows[index]
        return Line(_thread(row, width) if row.thread else self._hit(row, width))

    def _hit(self, row: HitRow, width: int) -> list[Segment]:
        passage = row.hit.passage
        number = f"   #{passage.place.exchange}".ljust(3 + self._number)
        room = min(self._label, width // 3)
        name = fit(label(row.hit), room)
        name += " " * (room - cell_len(name))
        style = ALARM[passage.severity] if passage.severity else STRONG
        if passage.kind is PassageKind.ERROR:
            style = NAME
        segments = [Segment(number, FAINT), Segment("  "), Segment(name, style)]
        times = f"  {row.hit.found.times} times" if row.hit.found.times > 1 else ""
        room = width - sum(cell_len(s.text) for s in segments) - 1
        times = times if room > 3 * len(times) else ""
        text = fit(excerpt(row.hit, max(8, room)), room - len(times))
        runs = lit(text, self.pattern)
        segments += [Segment(" "), *(Segment(s, NORMAL + HIT if on else NORMAL) for s, on in runs)]
        gap = room - cell_len(text) - len(times)
        return [*segments, Segment(" " * gap), Segment(times, FAINT)]


def _thread(row: HitRow, width: int) -> list[Segment]:
    said = f"  {plural(row.count, 'hit')} "
    fold = "▾ " if row.opened else "▸ "
    head = [Segment(fold, FAINT), Segment(f"{row.hit.thread.name} ", NAME)]
    room = width - sum(cell_len(s.text) for s in head) - len(said)
    words = fit(f" {thread_words(row.hit)} ", max(0, room))
    rule = "─" * max(0, room - cell_len(words))
    return [*head, Segment(words, FAINT), Segment(rule, RULE), Segment(said, FAINT)]
