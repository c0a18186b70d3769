"""A result stands in the history, and no call that it answers."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Message, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    READ_TWO,
    TASK,
    WRITTEN,
    WROTE,
    anthropic,
    assistant,
    call,
    responses,
    step,
    tool,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.history import Defect, first_shown
from kimitap.rules.owed import owed
from kimitap.rules.rounds import Part, Round, result_at
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import answered, cut, quoted_request, times

STRAY = tool("c0", "-rw-r--r-- 1 ada staff 52 notes.txt")
UNEXPECTED = (
    "messages.2.content.1: unexpected `tool_use_id` found in `tool_result` blocks: toolu_2. Each "
    "`tool_result` block must have a corresponding `tool_use` block in the previous message."
)
NO_CALL = "No tool call found for function call output with call_id call_2."


def orphans(messages: Sequence[Message], found: Round) -> Iterator[Defect]:
    """The results of a block whose ids the assistant's turn before it does not declare."""
    for i, n, result in found.left.results:
        yield Defect((i, n), ("orphan", result.call_id), found.start)


class OrphanToolResult(Rule):
    """What a dropped assistant turn, or a trimmed history, leaves behind."""

    name = "orphan-tool-result"
    severity = Severity.ERROR
    side = Side.AGENT
    reads_session = True
    summary = "a tool's result in the history answers no call before it"
    meaning = (
        "A message of role tool names a call that the assistant's turn directly before it does "
        "not make. The model is told something that it never asked for, and most templates render "
        "it without a word. OpenAI refuses such a request. It is reported once, at the first "
        "request that shows it. It is no defect where a call and its result carry another id than "
        "the server gave, as long as both agree, nor where one id occurs in several turns."
    )
    remedy = (
        "Look for what was cut out before it: a trimmed or compacted history must drop a call and "
        "its results together. Report it to the agent with the request attached. To go on now, "
        "rewind to before the result, or start a new session."
    )
    source = (
        "OpenAI: “messages with role 'tool' must be a response to a preceeding message with "
        "'tool_calls'.”; Anthropic: “unexpected `tool_use_id` found in `tool_result` "
        "blocks”; the Responses API: “No tool call found for function call output with call_id …”"
    )
    examples: ClassVar = (
        Example(
            "two results for one call: the second answers a call that is there",
            (step((*TASK, ASKED, NOTES, tool("c1", "owner: Ada (again)"), user("On.")), DONE),),
            also=("duplicate-tool-result",),
        ),
        Example(
            "the agent rewrote the id on both sides",
            (
                step(TASK, assistant(None, call("functions.read_file:0", "read_file", path="n"))),
                step(
                    (
                        *TASK,
                        assistant(None, call("functions_read_file_0", "read_file", path="n")),
                        tool("functions_read_file_0", "owner: Ada"),
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "calls and text of one reply as two messages, results after both",
            (
                step(
                    (
                        *TASK,
                        assistant(None, READ, READ_TWO),
                        assistant("I read both."),
                        NOTES,
                        tool("c2", "id,amount"),
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "a result without a call in a resumed history, repeated by the later requests",
            (
                step((TASK[0], STRAY, TASK[1]), ASKED),
                step((TASK[0], STRAY, TASK[1], ASKED, NOTES), WROTE),
                step((TASK[0], STRAY, TASK[1], ASKED, NOTES, WROTE, WRITTEN), DONE),
            ),
            (Place(1, 1, 0),),
        ),
        Example(
            "a second, foreign result beside the right one",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES, STRAY), WROTE),
                step((*TASK, ASKED, NOTES, STRAY, WROTE, WRITTEN), DONE),
            ),
            (Place(2, 4, 0),),
        ),
        Example(
            "the Responses API: the call is in the reply that the server keeps, named or not",
            (
                responses.step(responses.TASK, responses.READ, id="resp_1"),
                responses.step(
                    (responses.NOTES,), responses.WRITE, id="resp_2", previous_response_id="resp_1"
                ),
                responses.step((responses.WRITTEN,), responses.DONE, previous_response_id="resp_2"),
                responses.step(responses.TASK, responses.READ, conversation="conv_1"),
                responses.step((responses.NOTES,), responses.DONE, conversation="conv_1"),
            ),
        ),
        Example(
            "the Responses API: the call is an item that the server keeps, named by its id",
            (
                responses.step(responses.TASK, {**responses.READ, "id": "fc_1"}),
                responses.step(
                    (
                        *responses.TASK,
                        responses.reference("fc_1"),
                        responses.NOTES,
                        responses.user("And?"),
                    ),
                    responses.DONE,
                ),
            ),
        ),
        Example(
            "the Responses API: the call is an item of a reply that was not recorded",
            (
                responses.step(
                    (
                        *responses.TASK,
                        responses.reference("fc_0"),
                        responses.NOTES,
                        responses.user("And?"),
                    ),
                    responses.DONE,
                ),
            ),
        ),
        Example(
            "the Responses API: neither the reply that the server keeps nor one before it called",
            (
                responses.step(responses.TASK, responses.READ, id="resp_1"),
                responses.step(
                    (responses.NOTES, responses.TABLE),
                    responses.DONE,
                    previous_response_id="resp_1",
                ),
            ),
            (Place(2, 2, 0),),
        ),
        Example(
            "the Responses API: a function_call_output without its call is refused",
            (
                responses.step(responses.TASK, responses.READ),
                responses.refused(
                    (*responses.TASK, responses.READ, responses.NOTES, responses.TABLE), NO_CALL
                ),
            ),
            (Place(2, 4, 0),),
        ),
        Example(
            "Anthropic's API: a tool_result whose tool_use is not in the message before it",
            (
                anthropic.step(anthropic.TASK, anthropic.SAYING, anthropic.READ),
                anthropic.refused(
                    (
                        *anthropic.TASK,
                        anthropic.ASKED,
                        anthropic.user(anthropic.NOTES, anthropic.TABLE),
                    ),
                    UNEXPECTED,
                ),
            ),
            (Place(2, 4, 0),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn, _, parts in first_shown(thread, orphans):
            yield self._finding(turn, parts)
        for found in owed(thread, session):
            if found.strangers and not found.mismatched:
                yield self._finding(found.turn, [at for at, _ in found.strangers])

    def _finding(self, turn: Turn, parts: Sequence[Part]) -> Finding:
        results = [result_at(turn, at) for at in parts]
        index = parts[0][0]
        ids = ", ".join(f"“{result.call_id or ''}”" for result in results[:3])
        before = max(index - 1, 0)
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {turn.exchange} holds {times(len(results), 'tool result')} for the id {ids} "
            f"in its message {index}, but the turn before it makes no such call: the model "
            "is told what it never asked.",
            Place(turn.exchange, *parts[0]),
            related=tuple(Place(turn.exchange, *at) for at in parts[1:]),
            evidence=(
                *((quoted_request(turn, before),) if before != index else ()),
                *(Evidence(turn.exchange, cut(answered(result))) for result in results[:2]),
            ),
        )
