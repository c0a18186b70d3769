"""The columns of the list of sessions: which there is room for, how wide, and what stands there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from rich.cells import cell_len
from rich.segment import Segment

from kimitap.transcript import SYMBOLS
from kimitap.transcript.wording import clock, count
from kimitap.tui.palette import ALARM, FAINT
from kimitap.tui.sessions.overview import Entry, Tally
from kimitap.tui.widgets.wrapping import fit

GAP = 2
TASK = 16
"""Cells that the task must have, or it falls away."""
_SLIM = 10
"""Cells to which an agent's or model's name is cut before a column falls away."""
_DATED, _TIMED = len("14 Mar 09:26"), len("09:26:53")


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths in cells; 0: there is no room for it. `words` is what is left for the first ones."""

    width: int
    name: int
    agent: int
    model: int
    task: int
    start: int
    turns: int
    tokens: int
    findings: int

    @property
    def right(self) -> int:
        """The cells of the numbers at the right, the gaps before them included."""
        widths = (self.start, self.turns, self.tokens, self.findings)
        return sum(width + GAP for width in widths if width)

    @property
    def words(self) -> int:
        """The cells for what stands before the numbers."""
        return max(0, self.width - self.right)


def columns(entries: Sequence[Entry], width: int) -> Columns:
    """The columns for these sessions in `width` cells. The least important fall away first.

    That is the task, then the names of model and agent are cut, then go the model, the tokens, the
    start, the turns.
    """
    name = 2 + max(len("session"), *(len(entry.session.name) for entry in entries), 0)
    agent = _widest((entry.agent for entry in entries), "agent", 26)
    model = _widest((entry.model for entry in entries), "model", 22)
    findings = max((_findings_width(entry.tally) for entry in entries), default=0)
    today = newest_day(entries)
    dated = any(entry.tally.started_at.astimezone().date() != today for entry in entries)
    start = _DATED if dated else _TIMED
    right = {"start": start, "turns": 5, "tokens": 6, "findings": max(findings, len("findings"))}
    room = width - name - sum(w + GAP for w in right.values())
    for gone in ("model", "tokens", "start", "turns"):
        slim = GAP + min(agent, _SLIM) + (GAP + min(model, _SLIM) if model else 0)
        if room >= slim:
            break
        if gone == "model":
            model = 0
        else:
            room += right[gone] + GAP
            right[gone] = 0
    agent, model, task = _shared(room, agent, model)
    return Columns(width, name, agent, model, task, **right)


def _shared(room: int, agent: int, model: int) -> tuple[int, int, int]:
    """The widths of agent, model and task in `room` cells."""
    room -= GAP + (GAP if model else 0)
    over = agent + model - room
    if over > 0 and model:
        model -= min(over, model - min(model, _SLIM))
    agent = max(0, min(agent, room - model))
    task = room - agent - model - GAP
    return agent, model, task if task >= TASK else 0


def _widest(texts: Iterable[str], title: str, most: int) -> int:
    return min(most, max((cell_len(text) for text in (title, *texts)), default=0))


def _findings_width(tally: Tally) -> int:
    return len(" ".join(f"{SYMBOLS[s]}{n}" for s, n in tally.counts))


def headings(at: Columns) -> list[str]:
    """The names of the columns, padded; the first cell is above the cursor's bar."""
    out = [" " + "  session".ljust(at.name)]
    named = (("agent", at.agent), ("model", at.model), ("task", at.task))
    out += [" " * GAP + fit(name, width).ljust(width) for name, width in named if width]
    used = sum(map(len, out)) - 1
    out += [" " * max(0, at.words - used)]
    out += ["  " + "start".ljust(at.start)] if at.start else []
    counted = (("turns", at.turns), ("tokens", at.tokens))
    out += ["  " + name.rjust(width) for name, width in counted if width]
    return [*out, "  findings"]


def numbers(tally: Tally | None, at: Columns, today: date | None) -> list[Segment]:
    """What stands at the right of a row: `at.right` cells, or nothing where nothing is counted."""
    if tally is None:
        return []
    out: list[Segment] = []
    if at.start:
        out.append(Segment(f"  {started(tally.started_at, today):<{at.start}}", FAINT))
    if at.turns:
        out.append(Segment(f"  {tally.turns:>{at.turns}}"))
    if at.tokens:
        tokens = "" if tally.tokens is None else count(tally.tokens)
        out.append(Segment(f"  {tokens:>{at.tokens}}"))
    out.append(Segment("  "))
    for i, (severity, n) in enumerate(tally.counts):
        out.append(Segment(f"{' ' if i else ''}{SYMBOLS[severity]}{n}", ALARM[severity]))
    return [*out, Segment(" " * (at.findings - _findings_width(tally)))]


def started(moment: datetime, today: date | None) -> str:
    """The local time of day; before it the date, where that is not `today`."""
    local = moment.astimezone()
    if local.date() == today:
        return clock(moment)
    return f"{local.day:>2} {local:%b %H:%M}"


def newest_day(entries: Sequence[Entry]) -> date | None:
    """The local date on which the newest session began."""
    began = (entry.tally.started_at for entry in entries)
    newest = max(began, default=None)
    return newest.astimezone().date() if newest else None
