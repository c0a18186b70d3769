"""A tool's result with nothing in it."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import ClassVar, NamedTuple

from kimitap.conversation import Image, Message, Other, ToolCall, ToolResult, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, Json, assistant, call, step, tool
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.history import Defect, first_shown
from kimitap.rules.reply.repeated_tool_call import ENOUGH, counted
from kimitap.rules.rounds import Part, Round, call_of, result_at, round_at
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import answered, cut, named, quoted_call, times

LISTED = 20
"""Blank results that a finding names; the rest is a number."""


class Blank(NamedTuple):
    """A blank result, and the call that it answers, where that is known."""

    turn: Turn
    at: Part
    call: ToolCall | None


def blanks(messages: Sequence[Message], found: Round) -> Iterator[Defect]:
    """The results of a block that hold nothing."""
    for i in range(found.results, found.stop):
        parts = messages[i].parts
        if any(isinstance(part, Image | Other) for part in parts):
            continue
        for n, part in enumerate(parts):
            if isinstance(part, ToolResult) and not part.text.strip():
                yield Defect((i, n), ("blank", part.call_id), found.start)


def looped(thread: Thread, found: Sequence[Blank]) -> Iterator[tuple[list[Turn], list[Blank]]]:
    """The loops of one call whose results came back blank, with those results."""
    if not found:
        return
    for calls, group in groupby(counted(thread), key=_calls):
        turns = list(group)
        if not calls or len(turns) < ENOUGH:
            continue
        first, last = turns[0].exchange, turns[-1].exchange
        its = [b for b in found if first < b.turn.exchange and b.call]
        its = [b for b in its if b.call and b.call.stands_for in calls]
        seen = [b for b in its if b.turn.exchange <= last]
        if len(seen) >= ENOUGH - 1:
            yield turns, its


def _calls(turn: Turn) -> tuple[tuple[str, str], ...]:
    return tuple(made.stands_for for made in turn.reply.message.tool_calls)


def _listing(n: int) -> Json:
    return assistant(None, call(f"c{n}", "run_command", command="ls"))


MADE = assistant("I make the folder.", call("c2", "run_command", command="mkdir out"))


class EmptyToolResult(Rule):
    """One note a thread; a loop over blank results is a finding of its own."""

    name = "empty-tool-result"
    severity = Severity.INFO
    side = Side.AGENT
    summary = "a tool's result is blank; a warning where the model asks again and again"
    meaning = (
        "A message of role tool has no text and no image. Commands such as mkdir rightly print "
        "nothing, but models do not know that: they take the blank for a failure, or for a result "
        "that never came. One note a thread names the first and counts the rest; it is a warning "
        "where the model makes that very call again and again."
    )
    remedy = (
        "Let the tool say what it did (“exit status 0, no output”). If the tool did print "
        "something, the agent lost it: report it with the request attached."
    )
    source = "https://github.com/open-webui/open-webui/issues/13442"
    examples: ClassVar = (
        Example(
            "a result that is an image, and one that says that there was no output",
            (
                step(
                    (
                        *TASK,
                        assistant(None, call("c1", "read_file", path="chart.png")),
                        {
                            "role": "tool",
                            "tool_call_id": "c1",
                            "content": [
                                {
                                    "type": "image_url",
                                    "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="},
                                }
                            ],
                        },
                        MADE,
                        tool("c2", "(no output)"),
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "the tool speaks",
            (step(TASK, ASKED), step((*TASK, ASKED, NOTES), DONE)),
        ),
        Example(
            "a command that prints nothing, in all later requests: one note",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), MADE),
                step((*TASK, ASKED, NOTES, MADE, tool("c2", "")), _listing(3)),
                step(
                    (*TASK, ASKED, NOTES, MADE, tool("c2", ""), _listing(3), tool("c3", "\n")),
                    DONE,
                ),
            ),
            (Place(3, 5, 0),),
        ),
        Example(
            "the model lists a folder again and again, and sees nothing",
            (
                step(TASK, _listing(1)),
                step((*TASK, _listing(1), tool("c1", "")), _listing(2)),
                step(
                    (*TASK, _listing(1), tool("c1", ""), _listing(2), tool("c2", "")),
                    _listing(3),
                ),
            ),
            (Place(2, 3, 0),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        found = [
            Blank(turn, at, call_of(turn.messages, round_at(turn.messages, at[0]), result))
            for turn, _, parts in first_shown(thread, blanks)
            for at in parts
            for result in (result_at(turn, at),)
        ]
        for turns, its in looped(thread, found):
            found = [b for b in found if b not in its]
            yield self._loop(turns, its)
        if found:
            yield self._note(found)

    def _note(self, found: Sequence[Blank]) -> Finding:
        turn, at, made = found[0]
        of = f" of the {named([made])}" if made else ""
        more = f", the first of {len(found)} in this thread" if len(found) > 1 else ""
        return self._finding(
            self.severity,
            f"Request {turn.exchange} holds a blank result{of} in its message {at[0]}{more}: the "
            "model cannot tell whether the tool did anything.",
            found,
        )

    def _loop(self, turns: Sequence[Turn], its: Sequence[Blank]) -> Finding:
        made = its[0].call
        assert made is not None
        return self._finding(
            Severity.WARNING,
            f"The {named([made])} is made in {len(turns)} replies in a row, "
            f"exchanges {turns[0].exchange} to {turns[-1].exchange}, and "
            f"{times(len(its), 'time')} its result is blank: the model asks until it sees one.",
            its,
        )

    def _finding(self, severity: Severity, told: str, found: Sequence[Blank]) -> Finding:
        turn, at, made = found[0]
        result = result_at(turn, at)
        return Finding(
            self.name,
            severity,
            self.side,
            told,
            Place(turn.exchange, *at),
            related=tuple(Place(b.turn.exchange, *b.at) for b in found[1:LISTED]),
            evidence=(
                *((quoted_call(turn, made),) if made else ()),
                Evidence(turn.exchange, cut(answered(result))),
            ),
        )
