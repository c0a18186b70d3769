"""A call stands in the history, and no result after it."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Message, ToolCall, Turn
from kimitap.lineage import Link, Session, Thread
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    READ_TWO,
    TASK,
    WRITTEN,
    WROTE,
    assistant,
    call,
    step,
    tool,
    user,
)
from kimitap.rules.examples import unanswered as elsewhere
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.history import Defect, first_shown
from kimitap.rules.owed import Owed, owed
from kimitap.rules.request.mismatched_tool_call_id import mismatched
from kimitap.rules.rounds import Part, Round, call_at, round_at
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, named, quoted_call, quoted_request, written

BOTH = assistant("I read both.", READ, READ_TWO)
NO_IDS = assistant(None, call("", "read_file", path="notes.txt"))


def unanswered(messages: Sequence[Message], found: Round) -> Iterator[Defect]:
    """The calls of a round without a result, where the conversation goes on after them.

    At the end of a request the results of the last calls may still come, those of calls before
    another assistant's calls not, nor those that came under other ids.
    """
    if not found.left.calls:
        return
    end = found.results
    if found.stop == len(messages) and not any(mismatched(messages, found)):
        calling = (i for i in range(found.start, found.results) if messages[i].tool_calls)
        end = max(calling, default=found.start)
    for i, n, call_ in found.left.calls:
        if i < end:
            yield Defect((i, n), ("unanswered", call_.id, *call_.stands_for), found.start)


class UnansweredToolCall(Rule):
    """OpenAI refuses such a history; llama-server takes it without a word."""

    name = "unanswered-tool-call"
    severity = Severity.ERROR
    side = Side.AGENT
    reads_session = True
    summary = "a tool call in the history has no result after it"
    meaning = (
        "An assistant message of the request calls a tool, the conversation goes on, and no "
        "message of role tool directly after it answers the call. The model sees that it asked "
        "and was never told. OpenAI refuses such a request; llama-server renders it as it is. It "
        "is reported once, at the first request that shows it. It is no defect where nothing "
        "follows the call yet, where the agent answers an interrupted call itself (“aborted”), "
        "or where ids were rewritten on both sides. Where the request names the reply "
        "(`previous_response_id`) instead of repeating the call, its input must hold the output."
    )
    remedy = (
        "Look at what the agent did with the result: the related exchange made the call. Update "
        "the agent, switch off parallel tool calls if only some results are missing, and report "
        "it with the request attached. To go on now, rewind to before the call."
    )
    source = (
        "OpenAI: “An assistant message with 'tool_calls' must be followed by tool messages "
        "responding to each 'tool_call_id'.”; Anthropic: “`tool_use` ids were found without "
        "`tool_result` blocks immediately after”; the Responses API: “No tool output found for "
        "function call …”"
    )
    examples: ClassVar = (
        Example(
            "an interrupted call is answered by the agent itself",
            (
                step(TASK, ASKED),
                step(
                    (*TASK, ASKED, tool("c1", "[Tool execution was interrupted]"), user("On.")),
                    DONE,
                ),
            ),
        ),
        Example(
            "results in another order, and calls without ids answered by place",
            (
                step(
                    (
                        *TASK,
                        BOTH,
                        tool("c2", "id,amount"),
                        NOTES,
                        NO_IDS,
                        tool("", "owner: Ada"),
                        user("And now?"),
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "the same id in every turn (Kimi starts its count again)",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), assistant(None, call("c1", "write_file", path="s.md"))),
                step(
                    (
                        *TASK,
                        ASKED,
                        NOTES,
                        assistant(None, call("c1", "write_file", path="s.md")),
                        tool("c1", "Wrote it."),
                    ),
                    DONE,
                ),
            ),
            also=("reused-tool-call-id",),
        ),
        Example("the call is the last message: its result may come", (step((*TASK, ASKED), DONE),)),
        Example(
            "one of two parallel calls is not answered; later requests repeat the history",
            (
                step(TASK, BOTH),
                step((*TASK, BOTH, NOTES, user("Go on.")), WROTE),
                step((*TASK, BOTH, NOTES, user("Go on."), WROTE, WRITTEN), DONE),
            ),
            (Place(2, 2, 2),),
        ),
        Example(
            "a resumed session begins with an unanswered call",
            (
                step((*TASK, ASKED, user("Where were we?")), WROTE),
                step((*TASK, ASKED, user("Where were we?"), WROTE, WRITTEN), DONE),
            ),
            (Place(1, 2, 1),),
        ),
        Example(
            "the result answers another id: that is the defect",
            (step(TASK, ASKED), step((*TASK, ASKED, tool("c7", "owner: Ada"), user("On.")), DONE)),
            also=("mismatched-tool-call-id",),
        ),
        Example(
            "the result comes after a user's message: that is the defect",
            (step(TASK, ASKED), step((*TASK, ASKED, user("Hurry."), NOTES), DONE)),
            also=("misplaced-tool-result",),
        ),
        *elsewhere.EXAMPLES,
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn, link, parts in first_shown(thread, unanswered):
            yield self._finding(turn, link, parts)
        for found in owed(thread, session):
            if found.calls and not found.mismatched:
                yield self._owed(found)

    def _owed(self, found: Owed) -> Finding:
        """Of calls that the request does not repeat, since the server keeps them."""
        calls = [call_ for _, call_ in found.calls]
        what = "it" if len(calls) == 1 else "them"
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {found.turn.exchange} names the reply of exchange {found.made.exchange} and "
            f"goes on without a result for its {named(calls)}: the model sees that it asked and "
            f"never learns what came of {what}.",
            Place(found.turn.exchange, found.place),
            related=tuple(Place(found.made.exchange, None, part) for part, _ in found.calls),
            evidence=(
                quoted_call(found.made, calls[0]),
                quoted_request(found.turn, found.place),
            ),
        )

    def _finding(self, turn: Turn, link: Link | None, parts: Sequence[Part]) -> Finding:
        calls = [call_at(turn, at) for at in parts]
        index = parts[0][0]
        made = _made_by(link, calls[0])
        where = f"in its message {index}{f', made in exchange {made}' if made else ''}"
        where += _elsewhere(turn, index)
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {turn.exchange} goes on without a result for the {named(calls)} {where}: the "
            "model sees that it asked and never learns what came of "
            f"{'it' if len(calls) == 1 else 'them'}.",
            Place(turn.exchange, *parts[0]),
            related=(Place(made),) if made else (),
            evidence=(
                *((quoted_call(link.parent, calls[0]),) if link and made else ()),
                Evidence(turn.exchange, cut(written(calls[0]))),
                quoted_request(turn, parts[-1][0] + 1),
            ),
        )


def _elsewhere(turn: Turn, index: int) -> str:
    """For which id the result after it is, in words; `""` where there is none."""
    strangers = round_at(turn.messages, index).left.results
    if not strangers:
        return ""
    return f" (the result after it is for the id “{strangers[0][2].call_id or ''}”)"


def _made_by(link: Link | None, call: ToolCall) -> int:
    """The exchange whose reply made the call, where it is the one before; else 0."""
    if link is None or all(
        made.stands_for != call.stands_for for made in link.parent.reply.message.tool_calls
    ):
        return 0
    return link.parent.exchange
