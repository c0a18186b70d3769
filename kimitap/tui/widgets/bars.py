"""The line at the top (what is being looked at) and the one at the bottom (what can be done)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from kimitap.rules.finding import Severity
from kimitap.transcript import SYMBOLS
from kimitap.tui.keys import Key
from kimitap.tui.palette import ALARM, FAINT, KEY, NORMAL, RECORDING, STRONG
from kimitap.tui.widgets.wrapping import fit


class Bar(Widget):
    """One line of segments, cut at the right."""

    DEFAULT_CSS = "Bar { height: 1; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._segments: Sequence[Segment] = ()

    def set_segments(self, segments: Iterable[Segment]) -> None:
        fresh = tuple(segments)
        if fresh != self._segments:
            self._segments = fresh
            self.refresh()

    def render_line(self, y: int) -> Strip:
        ground, width, out, used = self.rich_style, self.size.width, [], 0
        for segment in self._segments:
            text = fit(segment.text, width - used)
            used += cell_len(text)
            out.append(Segment(text, ground + (segment.style or Style.null())))
        return Strip(out).adjust_cell_length(width, ground)


class Edge(Widget):
    """A line between two panes, painted once: a border at the side is painted with every line."""

    def render_line(self, y: int) -> Strip:
        return Strip([Segment("▕", self.rich_style)])


@dataclass(frozen=True)
class Status:
    """What the top line says, in the order in which it may be cut at the right."""

    live: bool = False
    lost: int = 0
    counts: tuple[tuple[Severity, int], ...] = ()
    fresh: int = 0
    """Turns of this thread that came and that the reader has not seen yet."""
    elsewhere: int = 0
    """The same of other threads."""
    finding: str = ""
    turn: str = ""
    filter: str = ""
    names: str = ""
    loading: str = ""
    """What is being read; empty where all is."""


def status_segments(status: Status) -> Iterable[Segment]:
    """The top line: REC, losses, counts, the finding, the turn, names."""
    if status.live:
        yield Segment(" REC ", RECORDING)
    if status.lost:
        yield Segment(f" {status.lost} NOT RECORDED ", ALARM[Severity.ERROR])
    if status.loading:
        yield Segment(f" {status.loading} ", STRONG)
    for severity, count in status.counts:
        yield Segment(f" {SYMBOLS[severity]} {count}", ALARM[severity])
    if not status.counts and not status.loading:
        yield Segment(" nothing wrong found" if status.names else " no conversation yet", NORMAL)
    yield Segment("  ")
    for text, style in (
        (f"+{status.fresh} new (G)" if status.fresh else "", KEY),
        (f"+{status.elsewhere} elsewhere (t)" if status.elsewhere else "", KEY),
        (status.finding, STRONG),
        (status.turn, NORMAL),
        (status.filter, KEY),
        (status.names, FAINT),
    ):
        if text:
            yield Segment(f"{text}  ", style)


def foot_segments(table: Iterable[Key]) -> Iterable[Segment]:
    """The bottom line: the key, then its word; the help's first, so that no width cuts it."""
    for key in sorted(table, key=lambda key: key.id != "help"):
        if key.foot:
            keys, _, word = key.foot.rpartition(" ")
            yield Segment(f" {keys}", KEY)
            yield Segment(f" {word} ", FAINT)
