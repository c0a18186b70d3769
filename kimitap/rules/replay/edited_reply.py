"""The model's words come back as other words."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Message
from kimitap.lineage import EchoKind, Fate, Link, Session, Thread
from kimitap.rules.echoes import judged
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    READ,
    TASK,
    WRITE,
    WRITTEN,
    assistant,
    step,
    user,
)
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import quoted_reply, quoted_request

LIKENESS = 0.6
"""Share of words in common from which a text is held to be the same, edited."""
READ_CHARACTERS = 6_000
LISTED = 20
"""Requests that a finding names; the rest is a number."""
WORDS = re.compile(r"\w+")


def likeness(one: str, other: str) -> float:
    """How alike two texts are, from 0 to 1: shared words (Dice), of a bounded beginning."""
    a, b = (Counter(WORDS.findall(text[:READ_CHARACTERS])) for text in (one, other))
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 1.0


def is_edited(link: Link) -> bool:
    """True where the reply's text comes back unlike itself, is gone, or stands elsewhere."""
    if link.echo.kind not in (EchoKind.ALTERED, EchoKind.PARTIAL):
        return False
    if link.echo.text not in (Fate.CHANGED, Fate.GONE):
        return False
    return likeness(link.parent.reply.message.text, _in_place(link)) < LIKENESS


def is_moved(link: Link) -> bool:
    """True where the text stands behind other messages than the calls it came with."""
    text = link.parent.reply.message.text
    slot = [link.child.messages[i].text for i in link.echo.slot]
    return len(slot) > 1 and likeness(text, "\n".join(slot)) >= LIKENESS


def _in_place(link: Link) -> str:
    """The text of the messages that stand for the reply, up to the first other message."""
    slot, texts = link.echo.slot, list[Message]()
    for n, index in enumerate(slot):
        if index != slot[0] + n:
            break
        texts.append(link.child.messages[index])
    return "\n".join(message.text for message in texts)


SAID = assistant("The notes name one owner, Ada, and three rows of amounts.")
NEXT = user("And who owns the table?")


class EditedReply(Rule):
    """One note a thread: what an agent does to one reply, it does to more."""

    name = "edited-reply"
    severity = Severity.INFO
    side = Side.AGENT
    summary = "a reply's text comes back as other text, without it, or in another place"
    meaning = (
        "The next request has an assistant's message where the reply should be, but most of its "
        "words are others; or only its calls came back, without the text; or the text stands "
        "behind the results. The model is made to have said what it did not say. Known rewrites "
        "are no defect: white space, punctuation, text appended, a text cut after the first call, "
        "a thought taken out or put into the text. Lost calls and lost replies have rules of their "
        "own."
    )
    remedy = "Nothing, if it was meant (a summary, a translation); else report it to the agent."
    source = (
        "OpenCode 1.18.33: after a broken stream the turn's text is put behind its tool's result"
    )
    examples: ClassVar = (
        Example(
            "known rewrites: a thought in the text, and words appended",
            (
                step(TASK, assistant("I read the notes.", READ, reasoning="First the notes.")),
                step(
                    (
                        *TASK,
                        assistant(
                            "<think>First the notes.</think>\n\nI read the notes. Observation:",
                            READ,
                        ),
                        NOTES,
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "a text cut after its first sentence",
            (
                step(TASK, assistant("I read the notes and the table. Then I write.", READ)),
                step((*TASK, assistant("I read the notes and the table.", READ), NOTES), DONE),
            ),
        ),
        Example(
            "the reply is lost as a whole: that is another defect",
            (step(TASK, SAID), step((*TASK, NEXT), DONE)),
            also=("dropped-reply",),
        ),
        Example(
            "other words in its place",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), SAID),
                step((*TASK, ASKED, NOTES, assistant("Nothing of the kind."), NEXT), DONE),
            ),
            (Place(3, 4),),
        ),
        Example(
            "the text is gone, the call is kept, in two turns: one note",
            (
                step(TASK, ASKED),
                step((*TASK, assistant(None, READ), NOTES), assistant("I write it.", WRITE)),
                step(
                    (*TASK, assistant(None, READ), NOTES, assistant(None, WRITE), WRITTEN),
                    DONE,
                ),
            ),
            (Place(2, 2),),
        ),
        Example(
            "the text stands behind the result",
            (
                step(TASK, ASKED),
                step(
                    (
                        *TASK,
                        assistant(None, READ),
                        NOTES,
                        assistant("I read the notes first."),
                        user("Go on."),
                    ),
                    DONE,
                ),
            ),
            (Place(2, 2),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        owed = [link for link in judged(thread) if link.parent.reply.message.text.strip()]
        found = [link for link in owed if is_edited(link)]
        if found:
            yield self._finding(found, len(owed))

    def _finding(self, found: Sequence[Link], owed: int) -> Finding:
        first = found[0]
        often = f" (in {len(found)} of {owed} replies)"
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {first.child.exchange} gives the text of exchange {first.parent.exchange} "
            f"back {_how(first)}{often if owed > 1 else ''}.",
            Place(first.child.exchange, first.echo.slot[0]),
            related=(
                Place(first.parent.exchange),
                *(Place(one.child.exchange, one.echo.slot[0]) for one in found[1:LISTED]),
            ),
            evidence=(
                quoted_reply(first.parent),
                *(quoted_request(first.child, index) for index in first.echo.slot[:2]),
            ),
        )


def _how(link: Link) -> str:
    if is_moved(link):
        return f"behind other messages, in its message {link.echo.slot[-1]}"
    if link.echo.text is Fate.GONE:
        return "without its text: only the calls are there"
    return "as other words"
