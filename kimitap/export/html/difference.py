"""Request N and its reply against request N+1, for a page."""

from collections.abc import Iterator, Sequence

from kimitap.beginnings import shared_prefix
from kimitap.conversation import Message
from kimitap.diff import Diff, DiffRow, diff_text
from kimitap.diff.text import Span
from kimitap.export.html.page import Difference, Line, Side
from kimitap.export.html.texts import Budget
from kimitap.lineage import Mark
from kimitap.transcript import echo_mark
from kimitap.transcript.row import ROLE_WORDS
from kimitap.transcript.wording import message_text, plural
from kimitap.visible import one_line, visible

MOST = 200
"""Rows of the comparison that a page has."""
_RUN = 3
"""Messages that are the same from which on they are one row."""
_AT_ONCE = 600
_MOSTLY = 0.6
_WORDWISE = 20_000
"""Characters of a message up to which the words that differ are marked."""

WORDS = {Mark.SAME: "same", Mark.CHANGED: "changed", Mark.GONE: "gone", Mark.NEW: "new"}


def difference(diff: Diff, budget: Budget) -> Difference:
    """The comparison of a pair: runs of what is the same folded, words that differ marked."""
    lines = list(_lines(diff.rows, budget))
    mark = echo_mark(diff.link)
    return Difference(
        old=diff.old.exchange,
        new=diff.new.exchange,
        sentence=visible(mark.long) if mark else "",
        lines=lines[:MOST],
        more=max(0, len(lines) - MOST),
        settings=[
            (one_line(c.field, 80), _value(c.old), _value(c.new)) for c in diff.settings[:MOST]
        ],
    )


def _value(side: str | None) -> str:
    return "absent" if side is None else one_line(side, 300)


def _lines(rows: Sequence[DiffRow], budget: Budget) -> Iterator[Line]:
    at = made = 0
    while at < len(rows):
        run = at
        while run < len(rows) and rows[run].mark is Mark.SAME and not rows[run].is_reply:
            run += 1
        made += 1
        if run - at > _RUN:
            yield _folded(rows[at:run])
            at = run
            continue
        yield _line(rows[at], budget if made <= MOST else Budget(0))
        at += 1


def _folded(rows: Sequence[DiffRow]) -> Line:
    note = f"messages {rows[0].old_index} to {rows[-1].old_index} are repeated"
    return Line(Mark.SAME.value, WORDS[Mark.SAME], None, None, note, len(rows))


def _line(row: DiffRow, budget: Budget) -> Line:
    old, new = (side and _text(side) for side in (row.old, row.new))
    pieces: tuple[Sequence[tuple[str, bool]], ...] = ((), ())
    start = 0
    if row.mark is Mark.CHANGED and old and new:
        start = shared_prefix(old, new)
        if max(len(old), len(new)) <= _WORDWISE:
            pieces = _pieces(old, new)
    at_old = "its reply" if row.is_reply else f"message {row.old_index}"
    changes = ", ".join(one_line(change.field, 60) for change in row.changes[:8])
    alike = row.mark is Mark.SAME and not row.is_reply and row.old is not None
    return Line(
        mark=row.mark.value,
        word=WORDS[row.mark],
        old=_side(at_old, row.old, budget, pieces[0], start),
        new=_side(f"message {row.new_index}", row.new, budget, pieces[1], start),
        note=f"differs in {changes}" if changes else "",
        gist=one_line(old or "", 90) if alike else "",
    )


def _text(message: Message) -> str:
    return message_text(message) or '""'


def _side(
    at: str,
    message: Message | None,
    budget: Budget,
    pieces: Sequence[tuple[str, bool]],
    start: int,
) -> Side | None:
    """A message on its side; what is seen of it at once holds `start`."""
    if message is None:
        return None
    role = ROLE_WORDS.get(message.role, one_line(message.role, 12).upper())
    shown = budget.shown(_text(message), _AT_ONCE, 8, start)
    return Side(at, role, shown, pieces if _telling(pieces) else ())


def _telling(pieces: Sequence[tuple[str, bool]]) -> bool:
    """True where a part differs, and not most of it: else marks would say nothing."""
    differing = sum(len(text) for text, differs in pieces if differs)
    return 0 < differing <= _MOSTLY * sum(len(text) for text, _ in pieces)


def _pieces(old: str, new: str) -> tuple[Sequence[tuple[str, bool]], ...]:
    """Both texts as runs that are the same, and runs that differ."""
    sides: tuple[list[tuple[str, bool]], list[tuple[str, bool]]] = ([], [])
    for row in diff_text(old, new).rows:
        for side, text, spans in zip(
            sides, (row.old, row.new), (row.old_spans, row.new_spans), strict=True
        ):
            if text is not None:
                whole = row.mark is not Mark.SAME and not spans
                side += _marked(text, (Span(0, len(text)),) if whole else spans)
                side.append(("\n", False))
    return tuple(_joined(side) for side in sides)


def _marked(text: str, spans: Sequence[Span]) -> Iterator[tuple[str, bool]]:
    at = 0
    for span in spans:
        yield text[at : span.start], False
        yield text[span.start : span.stop], True
        at = span.stop
    yield text[at:], False


def _joined(pieces: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Runs that belong together as one, clean."""
    out: list[tuple[str, bool]] = []
    for text, differs in pieces:
        if not text:
            continue
        if out and out[-1][1] == differs:
            out[-1] = (out[-1][0] + text, differs)
        else:
            out.append((text, differs))
    return [(visible(text), differs) for text, differs in out]


def gist(diff: Diff) -> str:
    """How much of the history the next request repeats, in a sentence."""
    counts = {mark: sum(row.mark is mark for row in diff.rows) for mark in Mark}
    return (
        f"Of the {plural(len(diff.link.history), 'message')} that exchange {diff.old.exchange} "
        f"left behind (its request and its reply), request {diff.new.exchange} repeats "
        f"{counts[Mark.SAME]}, changes {counts[Mark.CHANGED]} and drops {counts[Mark.GONE]}; "
        f"it adds {counts[Mark.NEW]}."
    )
