"""A call without an id: the agent has nothing to tie its result to."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import ToolCall, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.examples import NOTES, READ, TASK, WROTE, assistant, call, step, tool
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import named, quoted_call

NO_ID = assistant("I read the notes.", call(None, "read_file", path="notes.txt"))
NEW_ID = assistant("I read the notes.", call("call_0", "read_file", path="notes.txt"))


def _is_older(turn: Turn) -> bool:
    """True for the older `functions` protocol, in which a reply has one call and no ids."""
    return turn.reply.finish_reason == "function_call" or "function_call" in turn.parameters


class MissingToolCallId(Rule):
    """What the server's parser left out."""

    name = "missing-tool-call-id"
    severity = Severity.ERROR
    side = Side.SERVER
    by_choice = True
    summary = "a tool call of a reply has no id, or an empty one"
    meaning = (
        "The assembled reply has a call whose id is missing or empty in every piece of the "
        "stream. Agents invent an id, write the call out as text, drop it, or end the run. "
        "Pieces that continue a call may well have an empty id: the first one that is not empty "
        "counts. Ids that repeat, or look odd (Kimi's “functions.read_file:0”), are not missing, "
        "and the older `function_call` has none by design."
    )
    remedy = (
        "Update the server (the message names its build where it told) and start it with --jinja "
        "and the model's own chat template; until then an agent that invents ids will do."
    )
    source = "OpenAI's API reference: `tool_calls[].id` is a required string"
    by_turn = True
    examples: ClassVar = (
        Example(
            "Kimi's ids, the same in two turns",
            (
                step(TASK, assistant(None, call("functions.read_file:0", "read_file", path="a"))),
                step(
                    (
                        *TASK,
                        assistant(None, call("functions.read_file:0", "read_file", path="a")),
                        tool("functions.read_file:0", "owner: Ada"),
                    ),
                    assistant(None, call("functions.read_file:0", "read_file", path="b")),
                ),
            ),
            also=("reused-tool-call-id",),
        ),
        Example(
            "an empty id in the agent's history, not in a reply",
            (
                step(
                    (
                        *TASK,
                        assistant(None, call("", "read_file", path="notes.txt")),
                        tool("", "owner: Ada"),
                    ),
                    WROTE,
                ),
            ),
        ),
        Example(
            "no id in the first reply; the agent invents one",
            (step(TASK, NO_ID), step((*TASK, NEW_ID, {**NOTES, "tool_call_id": "call_0"}), WROTE)),
            (Place(1, None, 1),),
        ),
        Example(
            "an empty id beside a good one",
            (step(TASK, assistant(None, READ, call("", "write_file", path="summary.md"))),),
            (Place(1, None, 1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in thread.turns:
            if not turn.reply.complete or _is_older(turn):
                continue
            parts = enumerate(turn.reply.message.parts)
            lacking = [(n, p) for n, p in parts if isinstance(p, ToolCall) and not p.id]
            if lacking:
                yield self._finding(turn, lacking)

    def _finding(self, turn: Turn, lacking: list[tuple[int, ToolCall]]) -> Finding:
        calls = [call_ for _, call_ in lacking]
        built = f" The server is build {turn.reply.fingerprint}." if turn.reply.fingerprint else ""
        empty = "an empty id" if calls[0].id == "" else "no id"
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"The {named(calls)} of exchange {turn.exchange} came with {empty}: the agent has "
            f"nothing to tie the result to.{built}",
            Place(turn.exchange, None, lacking[0][0]),
            related=tuple(Place(turn.exchange, None, n) for n, _ in lacking[1:]),
            evidence=tuple(quoted_call(turn, call_) for call_ in calls[:3]),
        )
