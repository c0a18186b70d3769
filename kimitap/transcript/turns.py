"""The rows of one turn: its header, what is new in its request, and its reply."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kimitap.conversation import (
    Image,
    Message,
    Other,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from kimitap.exchange import Outcome
from kimitap.lineage import EchoKind, Fate, Link, Mark, Relation
from kimitap.rules.endings import is_unkept
from kimitap.rules.reply_choices import beginnings
from kimitap.transcript.echoes import echo_mark
from kimitap.transcript.ghosts import gone, message_ghost, reply_ghosts, result_ghosts, slot_title
from kimitap.transcript.row import ROLE_WORDS, Key, Kind, Row
from kimitap.transcript.wording import (
    clock,
    message_line,
    part_line,
    plural,
    size_of,
    turn_ending,
    turn_numbers,
)
from kimitap.visible import one_line

_KINDS: dict[type[Part], Kind] = {
    Text: Kind.TEXT,
    Reasoning: Kind.REASONING,
    ToolCall: Kind.CALL,
    ToolResult: Kind.RESULT,
    Image: Kind.OTHER,
    Other: Kind.OTHER,
}


def header(turn: Turn) -> Row:
    """`#41 · 01:24:44 · 17.9k in · 133 out · 2.3s · cache 96%`, and how it ended if not well."""
    text = " · ".join((clock(turn.started_at), *turn_numbers(turn)))
    title = f"#{turn.exchange}"
    return Row(turn.exchange, Kind.TURN, text, title=title, note=turn_ending(turn), content=turn)


def request_rows(turn: Turn, link: Link | None, *, resumed: bool) -> Iterator[Row]:
    """What is new in the request: everything in a first one, else the delta against its parent."""
    yield from _tools(turn, link)
    if link is None:
        yield from _first(turn, resumed=resumed)
        return
    if link.relation is not Relation.CONTINUES:
        yield _relation(link)
    yield from _delta(link)


def _first(turn: Turn, *, resumed: bool) -> Iterator[Row]:
    carried = _length_of_carried(turn.messages) if resumed else 0
    inside: Key | None = None
    if carried:
        text = f"{plural(carried, 'message')} from before this recording"
        row = Row(turn.exchange, Kind.CARRIED, text, title="RESUMED", message_index=0)
        inside = row.key
        yield row
    for index, message in enumerate(turn.messages):
        for row in message_rows(turn, index, message):
            yield replace(row, inside=inside) if index < carried else row


def _length_of_carried(messages: Sequence[Message]) -> int:
    """All but what the agent says last: the messages behind the last one of the assistant."""
    said = [i for i, m in enumerate(messages) if m.role == "assistant"]
    return said[-1] + 1 if said else 0


def _tools(turn: Turn, link: Link | None) -> Iterator[Row]:
    now = {tool.name: tool.json for tool in turn.tools}
    before = {tool.name: tool.json for tool in link.parent.tools} if link else {}
    if now == before:
        return
    if not link:
        text = f"{plural(len(now), 'tool')} declared: {', '.join(now)}"
    else:
        marks = [f"+{name}" for name in now if name not in before]
        marks += [f"-{name}" for name in before if name not in now]
        marks += [f"!{name}" for name in now if name in before and now[name] != before[name]]
        text = f"the declared tools changed: {' '.join(marks)}"
    content = "\n".join(now.values())
    yield Row(turn.exchange, Kind.TOOLS, one_line(text, 400), content=content)


def _relation(link: Link) -> Row:
    """How the request left the turn before it; unfolding lists what is gone."""
    if link.child.replay_of is not None:
        return Row(link.child.exchange, Kind.RELATION, link.why, title="REPLAY")
    n, dropped = link.parent.exchange, [p.old for p in link.pairs if p.mark is Mark.GONE]
    lost, kept = plural(len(dropped), "message"), plural(link.prefix, "message")
    text = {
        Relation.RETRY: f"sends the messages of #{n} again",
        Relation.FORK: f"keeps the first {kept} of #{n}, leaves {lost}, then goes another way",
        Relation.COMPACTION: f"{lost} of #{n} gave way to a summary",
        Relation.WINDOW: f"{lost} of #{n} fell out of the window",
        Relation.REBUILT: f"the prompt of #{n} was written anew",
        Relation.HANDOFF: f"another agent goes on from #{n}",
    }.get(link.relation, "")
    listed = (link.history[i] for i in dropped if i is not None)
    content = "\n".join(f"{ROLE_WORDS.get(m.role, m.role)} {message_line(m)}" for m in listed)
    return Row(
        link.child.exchange,
        Kind.RELATION,
        text,
        title=link.relation.name,
        note="" if link.relation is Relation.RETRY else one_line(link.why, 200),
        content=content,
    )


def _delta(link: Link) -> Iterator[Row]:
    """The request's new rows in its own order, ghosts where something is missing."""
    child, reply_at, place = link.child, len(link.parent.messages), link.echo.place
    ghosts = [*reply_ghosts(link), *result_ghosts(link)]
    strict = link.relation is Relation.CONTINUES
    at = link.prefix
    for pair in link.pairs:
        due = pair.new if pair.new is not None else (place if pair.old == reply_at else at)
        while ghosts and (ghosts[0].message_index or 0) <= due:
            yield ghosts.pop(0)
        if pair.new is None:
            if strict and gone(pair, reply_at):
                yield message_ghost(link, pair, at)
            continue
        at = pair.new + 1
        message = child.messages[pair.new]
        if pair.new in link.echo.slot:
            yield from _slot(link, pair.new, message)
        elif pair.mark is not Mark.SAME:
            yield from message_rows(
                child, pair.new, message, note=_newness(link, pair.mark, at - 1)
            )
    yield from ghosts


