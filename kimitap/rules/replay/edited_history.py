"""A message of the history comes back with other words."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from kimitap.lineage import Link, Relation, Session, Thread
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    TASK,
    WRITTEN,
    WROTE,
    step,
    system,
    tool,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.gaps import bare, differences, is_cleared
from kimitap.rules.price import price
from kimitap.rules.prompt.prompt_cache_broken import is_broken
from kimitap.rules.rule import Example, Rule, Sample
from kimitap.rules.wording import around, times

GROWING = "completion"
"""The dialect whose whole history is one text, which has to grow."""
LISTED = 20
"""Messages that a finding names; the rest is a number."""


class Edited(NamedTuple):
    """A message of one request, and the next request's message in its place."""

    link: Link
    old: int
    new: int


def edited(link: Link) -> list[Edited]:
    """The messages that come back with other text, results that were emptied aside."""
    if link.relation not in (Relation.CONTINUES, Relation.RETRY):
        return []
    return [
        Edited(link, edit.old, edit.new)
        for edit in differences(link).edits
        if _is_edit(link, edit.old, edit.new)
    ]


def _is_edit(link: Link, old: int, new: int) -> bool:
    was, now = link.parent.messages[old], link.child.messages[new]
    if not bare(was.text) or bare(was.text) == bare(now.text):
        return False
    if was.tool_calls and not now.text.strip():
        return False
    return not (is_cleared(now) or (was.role == now.role == "tool" and not now.text.strip()))


FOLDER = user("The folder holds notes.txt.\n\nRead notes.txt, then write summary.md.")
GROWN = user("The folder holds notes.txt, summary.md.\n\nRead notes.txt, then write summary.md.")
OTHER = tool("c1", "There were no rows in it, as far as I can see.")


class EditedHistory(Rule):
    """One finding a request."""

    name = "edited-history"
    severity = Severity.INFO
    side = Side.AGENT
    summary = "an earlier message comes back with other text; a warning where it broke the cache"
    meaning = (
        "A message that one request carried stands in the next with other words: a folder listing "
        "that is made anew, a result that was shortened, a prompt that was edited. The model sees "
        "another past than the one in which it answered, and the server must read the prompt again "
        "from there; where it says that it did, this is a warning with the price. It is no defect "
        "where only what changes by itself differs (clocks, reminders), where an old result was "
        "emptied to make room, or where the history was compacted or rewound."
    )
    remedy = (
        "Keep what changes at the end of the conversation instead of mending an old message: "
        "report it to the agent with both requests attached."
    )
    source = (
        "https://github.com/anomalyco/opencode/issues/23595; Qwen Code 0.15.10: the first message "
        "lists the folder anew when a session is resumed"
    )
    by_turn = True
    examples: ClassVar = (
        Example(
            "an old result is emptied in place",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), WROTE),
                step(
                    (
                        *TASK,
                        ASKED,
                        tool("c1", "[Old tool result content cleared]"),
                        WROTE,
                        WRITTEN,
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "a text completion, whose prompt is the history and grows",
            (
                Sample(
                    {"prompt": "User: read notes.txt\nAssistant:"},
                    {"content": " I read it first.", "stop": True, "stop_type": "eos"},
                    path="/completion",
                ),
                Sample(
                    {"prompt": "User: read notes.txt\nAssistant: I read it first.\nUser: go on"},
                    {"content": " Done.", "stop": True, "stop_type": "eos"},
                    path="/completion",
                ),
            ),
        ),
        Example(
            "only a clock and a reminder differ",
            (
                step((TASK[0], user("It is 2026-03-01 10:00:07. Read notes.txt.")), ASKED),
                step(
                    (
                        TASK[0],
                        user(
                            "It is 2026-03-01 10:02:41. Read notes.txt."
                            "<system-reminder>Be brief.</system-reminder>"
                        ),
                        ASKED,
                        NOTES,
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "the system prompt is another: that is changed-system",
            (
                step(TASK, ASKED),
                step((system("You are a coding agent. Be brief."), TASK[1], ASKED, NOTES), DONE),
            ),
        ),
        Example(
            "the first message lists the folder anew",
            (
                step((TASK[0], FOLDER), ASKED),
                step((TASK[0], FOLDER, ASKED, NOTES), WROTE),
                step((TASK[0], GROWN, ASKED, NOTES, WROTE, WRITTEN), DONE),
            ),
            (Place(3, 1),),
        ),
        Example(
            "a result says something else two requests later",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), WROTE),
                step((*TASK, ASKED, OTHER, WROTE, WRITTEN), DONE),
                step((*TASK, ASKED, OTHER, WROTE, WRITTEN, DONE, user("And?")), DONE),
            ),
            (Place(3, 3),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for link in thread.links:
            if link is None or link.child.dialect == GROWING:
                continue
            found = edited(link)
            if found:
                yield self._finding(link, found)

    def _finding(self, link: Link, found: Sequence[Edited]) -> Finding:
        first = found[0]
        was, now = link.parent.messages[first.old], link.child.messages[first.new]
        broken = is_broken(link)
        cost = f"; the server read {price(link)} again" if broken else ""
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        old, new = around(was.text, now.text)
        return Finding(
            self.name,
            Severity.WARNING if broken else self.severity,
            self.side,
            f"Request {link.child.exchange} carries {times(len(found), 'message')} with other text "
            f"than request {link.parent.exchange} did: message {first.new} ({now.role}){more}"
            f"{cost}.",
            Place(link.child.exchange, first.new),
            related=(
                Place(link.parent.exchange, first.old),
                *(Place(link.child.exchange, one.new) for one in found[1:LISTED]),
            ),
            evidence=(
                Evidence(link.parent.exchange, f"{was.role}: {old}"),
                Evidence(link.child.exchange, f"{now.role}: {new}"),
            ),
        )
