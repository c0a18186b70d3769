"""The history makes the model say what no reply of the recording said."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from kimitap.conversation import Message, Turn
from kimitap.lineage import Link, Relation, Session, Thread
from kimitap.rules.each import each
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    TASK,
    WRITTEN,
    WROTE,
    assistant,
    call,
    step,
    system,
    tool,
    user,
)
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.gaps import bare, differences
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, quoted_request, spoken, times

LISTED = 20
"""Messages that a finding names; the rest is a number."""
ENOUGH = 12
"""Characters, without white space, of which a text is recognised in a reply."""


class Unbacked(NamedTuple):
    """An assistant's message that nobody said."""

    turn: Turn
    at: int

    @property
    def message(self) -> Message:
        return self.turn.messages[self.at]


class Said:
    """What the replies of a session said, in the order of its turns."""

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._calls: set[tuple[str, str]] = set()
        self._ids: set[str] = set()

    def add(self, reply: Message) -> None:
        """Take a reply in, whether it was whole or cut."""
        self._texts.add(bare(reply.text))
        for made in reply.tool_calls:
            self._calls.add(made.stands_for)
            self._ids |= {made.id} if made.id else set()

    def backs(self, message: Message) -> bool:
        """True where the message's calls, or its text if it has none, were said."""
        if message.tool_calls:
            return any(c.stands_for in self._calls or c.id in self._ids for c in message.tool_calls)
        text = bare(message.text)
        return text in self._texts or any(
            text in said or (len(said) >= ENOUGH and said in text) for said in self._texts
        )


def new_assistants(turn: Turn, link: Link | None) -> Iterator[int]:
    """The request's assistant messages that neither the parent's request nor its reply has."""
    if link is None:
        yield from _assistants(turn, range(len(turn.messages)))
    elif link.relation in (Relation.CONTINUES, Relation.FORK):
        slot = set(link.echo.slot)
        later = (row.new for row in link.pairs if row.old is None and row.new is not None)
        replaced = {edit.new for edit in differences(link).edits}
        yield from _assistants(turn, [i for i in later if i not in slot | replaced])


def _is_later(at: int, link: Link | None) -> bool:
    """True where a message stands after the reply that the request gives back."""
    return link is not None and bool(link.echo.slot) and at > link.echo.slot[-1]


def _assistants(turn: Turn, indexes: Sequence[int]) -> Iterator[int]:
    messages = turn.messages
    return (i for i in indexes if messages[i].role == "assistant" and not messages[i].blank)


def _fresh_at(thread: Thread, position: int) -> list[Unbacked]:
    turn, link = thread.turns[position], thread.links[position]
    last = len(turn.messages) - 1
    return [
        Unbacked(turn, at)
        for at in new_assistants(turn, link)
        if at < last and (not thread.resumed or _is_later(at, link))
    ]


def unbacked(thread: Thread, session: Session) -> Iterator[Unbacked]:
    """The messages of a thread that no reply of the session backs, in order.

    What a request ends with (a prefill) is no turn of the history. Of a resumed session only what
    came after a recorded reply is known.
    """
    if thread.links[0] is not None and thread.kind != "fork":
        return
    fresh = [one for found in each(thread, _fresh_at) for one in found]
    if fresh:
        said = Said()
        for other in session.threads:
            for turn in other.turns:
                for reply in (turn.reply.message, *turn.reply.others):
                    said.add(reply)
        yield from (one for one in fresh if not said.backs(one.message))


SHOTS = (
    TASK[0],
    user("Say hello."),
    assistant("Hello! What may I do for you?"),
    TASK[1],
)
MADE_UP = assistant("I also list the folder.", call("x1", "run_command", command="ls"))
LISTED_FILES = tool("x1", "notes.txt")
LONG_AGO = (*TASK, ASKED, NOTES, DONE)


