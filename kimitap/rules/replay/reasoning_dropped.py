"""The model's reasoning before a call does not come back with the call."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.lineage import Fate, Link, Session, Thread
from kimitap.rules.echoes import GIVEN_BACK, judged, standing_at
from kimitap.rules.examples import (
    DONE,
    NOTES,
    READ,
    TASK,
    WRITE,
    WRITTEN,
    anthropic,
    assistant,
    failed,
    step,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.price import total
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, quoted_reasoning, quoted_request, times

THOUGHT = assistant("I read the notes.", READ, reasoning="The task asks for the notes first.")
UNTHOUGHT = assistant("I read the notes.", READ)
THOUGHT_TWO = assistant(None, WRITE, reasoning="Now the summary.")
SIGNED = anthropic.thinking("The task asks for the notes first.", "EqQBCkYIBxgCKkBn")
NO_THINKING = (
    "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. "
    "When `thinking` is enabled, a final `assistant` message must start with a thinking block."
)
REFUSAL = "The `reasoning_content` in the thinking mode must be passed back to the API."


def owes_reasoning(link: Link) -> bool:
    """True where a reply with reasoning and calls came back, in whatever form."""
    reply = link.parent.reply.message
    spoke = bool(reply.reasoning.strip() and reply.tool_calls)
    return spoke and link.echo.kind in GIVEN_BACK


def is_refused(link: Link) -> bool:
    """True where the server answers the request with a 400 that speaks of reasoning."""
    said = link.child.reply.error.lower()
    return link.child.status == 400 and ("reasoning" in said or "thinking" in said)


class ReasoningDropped(Rule):
    """One finding a thread: it is a setting, and holds for every turn."""

    name = "reasoning-dropped"
    severity = Severity.WARNING
    side = Side.AGENT
    summary = "the reasoning that led to a tool call is missing from the next request"
    meaning = (
        "The reply had reasoning and tool calls; the next request gives the calls back without "
        "it. Models that think between calls (Kimi K2 Thinking, DeepSeek) lose their plan at every "
        "step, and the server must evaluate the prompt anew from there. It is reported once a "
        "thread, at the first request that shows it, with the number of turns; it is an error "
        "where the server then refuses the request, and a note where only a change of the model "
        "lies between: another model's reasoning is rightly left out. It is no defect where the "
        "reasoning comes back as a field or as a leading <think>, or where the reply called no "
        "tool."
    )
    remedy = (
        "Choose a provider type of the agent that keeps reasoning, or its setting “preserve "
        "reasoning” (OpenCode: `interleaved`); the field must come back as the server named it."
    )
    source = f"DeepSeek: “{REFUSAL}”"
    examples: ClassVar = (
        Example(
            "the reasoning comes back as <think> in the text",
            (
                step(TASK, THOUGHT),
                step(
                    (
                        *TASK,
                        assistant(
                            "<think>\nThe task asks for the notes first.\n</think>\n\n"
                            "I read the notes.",
                            READ,
                        ),
                        NOTES,
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "the reasoning comes back under another field's name",
            (
                step(TASK, THOUGHT),
                step(
                    (
                        *TASK,
                        {**UNTHOUGHT, "reasoning": "The task asks for the notes first."},
                        NOTES,
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "reasoning before an answer in plain text need not come back",
            (
                step(TASK, assistant("Which notes?", reasoning="There are two.")),
                step((*TASK, assistant("Which notes?"), TASK[1]), DONE),
            ),
        ),
        Example(
            "calls and results are right, the reasoning is gone, in each of two turns",
            (
                step(TASK, THOUGHT),
                step((*TASK, UNTHOUGHT, NOTES), THOUGHT_TWO),
                step((*TASK, UNTHOUGHT, NOTES, assistant(None, WRITE), WRITTEN), DONE),
            ),
            (Place(2, 2),),
        ),
        Example(
            "another model goes on, without the reasoning of the one before",
            (step(TASK, THOUGHT), step((*TASK, UNTHOUGHT, NOTES), DONE, model="qwen3-coder")),
            (Place(2, 2),),
        ),
        Example(
            "and the server refuses it",
            (
                step(TASK, UNTHOUGHT),
                step((*TASK, UNTHOUGHT, NOTES), THOUGHT_TWO),
                failed((*TASK, UNTHOUGHT, NOTES, assistant(None, WRITE), WRITTEN), 400, REFUSAL),
            ),
            (Place(3, 4),),
        ),
        Example(
            "Anthropic refuses a turn that thought before its call and comes back without",
            (
                anthropic.step(anthropic.TASK, SIGNED, anthropic.READ),
                anthropic.refused(
                    (
                        *anthropic.TASK,
                        anthropic.assistant(anthropic.READ),
                        anthropic.user(anthropic.NOTES),
                    ),
                    NO_THINKING,
                ),
            ),
            (Place(2, 2),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        owed = [link for link in judged(thread) if owes_reasoning(link)]
        gone = [link for link in owed if link.echo.reasoning is Fate.GONE]
        if gone:
            yield self._finding(gone, len(owed))

    def _finding(self, gone: Sequence[Link], owed: int) -> Finding:
        first = gone[0]
        refused = next((link for link in gone if is_refused(link)), None)
        often = f" (in {len(gone)} of {times(owed, 'turn')})" if owed > 1 else ""
        said = "" if refused is None else f" The server refused request {refused.child.exchange}."
        spent = total(gone)
        cost = f" The server had to read about {spent} again." if spent else ""
        return Finding(
            self.name,
            _severity(gone, refused),
            self.side,
            f"Request {first.child.exchange} gives the reply of exchange {first.parent.exchange} "
            f"back without its reasoning{often}: the model sees its calls, and not why it made "
            f"them.{said}{cost}",
            Place(first.child.exchange, standing_at(first.echo)),
            related=(
                Place(first.parent.exchange),
                *(Place(link.child.exchange, standing_at(link.echo)) for link in gone[1:]),
            ),
            evidence=(
                quoted_reasoning(first.parent),
                quoted_request(first.child, standing_at(first.echo)),
                *_refusal(refused),
            ),
        )


def _severity(gone: Sequence[Link], refused: Link | None) -> Severity:
    if refused is not None:
        return Severity.ERROR
    switched = all(link.parent.model != link.child.model for link in gone)
    return Severity.INFO if switched else Severity.WARNING


def _refusal(link: Link | None) -> tuple[Evidence, ...]:
    if link is None:
        return ()
    return (Evidence(link.child.exchange, cut(link.child.reply.error)),)
