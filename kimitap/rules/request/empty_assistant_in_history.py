"""An assistant's turn in the history that says nothing at all."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import ClassVar

from kimitap.conversation import Message, Turn
from kimitap.lineage import Link, Session, Thread
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    TASK,
    WROTE,
    assistant,
    failed,
    step,
    user,
)
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.history import Defect, first_shown
from kimitap.rules.rounds import Round
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import quoted_request

LISTED = 20
"""Blank turns that a finding names; the rest is a number."""
BLANK = assistant("")


def blank_turns(messages: Sequence[Message], found: Round) -> Iterator[Defect]:
    """A round whose assistant messages are all blank, and not the end of the request.

    A turn of reasoning alone is not blank: templates render it.
    """
    run = messages[found.start : found.results]
    if not run or found.results == len(messages):
        return
    if all(message.blank and not message.reasoning.strip() for message in run):
        yield Defect((found.start, 0), ("blank turn",), found.start)


class EmptyAssistantInHistory(Rule):
    """What is left of a turn that an agent could not represent."""

    name = "empty-assistant-in-history"
    severity = Severity.WARNING
    side = Side.AGENT
    summary = "an assistant's message in the history is blank"
    meaning = (
        "A message of role assistant has neither text nor calls nor reasoning, and the "
        "conversation goes on after it. Moonshot, Mistral and Anthropic refuse such a request; "
        "llama-server renders an empty turn, from which a model learns to end its own at once. It "
        "is reported once, at the first request that shows it. Where it stands for a reply that "
        "was not blank, the lost reply is reported instead. It is no defect where one reply comes "
        "back as two messages, one of them blank, or where an empty message ends the request."
    )
    remedy = (
        "Look at the reply that it stands for: a cut or empty reply should be left out of the "
        "history. Report it to the agent with the request attached. To go on now, rewind to "
        "before it."
    )
    source = (
        "https://github.com/MoonshotAI/kimi-code/issues/1985: “The message at position 307 with "
        "role 'assistant' must not be empty”"
    )
    examples: ClassVar = (
        Example(
            "one reply as two messages, the first of them blank",
            (
                step(TASK, ASKED),
                step((*TASK, BLANK, ASKED, NOTES), DONE),
            ),
            also=("unusual-role-order",),
        ),
        Example(
            "calls without text, and a turn of reasoning alone",
            (
                step(TASK, assistant(None, READ)),
                step(
                    (
                        *TASK,
                        assistant(None, READ),
                        NOTES,
                        assistant(None, reasoning="Now the summary."),
                        user("Go on."),
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "a blank message at the end: the model shall begin its turn",
            (step((*TASK, BLANK), DONE),),
            also=("trailing-assistant",),
        ),
        Example(
            "the failed attempt stays in the history as a blank turn",
            (
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES), 500, "decode failed"),
                step((*TASK, ASKED, NOTES, BLANK, user("Go on.")), WROTE),
                step(
                    (*TASK, ASKED, NOTES, BLANK, user("Go on."), WROTE, user("Stop.")),
                    DONE,
                ),
            ),
            (Place(3, 4),),
            also=("unanswered-tool-call",),
        ),
        Example(
            "two blank turns in a resumed session",
            (step((*TASK, BLANK, user("Hello?"), BLANK, user("Go on.")), DONE),),
            (Place(1, 2),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        shown = first_shown(thread, blank_turns)
        for turn, group in groupby(shown, key=lambda found: found[0]):
            found = list(group)
            yield self._finding(turn, found[0][1], [parts[0][0] for _, _, parts in found])

    def _finding(self, turn: Turn, link: Link | None, at: Sequence[int]) -> Finding:
        more = f" and {len(at) - 1} more" if len(at) > 1 else ""
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {turn.exchange} holds a blank assistant's turn, message {at[0]}{more}"
            f"{_stands_for(link, at[0])}: the model sees that it once had nothing to say.",
            Place(turn.exchange, at[0]),
            related=tuple(Place(turn.exchange, index) for index in at[1:LISTED]),
            evidence=(
                *((quoted_request(turn, at[0] - 1),) if at[0] else ()),
                quoted_request(turn, at[0]),
                quoted_request(turn, at[0] + 1),
            ),
        )


def _stands_for(link: Link | None, at: int) -> str:
    """Which reply the blank turn gives back, in words."""
    if link is None or at not in link.echo.slot:
        return ""
    ended = "empty" if link.parent.succeeded else "failed"
    return f" (it stands for the {ended} reply of exchange {link.parent.exchange})"
