"""A text block without text, which Anthropic's API refuses."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

import orjson

from kimitap.conversation import Text, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.examples.anthropic import (
    ASKED,
    DONE,
    NOTES,
    READ,
    SAYING,
    TASK,
    WRITE,
    WRITTEN,
    assistant,
    refused,
    step,
    text,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.history import shared
from kimitap.rules.rounds import Part
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut

DIALECT = "anthropic-messages"
EMPTY = "messages: text content blocks must be non-empty"
BLANK = "messages: text content blocks must contain non-whitespace text"
LISTED = 20
"""Places that a finding names; the rest is a number."""


class Shown(NamedTuple):
    """An empty block, and the turn whose request first shows it."""

    turn: Turn
    at: Part


def empty_block(turn: Turn, index: int) -> int | None:
    """The part of a message that the API refuses as empty text; None where there is none.

    White space is refused only where the entry of `messages` has no other text.
    """
    parts = turn.messages[index].parts
    blank = [n for n, part in enumerate(parts) if isinstance(part, Text) and not part.text.strip()]
    if not blank:
        return None
    empty = next((n for n in blank if parts[n] == Text("")), None)
    if empty is not None:
        return empty
    return None if _has_text(turn, index) else blank[0]


def _has_text(turn: Turn, index: int) -> bool:
    """True where the wire's entry that holds this message holds visible text."""
    wire = turn.wire_indexes or range(len(turn.messages))
    first = last = index
    while first > 0 and wire[first - 1] == wire[index]:
        first -= 1
    while last + 1 < len(wire) and wire[last + 1] == wire[index]:
        last += 1
    return any(
        isinstance(part, Text) and bool(part.text.strip())
        for message in turn.messages[first : last + 1]
        for part in message.parts
    )


def shown(thread: Thread) -> Iterator[Shown]:
    """Each empty block once, at the request that first shows it. Costs what is new in each."""
    told: Counter[object] = Counter()
    for turn, link in zip(thread.turns, thread.links, strict=True):
        if turn.dialect != DIALECT:
            continue
        since = shared(link.parent.messages, turn.messages) if link else 0
        for index in range(since, len(turn.messages)):
            part = empty_block(turn, index)
            if part is not None and not told[turn.messages[index]]:
                told[turn.messages[index]] += 1
                yield Shown(turn, (index, part))


def is_refused(turn: Turn) -> bool:
    """True where the server refuses the request for it."""
    return "text content blocks must" in turn.reply.error


class EmptyTextBlock(Rule):
    """One finding a thread: it is how an agent writes its history, and it stays there."""

    name = "empty-text-block"
    severity = Severity.ERROR
    side = Side.AGENT
    summary = "a text block of an Anthropic request is empty"
    meaning = (
        "A content block of the type text holds no text, or white space where nothing else in its "
        "message is text. Anthropic's API refuses such a request, and, as the block stays in the "
        "history, each that follows it. It comes from a reply that began with an empty text, a "
        "tool without output, or a compaction. It is reported once a thread, and is a warning "
        "where the server answered nevertheless, as llama-server does."
    )
    remedy = (
        "Report it to the agent: it must leave such blocks out, also those that the model itself "
        "sent. To go on now, rewind to before the message, or start a new session."
    )
    source = f"Anthropic: “{EMPTY}”, “{BLANK}”; https://github.com/LibreChat-AI/agents/pull/124"
    examples: ClassVar = (
        Example(
            "a reply without text before its call, and white space beside other text",
            (
                step(TASK, READ),
                step((*TASK, assistant(READ), user(NOTES, text("\n"), text("Go on."))), DONE),
            ),
        ),
        Example(
            "white space after the results, in one message with other text",
            (step((*TASK, ASKED, user(text("Here:"), NOTES, text(" "))), DONE),),
            also=("misplaced-tool-result",),
        ),
        Example(
            "an empty text before the call is refused, and refused again",
            (
                step(TASK, text(""), READ),
                refused((*TASK, assistant(text(""), READ), user(NOTES)), EMPTY),
                refused((*TASK, assistant(text(""), READ), user(NOTES)), EMPTY),
            ),
            (Place(2, 2, 0),),
        ),
        Example(
            "only white space beside a call",
            (
                step(TASK, text("\n\n"), READ),
                refused((*TASK, assistant(text("\n\n"), READ), user(NOTES)), BLANK),
            ),
            (Place(2, 2, 0),),
        ),
        Example(
            "llama-server takes it, in two messages",
            (
                step(TASK, SAYING, READ),
                step((*TASK, ASKED, user(NOTES, text(""))), WRITE),
                step(
                    (
                        *TASK,
                        ASKED,
                        user(NOTES, text("")),
                        assistant(text(""), WRITE),
                        user(WRITTEN),
                    ),
                    DONE,
                ),
            ),
            (Place(2, 4, 0),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        found = list(shown(thread))
        if found:
            refusal = next((turn for turn in thread.turns if is_refused(turn)), None)
            yield self._finding(found, refusal)

    def _finding(self, found: Sequence[Shown], refusal: Turn | None) -> Finding:
        turn, at = found[0]
        taken = refusal is None and all(one.turn.succeeded for one in found)
        more = f", the first of {len(found)} such in this thread" if len(found) > 1 else ""
        if refusal is not None:
            so = f"the server refused request {refusal.exchange} for it"
        else:
            so = "Anthropic's API refuses it" + (", this server took it" if taken else "")
        return Finding(
            self.name,
            Severity.WARNING if taken else self.severity,
            self.side,
            f"Request {turn.exchange} holds a text block without text in its message "
            f"{at[0]}{more}: {so}.",
            Place(turn.exchange, *at),
            related=tuple(Place(one.turn.exchange, *one.at) for one in found[1:LISTED]),
            evidence=(
                Evidence(turn.exchange, cut(_written(turn, at))),
                *((Evidence(refusal.exchange, cut(refusal.reply.error)),) if refusal else ()),
            ),
        )


def _written(turn: Turn, at: Part) -> str:
    message = turn.messages[at[0]]
    said = getattr(message.parts[at[1]], "text", "")
    return f"{message.role}: {orjson.dumps({'type': 'text', 'text': said}).decode()}"
