"""The calls come back as prose: the model learns to write calls as text."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.lineage import EchoKind, Link, Session, Thread
from kimitap.rules.answering import is_acting
from kimitap.rules.echoes import judged, standing_at
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    TASK,
    WRITE,
    WRITTEN,
    WROTE,
    assistant,
    call,
    step,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.flaws import flaw
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import named, quoted_call, quoted_request, times

PROTOCOLS = ("Calling tools:",)
"""How agents that write every call as text begin one, on purpose (smolagents)."""

LEGACY = (assistant("[Tool Use: write_file]"), user("[write_file Result]\nWrote 52 bytes."))
SMOL = (
    assistant(
        "I read the notes first.\nCalling tools:\n[{'id': 'c1', 'type': 'function', 'function': "
        "{'name': 'read_file', 'arguments': {'path': 'notes.txt'}}}]"
    ),
    user("Observation:\nowner: Ada\nrows: 3"),
)


def is_flattened(link: Link) -> bool:
    """True where the reply's calls are written out as text in a request that declares tools."""
    return link.echo.kind is EchoKind.FLATTENED and bool(link.child.tools)


def is_protocol(link: Link) -> bool:
    """True where the text is an agent's own way with every call, or with an answer by a call."""
    texts = [link.child.messages[i].text for i in link.echo.slot]
    calls = [c.call for c in link.echo.calls if not is_acting(c.call.name)]
    answer = any(call.is_answer(text) for call in calls for text in texts)
    return answer or any(mark in text for text in texts for mark in PROTOCOLS)


class FlattenedToolHistory(Rule):
    """One finding a thread: it is the agent's format, not an accident of one turn."""

    name = "flattened-tool-history"
    severity = Severity.ERROR
    side = Side.AGENT
    summary = "tool calls come back as plain text instead of calls"
    meaning = (
        "The next request declares tools, but writes the reply's calls (and often their results) "
        "as text, such as “[Tool Use: write_file]”. The model reads examples of calls as prose, "
        "and soon answers in prose itself: calls arrive as content and nothing runs. It is "
        "reported once a thread, at the first request that shows it. For an agent that does so "
        "with every call by design (smolagents: “Calling tools: […]”) it is a note, as it is where "
        "a call stood for a structured answer and its arguments come back as that answer; where "
        "the call's arguments were no JSON, a warning."
    )
    remedy = (
        "Change the agent's history format: in Roo Code turn off the legacy OpenAI format, or "
        "update to 3.36.10 or later. Where the related reply has a call without an id, the server "
        "is the cause: see missing-tool-call-id. Report it to the agent with both requests."
    )
    source = "https://github.com/RooCodeInc/Roo-Code/issues/9551 (legacy OpenAI format)"
    examples: ClassVar = (
        Example(
            "the reply only speaks of a tool",
            (
                step(TASK, assistant("I would use [Tool Use: write_file] now. Shall I?")),
                step(
                    (
                        *TASK,
                        assistant("I would use [Tool Use: write_file] now. Shall I?"),
                        user("Yes."),
                    ),
                    WROTE,
                ),
            ),
        ),
        Example(
            "the call comes back as a call, and its result tells of the tool",
            (
                step(TASK, WROTE),
                step((*TASK, WROTE, {**WRITTEN, "content": "[write_file Result] done"}), DONE),
            ),
        ),
        Example(
            "Roo Code's legacy format",
            (
                step(TASK, assistant(None, WRITE)),
                step((*TASK, *LEGACY), DONE),
            ),
            (Place(2, 2),),
        ),
        Example(
            "the server sent an empty id, and the agent wrote call and result into a user's text",
            (
                step(TASK, assistant(None, call("", "write_file", path="summary.md"))),
                step(
                    (
                        *TASK,
                        assistant(""),
                        user("[write_file for 'summary.md'] Result:\nWrote 52 bytes."),
                    ),
                    DONE,
                ),
            ),
            (Place(2, 2),),
            also=("missing-tool-call-id",),
        ),
        Example(
            "an agent whose protocol it is, turn after turn: one note",
            (
                step(TASK, ASKED),
                step((*TASK, *SMOL), WROTE),
                step(
                    (
                        *TASK,
                        *SMOL,
                        assistant(
                            "Now I write the summary.\nCalling tools:\n[{'id': 'c3', 'type': "
                            "'function', 'function': {'name': 'write_file', 'arguments': "
                            "{'path': 'summary.md'}}}]"
                        ),
                        user("Observation:\nWrote 52 bytes to summary.md."),
                    ),
                    DONE,
                ),
            ),
            (Place(2, 2),),
        ),
        Example(
            "a structured answer, given as a call: a note",
            (
                step(TASK, assistant(None, call("c1", "answer", '{"rows": 3, "owner": "Ada"}'))),
                step((*TASK, assistant('{"owner":"Ada","rows":3}'), user("Thanks!")), DONE),
            ),
            (Place(2, 2),),
            also=("unknown-tool",),
        ),
        Example(
            "a flattened turn after a healthy one",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), assistant(None, WRITE)),
                step((*TASK, ASKED, NOTES, *LEGACY), DONE),
            ),
            (Place(3, 4),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        links = [link for link in judged(thread) if is_flattened(link)]
        if links:
            yield self._finding(links, _owed(thread))

    def _finding(self, links: Sequence[Link], owed: int) -> Finding:
        first, echo = links[0], links[0].echo
        calls, at = [c.call for c in echo.calls], standing_at(echo)
        often = f" (in {len(links)} of {times(owed, 'turn')} with calls)" if owed > 1 else ""
        return Finding(
            self.name,
            _severity(links),
            self.side,
            f"Request {first.child.exchange} gives the {named(calls)} of exchange "
            f"{first.parent.exchange} back as plain text{often}: the model sees prose where it "
            "made a call, and learns to answer in prose.",
            Place(first.child.exchange, at),
            related=(
                Place(first.parent.exchange),
                *(Place(link.child.exchange, standing_at(link.echo)) for link in links[1:]),
            ),
            evidence=(
                quoted_call(first.parent, calls[0]),
                quoted_request(first.child, at),
                *_text_after_a_blank(first, at),
            ),
        )


def _text_after_a_blank(link: Link, at: int) -> Iterator[Evidence]:
    """Where the assistant's turn is blank, what was written after it."""
    rest = link.child.messages[at:]
    if len(rest) > 1 and rest[0].blank:
        yield quoted_request(link.child, at + 1)


def _owed(thread: Thread) -> int:
    """How many replies with calls the thread's requests had to give back."""
    return sum(1 for link in judged(thread) if link.echo.calls)


def _severity(links: Sequence[Link]) -> Severity:
    if all(is_protocol(link) for link in links):
        return Severity.INFO
    sound = [link for link in links if not flaw(link.parent)]
    return Severity.ERROR if sound else Severity.WARNING
