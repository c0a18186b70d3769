"""An id that one server gave, and that another's rules do not allow."""

import re
from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import ToolCall, ToolResult, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.examples.anthropic import (
    ASKED,
    DONE,
    NOTES,
    SAYING,
    TASK,
    assistant,
    refused,
    result,
    step,
    use,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rounds import Part
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, times, written

DIALECT = "anthropic-messages"
ALLOWED = re.compile(r"[a-zA-Z0-9_-]+")
REFUSAL = "messages.1.content.1.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
_REFUSED = re.compile(r"tool_use(?:\.|_)id\b.{0,80}(?:match|pattern|invalid)", re.IGNORECASE)

KIMI = use("functions.read_file:0", "read_file", path="notes.txt")
ANSWERED = user(result("functions.read_file:0", "owner: Ada"))


def is_refused(turn: Turn) -> bool:
    """True where the server refuses the request for an id that its pattern does not allow."""
    return turn.dialect == DIALECT and bool(_REFUSED.search(turn.reply.error))


def invalid(turn: Turn) -> list[Part]:
    """The calls and results of a request with an id that Anthropic's pattern does not allow."""
    return [
        (i, n)
        for i, message in enumerate(turn.messages)
        for n, part in enumerate(message.parts)
        if isinstance(part, ToolCall | ToolResult) and not ALLOWED.fullmatch(_id(part))
    ]


def _id(part: ToolCall | ToolResult) -> str:
    return (part.id if isinstance(part, ToolCall) else part.call_id) or ""


class InvalidToolCallId(Rule):
    """Only where a server minds: Kimi K2's own ids are right on a llama-server."""

    name = "invalid-tool-call-id"
    severity = Severity.ERROR
    side = Side.AGENT
    summary = "the server refuses a tool call's id for its characters"
    meaning = (
        "Anthropic's API takes ids of letters, digits, underscore and hyphen only, and refuses the "
        "whole request for any other. An agent that goes on elsewhere with a history which began "
        "on another server sends that server's ids: Kimi K2's own are `functions.NAME:0`. On a "
        "llama-server they are right, and a gateway that rewrites them makes Kimi K2 lose its "
        "calls; so nothing is reported unless the server refuses the request for an id. It is "
        "reported once for the same ids, however often the agent tries again."
    )
    remedy = (
        "Go on with the server on which the session began, or start a new session. Report it to "
        "the agent: it must rewrite ids on both sides, in the call and its result, when it changes "
        "the provider."
    )
    source = f"Anthropic: “{REFUSAL}”; https://github.com/BerriAI/litellm/pull/34523"
    examples: ClassVar = (
        Example(
            "Kimi K2's own ids on a llama-server",
            (
                step(TASK, SAYING, KIMI),
                step((*TASK, assistant(SAYING, KIMI), ANSWERED), DONE),
            ),
        ),
        Example(
            "the request is refused for something else",
            (
                step(TASK, SAYING, KIMI),
                refused((*TASK, assistant(SAYING, KIMI), ANSWERED), "Overloaded", 529),
            ),
        ),
        Example(
            "the agent goes on at Anthropic's, and tries again",
            (
                step(TASK, SAYING, KIMI),
                refused((*TASK, assistant(SAYING, KIMI), ANSWERED), REFUSAL),
                refused((*TASK, assistant(SAYING, KIMI), ANSWERED), REFUSAL),
            ),
            (Place(2, 2, 1),),
        ),
        Example(
            "a later turn of a resumed history",
            (
                refused(
                    (*TASK, ASKED, user(NOTES), assistant(KIMI), ANSWERED),
                    REFUSAL.replace("1.content.1", "3.content.0"),
                ),
            ),
            (Place(1, 4, 0),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        told: set[str] = set()
        for turn in thread.turns:
            parts = invalid(turn) if is_refused(turn) else []
            if parts and _id(_at(turn, parts[0])) not in told:
                told.add(_id(_at(turn, parts[0])))
                yield self._finding(turn, parts)

    def _finding(self, turn: Turn, parts: list[Part]) -> Finding:
        first = _at(turn, parts[0])
        ids = len({_id(_at(turn, at)) for at in parts})
        more = f" and {times(ids - 1, 'other')} like it" if ids > 1 else ""
        said = written(first) if isinstance(first, ToolCall) else f"tool: {first.text}"
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"The server refuses request {turn.exchange} for the id “{_id(first)[:60]}”{more} in "
            f"its message {parts[0][0]}: the API takes letters, digits, _ and - only.",
            Place(turn.exchange, *parts[0]),
            related=tuple(Place(turn.exchange, *at) for at in parts[1:20]),
            evidence=(
                Evidence(turn.exchange, cut(turn.reply.error)),
                Evidence(turn.exchange, cut(f"{_id(first)} {said}")),
            ),
        )


def _at(turn: Turn, at: Part) -> ToolCall | ToolResult:
    part = turn.messages[at[0]].parts[at[1]]
    assert isinstance(part, ToolCall | ToolResult)
    return part
