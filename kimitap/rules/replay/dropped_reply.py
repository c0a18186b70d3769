"""The model said something, and the next request does not repeat it."""

from collections.abc import Iterator
from typing import ClassVar

from kimitap.lineage import Link, Session, Thread
from kimitap.rules.echoes import judged
from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, assistant, step, user
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.flaws import flaw
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import quoted_reply, quoted_request

ANSWER = assistant("The notes name one owner, Ada, and three rows of amounts.")
NEXT = user("And who owns the table?")


def is_dropped(link: Link) -> bool:
    """True where a sound reply of text alone stands nowhere in the request that continues it."""
    reply = link.parent.reply.message
    if reply.tool_calls or not reply.text.strip():
        return False
    slot = [link.child.messages[i] for i in link.echo.slot]
    if any(not message.blank for message in slot):
        return False
    return not flaw(link.parent) and not _stands(reply.text, link)


def _stands(text: str, link: Link) -> bool:
    """True where the text is found anywhere in what the request adds, white space aside."""
    wanted = "".join(text.split())
    return any(wanted in "".join(m.text.split()) for m in link.child.messages[link.prefix :])


class DroppedReply(Rule):
    """Text alone: a reply with tool calls is tool-turn-lost."""

    name = "dropped-reply"
    severity = Severity.WARNING
    side = Side.AGENT
    summary = "a reply's text is missing from the next request"
    meaning = (
        "The next request goes on with the conversation, but the reply that the model gave before "
        "stands nowhere in it, neither as an assistant's message nor quoted elsewhere. The model "
        "contradicts or repeats itself. It is no defect where the reply was cut or failed, was "
        "empty, where the history was compacted or rewound, or where the text stands in another "
        "message. A reply with leaked tokens or cut by the length limit is a discarded reply."
    )
    remedy = (
        "Look at what the agent thinks of such a reply: many expect a tool call in every turn and "
        "leave out one without. Report it to the agent with both requests attached."
    )
    source = "mini-swe-agent 2.4.6: a turn without a call is left out of the next request"
    by_turn = True
    examples: ClassVar = (
        Example(
            "the reply stands in a user's message",
            (
                step(TASK, ANSWER),
                step(
                    (
                        *TASK,
                        user("You said: The notes name one owner, Ada, and three rows of amounts."),
                        NEXT,
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "an empty reply is left out",
            (
                step(TASK, assistant("", reasoning="Nothing to do?")),
                step((*TASK, user("Please say something.")), DONE),
            ),
            also=("empty-reply",),
        ),
        Example(
            "the agent compacts its history",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), ANSWER),
                step(
                    (
                        TASK[0],
                        user(
                            "This session is being continued from a previous conversation that "
                            "ran out of context. Summary: the notes were read."
                        ),
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "a user's message follows the user's message",
            (step(TASK, ANSWER), step((*TASK, NEXT), DONE)),
            (Place(2, 2),),
        ),
        Example(
            "the last of several turns is left out",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), ANSWER),
                step((*TASK, ASKED, NOTES, NEXT), DONE),
            ),
            (Place(3, 4),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for link in judged(thread):
            if is_dropped(link):
                yield self._finding(link)

    def _finding(self, link: Link) -> Finding:
        how = "its turn is blank there" if link.echo.slot else "its text stands nowhere in it"
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {link.child.exchange} does not give back the reply of exchange "
            f"{link.parent.exchange}: {how}, so the model does not know what it said.",
            Place(link.child.exchange, link.echo.place),
            related=(Place(link.parent.exchange),),
            evidence=(
                quoted_reply(link.parent),
                quoted_request(link.child, link.echo.place),
            ),
        )
