"""The parts of a message in full: text, reasoning, calls with their arguments, results."""

from collections.abc import Iterable, Iterator

from rich.segment import Segment

from kimitap.conversation import ToolCall, ToolResult, Turn
from kimitap.rules.finding import Finding, Severity
from kimitap.transcript import SYMBOLS, Kind, Row
from kimitap.tui.palette import ALARM, FAINT, NORMAL, STRONG, THOUGHT
from kimitap.tui.turn.json_entries import json_entries
from kimitap.tui.turn.json_values import Members, parse_text
from kimitap.tui.widgets.entry import Copied, Entry, Item, note
from kimitap.visible import one_line, visible

_PART = 2
"""What is in a call is no stop for `n`."""


def part_items(turn: Turn, index: int | None, rows: Iterable[Row]) -> Iterator[Entry]:
    """The parts of the message `index` of a request, None for the reply, as rows tell them."""
    for row in rows:
        match row.kind:
            case Kind.TEXT if not row.title.startswith("choice"):
                yield _text(row)
            case Kind.REASONING:
                thought = (Segment("thinks", THOUGHT), Segment(_unless_body(row), FAINT))
                yield Item(thought, text=row.body, body_style=THOUGHT, copy=_copy(row, "reasoning"))
            case Kind.CALL if isinstance(row.content, ToolCall):
                yield _call(turn, index, row, row.content)
            case Kind.RESULT if isinstance(row.content, ToolResult):
                yield _result(turn, index, row, row.content)
            case Kind.TROUBLE:
                trouble = (Segment(f"✗ {row.title}  {row.text}", ALARM[Severity.ERROR]),)
                text = row.body if row.body != row.text else ""
                yield Item(trouble, text=text, copy=_copy(row, "the error"), stop=True)
            case Kind.BLANK | Kind.WAITING:
                yield note(row.text, FAINT)
            case _:
                label = (Segment(f"{row.title} " if row.title else "", STRONG), Segment(row.text))
                yield Item(label, text=row.body, born_open=False)


def findings_of(row: Row) -> Iterator[Entry]:
    """The findings that stand on a row, each unfolding into its evidence."""
    return (_finding(finding) for finding in row.findings)


def _finding(finding: Finding) -> Item:
    alarm = ALARM[finding.severity]
    said = f"{SYMBOLS[finding.severity]} {finding.severity}: {finding.rule}  "
    quoted = [f"#{proof.exchange}  {one_line(proof.quote, 2000)}" for proof in finding.evidence]
    text = "\n".join([visible(finding.message), *quoted])
    label = (Segment(said, alarm), Segment(finding.sentence, NORMAL))
    return Item(label, text=text, born_open=False, stop=True, copy=Copied(text, finding.rule))


def _text(row: Row) -> Item:
    return Item(text=row.body, bare=True, marked=False, copy=_copy(row, "text"))


def _unless_body(row: Row) -> str:
    return "" if row.body else f"  {row.text}"


def _call(turn: Turn, index: int | None, row: Row, call: ToolCall) -> Item:
    """A call and its arguments as JSON; what is no JSON stands as it is."""
    glyph = "└─▸" if row.last else "├─▸"
    named = "no id" if call.id is None else one_line(call.id, 60) or "empty id"
    label = (
        Segment(f"{glyph} {one_line(call.name, 80) or '(no name)'}  ", STRONG),
        Segment(f"{named}  ", FAINT),
        Segment(_answer(turn, index, call), FAINT),
        Segment(f"  {row.note}" if row.note else "", ALARM[Severity.WARNING]),
    )
    parsed = parse_text(call.arguments)
    copy = Copied(visible(call.arguments), f"arguments of {one_line(call.name, 40)}")
    if isinstance(parsed.value, Members) and parsed.value:
        parts = json_entries(parsed.value, _PART, whole=True)
        return Item(label, parts=parts, copy=copy)
    return Item(label, text=visible(call.arguments).expandtabs(4), copy=copy)


def _result(turn: Turn, index: int | None, row: Row, result: ToolResult) -> Item:
    """A result, joined to its call by the tool's name, the id and where the call stands."""
    named = "no id" if result.call_id is None else one_line(result.call_id, 60) or "empty id"
    asked = None if index is None else _asked_in(turn, index, result)
    joined = f"answers message {asked}" if asked is not None else "answers no call of this request"
    label = (
        Segment(f"◂── {row.title}  ", STRONG),
        Segment(f"{named}  ", FAINT),
        Segment(f"{joined}  ", FAINT if asked is not None else ALARM[Severity.WARNING]),
        Segment("! failed" if result.failed else "", ALARM[Severity.WARNING]),
    )
    body = row.body or "(blank)"
    return Item(label, text=body, copy=_copy(row, f"result of {row.title}"))


def _asked_in(turn: Turn, index: int, result: ToolResult) -> int | None:
    """The message whose call a result answers: the one before its block of results."""
    block = index
    while block > 0 and turn.messages[block].tool_results:
        block -= 1
    calls = turn.messages[block].tool_calls
    alone = len(calls) == 1 and not result.call_id
    found = alone or any(call.id and call.id == result.call_id for call in calls)
    return block if found else None


def _answer(turn: Turn, index: int | None, call: ToolCall) -> str:
    """Where a call of a request is answered."""
    at = None if index is None else index + 1
    while at is not None and at < len(turn.messages) and turn.messages[at].tool_results:
        if any(r.call_id and r.call_id == call.id for r in turn.messages[at].tool_results):
            return f"answered in message {at}"
        at += 1
    return "" if at is None else "no result with this id"


def _copy(row: Row, what: str) -> Copied:
    return Copied(row.body or row.text, what)
