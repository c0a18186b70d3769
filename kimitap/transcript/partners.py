"""From a call to what the tool answered, and back; from something lost to where it was said."""

from collections.abc import Iterable, Sequence

from kimitap.conversation import ToolCall, ToolResult
from kimitap.rules.finding import Place
from kimitap.transcript.row import ORPHAN, Kind, Row


def partner(rows: Sequence[Row], at: int) -> int | None:
    """The index of the row that belongs to the one at `at`; None where there is none.

    A call's is the nearest result of its id behind it, or else the ghost of the call or of its
    result; a result's the nearest call of its id before it; a ghost's the place where the lost
    thing was said. Ids start again in some agents' histories: hence the nearest, and none for
    a result that answers no call of its block.
    """
    row = rows[at]
    match row.content:
        case ToolCall(id=str(wanted)) if wanted and row.kind is Kind.CALL:
            return _result(rows, at, wanted) or _ghost_of(rows, at)
        case ToolCall() if row.kind is Kind.CALL:
            return _ghost_of(rows, at)
        case ToolResult(call_id=str(wanted)) if wanted and row.word != ORPHAN:
            return _call(rows, range(at - 1, -1, -1), wanted)
    return _said(rows, row.origin) if row.kind is Kind.GHOST and row.origin else None


def _result(rows: Sequence[Row], at: int, wanted: str) -> int | None:
    """The first result of that id, before another call of that id comes."""
    for i in range(at + 1, len(rows)):
        content = rows[i].content
        if isinstance(content, ToolResult) and content.call_id == wanted:
            return None if rows[i].word == ORPHAN else i
        if isinstance(content, ToolCall) and content.id == wanted and rows[i].kind is Kind.CALL:
            return None
    return None


def _call(rows: Sequence[Row], among: Iterable[int], wanted: str) -> int | None:
    for i in among:
        content = rows[i].content
        if rows[i].kind is Kind.CALL and isinstance(content, ToolCall) and content.id == wanted:
            return i
    return None


def _ghost_of(rows: Sequence[Row], at: int) -> int | None:
    row = rows[at]
    if row.message_index is not None:
        return None
    origins = (Place(row.exchange, None, row.part), Place(row.exchange))
    for origin in origins:
        for i in range(at + 1, len(rows)):
            if rows[i].kind is Kind.GHOST and rows[i].origin == origin:
                return i
    return None


def _said(rows: Sequence[Row], origin: Place) -> int | None:
    fits = (
        i
        for i, row in enumerate(rows)
        if row.exchange == origin.exchange
        and row.message_index == origin.message_index
        and row.kind not in {Kind.TURN, Kind.GHOST, Kind.TOOLS, Kind.RELATION}
    )
    near = list(fits)
    spoken = [i for i in near if rows[i].kind is not Kind.REASONING]
    exact = [i for i in near if origin.part is not None and rows[i].part == origin.part]
    return next(iter([*exact, *spoken, *near]), None)
