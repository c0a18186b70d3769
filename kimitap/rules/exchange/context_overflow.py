"""The prompt does not fit into the server's context."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.each import each
from kimitap.rules.examples import ASKED, DONE, NOTES, READ, TASK, assistant, failed, step, user
from kimitap.rules.exchange.refusal import Refusal, refused
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import cut, fact, times
from kimitap.visible import one_line

OVERFLOW = (
    "exceed_context_size_error: request (6028 tokens) exceeds the available context size "
    "(4096 tokens), try increasing it"
)
SHARED = "context size has been exceeded"
"""What llama-server says where a batch finds no room."""


def filled(turn: Turn) -> bool:
    """True where the prompt alone took all of the context, as far as the server tells."""
    prompt, context = turn.reply.usage.prompt_tokens, turn.reply.timings.n_ctx
    return bool(prompt and context and prompt >= context)


def _is_filled_at(thread: Thread, at: int) -> bool:
    return filled(thread.turns[at])


def _counted(sample: Sample, prompt: int, context: int) -> Sample:
    """The sample with an ik_llama.cpp's counts."""
    counts = {
        "usage": {"prompt_tokens": prompt, "completion_tokens": 2},
        "timings": {"prompt_n": prompt, "predicted_n": 2, "n_ctx": context},
    }
    return Sample(sample.request, sample.reply, extra=counts)


class ContextOverflow(Rule):
    """Whether the agent could have made it shorter decides whose fault it is."""

    name = "context-overflow"
    severity = Severity.ERROR
    side = Side.SERVER
    summary = "the request is longer than the server's context"
    meaning = (
        "The prompt has more tokens than the server has room for, so that it refuses the request, "
        "or answers with no room left for a reply. Where the first request of a thread is too long "
        "the server's context is too small for this agent; later the agent let its history grow "
        "past it without compacting it; where slots share the context, others may have filled it. "
        "Retries in a row are one finding. It is no defect where the server ran out of context "
        "while it generated: that is truncated-by-length, or stream-error-event where it says so "
        "by an error; nor where it shortened the prompt without a word: shortened-prompt."
    )
    remedy = (
        "Give the server more context (-c, and mind that -np divides it among the slots), tell the "
        "agent the true size of the context so that it compacts in time, or give it fewer tools."
    )
    source = "llama-server's `exceed_context_size_error`; OpenAI's `context_length_exceeded`"
    examples: ClassVar = (
        Example("the reply fits well", (_counted(step(TASK, DONE), 900, 4096),)),
        Example(
            "another limit is exceeded",
            (failed(TASK, 429, "Rate limit exceeded: 30000 tokens per minute"),),
        ),
        Example(
            "the very first request is too long",
            (failed(TASK, 400, OVERFLOW),),
            (Place(1),),
        ),
        Example(
            "the slots share a context, and it is full before a word is said",
            (
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES), 500, "Context size has been exceeded."),
                step((*TASK, ASKED, NOTES), DONE),
            ),
            (Place(2),),
        ),
        Example(
            "the history grew past it; asked again in vain, then shortened",
            (
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES), 400, OVERFLOW),
                failed((*TASK, ASKED, NOTES), 400, OVERFLOW),
                step(
                    (
                        TASK[0],
                        user("## Conversation Summary\nThe notes were read."),
                    ),
                    DONE,
                ),
            ),
            (Place(2),),
        ),
        Example(
            "the prompt leaves no room for a reply",
            (_counted(step(TASK, assistant("The", READ)), 4096, 4096),),
            (Place(1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turns in refused(thread, Refusal.CONTEXT):
            yield self._finding(turns, thread, one_line(turns[0].reply.error, 160))
        for turn, full in zip(thread.turns, each(thread, _is_filled_at), strict=True):
            if full:
                sizes = f"prompt of {turn.reply.usage.prompt_tokens} tokens"
                room = f"context of {turn.reply.timings.n_ctx}"
                yield self._finding([turn], thread, f"{sizes}, {room}")

    def _finding(self, turns: Sequence[Turn], thread: Thread, said: str) -> Finding:
        first = turns[0]
        side, what = _blame(first, begun=thread.turns[0] is not first)
        often = f" ({times(len(turns), 'request')} in a row)" if len(turns) > 1 else ""
        return Finding(
            self.name,
            self.severity,
            side,
            f"Request {first.exchange} {what[0]}{often}; {what[1]} (“{said}”).",
            Place(first.exchange),
            related=tuple(Place(turn.exchange) for turn in turns[1:]),
            evidence=(_proof(first, said),),
        )


def _proof(turn: Turn, said: str) -> Evidence:
    """The server's words; the counts where it has none."""
    error = turn.reply.error
    return Evidence(turn.exchange, cut(error)) if error else fact(turn, said)


def _blame(turn: Turn, *, begun: bool) -> tuple[Side, tuple[str, str]]:
    """Whose fault it is, and what happened and why, in words; `begun` is a thread that went on.

    llama-server measures a prompt against a slot's context before it reads it. Where that fitted
    and there is no room all the same, other slots took it.
    """
    if SHARED in turn.reply.error.lower():
        return Side.SERVER, (
            "found no more room in the server's context",
            "all slots together filled it",
        )
    what = "is longer than the server's context"
    if begun:
        return Side.AGENT, (what, "the agent let its history grow past it")
    return Side.SERVER, (what, "it is too small for what this agent begins with")
