"""One call, and two results of it."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Message, ToolResult, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    TASK,
    WRITE,
    WROTE,
    assistant,
    call,
    failed,
    step,
    tool,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.history import Defect, first_shown
from kimitap.rules.rounds import Part, Round, call_of, result_at, round_at
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import answered, cut, named, times

TWICE = assistant(None, call("c1", "read_file", path="a"), call("c1", "read_file", path="b"))
NO_IDS = assistant(None, call("", "read_file", path="a"), call("", "read_file", path="b"))
AGAIN = tool("c3", "Wrote 60 bytes to summary.md.")


def doubled(messages: Sequence[Message], found: Round) -> Iterator[Defect]:
    """The results of a block whose calls a result before them answers already."""
    for i, n, result in found.left.repeats:
        yield Defect((i, n), ("doubled", result.call_id), found.start)


class DuplicateToolResult(Rule):
    """What a retry leaves behind whose first attempt was answered too."""

    name = "duplicate-tool-result"
    severity = Severity.ERROR
    side = Side.AGENT
    summary = "one tool call is answered by two results"
    meaning = (
        "Directly after a turn with calls, two messages of role tool name the same call. The "
        "model reads two outcomes of what it did once, and often believes the wrong one. "
        "Anthropic, DeepSeek and OpenAI refuse such a request; llama-server renders both. It is "
        "reported once, at the first request that shows it. It is no defect where a turn makes two "
        "calls of one id and each has its result, nor where an id comes again in a later turn."
    )
    remedy = (
        "Look at the two results: an agent that tries a failed call again often keeps the first "
        "attempt's. Update the agent, and report it with the request attached. To go on now, "
        "rewind to before the call."
    )
    source = (
        "https://github.com/RooCodeInc/Roo-Code/pull/9248 and "
        "https://github.com/QwenLM/qwen-code/pull/8163; Qwen Code 0.15.10 after bad arguments"
    )
    examples: ClassVar = (
        Example(
            "two calls of one id in one turn, each with its result",
            (
                step((*TASK, TWICE, tool("c1", "owner: Ada"), tool("c1", "rows: 3")), DONE),
                step(
                    (*TASK, NO_IDS, tool("", "owner: Ada"), tool("", "rows: 3")),
                    DONE,
                ),
            ),
        ),
        Example(
            "the same id again in a later turn (Kimi counts anew)",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), assistant("And again.", call("c1", "read_file"))),
                step(
                    (*TASK, ASKED, NOTES, assistant("And again.", call("c1", "read_file")), NOTES),
                    DONE,
                ),
            ),
            also=("reused-tool-call-id",),
        ),
        Example(
            "the request is sent again after an error",
            (
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES), 500, "decode failed"),
                step((*TASK, ASKED, NOTES), DONE),
            ),
        ),
        Example(
            "two results, repeated by the later requests",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), WROTE),
                step((*TASK, ASKED, NOTES, WROTE, tool("c3", "rejected"), AGAIN), DONE),
                step(
                    (*TASK, ASKED, NOTES, WROTE, tool("c3", "rejected"), AGAIN, DONE, user("On.")),
                    DONE,
                ),
            ),
            (Place(3, 6, 0),),
        ),
        Example(
            "a resumed history in which one of two calls has three results",
            (
                step(
                    (
                        *TASK,
                        assistant(None, call("c1", "read_file", path="notes.txt"), WRITE),
                        NOTES,
                        tool("c3", "Wrote it."),
                        NOTES,
                        NOTES,
                    ),
                    DONE,
                ),
            ),
            (Place(1, 5, 0),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn, _, parts in first_shown(thread, doubled):
            yield self._finding(turn, parts)

    def _finding(self, turn: Turn, parts: Sequence[Part]) -> Finding:
        result = result_at(turn, parts[0])
        first = next(_of_same_call(turn, parts[0]), None)
        found = round_at(turn.messages, parts[0][0])
        call_ = call_of(turn.messages, found, result)
        which = f"the {named([call_])}" if call_ else f"the id “{result.call_id or ''}”"
        alike = first is not None and first[1].text == result.text
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {turn.exchange} answers {which} {times(len(parts) + 1, 'time')}, again in "
            f"its message {parts[0][0]}: the model reads "
            f"{'the same result twice' if alike else 'two outcomes'} of what it did once.",
            Place(turn.exchange, *parts[0]),
            related=(
                *((Place(turn.exchange, *first[0]),) if first else ()),
                *(Place(turn.exchange, *at) for at in parts[1:]),
            ),
            evidence=(
                *((Evidence(turn.exchange, cut(answered(first[1]))),) if first else ()),
                Evidence(turn.exchange, cut(answered(result))),
            ),
        )


def _of_same_call(turn: Turn, at: Part) -> Iterator[tuple[Part, ToolResult]]:
    """The results before `at`, in its block, for the same id."""
    wanted = result_at(turn, at).call_id or ""
    for i in range(round_at(turn.messages, at[0]).results, at[0] + 1):
        for n, part in enumerate(turn.messages[i].parts):
            if isinstance(part, ToolResult) and (part.call_id or "") == wanted and (i, n) < at:
                yield (i, n), part
