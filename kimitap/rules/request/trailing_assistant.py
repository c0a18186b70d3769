"""The request ends with an assistant's message: the model shall go on with it."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Link, Session, Thread
from kimitap.rules.examples import ASKED, DONE, NOTES, TASK, assistant, failed, step, user
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, quoted_request

REFUSALS = (
    "prefill",  # llama-server: incompatible with enable_thinking; Anthropic: not supported
    "assistant messages at the end",  # llama-server
    "must end with a user message",  # Anthropic
    "expected last role",  # Mistral
)
"""What servers say of such a request, in lower case."""
LISTED = 20
"""Requests that a finding names; the rest is a number."""

PAUSED = "pause_turn"
"""The end of a reply in which a tool of the server's own ran for long."""

BEGUN = assistant("The notes name")
THINKING = "Assistant response prefill is incompatible with enable_thinking."
TWO = "Cannot have 2 or more assistant messages at the end of the list."


def is_trailing(turn: Turn) -> bool:
    """True where the last message is the assistant's, unless the request says that it is to be
    gone on with (vLLM's `continue_final_message`), and was not refused for it."""
    if not turn.messages or turn.messages[-1].role != "assistant":
        return False
    asked = turn.parameters.get("continue_final_message") is True
    return not asked or bool(turn.messages[-1].tool_calls) or is_refused(turn)


def is_refused(turn: Turn) -> bool:
    """True where the server refuses the request for its last message."""
    said = turn.reply.error.lower()
    return bool(said) and any(mark in said for mark in REFUSALS)


def goes_on(link: Link | None) -> bool:
    """True where the server paused the reply, and is given it back to go on (Anthropic)."""
    return link is not None and link.parent.reply.finish_reason == PAUSED


class TrailingAssistant(Rule):
    """One finding a thread: it is how an agent asks."""

    name = "trailing-assistant"
    severity = Severity.INFO
    side = Side.AGENT
    summary = "the request ends with an assistant's message; an error where the server refuses it"
    meaning = (
        "The last message is the assistant's. Some agents do so on purpose, to have the model go "
        "on with a text (prefill), and llama-server allows it: a note, once a thread, but none "
        "where the request says so itself (`continue_final_message`). With thinking switched on, "
        "or with two such messages, it refuses the request, and that is an error. Where the agent "
        "did not mean to, it lost the message after it: a user's, or the results of the calls at "
        "the end."
    )
    remedy = (
        "If the server refuses it: switch thinking off for that request "
        "(`chat_template_kwargs: {enable_thinking: false}`), or update the agent so that it ends "
        "with a user's message. If the last message has calls, look for their results."
    )
    source = (
        f"https://github.com/ggml-org/llama.cpp/issues/21889: “{THINKING}”; "
        f"https://github.com/HKUDS/nanobot/issues/2376: “{TWO}”"
    )
    examples: ClassVar = (
        Example(
            "a reply that a user's message follows",
            (step(TASK, DONE), step((*TASK, DONE, user("And the owner?")), BEGUN)),
        ),
        Example(
            "the server refuses another thing",
            (
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES), 400, "Invalid 'max_tokens': prefer a smaller one"),
            ),
        ),
        Example(
            "a beginning that the model shall go on with, in two requests: one note",
            (
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES, BEGUN), 500, "decode failed"),
                step((*TASK, ASKED, NOTES, BEGUN), assistant(" one owner, Ada.")),
            ),
            (Place(2, 4),),
        ),
        Example(
            "the server refuses it with thinking switched on",
            (step(TASK, DONE), failed((*TASK, DONE), 400, THINKING)),
            (Place(2, 2),),
        ),
        Example(
            "two assistant messages at the end",
            (step(TASK, DONE), failed((*TASK, DONE, BEGUN), 400, TWO)),
            (Place(2, 3),),
            also=("unusual-role-order",),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        pairs = zip(thread.turns, thread.links, strict=True)
        found = [turn for turn, link in pairs if is_trailing(turn) and not goes_on(link)]
        if found:
            yield self._finding(found, len(thread.turns))

    def _finding(self, found: Sequence[Turn], requests: int) -> Finding:
        refused = next((turn for turn in found if is_refused(turn)), None)
        first = refused or found[0]
        last = len(first.messages) - 1
        calls = first.messages[-1].tool_calls
        often = f" ({len(found)} of {requests} requests do)" if requests > 1 else ""
        then = (
            "the server refused it"
            if refused
            else "its calls have no results yet"
            if calls
            else "the model goes on with that text"
        )
        return Finding(
            self.name,
            Severity.ERROR if refused else self.severity,
            self.side,
            f"Request {first.exchange} ends with an assistant's message, message {last}{often}: "
            f"{then}.",
            Place(first.exchange, last),
            related=tuple(
                Place(turn.exchange, len(turn.messages) - 1)
                for turn in found[:LISTED]
                if turn is not first
            ),
            evidence=(
                quoted_request(first, last),
                *((Evidence(first.exchange, cut(refused.reply.error)),) if refused else ()),
            ),
        )
