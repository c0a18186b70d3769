"""What one request still carried is gone from the next, out of the middle."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.lineage import Session, Thread
from kimitap.rules.drops import Dropped, drops, drops_at, is_reminder, is_window
from kimitap.rules.each import each
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
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
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.stand_ins import is_deleted_talk
from kimitap.rules.wording import cut, named, quoted_request, spoken, times

HALF = assistant("Now I write.", call("c3", "write_file", '{"path": "summary.md", "cont'))
ERROR = tool("c3", "Error: the arguments are no JSON.")
GO_ON = (DONE, user("Go on."))


class DroppedFromHistory(Rule):
    """A turn can vanish two requests after it was made."""

    name = "dropped-from-history"
    severity = Severity.ERROR
    side = Side.AGENT
    summary = "a message that an earlier request carried is gone, out of the middle"
    meaning = (
        "One request carried the message, the next does not, though what stood before and after "
        "it is still there: the agent took it out. Of calls and results it is an error, since the "
        "model forgets what it did and does it again; of text a warning. Calls that vanish from a "
        "turn that stays count too. It is no defect where the history was compacted, rewound, or "
        "slides as a window (the oldest go away, several at once or again and again, and the "
        "latest stay), where a message is blank, tells only what changes by itself, moved, or was "
        "merged into another. An answer that stays without any of the calls that it came of is a "
        "defect: so do chat clients that keep text only. Reminders that an agent puts at the end "
        "of each request and takes away again are a note; so are calls and results in whose place "
        "a message tells of them, and questions deleted with their answers where no tool is "
        "declared (a user can do that)."
    )
    remedy = (
        "Look at what the dropped turn had in common: agents take out failed calls, or what they "
        "think the model need not see. Report it to the agent with both requests attached. To go "
        "on now, tell the model what it did."
    )
    source = (
        "https://github.com/microsoft/copilot-intellij-feedback/issues/1535; Nanocoder 1.25.2: a "
        "failed turn is in the next request and gone from the one after"
    )
    examples: ClassVar = (
        Example(
            "the history is compacted",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), WROTE),
                step(
                    (
                        *TASK,
                        user("This session is being continued from a previous conversation. …"),
                        WROTE,
                        WRITTEN,
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "a window: the oldest turn goes away, request after request",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), assistant(None, READ_TWO)),
                step((*TASK, assistant(None, READ_TWO), tool("c2", "id,amount")), WROTE),
                step((*TASK, WROTE, WRITTEN), DONE),
            ),
        ),
        Example(
            "a clock and a blank turn are taken away",
            (
                step(
                    (*TASK, user("<environment_details>10:01</environment_details>")),
                    ASKED,
                ),
                step((*TASK, ASKED, NOTES, assistant(""), user("On.")), WROTE),
                step((*TASK, ASKED, NOTES, user("On."), WROTE, WRITTEN), DONE),
            ),
            also=("empty-assistant-in-history",),
        ),
        Example(
            "two user messages are merged into one",
            (
                step((*TASK, ASKED, NOTES, user("Go on."), user("Mind the table.")), WROTE),
                step(
                    (*TASK, ASKED, NOTES, user("Go on.\n\nMind the table."), WROTE, WRITTEN),
                    DONE,
                ),
            ),
        ),
        Example(
            "a failed turn is there, and one request later it is not (Nanocoder)",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), HALF),
                step((*TASK, ASKED, NOTES, HALF, ERROR), WROTE),
                step((*TASK, ASKED, NOTES, WROTE, WRITTEN), DONE),
            ),
            (Place(4, 4),),
            also=("malformed-tool-arguments", "reused-tool-call-id"),
        ),
        Example(
            "the call vanishes from a turn that stays, two requests later",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), WROTE),
                step((*TASK, ASKED, NOTES, WROTE, WRITTEN), DONE),
                step(
                    (*TASK, assistant("I read the notes first."), NOTES, WROTE, WRITTEN, *GO_ON),
                    DONE,
                ),
            ),
            (Place(4, 2),),
        ),
        Example(
            "a user's message is taken out of the middle",
            (
                step(TASK, assistant("Which notes?")),
                step((*TASK, assistant("Which notes?"), user("Those in docs.")), ASKED),
                step((*TASK, assistant("Which notes?"), ASKED, NOTES), WROTE),
            ),
            (Place(3, 3),),
            also=("unusual-role-order",),
        ),
    )

    reads_session = True

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        found = [drop for drops_here in each(thread, drops_at) for drop in drops_here]
        links = [link for link in thread.links if link is not None] if found else []
        if found and is_window(session):
            found = [drop for link in links for drop in drops(link, window=True)]
        reminders = [drop for drop in found if is_reminder(drop)]
        if len(reminders) > 1:
            yield self._note(reminders)
            found = [drop for drop in found if not is_reminder(drop)]
        yield from (self._finding(drop) for drop in found)

    def _finding(self, drop: Dropped) -> Finding:
        link = drop.link
        return Finding(
            self.name,
            _severity(drop),
            self.side,
            f"Request {link.child.exchange} no longer holds {_what(drop)}, which request "
            f"{link.parent.exchange} carried, though what stood around it is there: {_so(drop)}.",
            Place(link.child.exchange, drop.at),
            related=tuple(Place(link.parent.exchange, i) for i in drop.gone),
            evidence=(
                *(Evidence(link.parent.exchange, cut(spoken(m))) for m in drop.messages[:3]),
                quoted_request(link.child, drop.at),
            ),
        )

    def _note(self, reminders: Sequence[Dropped]) -> Finding:
        first = reminders[0]
        link = first.link
        return Finding(
            self.name,
            Severity.INFO,
            self.side,
            f"{times(len(reminders), 'request')} no longer hold what the one before ended with, "
            f"first request {link.child.exchange}: the agent's reminders come and go, and the "
            "model does not see what it answered to.",
            Place(link.child.exchange, first.at),
            related=tuple(Place(drop.link.child.exchange, drop.at) for drop in reminders[1:20]),
            evidence=(
                Evidence(link.parent.exchange, cut(spoken(first.messages[0]))),
                quoted_request(link.child, first.at),
            ),
        )


def _severity(drop: Dropped) -> Severity:
    if drop.summed_up or is_deleted_talk(drop.messages, drop.link):
        return Severity.INFO
    return Severity.ERROR if drop.grave else Severity.WARNING


def _what(drop: Dropped) -> str:
    """What is gone, in words."""
    if drop.calls:
        more = f" and {times(len(drop.results), 'result')}" if drop.results else ""
        return f"the {named(drop.calls)}{more}"
    if drop.results:
        return times(len(drop.results), "result")
    role = drop.messages[0].role
    article = "an" if role == "assistant" else "a"
    more = f" and {len(drop.gone) - 1} more" if len(drop.gone) > 1 else ""
    return f"{article} {role}'s message{more}"


def _so(drop: Dropped) -> str:
    if drop.summed_up:
        return "a text in its place tells of it"
    return "the model forgets what it did" if drop.grave else "the model forgets what was said"