def _newness(link: Link, mark: Mark, index: int) -> str:
    if mark is Mark.CHANGED:
        return f"edited since #{link.parent.exchange}"
    if link.relation is Relation.CONTINUES and index < link.echo.place:
        return "inserted into the history"
    return ""


def _slot(link: Link, index: int, message: Message) -> Iterator[Row]:
    """What stands in the reply's place, unless it is the reply, which was shown already."""
    kind, parent = link.echo.kind, link.parent.exchange
    if kind is EchoKind.SAME:
        return
    if kind is EchoKind.PARTIAL and not message.text.strip():
        return
    title, first = slot_title(link.echo), True
    note = f"stands for the reply of #{parent}"
    for row in message_rows(link.child, index, message):
        if isinstance(row.content, ToolCall) and _came_back(link, row.content):
            continue
        yield replace(row, title=title, note=note) if first else row
        first = False


def _came_back(link: Link, call: ToolCall) -> bool:
    same = [echo for echo in link.echo.calls if echo.fate is Fate.SAME]
    return any(echo.call.stands_for == call.stands_for for echo in same)


def message_rows(turn: Turn, index: int, message: Message, note: str = "") -> Iterator[Row]:
    """The rows of a message of the request, one a part."""
    role = ROLE_WORDS.get(message.role, one_line(message.role, 8).upper())
    if message.blank and not any(isinstance(p, Reasoning) for p in message.parts):
        yield Row(turn.exchange, Kind.BLANK, "(blank)", role, note=note, message_index=index)
        return
    calls = [i for i, part in enumerate(message.parts) if isinstance(part, ToolCall)]
    for i, part in enumerate(message.parts):
        yield Row(
            turn.exchange,
            _KINDS[type(part)],
            part_line(part),
            role,
            title=_answered_tool(turn, index, part) if isinstance(part, ToolResult) else "",
            note=note or _size_note(part),
            message_index=index,
            part=i,
            content=part,
            leads=all(isinstance(before, Reasoning) for before in message.parts[:i]),
            last=bool(calls) and i == calls[-1],
        )


def _size_note(part: Part) -> str:
    text = getattr(part, "text", "")
    size = size_of(text) if "\n" in text or len(text) > 400 else ""
    failed = "failed" if isinstance(part, ToolResult) and part.failed else ""
    return ", ".join(note for note in (failed, size) if note)