class UnbackedAssistantTurn(Rule):
    """One note a thread for texts, a warning a request for calls."""

    name = "unbacked-assistant-turn"
    severity = Severity.INFO
    side = Side.AGENT
    summary = "an assistant's message that no recorded reply contains; a warning with calls"
    meaning = (
        "The history holds an assistant's message that the model never said, in a conversation "
        "that was recorded from its start. Agents put some there on purpose (examples before the "
        "first prompt, “Ok.”, “No response requested.”): a note, once a thread. With a call in it "
        "the model believes that it acted, and that is a warning. It is no defect in what a "
        "resumed session begins with, after a compaction, where a reply was split, moved or "
        "rewritten, or where another conversation of the session said it."
    )
    remedy = (
        "If the message has a call, look at what the agent did on the model's behalf; if the "
        "recording has a hole (another proxy, another server), nothing is wrong."
    )
    source = (
        "https://github.com/anthropics/claude-code/issues/65969 (“No response requested.”); Qwen "
        "Code's “Got it. Thanks for the context!”; aider's examples"
    )
    reads_session = True
    examples: ClassVar = (
        Example(
            "a resumed session, and a reply that comes back as two messages",
            (
                step((*TASK, ASKED, NOTES, DONE, user("Now write it.")), WROTE),
                step(
                    (
                        *TASK,
                        ASKED,
                        NOTES,
                        DONE,
                        user("Now write it."),
                        assistant("Now I write the summary."),
                        assistant(None, call("c3", "write_file", path="summary.md")),
                        WRITTEN,
                    ),
                    DONE,
                ),
            ),
        ),
        Example(
            "a helper's answer comes back in the main conversation",
            (
                step(TASK, ASKED),
                step((system("You are a helper."), user("Count the rows.")), DONE, tools=[]),
                step((*TASK, ASKED, NOTES, DONE, user("Go on.")), WROTE),
            ),
        ),
        Example(
            "an example before the first prompt, in all requests: one note",
            (
                step(SHOTS, ASKED),
                step((*SHOTS, ASKED, NOTES), WROTE),
                step((*SHOTS, ASKED, NOTES, WROTE, WRITTEN), DONE),
            ),
            (Place(1, 2),),
        ),
        Example(
            "a call that the model never made, in a resumed session",
            (
                step((*LONG_AGO, user("Now write it.")), WROTE),
                step(
                    (*LONG_AGO, user("Now write it."), WROTE, WRITTEN, MADE_UP, LISTED_FILES),
                    DONE,
                ),
            ),
            (Place(2, 8),),
        ),
        Example(
            "a call that the model never made",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES, MADE_UP, LISTED_FILES), WROTE),
                step((*TASK, ASKED, NOTES, MADE_UP, LISTED_FILES, WROTE, WRITTEN), DONE),
            ),
            (Place(2, 4),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        found = list(unbacked(thread, session))
        calls = [one for one in found if one.message.tool_calls]
        texts = [one for one in found if not one.message.tool_calls]
        yield from (self._of_call(one) for one in calls)
        if texts:
            yield self._of_texts(texts)

    def _of_call(self, one: Unbacked) -> Finding:
        return self._finding(
            [one],
            Severity.WARNING,
            f"Request {one.turn.exchange} holds an assistant's message with "
            f"{times(len(one.message.tool_calls), 'call')} that no recorded reply made, message "
            f"{one.at}: the model believes that it did this.",
        )

    def _of_texts(self, found: Sequence[Unbacked]) -> Finding:
        first = found[0]
        more = f", the first of {len(found)} in this thread" if len(found) > 1 else ""
        return self._finding(
            found,
            self.severity,
            f"Request {first.turn.exchange} holds an assistant's message that no recorded reply "
            f"contains, message {first.at}{more}.",
        )

    def _finding(self, found: Sequence[Unbacked], severity: Severity, told: str) -> Finding:
        turn, at = found[0]
        return Finding(
            self.name,
            severity,
            self.side,
            told,
            Place(turn.exchange, at),
            related=tuple(Place(one.turn.exchange, one.at) for one in found[1:LISTED]),
            evidence=(
                *((quoted_request(turn, at - 1),) if at else ()),
                Evidence(turn.exchange, cut(spoken(turn.messages[at]))),
            ),
        )
