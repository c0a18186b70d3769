"""A reply that says nothing."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.asked import is_filling_in
from kimitap.rules.endings import ended, was_withheld
from kimitap.rules.examples import NOTES, READ, TASK, WROTE, assistant, step
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.limits import generated, is_probe
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import fact, quoted_ending, quoted_reasoning

REFUSED = (
    b'{"choices":[{"finish_reason":"stop","message":'
    b'{"role":"assistant","content":null,"refusal":"I cannot help with that."}}]}'
)

SWALLOWED = 4
"""Tokens from which on a reply without any text was more than its end token."""


def is_empty(turn: Turn) -> bool:
    """True where a whole reply has neither text nor call, nor refuses; no choice of several has."""
    reply = turn.reply
    if was_withheld(turn) or not reply.message.blank:
        return False
    if is_probe(turn) or is_filling_in(turn):
        return False
    return all(choice.blank for choice in reply.others)


class EmptyReply(Rule):
    """Its sub-kind reasoning-only has thoughts and no more."""

    name = "empty-reply"
    severity = Severity.WARNING
    side = Side.MODEL
    by_turn = True
    summary = "the reply has neither text nor a call (reasoning-only: it has thoughts)"
    meaning = (
        "The reply ended as the protocol ends one, but there is nothing in it that an agent could "
        "use; where it has reasoning and no more, the message says reasoning-only. Agents ask "
        "again, drop the turn or stop in the middle of their task. A refusal says something, as "
        "do a filter's finish reason and another choice of the same reply; a request for one token "
        "is a probe, and an editor that asks what to fill in may be told: nothing. Replies cut by "
        "their length, and calls that went astray into the reasoning, have rules of their own."
    )
    remedy = (
        "If the server counts tokens that never came, its parser ate them: update it, and use "
        "--jinja with the model's own template. If the model ended by itself, ask again; a higher "
        "temperature, a larger quantisation or another reasoning budget helps."
    )
    source = (
        "https://github.com/sipeed/picoclaw/issues/966 (llama.cpp: empty content, reasoning only)"
    )
    examples: ClassVar = (
        Example(
            "null content with a call, as it should be",
            (step(TASK, assistant(None, READ, reasoning="First the notes.")),),
        ),
        Example(
            "a refusal",
            (Sample(step(TASK, None).request, None, raw=REFUSED),),
        ),
        Example(
            "a probe for one token",
            (step(TASK, assistant(""), "length", max_tokens=1),),
        ),
        Example(
            "the stream was cut before it said anything",
            (step(TASK, None),),
            also=("stream-aborted",),
        ),
        Example(
            "the stream's [DONE], and nothing before it",
            (Sample(step(TASK, None).request, None, raw=b"data: [DONE]\n\n"), step(TASK, WROTE)),
            (Place(1),),
        ),
        Example("blank content", (step(TASK, assistant(" \n")),), (Place(1),)),
        Example(
            "reasoning-only, in the second turn, and asked again",
            (
                step(TASK, assistant(None, READ)),
                step((*TASK, assistant(None, READ), NOTES), assistant("", reasoning="I see.")),
                step((*TASK, assistant(None, READ), NOTES), WROTE),
            ),
            (Place(2),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn in ended(thread):
            if is_empty(turn):
                yield self._finding(turn)

    def _finding(self, turn: Turn) -> Finding:
        message = turn.reply.message
        side, why = _blame(turn)
        kind = "reasoning-only" if message.reasoning.strip() else "empty"
        return Finding(
            self.name,
            self.severity,
            side,
            f"The reply of exchange {turn.exchange} is {kind}, though it ended "
            f"{_how(turn.reply.finish_reason)}: {why}.",
            Place(turn.exchange),
            evidence=tuple(_evidence(turn)),
        )


def _how(reason: str | None) -> str:
    return "without any reason" if reason is None else f"with “{reason}”"


def _blame(turn: Turn) -> tuple[Side, str]:
    """Who kept silent, and what tells."""
    made = generated(turn)
    if turn.reply.message.reasoning.strip():
        return Side.MODEL, "the model ended after its thought"
    if made is not None and made >= SWALLOWED:
        return Side.SERVER, f"the server counts {made} tokens and passed none of them on"
    if turn.reply.finish_reason is None:
        return Side.SERVER, "the server sent the end of a reply, and nothing before it"
    counted = "" if made is None else f" ({made} tokens)"
    return Side.MODEL, f"the model ended at once{counted}"


def _evidence(turn: Turn) -> Iterator[Evidence]:
    """The thought; else what came in the place of words."""
    if turn.reply.message.reasoning.strip():
        yield quoted_reasoning(turn)
        return
    made = generated(turn)
    yield quoted_ending(turn, turn.reply.finish_reason)
    yield fact(turn, "no text and no call" + ("" if made is None else f"; {made} tokens counted"))
