"""The model makes the same call again and again."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, takewhile
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Fate, Link, Relation, Session, Thread
from kimitap.rules.echoes import judged
from kimitap.rules.examples import ASKED, NOTES, TASK, WRITE, assistant, call, step, tool
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import named, quoted_call

ENOUGH = 3
"""Replies in a row with the same calls that make a loop."""

_PASSING = re.compile(
    r"\b[0-9a-f]{6,}\b"
    r"|\d+(?:[.:,]\d+)*\s*(?:[nµm]?s|secs?|seconds?|min|minutes?|h|hours?)\b"
    r"|\d+(?:[-:]\d+){2,}|\d+:\d\d\b"
    r"|\b(?:attempt|retry|try|pid|port)s?\W{0,3}\d+"
    r"|\d+(?:st|nd|rd|th|\s+(?:times|attempts|retries))\b"
    r"|\s+",
    re.I,
)
"""What differs between two runs that tell the same: times, addresses, attempts, white space."""

Calls = tuple[tuple[str, str], ...]


def counted(thread: Thread) -> list[Turn]:
    """The turns whose replies stand: complete ones that were not asked for once more."""
    asked_again = {
        link.parent.exchange
        for link in thread.links
        if link is not None and link.relation is Relation.RETRY
    }
    return [t for t in thread.turns if t.succeeded and t.exchange not in asked_again]


def loops(thread: Thread) -> Iterator[list[Turn]]:
    """The turns in a row whose replies make the same calls and learn nothing new from them."""
    for calls, group in groupby(counted(thread), key=_calls):
        turns = list(group)
        if calls and len(turns) >= ENOUGH:
            yield from (run for run in _in_vain(thread, turns) if len(run) >= ENOUGH)


def _in_vain(thread: Thread, turns: Sequence[Turn]) -> Iterator[list[Turn]]:
    """The turns, parted where a call told another thing than the one before it."""
    run: list[Turn] = []
    told: list[str | None] = []
    for turn in turns:
        if None not in told[-2:] and len(set(told[-2:])) == 2:
            yield run
            run, told = run[-1:], told[-1:]
        run.append(turn)
        told.append(_told(thread, turn))
    yield run


def _told(thread: Thread, turn: Turn) -> str | None:
    """What the next request gives as the calls' results, but for what passes; None if nothing."""
    link = thread.link_after(turn.exchange)
    if link is None:
        return None
    echo, messages = link.echo, link.child.messages
    start = echo.slot[-1] + 1 if echo.slot else echo.place
    results = takewhile(lambda message: message.role == "tool", messages[start:])
    return "\n".join(_PASSING.sub("", message.text) for message in results) or None


def _calls(turn: Turn) -> Calls:
    return tuple(call.stands_for for call in turn.reply.message.tool_calls)


LIST = ("run_command", '{"command":"ls"}')
FIRST, SECOND, THIRD = (assistant(None, call(f"c{n}", *LIST)) for n in (1, 2, 3))
ANSWERS = tuple(tool(f"c{n}", "notes.txt") for n in (1, 2, 3))


class RepeatedToolCall(Rule):
    """A loop; where lost turns made it, the lost turn is reported instead."""

    name = "repeated-tool-call"
    severity = Severity.WARNING
    side = Side.MODEL
    summary = "three or more replies in a row make the same call"
    meaning = (
        "The model made the same calls with the same arguments in at least three replies in a "
        "row, ids and spelling aside, and was told the same each time; times, addresses and the "
        "number of the attempt may differ. It is stuck, or it cannot see what it did: where the "
        "calls or their results do not come back in the requests, that defect is reported with the "
        "loop as related places. Retries of one request do not count, nor does a call that is made "
        "again after other replies, or whose result was another (a build that is watched, a job's "
        "progress, tests after a change). A tool that is polled in vain looks the same."
    )
    remedy = (
        "Read the results that the model got: an error it does not understand, or an empty "
        "result, is the usual cause. Rewind to before the loop and say what to do instead; raise "
        "the temperature or the repetition penalty a little if nothing else differs."
    )
    source = (
        "https://github.com/RooCodeInc/Roo-Code/issues/9551: after a lost turn the model often "
        "makes the same call again"
    )
    examples: ClassVar = (
        Example(
            "twice the same, then something else",
            (
                step(TASK, FIRST),
                step((*TASK, FIRST, ANSWERS[0]), SECOND),
                step((*TASK, FIRST, ANSWERS[0], SECOND, ANSWERS[1]), assistant(None, WRITE)),
            ),
        ),
        Example(
            "the same question asked again after cut streams: one call, four times sampled",
            (
                step(TASK, FIRST, None),
                step(TASK, FIRST, None),
                step(TASK, FIRST, None),
                step(TASK, FIRST),
            ),
            also=("stream-aborted", "retry-storm"),
        ),
        Example(
            "asked three times, and told something else each time",
            (
                step(TASK, FIRST),
                step((*TASK, FIRST, ANSWERS[0]), SECOND),
                step((*TASK, FIRST, ANSWERS[0], SECOND, tool("c2", "notes.txt out")), THIRD),
            ),
        ),
        Example(
            "three times the same, each answered",
            (
                step(TASK, FIRST),
                step((*TASK, FIRST, ANSWERS[0]), SECOND),
                step((*TASK, FIRST, ANSWERS[0], SECOND, ANSWERS[1]), THIRD),
            ),
            (Place(3),),
        ),
        Example(
            "a loop that begins in the second turn and spells its arguments in other ways",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), FIRST),
                step(
                    (*TASK, ASKED, NOTES, FIRST, ANSWERS[0]),
                    assistant(None, call("c2", "run_command", '{ "command": "ls" }')),
                ),
                step((*TASK, ASKED, NOTES, FIRST, ANSWERS[0], SECOND, ANSWERS[1]), THIRD),
            ),
            (Place(4),),
            also=("reused-tool-call-id",),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        lost = {link.parent.exchange for link in judged(thread) if _is_unseen(link)}
        for turns in loops(thread):
            yield self._finding(turns, any(t.exchange in lost for t in turns))

    def _finding(self, turns: list[Turn], unseen: bool) -> Finding:
        shown = turns[ENOUGH - 1]
        calls = shown.reply.message.tool_calls
        why = ", since the requests do not show it what it did" if unseen else ""
        return Finding(
            self.name,
            self.severity,
            Side.AGENT if unseen else self.side,
            f"{len(turns)} replies in a row, exchanges {turns[0].exchange} to "
            f"{turns[-1].exchange}, make the same {named(calls)} again and again{why}.",
            Place(shown.exchange),
            related=tuple(Place(turn.exchange) for turn in turns if turn is not shown),
            evidence=tuple(quoted_call(t, t.reply.message.tool_calls[0]) for t in turns[:ENOUGH]),
        )


def _is_unseen(link: Link) -> bool:
    """True where the next request does not hold the reply's calls as calls."""
    return any(c.fate in {Fate.GONE, Fate.AS_TEXT} for c in link.echo.calls)
