"""The model called a tool while it thought, and the call stayed in the reasoning."""

import re
from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules import markers
from kimitap.rules.asked import tool_names
from kimitap.rules.endings import ended
from kimitap.rules.examples import NOTES, READ, TASK, assistant, step
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.markers import Leak
from kimitap.rules.quotes import Quotes, quotes_of
from kimitap.rules.reply.tool_call_in_content import CODER, KIMI, QWEN, opening, was_stopped
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut

AT_THE_END = 80
"""Characters that may follow a call in the reasoning before the model went on thinking."""
_MARKS = re.compile(r"<[^<>]*>")


def leaked(turn: Turn, quotes: Quotes) -> Leak | None:
    """The call that the reasoning holds, if the reply has none.

    Where an answer follows, only a call at the reasoning's end counts: models rehearse calls.
    """
    message = turn.reply.message
    if message.tool_calls or not turn.tools or not message.reasoning:
        return None
    thought = message.reasoning
    found = markers.calls_in(thought, tool_names(turn))
    if found and was_stopped(turn):
        found = _before_the_cut(thought, found) if message.blank else []
    if not found or quotes.holds(turn, opening(thought, found[-1])):
        return None
    last = found[-1]
    if message.blank or len(thought.rstrip()) - last.stop <= AT_THE_END:
        return last
    return None


def _before_the_cut(thought: str, found: list[Leak]) -> list[Leak]:
    """The whole calls right before the one in which a limit cut the thought; else none.

    Where the model had gone on thinking after a call, or was cut in a thought, it rehearsed it.
    """
    *whole, last = found
    if last.whole or not whole or not whole[-1].whole:
        return []
    between = _MARKS.sub("", thought[whole[-1].stop : last.start])
    return [] if between.strip() else whole


class ToolCallInReasoning(Rule):
    """Worst where nothing follows: the agent gets an empty reply."""

    name = "tool-call-in-reasoning"
    severity = Severity.ERROR
    side = Side.MODEL
    by_choice = True
    by_turn = True
    summary = "a tool call stands in the reasoning, where nobody looks for one"
    meaning = (
        "The request declares tools, the reply has no call, but its reasoning holds the markup of "
        "a call of one of them. The model takes it for made and waits for its result, or makes one "
        "up. Where the reply ends there the agent has nothing to go on with (an error), else it "
        "is a warning. Reasoning that only weighs a call and then goes on, a quoted example, and "
        "a thought that is followed by a real call are no defect."
    )
    remedy = (
        "Update the server: newer parsers take a call out of an unclosed thought. Else switch "
        "thinking off for this model (--reasoning-budget 0 or enable_thinking false), or use its "
        "newer chat template, which keeps calls out of the thought."
    )
    source = "https://github.com/ggml-org/llama.cpp/pull/24202 (Qwen3.5 calls within <think>)"
    examples: ClassVar = (
        Example(
            "it thinks of a call and then makes it",
            (step(TASK, assistant(None, READ, reasoning=f"I should write {QWEN}")),),
        ),
        Example(
            "it rehearses a call, goes on thinking, and answers",
            (
                step(
                    TASK,
                    assistant(
                        "You gave me all that I need: the owner is Ada.",
                        reasoning=f"I could say {CODER} but the user already told me who owns it, "
                        "so that there is no need for any tool at all here. I just answer.",
                    ),
                ),
            ),
        ),
        Example(
            "a thought without an answer, then the call",
            (
                step(TASK, assistant("", reasoning="I must read the notes first.")),
                step(TASK, assistant(None, READ)),
            ),
            also=("empty-reply",),
        ),
        Example(
            "the reply ends with the call in its reasoning",
            (step(TASK, assistant("", reasoning=f"I need the notes.\n{CODER}")),),
            (Place(1),),
        ),
        Example(
            "after a real call, one in the reasoning, and an answer without its result",
            (
                step(TASK, assistant(None, READ)),
                step(
                    (*TASK, assistant(None, READ), NOTES),
                    assistant("Now I look at the data.", reasoning=f"On to the data. {KIMI}"),
                ),
            ),
            (Place(2),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in ended(thread):
            found = leaked(turn, quotes_of(thread))
            if found:
                yield self._finding(turn, found)

    def _finding(self, turn: Turn, found: Leak) -> Finding:
        message = turn.reply.message
        ends = message.blank
        side, why = _blame(message.reasoning, found)
        what = "and the reply ends there" if ends else "and the answer does without its result"
        quote = cut(message.reasoning[found.start : found.stop])
        return Finding(
            self.name,
            Severity.ERROR if ends else Severity.WARNING,
            side,
            f"A call of {found.name} stands in the reasoning of exchange {turn.exchange} "
            f"({found.family}), {what}: {why}.",
            Place(turn.exchange),
            evidence=(Evidence(turn.exchange, quote),),
        )


def _blame(thought: str, found: Leak) -> tuple[Side, str]:
    """Whose side it is, and what tells."""
    if "</think>" in thought[: found.start]:
        return Side.SERVER, "the thought was closed before it, but the server's parser went on"
    if found.family == markers.EATEN:
        return Side.SERVER, "the server ate its markers and took the rest for a thought"
    return Side.MODEL, "the model called it before it had closed its thought"