def _answered_tool(turn: Turn, index: int, result: ToolResult) -> str:
    """The name of the tool that a result answers, told by the calls of its own block; `?` where
    it names a call that is not there: another's name would lead astray."""
    if result.name:
        return one_line(result.name, 40)
    block = index
    while block > 0 and turn.messages[block].tool_results:
        block -= 1
    calls = turn.messages[block].tool_calls
    named = [call.name for call in calls if call.id and call.id == result.call_id]
    if not named and len(calls) == 1 and not (result.call_id and calls[0].id):
        named = [calls[0].name]
    return one_line(named[0] if named else "?", 40)


def reply_rows(turn: Turn, after: Link | None, before: Turn | None) -> Iterator[Row]:
    """The reply: what was thought, said and called, and how it ended."""
    message = turn.reply.message
    spoken = (i for i, part in enumerate(message.parts) if not isinstance(part, Reasoning))
    marked = next(spoken, 0)
    for i, row in enumerate(message_rows(turn, 0, message) if message.parts else ()):
        note = row.note
        if isinstance(row.content, ToolCall) and row.part is not None:
            said = (_again(row.content, before), _fate(row.part, after))
            note = ", ".join(words for words in said if words)
        echo = echo_mark(after) if i == marked else None
        yield replace(row, message_index=None, note=note, echo=echo)
    yield from _ending(turn)


def _further_choices(turn: Turn) -> Iterator[Row]:
    """The other choices of a reply (n > 1), part by part; parts count on through all choices."""
    begins = beginnings(turn.reply)[1:]
    for number, (begin, other) in enumerate(zip(begins, turn.reply.others, strict=True), 2):
        for i, row in enumerate(message_rows(turn, 0, other)):
            part = None if row.part is None else begin + row.part
            title = "" if i else f"choice {number}"
            yield replace(row, message_index=None, part=part, title=title)


def _fate(part: int, after: Link | None) -> str:
    """What became of a call in the next request, if that is not that it was answered."""
    if after is None or not after.judged:
        return ""
    echo = next((c for c in after.echo.calls if c.part == part), None)
    if echo is None:
        return ""
    if echo.fate is Fate.GONE:
        return f"lost in #{after.child.exchange}"
    if echo.fate is Fate.AS_TEXT:
        return f"written as text in #{after.child.exchange}"
    return "" if echo.answered else f"no result in #{after.child.exchange}"


def _again(call: ToolCall, before: Turn | None) -> str:
    if before is None:
        return ""
    asked = {known.stands_for for known in before.reply.message.tool_calls}
    return f"asked again, as in #{before.exchange}" if call.stands_for in asked else ""


def _ending(turn: Turn) -> Iterator[Row]:
    reply, n = turn.reply, turn.exchange
    if reply.error:
        line = one_line(reply.error, 400)
        yield Row(n, Kind.TROUBLE, line, title="SERVER ERROR", content=reply.error)
    if turn.in_flight:
        yield Row(n, Kind.WAITING, "the reply is still coming" if reply.events else "no reply yet")
    elif not reply.complete and is_unkept(turn):
        yield Row(n, Kind.BLANK, "(a part of the answer is not recorded)", "ASST")
    elif not reply.complete and not reply.error:
        ended = turn.outcome.value
        if turn.outcome is Outcome.COMPLETE:
            ended = "the answer ended without a finish reason"
        detail = f": {one_line(turn.detail, 200)}" if turn.detail else ""
        yield Row(n, Kind.TROUBLE, f"{ended}{detail}", title="CUT")
    elif reply.empty and not reply.error:
        yield Row(n, Kind.BLANK, "(the reply says nothing)", "ASST")
    yield from _further_choices(turn)
    for fault in turn.faults:
        text = one_line(f"{fault.where}: {fault.what}", 400)
        yield Row(n, Kind.TROUBLE, text, title="UNREADABLE")
