"""The panels of the timeline: which numbers are drawn, how, and what stands beside them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style

from kimitap.rules.finding import Severity
from kimitap.transcript import SYMBOLS
from kimitap.transcript.numbers import TurnNumbers
from kimitap.transcript.wording import count
from kimitap.tui.palette import ACCENT, ADDED, ALARM, DIM, FAINT, INFO, STRONG, WARNING
from kimitap.tui.widgets.plot import EIGHTHS, EMPTY, Axis, Cell, Fill, bar, ticks

LABEL = 12
"""Cells right of the bars for a scale: ` 128 tok/s`."""
_BESIDE = 5
"""Cells between the last bar and its scale, where the last turn's number may stand below it."""
CACHED = Fill("░", Style(color=DIM))
READ = Fill("▒", Style(color=INFO))
AGAIN = Fill(EIGHTHS, Style(color=WARNING))
UNTOLD = Fill("▓", Style(color=DIM))
FIRST = Fill(EIGHTHS, Style(color=ACCENT))
SPEED = Fill(EIGHTHS, Style(color=ADDED))

Parts = Sequence[tuple[float, Fill]]


@dataclass(frozen=True)
class Line:
    """A painted line: a cell a column, or words; at the right its label."""

    cells: Sequence[Cell] = ()
    words: Sequence[Segment] = ()
    label: str = ""
    axis: bool = False
    """True for the line of turn numbers, over which the cursor's stands."""
    thin: bool = False
    """True where a cell is one sign, however wide its column is."""


@dataclass(frozen=True)
class _Panel:
    title: str
    legend: Sequence[tuple[Fill, str]]
    parts: Sequence[Parts]
    """What each column is made of; nothing where nobody told it."""
    unit: Callable[[float], str]
    silence: str
    """What to say where no column has anything."""

    @property
    def top(self) -> float:
        return max((sum(value for value, _ in parts) for parts in self.parts), default=0)


def chart(
    numbers: Sequence[TurnNumbers],
    marks: Mapping[int, Severity],
    width: int,
    height: int,
) -> tuple[Axis, list[Line]]:
    """All lines of the timeline at that size, and the axis that they share.

    `marks` are the worst severities by index of the turn.
    """
    axis = Axis.fitting(len(numbers), width - LABEL)
    panels = _panels(numbers, axis)
    lines: list[Line] = []
    for panel, rows in zip(panels, _heights(panels, height - 2), strict=False):
        lines += _drawn(panel, rows)
    found = [_mark(marks, axis.things(column)) for column in range(axis.columns)]
    lines.append(Line(found, label=" findings", thin=True))
    names = ticks(axis, [str(turn.exchange) for turn in numbers])
    lines.append(Line(words=(Segment(names, FAINT),), label=" turn", axis=True))
    return axis, lines


def scale_at(axis: Axis) -> int:
    """The cell at which the scales stand: beside the last bar."""
    return min(axis.width, axis.columns * axis.cells + _BESIDE)


def _panels(numbers: Sequence[TurnNumbers], axis: Axis) -> list[_Panel]:
    shared = axis.each > 1
    groups = [[numbers[i] for i in axis.things(column)] for column in range(axis.columns)]
    tokens = [_tokens(max(group, key=_weight)) for group in groups]
    firsts = [_one(max(_known(n.first_s for n in group), default=None), FIRST) for group in groups]
    speeds = [_one(min(_known(n.speed for n in group), default=None), SPEED) for group in groups]
    used = {id(fill) for parts in tokens for value, fill in parts if value}
    return [
        _Panel(
            "prompt tokens",
            [pair for pair in _LEGEND if id(pair[0]) in used],
            tokens,
            lambda value: count(round(value)),
            "no server told how many",
        ),
        _Panel(
            f"time to first token{', the longest of a column' if shared else ''}",
            (),
            firsts,
            seconds,
            "not known: no reply was streamed",
        ),
        _Panel(
            f"tokens per second{', the slowest of a column' if shared else ''}",
            (),
            speeds,
            lambda value: f"{rate(value)} tok/s",
            "not known: no server told it, and no stream lasted long enough",
        ),
    ]


_LEGEND = (
    (CACHED, "cached"),
    (READ, "read"),
    (AGAIN, "read again"),
    (UNTOLD, "cached or read: not told"),
)


def seconds(value: float) -> str:
    """`0.17 s`, `1.2 s`, `340 s`: three digits at most that matter."""
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def rate(value: float) -> str:
    """`4.2`, `42`: tokens per second."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _weight(turn: TurnNumbers) -> tuple[bool, int]:
    """What makes a turn stand for its column: much was read again, or it is the longest."""
    prompt = turn.prompt or 0
    return 8 * (turn.again or 0) > prompt, prompt


def _tokens(turn: TurnNumbers) -> Parts:
    if turn.prompt is None:
        return ()
    if turn.cached is None or turn.read is None:
        return ((turn.prompt, UNTOLD),)
    again = min(turn.again or 0, turn.read)
    cached = turn.prompt - turn.read
    return (cached, CACHED), (turn.read - again, READ), (again, AGAIN)


def _one(value: float | None, fill: Fill) -> Parts:
    return () if value is None else ((value, fill),)


def _known(values: Iterable[float | None]) -> Iterator[float]:
    return (value for value in values if value is not None)


def _heights(panels: Sequence[_Panel], room: int) -> list[int]:
    """Rows for each panel below its caption; the first gets half, one that is silent none.

    Where there is no room for a caption and a row, the last panels are left out.
    """
    shown = [panel for i, panel in enumerate(panels) if room >= 2 * (i + 1) or i == 0]
    rest = max(0, room - len(shown))
    loud = [panel for panel in shown if panel.top > 0]
    shares = {id(panel): 2 if panel is panels[0] else 1 for panel in loud}
    heights, parts = [], sum(shares.values())
    for panel in shown:
        share = shares.pop(id(panel), 0)
        rows = -(-rest * share // parts) if share else 0
        rows = min(rows, rest - len(shares))  # a row at least for each that comes below
        heights.append(rows)
        rest, parts = rest - rows, parts - share
    return heights


def _drawn(panel: _Panel, height: int) -> Iterator[Line]:
    if not panel.top:
        yield Line(words=(Segment(panel.title, STRONG), Segment(f"  {panel.silence}", FAINT)))
        return
    words = [Segment(panel.title, STRONG)]
    for fill, meaning in panel.legend:
        words += [Segment(f"  {fill.glyphs[-1]} ", fill.style), Segment(meaning, FAINT)]
    top = panel.top
    yield Line(words=words, label=f" {panel.unit(top)}" if height < 2 else "")
    bars = [bar(parts, top, height) for parts in panel.parts]
    labels = {height - 1: panel.unit(top), 0: "0"} if height > 1 else {}
    if height > 4:
        labels[(height - 1) // 2] = panel.unit(top * ((height - 1) // 2 + 0.5) / height)
    for row in reversed(range(height)):
        yield Line([column[row] for column in bars], label=f" {labels.get(row, '')}")


def _mark(marks: Mapping[int, Severity], turns: range) -> Cell:
    found = [marks[i] for i in turns if i in marks]
    if not found:
        return EMPTY
    worst = max(found, key=lambda severity: severity.rank)
    return SYMBOLS[worst], ALARM[worst]
