"""What one request still carried is gone from the next, out of the middle."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from kimitap.conversation import Message, ToolCall, ToolResult
from kimitap.lineage import EchoKind, Link, Relation, Session, Thread
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
from kimitap.rules.gaps import Differences, Gap, bare, differences, lost_calls, says_nothing
from kimitap.rules.rule import Example, Rule
from kimitap.rules.stand_ins import is_deleted_talk, is_summed_up
from kimitap.rules.wording import cut, named, quoted_request, spoken, times

HEAD = 2
"""Messages after the system prompt behind which a window takes out the oldest."""
MOVING = (Relation.CONTINUES, Relation.WINDOW, Relation.REBUILT)
STEPS = 2
"""Times that the oldest messages go away, which make a window."""


@dataclass(frozen=True)
class Dropped:
    """What a request misses in one place: messages as a whole, or calls out of one."""

    link: Link
    at: int
    gone: tuple[int, ...]
    calls: tuple[ToolCall, ...]
    results: tuple[ToolResult, ...]
    summed_up: bool = False
    """New messages in their place tell of them."""

    @property
    def messages(self) -> list[Message]:
        return [self.link.parent.messages[i] for i in self.gone]

    @property
    def grave(self) -> bool:
        """True where a turn with calls, or a result, is among it."""
        return bool(self.calls or self.results)


def drops(link: Link, window: bool = False) -> Iterator[Dropped]:
    """What the request no longer holds, in order of its places.

    `window`: the oldest messages may go.
    """
    if link.relation not in (Relation.CONTINUES, Relation.REBUILT):
        return
    found = differences(link)
    if link.relation is Relation.REBUILT and not is_clean_cut(found, link):
        return
    others = [*found.fresh, *(edit.new for edit in found.edits)]
    for gap in found.gaps:
        several = turns_in(gap, link) > 1 and not is_whole_task(gap, link)
        slid = slides(gap, link) and (window or several)
        gone = None if slid else _lost(link, gap, others)
        if gone is not None:
            yield replace(gone, summed_up=is_summed_up(gap, link, found.fresh))
    for edit in found.edits:
        old, new = link.parent.messages[edit.old], link.child.messages[edit.new]
        calls = lost_calls(old, link, others)
        if len(new.tool_calls) < len(old.tool_calls) and calls:
            yield Dropped(link, edit.new, (edit.old,), tuple(calls), ())


def is_clean_cut(found: Differences, link: Link) -> bool:
    """True where nothing came instead of what is gone: the rest is as it was, the reply included.

    Else the agent writes its whole prompt anew each time.
    """
    slot = link.echo.slot
    kept = link.echo.kind is EchoKind.SAME and bool(slot)
    return kept and not found.edits and all(i > slot[-1] for i in found.fresh)


def _lost(link: Link, gap: Gap, others: Sequence[int]) -> Dropped | None:
    """What of a gap is lost: neither blank, nor said or answered elsewhere in the request."""
    near = [*others, *range(max(gap.at - 4, 0), min(gap.at + 4, len(link.child.messages)))]
    given = {r.call_id for i in near for r in link.child.messages[i].tool_results if r.call_id}
    texts = [bare(link.child.messages[i].text) for i in near]
    gone, calls, results = list[int](), list[ToolCall](), list[ToolResult]()
    for i in gap.gone:
        old = link.parent.messages[i]
        missing = lost_calls(old, link, near)
        lacking = [r for r in old.tool_results if r.call_id not in given]
        said = bool(old.tool_calls or old.tool_results) or any(bare(old.text) in t for t in texts)
        if missing or lacking or not (said or says_nothing(old)):
            gone.append(i)
            calls += missing
            results += lacking
    if not gone:
        return None
    return Dropped(link, gap.at, tuple(gone), tuple(calls), tuple(results))


def slides(gap: Gap, link: Link) -> bool:
    """True where the oldest messages went away in one run, as those before a window do."""
    messages, gone = link.parent.messages, gap.gone
    first = next((i for i, m in enumerate(messages) if m.role != "system"), 0)
    return gone[0] - first < HEAD and gone[-1] - gone[0] == len(gone) - 1


def _drops_at(thread: Thread, position: int) -> list[Dropped]:
    link = thread.links[position]
    return [] if link is None else list(drops(link))


def is_whole_task(gap: Gap, link: Link) -> bool:
    """True where all calls and results are gone that an answer came of, and the answer is kept.

    A window keeps the latest; chat clients whose history is text only keep none.
    """
    messages, reply = link.parent.messages, link.parent.reply.message
    if gap.gone[-1] != len(messages) - 1 or reply.tool_calls or link.echo.kind is not EchoKind.SAME:
        return False
    if not all(messages[i].role == "assistant" or messages[i].tool_results for i in gap.gone):
        return False
    said = bare(reply.text)
    return all(bare(link.child.messages[i].text) in said for i in link.echo.slot)


def turns_in(gap: Gap, link: Link) -> int:
    """How many turns of the model are among what is gone."""
    return sum(link.parent.messages[i].role == "assistant" for i in gap.gone)


def is_window(session: Session) -> bool:
    """True where the oldest messages went away again and again, in whichever of its threads: an
    attempt that failed, or going back, makes two of one."""
    links = (link for thread in session.threads for link in thread.links if link is not None)
    steps = 0
    for link in links:
        if link.relation in MOVING:
            gaps = differences(link).gaps
            steps += link.relation is Relation.WINDOW or any(slides(gap, link) for gap in gaps)
    return steps >= STEPS


def is_reminder(dropped: Dropped) -> bool:
    """True where only what stood at the end of the request, from the agent, is gone."""
    end = len(dropped.link.parent.messages)
    run = range(end - len(dropped.gone), end)
    ours = all(message.role in ("user", "system") for message in dropped.messages)
    return ours and dropped.gone == tuple(run) and not dropped.grave


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
        found = [drop for drops_here in each(thread, _drops_at) for drop in drops_here]
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
