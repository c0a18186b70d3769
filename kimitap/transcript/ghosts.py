"""Ghost rows: what a request should repeat and does not, at the place where it should stand."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kimitap.conversation import Message, ToolCall, Turn
from kimitap.lineage import CallEcho, Echo, EchoKind, Fate, Link, Mark, Pair
from kimitap.rules.finding import Finding, Place
from kimitap.transcript.row import ROLE_WORDS, Kind, Row
from kimitap.transcript.wording import call_line, message_line, message_text
from kimitap.visible import one_line

LOST_TURN = "LOST TURN"
LOST_REPLY = "LOST REPLY"
LOST_CALL = "LOST CALL"
LOST_TEXT = "LOST TEXT"
LOST_REASONING = "LOST REASONING"
LOST_MESSAGE = "LOST MESSAGE"
NO_RESULT = "NO RESULT"


def reply_ghosts(link: Link) -> Iterator[Row]:
    """What of the parent's reply is missing where the reply should stand."""
    echo, parent = link.echo, link.parent
    if not link.judged or echo.kind in {EchoKind.SUPERSEDED, EchoKind.FLATTENED}:
        return
    if echo.kind in {EchoKind.MISSING, EchoKind.BLANKED}:
        yield from _whole_reply(link)
        return
    for call in echo.calls:
        if call.fate is Fate.GONE:
            yield _lost_call(link, call)
    if echo.text is Fate.GONE:
        text = parent.reply.message.text
        said = f"said in #{parent.exchange}: {one_line(text, 300)}"
        yield _ghost(link, echo.place, LOST_TEXT, said, text)
    if echo.reasoning is Fate.GONE:
        yield lost_reasoning(link)


def _whole_reply(link: Link) -> Iterator[Row]:
    reply, n = link.parent.reply.message, link.parent.exchange
    if not reply.parts:
        return
    blank = link.echo.kind is EchoKind.BLANKED
    how = "is sent back blank" if blank else "is left out of this request"
    said = one_line(reply.text, 300)
    text = f"the reply of #{n} {how}{': ' if said else ''}{said}"
    title = LOST_TURN if reply.tool_calls else LOST_REPLY
    yield _ghost(link, link.echo.place, title, text, message_text(reply))
    for call in link.echo.calls:
        if call.fate is Fate.GONE:
            yield _lost_call(link, call)


def _lost_call(link: Link, call: CallEcho) -> Row:
    note = "" if call.answered else "its result too"
    text = call_line(call.call)
    return _ghost(link, link.echo.place, LOST_CALL, text, text, note, call.part)


def lost_reasoning(link: Link) -> Row:
    """The reply's reasoning, which most agents never send back: shown only where a rule minds."""
    text = link.parent.reply.message.reasoning
    said = f"{len(text):,} characters thought in #{link.parent.exchange} are gone"
    return _ghost(link, link.echo.place, LOST_REASONING, said, text)


def result_ghosts(link: Link) -> Iterator[Row]:
    """Calls that the request repeats without an answer, at the end of the block of results."""
    if not link.judged:
        return
    at = end_of_block(link)
    for call in link.echo.calls:
        if call.fate in {Fate.SAME, Fate.CHANGED} and not call.answered:
            text = call_line(call.call)
            note = f"asked in #{link.parent.exchange}, unanswered here"
            yield _ghost(link, at, NO_RESULT, text, text, note, call.part, role="TOOL")


def end_of_block(link: Link) -> int:
    """The index behind the results that follow the reply in the request."""
    return block_end(link.child.messages, max(link.echo.slot, default=link.echo.place - 1) + 1)


def block_end(messages: Sequence[Message], at: int) -> int:
    """The index behind the run of tool results that begins at `at`."""
    while at < len(messages) and messages[at].tool_results:
        at += 1
    return at


def message_ghost(link: Link, pair: Pair, at: int) -> Row:
    """An older message that the request no longer carries."""
    old: Message = link.history[pair.old or 0]
    text = message_line(old)
    role = ROLE_WORDS.get(old.role, "")
    return _ghost(
        link, at, LOST_MESSAGE, text, message_text(old), "was in earlier requests", role=role
    )


def absent_row(turn: Turn, link: Link | None, finding: Finding, title: str) -> Row:
    """The ghost for a finding about something absent that the alignment alone did not show."""
    place = finding.place
    index = place.message_index or 0
    if title == LOST_REASONING and link is not None:
        return replace(lost_reasoning(link), message_index=index)
    if title == NO_RESULT and place.part is not None and index < len(turn.messages):
        asked = turn.messages[index].parts[place.part]
        if isinstance(asked, ToolCall):
            text = call_line(asked)
            at = block_end(turn.messages, index + 1)
            note = f"asked in message {index}"
            words = (text, "TOOL", title, note)
            return Row(turn.exchange, Kind.GHOST, *words, at, place.part, text)
    if link is not None and index == link.echo.place and link.parent.reply.message.parts:
        reply = link.parent.reply.message
        text = f"the reply of #{link.parent.exchange} was: {message_line(reply)}"
        return _ghost(link, index, title, text, message_text(reply))
    text = one_line(finding.message, 400)
    return Row(turn.exchange, Kind.GHOST, text, title=title, message_index=index, part=place.part)


def _ghost(
    link: Link,
    at: int,
    title: str,
    text: str,
    content: str,
    note: str = "",
    part: int | None = None,
    role: str = "ASST",
) -> Row:
    return Row(
        link.child.exchange,
        Kind.GHOST,
        text,
        role=role,
        title=title,
        note=note,
        message_index=at,
        part=part,
        content=content,
        origin=Place(link.parent.exchange, None, part),
    )


def gone(pair: Pair, echo_at: int) -> bool:
    """True for an old message, not the reply, that has no counterpart."""
    return pair.mark is Mark.GONE and pair.old != echo_at


def slot_title(echo: Echo) -> str:
    """What is wrong with the messages that stand in the reply's place, in two or three words."""
    return {
        EchoKind.FLATTENED: "CALLS AS TEXT",
        EchoKind.ALTERED: "ALTERED",
        EchoKind.PARTIAL: "PARTIAL",
    }.get(echo.kind, "")
