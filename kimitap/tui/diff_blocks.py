"""A diff as blocks of text: signs and words first, colour second."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from kimitap.conversation import Message
from kimitap.diff import Change, Diff, DiffRow
from kimitap.lineage import Mark
from kimitap.rules.finding import Severity
from kimitap.transcript.wording import message_line, message_text, plural
from kimitap.tui.palette import ALARM, FAINT, MINUS, PLUS, STRONG
from kimitap.tui.text_pane import Block
from kimitap.visible import one_line, visible

_LINES_COMPARED = 400
"""Longer texts are shown whole on both sides: difflib is cubic in repetitive lines."""
_CONTEXT = 2


def diff_blocks(diff: Diff) -> Iterator[Block]:
    """The settings that differ, then the aligned histories; runs of equal messages are folded."""
    for change in diff.settings:
        yield Block(f"! setting {one_line(change.field, 200)}", STRONG, heading=True)
        yield from _change(change)
    rows, at = diff.rows, 0
    while at < len(rows):
        run = at
        while run < len(rows) and rows[run].mark is Mark.SAME and not rows[run].is_reply:
            run += 1
        if run - at > _CONTEXT:
            yield Block(f"  ⋯ {plural(run - at - 1, 'message')} repeated unchanged ⋯", FAINT)
            at = run - 1
            yield from _row(rows[at])
            at += 1
        else:
            yield from _row(rows[at])
            at += 1


def _row(row: DiffRow) -> Iterator[Block]:
    said = "" if row.mark is Mark.CHANGED else f"  {message_line(row.old or row.new or _NOBODY)}"
    text = f"{row.mark} {_where(row)}  {_who(row)}{said}"
    match row.mark:
        case Mark.SAME:
            yield Block(text, FAINT, single=True)
        case Mark.CHANGED if row.new is not None and row.new.blank:
            yield Block(f"{text}  CAME BACK BLANK", ALARM[Severity.ERROR], heading=True)
            yield from _side("-", message_text(row.old or _NOBODY))
            yield from _side("+", "")
        case Mark.CHANGED:
            yield Block(f"{text}  changed", ALARM[Severity.WARNING], heading=True)
            for change in row.changes:
                yield Block(one_line(change.field, 200), STRONG, indent=4)
                yield from _change(change)
        case Mark.GONE:
            lost = "  THE REPLY IS NOT IN THE NEXT REQUEST" if row.is_reply else "  GONE"
            head = f"{row.mark} {_where(row)}  {_who(row)}{lost}"
            yield Block(head, ALARM[Severity.ERROR], heading=True)
            yield from _side("-", message_text(row.old or _NOBODY))
        case Mark.NEW:
            head = f"{row.mark} {_where(row)}  {_who(row)}  new"
            yield Block(head, STRONG, heading=True)
            yield from _side("+", message_text(row.new or _NOBODY))


_NOBODY = Message("")


def _who(row: DiffRow) -> str:
    message = row.old or row.new or _NOBODY
    return f"{one_line(message.role, 20)}{' (the reply)' if row.is_reply else ''}"


def _where(row: DiffRow) -> str:
    old = "" if row.old_index is None else str(row.old_index)
    new = "" if row.new_index is None else str(row.new_index)
    return f"{old:>3} {new:>3}"


def _change(change: Change) -> Iterator[Block]:
    old, new = change.old, change.new
    if old is None or new is None or not _comparable(old, new):
        yield from _side("-", old)
        yield from _side("+", new)
        return
    before, after = old.split("\n"), new.split("\n")
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from _unchanged(before[a:b])
        else:
            yield from _side("-", "\n".join(before[a:b]) if b > a else None)
            yield from _side("+", "\n".join(after[c:d]) if d > c else None)


def _comparable(old: str, new: str) -> bool:
    return 1 < max(old.count("\n"), new.count("\n")) < _LINES_COMPARED


def _unchanged(lines: Sequence[str]) -> Iterator[Block]:
    if len(lines) <= 2 * _CONTEXT + 1:
        yield Block(_clean("\n".join(lines)), FAINT, indent=6)
        return
    yield Block(_clean("\n".join(lines[:_CONTEXT])), FAINT, indent=6)
    yield Block(f"⋯ {plural(len(lines) - 2 * _CONTEXT, 'line')} unchanged ⋯", FAINT, indent=6)
    yield Block(_clean("\n".join(lines[-_CONTEXT:])), FAINT, indent=6)


def _side(sign: str, text: str | None) -> Iterator[Block]:
    if text is None:
        return
    style = MINUS if sign == "-" else PLUS
    yield Block(_clean(text) or '""', style, indent=4, sign=f"{sign} ")


def _clean(text: str) -> str:
    return visible(text).expandtabs(4)
