"""The texts of a thread that can be searched, each where it was first said.

A request repeats the whole conversation: only what is new in it is a passage. A reply that came
back as it was is one passage; one that came back altered is two; one that never came back is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kimitap.conversation import (
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
from kimitap.lineage import EchoKind, Link, Mark, Thread
from kimitap.rules.finding import Finding, Place, Severity


class PassageKind(StrEnum):
    """What a passage is."""

    TEXT = "text"
    REASONING = "thinks"
    CALL = "call"
    RESULT = "result"
    OTHER = "other"
    ERROR = "error"
    """What a server or a connection said when it failed."""
    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class Passage:
    """One text and where it stands. A place without a message is the exchange's reply.

    `texts` are the text itself, and then the names and ids by which it may also be found. `source`
    is the message that it belongs to: the same object where a later request repeats it.
    """

    kind: PassageKind
    place: Place
    texts: tuple[str, ...]
    role: str = ""
    tool: str = ""
    severity: Severity | None = None
    source: Message | None = None


_Seen = tuple[Turn, Link | None, Link | None]
"""A turn, and the links before and after it."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The passages of a thread's turns, as long as these turns and links are the thread's."""

    turns: tuple[tuple[_Seen, tuple[Passage, ...]], ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)


def passages(thread: Thread) -> Iterator[Passage]:
    """All passages of a thread, oldest first; what it took over from the one it left is not new.

    They are kept with the thread, so that when it has grown only the new turns are read.
    """
    known = thread.notes.get(passages)
    before = known if isinstance(known, _Known) else _Known()
    tools = dict(before.tools)
    turns = []
    for i, (turn, link) in enumerate(zip(thread.turns, thread.links, strict=True)):
        after = thread.links[i + 1] if i + 1 < len(thread.links) else None
        old = before.turns[i] if i < len(before.turns) else None
        seen = (turn, link, after)
        if old is None or any(a is not b for a, b in zip(old[0], seen, strict=True)):
            old = (seen, tuple(_turn(*seen, tools)))
        turns.append(old)
    thread.notes[passages] = _Known(tuple(turns), tools)
    for _, found in turns:
        yield from found


def _turn(
    turn: Turn, link: Link | None, after: Link | None, tools: dict[str, str]
) -> Iterator[Passage]:
    for index in new_messages(turn, link):
        yield from _message(turn.messages[index], turn.exchange, index, tools)
    calls = after.echo.calls if after else ()
    renamed = {call.part: call.new.id or "" for call in calls if call.new and "id" in call.changes}
    before = 0
    for said in (turn.reply.message, *turn.reply.others):
        for passage in _message(said, turn.exchange, None, tools, before):
            name = renamed.get(passage.place.part or 0, "")
            if name and passage.kind is PassageKind.CALL:
                tools[name] = passage.tool
                passage = replace(passage, texts=(*passage.texts, name))
            yield passage
        before += len(said.parts)
    yield from _errors(turn)


def new_messages(turn: Turn, link: Link | None) -> Sequence[int]:
    """The indexes of the request's messages that the turn before it did not hold already.

    A reply that came back as it was is not new.
    """
    if link is None:
        return range(len(turn.messages))
    given_back = link.echo.slot if link.echo.kind is EchoKind.SAME else ()
    return sorted(
        pair.new
        for pair in link.pairs
        if pair.new is not None and pair.mark is not Mark.SAME and pair.new not in given_back
    )


def _message(
    message: Message, exchange: int, index: int | None, tools: dict[str, str], before: int = 0
) -> Iterator[Passage]:
    """The passages of a message; `before` are the parts of the choices before it."""
    for at, part in enumerate(message.parts, before):
        if isinstance(part, ToolCall) and part.id:
            tools[part.id] = part.name
        found = _part(part, tools)
        if found is not None:
            kind, texts, tool = found
            place = Place(exchange, index, at)
            yield Passage(kind, place, texts, message.role, tool, source=message)


def _part(part: Part, tools: Mapping[str, str]) -> tuple[PassageKind, tuple[str, ...], str] | None:
    match part:
        case Text(text):
            return PassageKind.TEXT, (text,), ""
        case Reasoning(text):
            return PassageKind.REASONING, (text,), ""
        case ToolCall():
            return PassageKind.CALL, (part.arguments, part.name, part.id or ""), part.name
        case ToolResult():
            tool = part.name or tools.get(part.call_id or "", "")
            return PassageKind.RESULT, (part.text, tool, part.call_id or ""), tool
        case Other():
            return PassageKind.OTHER, (part.json, part.kind), ""
        case _:
            return None


def _errors(turn: Turn) -> Iterator[Passage]:
    if turn.reply.error:
        yield Passage(PassageKind.ERROR, Place(turn.exchange), (turn.reply.error,))
    if turn.outcome not in {Outcome.COMPLETE, Outcome.IN_FLIGHT} and not turn.reply.error:
        said = ": ".join(word for word in (turn.outcome.value, turn.detail) if word)
        yield Passage(PassageKind.ERROR, Place(turn.exchange), (said,))


def told(findings: Sequence[Finding]) -> Iterator[Passage]:
    """Findings as passages: their sentence, rule, side, and what they quote."""
    for finding in findings:
        quotes = "\n".join(evidence.quote for evidence in finding.evidence)
        texts = (finding.message, finding.rule, finding.side.value, quotes)
        yield Passage(PassageKind.FINDING, finding.place, texts, severity=finding.severity)
