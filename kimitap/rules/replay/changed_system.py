"""The system prompt is another than in the request before."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from kimitap.conversation import Message, Turn
from kimitap.lineage import Link, Relation, Session, Thread
from kimitap.rules.difference import volatile
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    TASK,
    WRITTEN,
    WROTE,
    Json,
    step,
    system,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.price import total
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import around, cut, fact, times

SAME_TALK = (Relation.CONTINUES, Relation.RETRY, Relation.WINDOW, Relation.REBUILT)
"""Relations under which the system prompt has no reason to change."""
LISTED = 20
"""Requests that a finding names; the rest is a number."""


class Change(NamedTuple):
    """Two system messages in one place, None where there is none, and that place."""

    at: int
    old: Message | None
    new: Message | None


def continued(thread: Thread) -> list[Link]:
    """The links of a thread under which prompt and tools should stay as they are."""
    return [link for link in thread.links if link is not None and link.relation in SAME_TALK]


def system_change(link: Link) -> Change | None:
    """The first leading system message that differs, to the letter; None where none does."""
    old, new = _systems(link.parent), _systems(link.child)
    if old == new:
        return None
    both = zip(old, new, strict=False)
    at = next((i for i, (a, b) in enumerate(both) if a.text != b.text), min(len(old), len(new)))
    if at == len(old) == len(new):
        return None
    return Change(at, *(side[at] if at < len(side) else None for side in (old, new)))


def _systems(turn: Turn) -> tuple[Message, ...]:
    messages = turn.messages
    count = next((i for i, m in enumerate(messages) if m.role != "system"), len(messages))
    return messages[:count]


def _clock(time: str) -> Json:
    return system(f"You are a coding agent. It is 2026-03-01 {time}. Be brief.")


TERSE = system("You are a coding agent. Answer in one line.")


class ChangedSystem(Rule):
    """One note a thread, with the number of requests."""

    name = "changed-system"
    severity = Severity.INFO
    side = Side.AGENT
    summary = "the system prompt changes within a conversation"
    meaning = (
        "A request continues the one before it under another system prompt: a clock or a file "
        "list in it, a mode that was switched. The prompt begins with it, so the server must read "
        "everything again; what that cost is told where the server counts. It is one note a "
        "thread, with the number of requests and the first place where the texts part. It is no "
        "defect where the history was compacted or rewound, nor in other conversations."
    )
    remedy = (
        "Keep what changes (time, open files, git status) out of the system prompt: at the end of "
        "the last user message it costs nothing. Many agents have a setting for it."
    )
    source = (
        "https://github.com/earendil-works/pi/issues/1873, "
        "https://github.com/joshuadavidthomas/opencode-agent-memory/issues/24 (measured with "
        "llama-server)"
    )
    examples: ClassVar = (
        Example(
            "the same prompt, and another conversation under another prompt",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), DONE),
                step((TERSE, user("Name this conversation: notes and a summary.")), DONE, tools=[]),
            ),
        ),
        Example(
            "the history is compacted under a new prompt",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), WROTE),
                step(
                    (
                        TERSE,
                        user("This session is being continued from a previous conversation. …"),
                        WROTE,
                        WRITTEN,
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "a clock in the prompt, in each request: one note",
            (
                step((_clock("10:00:07"), TASK[1]), ASKED),
                step((_clock("10:02:41"), TASK[1], ASKED, NOTES), WROTE),
                step((_clock("10:03:11"), TASK[1], ASKED, NOTES, WROTE, WRITTEN), DONE),
            ),
            (Place(2, 0),),
        ),
        Example(
            "the mode is switched once, and a second prompt comes in",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), WROTE),
                step((TASK[0], TERSE, TASK[1], ASKED, NOTES, WROTE, WRITTEN), DONE),
            ),
            (Place(3, 1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        links = continued(thread)
        found = [(link, change) for link in links if (change := system_change(link))]
        if found:
            yield self._finding(found, len(links))

    def _finding(self, found: Sequence[tuple[Link, Change]], requests: int) -> Finding:
        link, change = found[0]
        spent = total([link for link, _ in found])
        often = f" (in {len(found)} of {times(requests, 'request')})" if requests > 1 else ""
        cost = f"; the server read {spent} again" if spent else ""
        before, after = (message.text if message else "" for message in change[1:])
        old, new = around(before, after)
        return Finding(
            self.name,
            self.severity,
            self.side,
            f"Request {link.child.exchange} has another system prompt than request "
            f"{link.parent.exchange}{often}: {_what(change)}{cost}.",
            Place(link.child.exchange, change.at),
            related=tuple(Place(one.child.exchange, c.at) for one, c in found[1:LISTED]),
            evidence=(
                _quoted(link.parent, old),
                _quoted(link.child, new),
            ),
        )


def _quoted(turn: Turn, text: str) -> Evidence:
    return Evidence(turn.exchange, cut(text)) if text else fact(turn, "no such system message")


def _what(change: Change) -> str:
    """What is other, in words."""
    if change.old is None:
        return "one more system message"
    if change.new is None:
        return "a system message is gone"
    spans = volatile(change.old.text, change.new.text)
    return f"{' and '.join(spans)} changed in it" if spans else "its text differs"
