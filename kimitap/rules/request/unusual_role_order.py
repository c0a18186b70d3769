"""Roles that follow one another as some templates do not expect."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from kimitap.conversation import Message, Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.each import each
from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, WROTE, failed, step, tool, user
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.history import shared
from kimitap.rules.rounds import answers
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, quoted_request

STRICT = "openai-chat"
"""The only dialect whose messages are turns; in the others several items make one."""
REFUSALS = (
    "roles must alternate",  # Mistral's, Gemma's, Llama's templates
    "unexpected role",  # Mistral
    "unexpected message role",
    "must be at the beginning",  # Qwen's templates, of a second system message
    "role order",
)
"""What servers say of such a request, in lower case."""
LISTED = 20
"""Places that a finding names; the rest is a number."""

ALTERNATE = (
    "Jinja Exception: After the optional system message, conversation roles must alternate user "
    "and assistant roles except for tool calls and results."
)


class Odd(NamedTuple):
    """A message whose role does not usually follow that of the message before it."""

    turn: Turn
    at: int
    what: str
    new: bool = True
    """No earlier request of the thread shows it."""


def odd_order(before: Message, message: Message) -> str:
    """What is unusual about a message after another, in words; `""` where nothing is."""
    if answers(before) and message.role == "user" and not answers(message):
        return "user after tool"
    if before.role == message.role and not answers(message):
        return f"{message.role} after {message.role}"
    return ""


def is_refused(turn: Turn) -> bool:
    """True where the server refuses the request for the order of its roles."""
    said = turn.reply.error.lower()
    return bool(said) and any(mark in said for mark in REFUSALS)


def odd_places(thread: Thread) -> Iterator[Odd]:
    """What each request first shows, in a dialect in which roles are meant to alternate.

    All that a refused request holds is told, in whatever dialect.
    """
    return (odd for places in each(thread, _odd_at) for odd in places)


def _odd_at(thread: Thread, position: int) -> list[Odd]:
    turn, link = thread.turns[position], thread.links[position]
    refused = is_refused(turn)
    if turn.dialect != STRICT and not refused:
        return []
    since = shared(link.parent.messages, turn.messages) if link else 0
    indexes = range(1 if refused else max(since, 1), len(turn.messages))
    told = ((at, odd_order(turn.messages[at - 1], turn.messages[at])) for at in indexes)
    return [Odd(turn, at, what, at >= since) for at, what in told if what]


class UnusualRoleOrder(Rule):
    """One finding a thread: it is how an agent writes its history."""

    name = "unusual-role-order"
    severity = Severity.INFO
    side = Side.AGENT
    summary = "roles follow one another in a way that strict templates refuse"
    meaning = (
        "A user's message stands directly after a tool's result, or two messages of one role "
        "stand side by side. Many agents write that and most templates render it: a note, once a "
        "thread. Some templates (Mistral's, Devstral's, Gemma's) refuse it: then it is a warning, "
        "told with the server's error. Results side by side are usual. Anthropic's messages and "
        "OpenAI's Responses are made of several items a turn, and noted only where refused."
    )
    remedy = (
        "If the server refuses it, use a chat template that allows it (--chat-template-file), or "
        "an agent's setting that merges neighbouring messages of one role; else nothing."
    )
    source = (
        "https://github.com/SWE-agent/mini-swe-agent/issues/759 and "
        f"https://github.com/mistralai/mistral-vibe/issues/1006: “{ALTERNATE}”; Mistral: "
        "“Unexpected role 'user' after role 'tool'”"
    )
    examples: ClassVar = (
        Example(
            "results side by side, and an assistant after them",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES, tool("c1", "more")), DONE),
            ),
            also=("duplicate-tool-result",),
        ),
        Example(
            "a conversation that alternates",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), DONE),
                step((*TASK, ASKED, NOTES, DONE, user("And the owner?")), DONE),
            ),
        ),
        Example(
            "a user after a result, in all later requests: one note",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES, user("Go on.")), WROTE),
                step(
                    (*TASK, ASKED, NOTES, user("Go on."), WROTE, tool("c3", "ok"), user("On.")),
                    DONE,
                ),
            ),
            (Place(2, 4),),
        ),
        Example(
            "two user messages, and the template refuses them",
            (
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES, user("Go on."), user("Please.")), 500, ALTERNATE),
            ),
            (Place(2, 4),),
            also=("template-rejected",),
        ),
        Example(
            "two prompts at the start",
            (step((TASK[0], TASK[0], TASK[1]), ASKED),),
            (Place(1, 1),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        found = list(odd_places(thread))
        if found:
            yield self._finding(found)

    def _finding(self, found: Sequence[Odd]) -> Finding:
        refused = [odd for odd in found if is_refused(odd.turn)]
        first = next((odd for odd in refused if odd.new), (refused or found)[0])
        kinds = Counter(odd.what for odd in found)
        told = ", ".join(f"{what} ({number}×)" for what, number in kinds.most_common(4))
        then = "the server refused it" if refused else "strict templates refuse it"
        return Finding(
            self.name,
            Severity.WARNING if refused else self.severity,
            self.side,
            f"Request {first.turn.exchange} has {_article(first.what)} {first.what} in its message "
            f"{first.at}: {then}. In this thread: {told}.",
            Place(first.turn.exchange, first.at),
            related=tuple(Place(o.turn.exchange, o.at) for o in found[:LISTED] if o is not first),
            evidence=(
                quoted_request(first.turn, first.at - 1),
                quoted_request(first.turn, first.at),
                *((Evidence(first.turn.exchange, cut(first.turn.reply.error)),) if refused else ()),
            ),
        )


def _article(what: str) -> str:
    return "an" if what.startswith("assistant") else "a"
