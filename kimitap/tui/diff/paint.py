"""An entry of a comparison as a painted line: signs and words first, colour second."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from kimitap.diff import LineRow, Span, doing
from kimitap.lineage import Mark
from kimitap.rules.finding import Severity
from kimitap.transcript import SYMBOLS
from kimitap.tui.diff.entries import Field, Fold, Head, Note, Step
from kimitap.tui.diff.layout import NUMBER, Layout, Shown, Side, breaks, is_open
from kimitap.tui.palette import (
    ADDED,
    ALARM,
    BADGE,
    FAINT,
    GHOSTLY,
    GROUND,
    JOINED,
    MINUS,
    NAME,
    NORMAL,
    PANEL,
    PLUS,
    RULE,
    STRONG,
)
from kimitap.tui.widgets.virtual_list import Line
from kimitap.tui.widgets.wrapping import fit

_HEAD = Style(bgcolor=PANEL)
_CHANGED_WORDS = Style(bold=True, underline=True)
_GONE = MINUS + Style(bgcolor=GHOSTLY)
_NEW = PLUS + Style(bgcolor=JOINED)
_NEW_BADGE = Style(color=GROUND, bgcolor=ADDED, bold=True)
_SIGNS = {Mark.SAME: "=", Mark.CHANGED: "!", Mark.GONE: "-", Mark.NEW: "+"}
_SIGN_INKS = {
    Mark.SAME: FAINT,
    Mark.CHANGED: ALARM[Severity.WARNING],
    Mark.GONE: MINUS + Style(bold=True),
    Mark.NEW: PLUS + Style(bold=True),
}
_HATCH = "╲"


def paint_shown(one: Shown, part: int, layout: Layout, toggled: set[int]) -> Line:
    """The display line `part` of an entry."""
    width = layout.columns.width
    match one.entry:
        case Head() as head:
            line = _head(head, width, is_open(head, toggled), one.depth)
            return Line(_within(line, width), _HEAD)
        case Field() as field:
            return Line(_within(_field(field, width), width))
        case Fold() as fold:
            return Line(_fold(fold, width, is_open(fold, toggled)))
        case Note(text):
            starts = breaks(text, width - 2)
            return Line([Segment(" "), Segment(_part(text, starts, part).strip(), STRONG)])
        case Step() as step:
            return Line(_within(_step(step, width), width))
        case LineRow() as row if layout.columns.split:
            return Line(_side_by_side(row, part, layout))
        case LineRow() as row:
            return Line(_unified(row, one.side, part, layout))


def _head(head: Head, width: int, opened: bool, depth: int) -> list[Segment]:
    """Fold, sign, the indexes on both sides, the role, what happened, and what is said."""
    old, new = ("" if i is None else str(i) for i in (head.old_index, head.new_index))
    where = f"{old:>4} {new:>4} " if width >= 40 else " "
    if head.old_index is None and head.new_index is None:
        where = " "
    style = _head_style(head)
    segments = [
        Segment(" " * min(depth, 4)),
        Segment("▾ " if opened else "▸ ", FAINT),
        Segment(_SIGNS[head.mark], style),
        Segment(where, FAINT),
        Segment(f"{head.role} ", NAME if head.mark is not Mark.SAME else FAINT),
    ]
    if head.badge:
        segments += [_badge(head.badge, head.severity), Segment(" ")]
    room = width - _cells(segments)
    ink = NORMAL if head.mark is not Mark.SAME else FAINT
    said = "" if opened and head.mark is Mark.CHANGED else head.text()
    return [*segments, Segment(fit(said, room), ink)]


def _head_style(head: Head) -> Style:
    return ALARM[head.severity] if head.severity else _SIGN_INKS[head.mark]


def _badge(text: str, severity: Severity | None) -> Segment:
    if severity is None:
        return Segment(f" + {text} ", _NEW_BADGE)
    return Segment(f" {SYMBOLS[severity]} {text} ", BADGE[severity])


def _field(field: Field, width: int) -> list[Segment]:
    badge = [Segment("  "), _badge(field.badge, field.severity)] if field.badge else []
    segments = [Segment("    "), Segment(fit(field.name, width - 4 - _cells(badge)), STRONG)]
    segments += badge
    if field.note:
        segments += [Segment("  "), Segment(fit(field.note, width - 2 - _cells(segments)), FAINT)]
    return segments


def _fold(fold: Fold, width: int, opened: bool) -> list[Segment]:
    sign = "▾" if opened else "▸"
    text = fit(f"  {sign} ⋯ {fold.text} ⋯ ", width)
    return [Segment(text, RULE), Segment("─" * max(0, width - cell_len(text)), Style(color=PANEL))]


def _step(step: Step, width: int) -> list[Segment]:
    """A pair of turns: its sign, both exchanges, and what the replies do."""
    old, new = step.pair.old, step.pair.new
    did = [doing(turn.reply.message) for turn in (old, new) if turn is not None]
    if "reply" not in step.pair.differs:
        did = did[:1]
    ink = STRONG if step.here else FAINT if step.pair.mark is Mark.SAME else NORMAL
    numbers = (f"#{turn.exchange}" if turn is not None else "" for turn in (old, new))
    segments = [
        Segment("    "),
        Segment(_SIGNS[step.pair.mark], _SIGN_INKS[step.pair.mark]),
        Segment(f" {step.names}{step.at + 1:>4} ", STRONG if step.here else FAINT),
        Segment("{:>6} {:>6}  ".format(*numbers), ink),
    ]
    room = (width - _cells(segments) - 3 * (len(did) - 1)) // len(did)
    return [*segments, Segment(" / ".join(fit(words, room) for words in did), ink)]


def _unified(row: LineRow, side: Side, part: int, layout: Layout) -> list[Segment]:
    new = side is Side.NEW
    columns = layout.columns
    segments = []
    if columns.numbered:
        shown = part == 0
        old_number = row.old_number if shown and not new else None
        new_number = row.new_number if shown and (new or row.mark is Mark.SAME) else None
        segments.append(Segment(_number(old_number) + _number(new_number), FAINT))
    return [*segments, *_text(row, side, part, layout)]


def _side_by_side(row: LineRow, part: int, layout: Layout) -> list[Segment]:
    left = _half(row, Side.OLD, part, layout)
    right = _half(row, Side.NEW, part, layout)
    gap = layout.columns.half - _cells(left)
    return [*left, Segment(" " * gap), Segment("│", Style(color=PANEL)), *right]


def _half(row: LineRow, side: Side, part: int, layout: Layout) -> list[Segment]:
    columns = layout.columns
    text = row.new if side is Side.NEW else row.old
    parts = len(layout.starts(row, side)) if layout.wrap else int(text is not None)
    if part >= parts:
        return [Segment(_HATCH * columns.half, Style(color=PANEL))]
    segments = []
    if columns.numbered:
        number = row.new_number if side is Side.NEW else row.old_number
        segments.append(Segment(_number(number if part == 0 else None), FAINT))
    return [*segments, *_text(row, side, part, layout)]


def _number(number: int | None) -> str:
    return " " * NUMBER if number is None else f"{number:>{NUMBER - 1}} "


def _text(row: LineRow, side: Side, part: int, layout: Layout) -> Iterator[Segment]:
    """The sign and one display line of a side, its changed words underlined."""
    new = side is Side.NEW
    text = (row.new if new else row.old) or ""
    spans = row.new_spans if new else row.old_spans
    style, sign = (_NEW, "+ ") if new else (_GONE, "- ")
    if row.mark is Mark.SAME:
        style, sign = FAINT, "  "
    yield Segment(sign, style)
    if layout.wrap:
        starts = layout.starts(row, side)
        start, stop = starts[part], starts[part + 1] if part + 1 < len(starts) else len(text)
    else:
        start, stop = _window(row, text, layout.columns.room)
        if start:
            yield Segment("…", FAINT)
    cut = stop < len(text) and not layout.wrap
    yield from _spanned(text, start, stop, spans, style)
    if cut:
        yield Segment("…", FAINT)


def _window(row: LineRow, text: str, room: int) -> tuple[int, int]:
    """The part of a line that is not wrapped in view: from its first change, if that is far."""
    if len(text) <= room and cell_len(text) <= room:
        return 0, len(text)
    firsts = [spans[0].start for spans in (row.old_spans, row.new_spans) if spans]
    near = min(firsts, default=0)
    start = max(0, near - room // 3) if near > room * 2 // 3 else 0
    left = room - 1 - bool(start)
    piece = text[start : start + left]
    if not piece.isascii() and cell_len(piece) > left:
        piece = piece[: len(fit(piece, left)) - 1]
    stop = start + len(piece)
    return start, stop + 1 if stop == len(text) - 1 and cell_len(text[stop:]) == 1 else stop


def _spanned(
    text: str, start: int, stop: int, spans: Sequence[Span], style: Style
) -> Iterator[Segment]:
    edges = sorted({start, stop, *_edges(spans, start, stop)})
    for begin, end in pairwise(edges):
        changed = any(span.start <= begin < span.stop for span in spans)
        yield Segment(text[begin:end], style + _CHANGED_WORDS if changed else style)


def _edges(spans: Iterable[Span], start: int, stop: int) -> Iterator[int]:
    for span in spans:
        yield from (edge for edge in span if start < edge < stop)


def _part(text: str, starts: Sequence[int], part: int) -> str:
    return text[starts[part] : starts[part + 1] if part + 1 < len(starts) else len(text)]


def _within(segments: Iterable[Segment], width: int) -> list[Segment]:
    """The segments in at most `width` cells."""
    out: list[Segment] = []
    for segment in segments:
        out.append(Segment(fit(segment.text, width - _cells(out)), segment.style))
    return out


def _cells(segments: Iterable[Segment]) -> int:
    return sum(cell_len(segment.text) for segment in segments)
