"""A comparison as a document: where the sides part, every pair of turns, and those that differ in
full."""

from collections.abc import Iterator, Sequence

from kimitap.conversation import Message, Turn
from kimitap.diff import (
    Change,
    Comparison,
    Diff,
    DiffRow,
    Effort,
    ThreadPair,
    TurnDiff,
    TurnPair,
    doing,
)
from kimitap.diff import parting as parting_words
from kimitap.export.differences.document import (
    Document,
    Limits,
    Row,
    ThreadPart,
    TurnLine,
    TurnPart,
)
from kimitap.export.differences.fields import field, fields_of
from kimitap.export.facts import Fact, facts_of
from kimitap.export.measures import of_threads, of_turns
from kimitap.lineage import Mark
from kimitap.redact import mask_text
from kimitap.visible import one_line

_FOLDED = 3
"""Rows that are the same from which on they are one."""
_GIST = 100
_STEPS = 30_000_000
"""What the words of a whole document may cost to compare; see `Effort`."""


def document(comparison: Comparison, limits: Limits) -> Document:
    """All that a comparison says, within the limits."""
    effort = Effort(_STEPS)
    threads = [_thread(pair, limits, effort) for pair in comparison.threads]
    return Document(_clean(comparison.old), _clean(comparison.new), threads)


def _clean(text: str, limit: int = 300) -> str:
    return one_line(mask_text(text), limit)


def _thread(pair: ThreadPair, limits: Limits, effort: Effort) -> ThreadPart:
    old = [turn.old for turn in pair.turns if turn.old]
    new = [turn.new for turn in pair.turns if turn.new]
    telling = [i for i, turn in enumerate(pair.turns) if _tells(turn)]
    details = [_turn(i, pair.turns[i], limits, effort) for i in telling[: limits.turns]]
    return ThreadPart(
        old=_clean(pair.old),
        new=_clean(pair.new),
        mark=mark_of(pair),
        sentence=sentence(pair),
        parts_at=None if pair.parts_at is None else pair.parts_at + 1,
        facts=tuple(_facts(old, new)),
        measures=of_threads(old, new),
        turns=tuple(_lines(pair.turns)),
        same=sum(turn.mark is Mark.SAME for turn in pair.turns),
        count=len(pair.turns),
        details=details,
        left_out=len(telling) - len(details),
    )


def sentence(pair: ThreadPair) -> str:
    """Where two threads part; of turns that follow one another, what the second repeats."""
    links = [turn.link for turn in pair.turns if turn.link is not None]
    if not links:
        return parting_words(pair, mask_text)
    if pair.parts_at is None:
        return "The request gives all back that was said before."
    return "The request does not give all back that was said before."


def mark_of(pair: ThreadPair) -> Mark:
    """What a pair of threads comes to."""
    lone = next(iter(pair.turns), None)
    if (
        lone is not None
        and len({turn.mark for turn in pair.turns}) == 1
        and lone.mark
        in (
            Mark.GONE,
            Mark.NEW,
        )
    ):
        return lone.mark
    return Mark.SAME if pair.parts_at is None else Mark.CHANGED


def _tells(turn: TurnPair) -> bool:
    """True for a pair that differs, if only in its settings."""
    return turn.mark is not Mark.SAME or bool(turn.differs)


def _facts(old: Sequence[Turn], new: Sequence[Turn]) -> Iterator[Fact]:
    """Who ran on each side: the first turn of each tells."""
    for name, one, other in facts_of(next(iter(old), None), next(iter(new), None)):
        yield name, _clean(one, 120), _clean(other, 120)


# --- turns in a line ----------------------------------------------------------------------------


def _lines(turns: Sequence[TurnPair]) -> Iterator[TurnLine]:
    """One line a pair; a run of more than three that are the same is one."""
    at = 0
    while at < len(turns):
        run = at
        while run < len(turns) and turns[run].mark is Mark.SAME and not turns[run].differs:
            run += 1
        if run - at > _FOLDED:
            first, last = turns[at], turns[run - 1]
            sides = _range(first.old, last.old), _range(first.new, last.new)
            yield TurnLine(Mark.SAME, at + 1, run, *sides, f"{run - at} the same")
            at = run
            continue
        yield _line(at, turns[at])
        at += 1


def _range(first: Turn | None, last: Turn | None) -> tuple[int, int] | None:
    return (first.exchange, last.exchange) if first and last else None


def _line(at: int, turn: TurnPair) -> TurnLine:
    old, new = (side.reply.message if side else None for side in (turn.old, turn.new))
    if old is not None and new is not None and "reply" in turn.differs:
        what = f"{doing(old, mask_text)} → {doing(new, mask_text)}"
    else:
        what = doing(old or new or Message("assistant"), mask_text)
    sides = _range(turn.old, turn.old), _range(turn.new, turn.new)
    return TurnLine(turn.mark, at + 1, at + 1, *sides, one_line(what, 200), turn.differs)


# --- turns in full ------------------------------------------------------------------------------


def _turn(at: int, turn: TurnPair, limits: Limits, effort: Effort) -> TurnPart:
    diff = turn.own_diff()
    return TurnPart(
        number=at + 1,
        mark=turn.mark,
        old=turn.old.exchange if turn.old else None,
        new=turn.new.exchange if turn.new else None,
        differs=turn.differs,
        settings=[field(change, limits, effort) for change in diff.settings],
        rows=tuple(_rows(_own(diff), limits, effort)),
        measures=of_turns(turn.old, turn.new),
    )


def _own(diff: Diff | TurnDiff) -> Sequence[DiffRow]:
    """The rows of a turn's own messages, and of the system's those that differ."""
    systems = [row for row in diff.rows[: diff.earlier] if row.mark is not Mark.SAME]
    return (*(systems if diff.old and diff.new else ()), *diff.rows[diff.earlier :])


def _rows(rows: Sequence[DiffRow], limits: Limits, effort: Effort) -> Iterator[Row]:
    at = 0
    while at < len(rows):
        run = at
        while run < len(rows) and _plain(rows[run]):
            run += 1
        if run - at > _FOLDED:
            first = rows[at]
            yield Row(Mark.SAME, first.old_index, first.new_index, "", "", count=run - at)
            at = run
            continue
        yield _row(rows[at], limits, effort)
        at += 1


def _plain(row: DiffRow) -> bool:
    return row.mark is Mark.SAME and not row.is_reply


def _row(row: DiffRow, limits: Limits, effort: Effort) -> Row:
    message = row.old or row.new
    assert message is not None
    changes = row.changes
    if row.old is None:
        changes = fields_of(message)
    elif row.new is None:
        changes = tuple(_gone(change) for change in fields_of(message))
    return Row(
        row.mark,
        row.old_index,
        row.new_index,
        _clean(message.role, 40),
        _gist(message),
        row.is_reply,
        fields=[field(change, limits, effort) for change in changes],
    )


def _gone(change: Change) -> Change:
    return Change(change.field, change.new, None)


def _gist(message: Message) -> str:
    """What a message says, in a line."""
    calls = ", ".join(f"{call.name}({call.arguments})" for call in message.tool_calls)
    said = " ".join(filter(None, [message.text[: 4 * _GIST], calls[: 4 * _GIST]]))
    return one_line(mask_text(said), _GIST) or "(blank)"
