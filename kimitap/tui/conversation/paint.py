"""A row of the conversation as a painted line."""

import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from kimitap.rules.finding import Severity
from kimitap.transcript import SYMBOLS, EchoMark, Kind, Row, lead
from kimitap.tui.conversation.filtering import excerpt
from kimitap.tui.palette import (
    ALARM,
    BADGE,
    DIM,
    FAINT,
    GHOST_GROUND,
    GROUND,
    HIT,
    NAME,
    NORMAL,
    RULE,
    STRONG,
    THOUGHT,
)
from kimitap.tui.widgets.virtual_list import Line
from kimitap.tui.widgets.wrapping import fit

INDENT = 8
"""Cells before the lines of an unfolded row."""
_FAR, _NEAR = 22, 14
"""A note, and the mark of an echo, stand at the right as long as so many cells are left."""


def paint_row(row: Row, width: int, opened: bool, hit: re.Pattern[str] | None) -> Line:
    """One row in `width` cells: mark, fold, glyph or role, text, and at the right its note."""
    if row.kind is Kind.TURN:
        return Line(_turn(row, width))
    if row.kind is Kind.GHOST:
        return Line(_ghost(row, width), GHOST_GROUND)
    style = _style(row)
    segments = [_mark(row), Segment(_fold(row, opened), FAINT), Segment(_lead(row), NAME)]
    if row.kind is Kind.RESULT:
        segments += [_badge(row, row.word), Segment(" ")] if row.word else []
        segments += [Segment(row.title, STRONG), Segment("  ")] if row.title else []
    elif row.title:
        segments += [_badge(row, row.title), Segment(" ")]
    room = width - _cells(segments)
    right = _right(row, room)
    room -= _cells(right)
    text = fit(excerpt(row, hit, room), room)
    segments += highlit(text, style, hit)
    if right:
        segments.append(Segment(" " * (width - _cells(segments) - _cells(right))))
    return Line([*segments, *right])


def _right(row: Row, room: int) -> list[Segment]:
    """What stands at the right: the note, and how a reply came back; both, if there is room."""
    out: list[Segment] = []
    if row.echo and room - cell_len(row.echo.short) - 2 >= _NEAR:
        out = [Segment("  "), Segment(row.echo.short, _echo_style(row.echo))]
    note = fit(row.note, 40)
    if note and room - _cells(out) - cell_len(note) - 2 >= _FAR:
        out = [Segment("  "), Segment(note, _note_style(row)), *out]
    return out


def _turn(row: Row, width: int) -> list[Segment]:
    words = f"{row.text} · {row.note}" if row.note else row.text
    segments = [_mark(row), Segment("── ", RULE), Segment(row.title, STRONG), Segment(" ── ", RULE)]
    segments.append(Segment(fit(words, width - _cells(segments)), _severe(row) or RULE))
    rest = width - _cells(segments)
    return [*segments, Segment(f" {'─' * (rest - 1)}", RULE)] if rest > 1 else segments


def _ghost(row: Row, width: int) -> list[Segment]:
    style = ALARM[row.severity] if row.severity else FAINT
    joint = "╎── " if row.part is not None else "╎ "
    segments = [_mark(row), Segment(f" {joint}", style), _badge(row, row.title), Segment(" ")]
    note = f" ({row.note})" if row.note else ""
    room = width - _cells(segments)
    text = fit(row.text, max(_FAR, room - cell_len(note)))
    segments += [Segment(fit(f"{text}{note}", room), style)]
    rest = width - _cells(segments)
    return [*segments, Segment(f" {'┄' * (rest - 2)}◀", style)] if rest > 2 else segments


def _mark(row: Row) -> Segment:
    if row.severity is None:
        return Segment("  ")
    return Segment(f"{SYMBOLS[row.severity]} ", ALARM[row.severity])


def _fold(row: Row, opened: bool) -> str:
    folds = row.kind is Kind.CARRIED or (row.unfolds and row.kind is not Kind.CALL)
    return ("▾ " if opened else "▸ ") if folds else "  "


def _lead(row: Row) -> str:
    match row.kind:
        case Kind.REASONING:
            return "ASST "
        case Kind.CALL | Kind.RESULT:
            return f"{lead(row).strip()} "
        case Kind.TOOLS | Kind.CARRIED | Kind.RELATION | Kind.TROUBLE | Kind.WAITING:
            return ""
        case _:
            return f"{lead(row):<4} "


def _badge(row: Row, words: str) -> Segment:
    severity = row.severity or (Severity.ERROR if row.kind is Kind.TROUBLE else None)
    style = BADGE[severity] if severity else Style(color=GROUND, bgcolor=DIM, bold=True)
    return Segment(f" {words} ", style)


def _severe(row: Row) -> Style | None:
    return ALARM[row.severity] if row.severity else None


def _style(row: Row) -> Style:
    if row.severity and row.findings:
        return ALARM[row.severity]
    match row.kind:
        case Kind.REASONING:
            return THOUGHT
        case Kind.TROUBLE:
            return ALARM[Severity.ERROR]
        case Kind.TOOLS | Kind.BLANK | Kind.WAITING | Kind.CARRIED | Kind.RELATION:
            return FAINT
        case _:
            return STRONG if row.kind is Kind.CALL else NORMAL


def _note_style(row: Row) -> Style:
    return ALARM[Severity.WARNING] if row.kind is Kind.CALL else FAINT


def _echo_style(echo: EchoMark) -> Style:
    return FAINT if echo.kept else ALARM[Severity.WARNING]


def highlit(text: str, style: Style, hit: re.Pattern[str] | None) -> list[Segment]:
    """The text with what was searched for in reverse."""
    if hit is None:
        return [Segment(text, style)]
    segments, at = [], 0
    for found in hit.finditer(text):
        segments += [Segment(text[at : found.start()], style), Segment(found[0], style + HIT)]
        at = found.end()
    return [*segments, Segment(text[at:], style)]


def _cells(segments: list[Segment]) -> int:
    return sum(cell_len(segment.text) for segment in segments)


def cut(segments: Sequence[Segment], width: int, hit: re.Pattern[str] | None) -> list[Segment]:
    """The segments in at most `width` cells, what was searched for lit."""
    out: list[Segment] = []
    for segment in segments:
        text = fit(segment.text, width)
        width -= cell_len(text)
        out += highlit(text, segment.style or Style.null(), hit)
        if width <= 0:
            break
    return out
