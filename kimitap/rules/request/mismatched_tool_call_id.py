"""A call and a result that belong together, and carry two ids."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Message, ToolCall, ToolResult, Turn
from kimitap.lineage import Link, Session, Thread
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    READ_TWO,
    TASK,
    WROTE,
    assistant,
    call,
    responses,
    step,
    tool,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.history import Defect, first_shown
from kimitap.rules.owed import Owed, owed
from kimitap.rules.rounds import Part, Round, home_of, result_at, round_at
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, named, tagged, written

BOTH = assistant("I read both.", READ, READ_TWO)


def mismatched(messages: Sequence[Message], found: Round) -> Iterator[Defect]:
    """The results of a block under foreign ids, where as many of its calls have none."""
    left = found.left
    if not left.results or len(left.calls) != len(left.results):
        return
    if any(home_of(messages, found.start, result.call_id) for _, _, result in left.results):
        return
    for i, n, result in left.results:
        yield Defect((i, n), ("mismatched", result.call_id), found.start)


class MismatchedToolCallId(Rule):
    """One finding in the place of an unanswered call and an orphan result."""

    name = "mismatched-tool-call-id"
    severity = Severity.ERROR
    side = Side.AGENT
    reads_session = True
    summary = "a result carries another id than the call it stands behind"
    meaning = (
        "A turn's calls and the results after it are as many, but their ids differ: the agent "
        "rewrote an id on one side only (it made one up where the server sent none, cut it to a "
        "length, or mixed up two turns). OpenAI refuses such a request; with llama-server the "
        "model may take the result for that of another call. It is reported once, at the first "
        "request that shows it, in the place of the unanswered call and the orphan result. It is "
        "no defect where both sides were rewritten alike, or where one side has no id at all."
    )
    remedy = (
        "Compare the two ids: where the server sent an empty one, see missing-tool-call-id; else "
        "update the agent, or report it with the request attached. To go on now, rewind to before "
        "the call."
    )
    source = (
        "https://github.com/NousResearch/hermes-agent/pull/4534; OpenAI: “messages with role "
        "'tool' must be a response to a preceeding message with 'tool_calls'.”"
    )
    examples: ClassVar = (
        Example(
            "both sides were rewritten alike (Kimi Code)",
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
            "neither side has an id, or only one of them",
            (
                step(
                    (
                        *TASK,
                        assistant(None, call("", "read_file", path="n")),
                        tool("made-up", "owner: Ada"),
                        assistant(None, call("c4", "read_file", path="m")),
                        tool("", "rows: 3"),
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "a result too many is an orphan",
            (step((*TASK, ASKED, NOTES, tool("c0", "Who asked?")), DONE),),
            also=("orphan-tool-result",),
        ),
        Example(
            "the id is another one, and the later requests repeat it",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, tool("call_7", "owner: Ada")), WROTE),
                step(
                    (*TASK, ASKED, tool("call_7", "owner: Ada"), WROTE, tool("c3", "ok")),
                    DONE,
                ),
            ),
            (Place(2, 3, 0),),
        ),
        Example(
            "one of two parallel calls, and a user goes on",
            (
                step(TASK, BOTH),
                step((*TASK, BOTH, NOTES, tool("c9", "id,amount"), user("On.")), DONE),
            ),
            (Place(2, 4, 0),),
            also=("unusual-role-order",),
        ),
        Example(
            "the Responses API: the output is for another id than the call that the server keeps",
            (
                responses.step(responses.TASK, responses.READ, id="resp_1"),
                responses.step(
                    (responses.result("fc_1", "owner: Ada"),),
                    responses.DONE,
                    previous_response_id="resp_1",
                ),
            ),
            (Place(2, 1, 0),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn, link, parts in first_shown(thread, mismatched):
            yield self._finding(turn, link, parts)
        for found in owed(thread, session):
            if found.calls and found.mismatched:
                yield self._owed(found)

    def _owed(self, found: Owed) -> Finding:
        """Of calls that the request does not repeat, since the server keeps them."""
        (_, first), (at, result) = found.calls[0], found.strangers[0]
        calls, results = [c for _, c in found.calls], [r for _, r in found.strangers]
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {found.turn.exchange} answers the {named(calls)} of exchange "
            f"{found.made.exchange}, id “{first.id}”, under {_ids(results)}: by their ids the "
            "call has no result and the result no call.",
            Place(found.turn.exchange, *at),
            related=(
                *(Place(found.turn.exchange, *where) for where, _ in found.strangers[1:]),
                *(Place(found.made.exchange, None, part) for part, _ in found.calls),
            ),
            evidence=(
                Evidence(found.made.exchange, cut(tagged(first.id, written(first)))),
                Evidence(found.turn.exchange, cut(tagged(result.call_id, result.text))),
            ),
        )

    def _finding(self, turn: Turn, link: Link | None, parts: Sequence[Part]) -> Finding:
        calls = _calls_before(turn, parts[0])
        results = [result_at(turn, at) for at in parts]
        at, first = calls[0]
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {turn.exchange} answers the {named([c for _, c in calls])} of its message "
            f"{at[0]}, id “{first.id}”, under {_ids(results)}{_rewritten(link, first)}: by their "
            "ids the call has no result and the result no call.",
            Place(turn.exchange, *parts[0]),
            related=tuple(Place(turn.exchange, *p) for p in (*parts[1:], *(p for p, _ in calls))),
            evidence=(
                Evidence(turn.exchange, cut(tagged(first.id, written(first)))),
                Evidence(turn.exchange, cut(tagged(results[0].call_id, results[0].text))),
            ),
        )


def _ids(results: Sequence[ToolResult]) -> str:
    if len(results) == 1:
        return f"the id “{results[0].call_id}”"
    return "the ids " + ", ".join(f"“{result.call_id}”" for result in results[:3])


def _rewritten(link: Link | None, call_: ToolCall) -> str:
    """Where the id of a call was written anew by the agent, in words."""
    echoes = link.echo.calls if link else ()
    made = next((e.call for e in echoes if e.new is call_ and e.call.id != call_.id), None)
    return f" (the server had sent “{made.id or ''}”)" if made else ""


def _calls_before(turn: Turn, at: Part) -> list[tuple[Part, ToolCall]]:
    """The calls without a result of the round in which `at` stands."""
    left = round_at(turn.messages, at[0]).left.calls
    return [((i, n), call_) for i, n, call_ in left]
