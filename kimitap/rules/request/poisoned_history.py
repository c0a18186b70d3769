"""A message that the server will never accept stays in the history."""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Link, Session, Thread
from kimitap.rules import soundness
from kimitap.rules.examples import (
    ASKED,
    DONE,
    NOTES,
    TASK,
    assistant,
    call,
    failed,
    step,
    tool,
    user,
)
from kimitap.rules.exchange.refusal import Refusal, refusal_of
from kimitap.rules.finding import Evidence, Finding, Place, Severity, Side
from kimitap.rules.history import shared
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import cut, quoted_request
from kimitap.visible import one_line

SAME = 3
"""Refusals of one request, in the same words, that make it poisoned."""
GROWN = 2
"""Refusals that are enough where the request between them changed."""
LISTED = 20
"""Refused requests that a finding names; the rest is a number."""

NAMED = re.compile(
    r"(?:messages?|input)(?:\.|\[| at index | )\[?(\d{1,5})"  # Anthropic, OpenAI, DeepSeek
    r"|(?:at position|at index|message) (\d{1,5})",  # Moonshot
    re.IGNORECASE,
)
"""How servers name a message of the request."""
TOKENS = re.compile(r"\d+|“[^”]*”|'[^']*'|\"[^\"]*\"")
"""What differs between two refusals of one kind: numbers, names and ids."""

PARSE = "Failed to parse tool call arguments as JSON: unexpected end of input"
HALF = assistant(None, call("c3", "write_file", '{"path": "summary.md", "cont'))
ERROR = tool("c3", "Error: the arguments are no JSON.")
UNANSWERED = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages: c1"
)
STUCK = (*TASK, ASKED, NOTES, HALF, ERROR)


def words(turn: Turn) -> str:
    """The server's words for refusing what the messages say, without numbers; else `""`.

    A full context is no matter of one message, nor are keys, limits and overload.
    """
    kind = refusal_of(turn)
    if kind in (Refusal.ORDER, Refusal.TEMPLATE):
        return TOKENS.sub("", turn.reply.error)
    if kind is None and turn.status in (400, 422, 500) and NAMED.search(turn.reply.error):
        return TOKENS.sub("", turn.reply.error)
    return ""


def poisonings(thread: Thread) -> Iterator[tuple[list[Turn], Link | None]]:
    """Runs of requests that were refused alike, each with the link of its first request."""
    run: list[Turn] = []
    entry: Link | None = None
    for turn, link in zip(thread.turns, thread.links, strict=True):
        said = words(turn)
        if run and said != words(run[-1]):
            if is_poisoned(run):
                yield run, entry
            run = []
        if said:
            entry = entry if run else link
            run.append(turn)
    if is_poisoned(run):
        yield run, entry


def is_poisoned(run: Sequence[Turn]) -> bool:
    """True where it is clear that asking again does not help."""
    lengths = {len(turn.messages) for turn in run}
    return len(run) >= (GROWN if len(lengths) > 1 else SAME)


class PoisonedHistory(Rule):
    """Every later request fails, whatever the user says."""

    name = "poisoned-history"
    severity = Severity.ERROR
    side = Side.AGENT
    summary = "one message makes the server refuse every request that carries it"
    meaning = (
        "The server refuses a request for what stands in its history (roles, ids, broken "
        "arguments, an empty message, a template's error), and the agent sends that history again, "
        "with the user's next message or without. Nothing that is appended can help: the session "
        "is stuck. The finding names the message, as the server's error does, else the first one "
        "that was new in the first refused request. It takes two refusals in the same words where "
        "the request changed in between, else three. It is no defect where another attempt is "
        "accepted, nor where the context is full, a key is wrong, or the server is overloaded."
    )
    remedy = (
        "Rewind to before the named message, or edit it out; the agent should mend or drop it "
        "itself: report it with the request and the error attached. If a template's error is "
        "quoted, another template (--chat-template-file) may accept the history."
    )
    source = (
        "https://github.com/OpenHands/software-agent-sdk/issues/5225, "
        "https://github.com/github/app/issues/2236, "
        "https://github.com/anthropics/claude-code/issues/1695"
    )
    examples: ClassVar = (
        Example(
            "refused twice, then accepted",
            (
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES), 500, PARSE),
                failed((*TASK, ASKED, NOTES), 500, PARSE),
                step((*TASK, ASKED, NOTES), DONE),
            ),
            also=("template-rejected",),
        ),
        Example(
            "the context is full, whatever is asked",
            (
                step(TASK, ASKED),
                failed((*TASK, ASKED, NOTES), 400, "exceed_context_size_error: 9000 > 8192"),
                failed((*TASK, ASKED, NOTES, user("Hm?")), 400, "exceed_context_size_error: 9 > 8"),
            ),
            also=("context-overflow", "unusual-role-order"),
        ),
        Example(
            "a wrong key, and a server that is overloaded: not the history's fault",
            (
                *[failed(TASK, 401, "Invalid API Key")] * 2,
                failed((*TASK, user("Hello?")), 503, "Loading model"),
            ),
            also=("unusual-role-order",),
        ),
        Example(
            "broken arguments stay in the history, and the user tries to go on",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), HALF),
                failed(STUCK, 500, PARSE),
                failed((*STUCK, user("Go on.")), 500, PARSE),
                failed((*STUCK, user("Go on."), user("Please!")), 500, PARSE),
            ),
            (Place(3, 4),),
            also=("malformed-tool-arguments", "unusual-role-order"),
        ),
        Example(
            "an unanswered call, and the same request again and again",
            (
                step(TASK, ASKED),
                *[failed((*TASK, ASKED, user("Hurry.")), 400, UNANSWERED)] * 3,
            ),
            (Place(2, 2),),
            also=("unanswered-tool-call",),
        ),
        Example(
            "the server names the message by its index",
            (
                step(TASK, ASKED),
                *[
                    failed(
                        (*TASK, ASKED, NOTES, assistant(""), user("On.")),
                        400,
                        "the message at position 4 with role 'assistant' must not be empty",
                    )
                ]
                * 3,
            ),
            (Place(2, 4),),
            also=("empty-assistant-in-history",),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for refused, link in poisonings(thread):
            yield self._finding(refused, link)

    def _finding(self, refused: Sequence[Turn], link: Link | None) -> Finding:
        first, last = refused[0], refused[-1]
        at, how = offending(first, link)
        grown = len({len(turn.messages) for turn in refused}) > 1
        tries = "whatever is added" if grown else "again and again"
        return Finding(
            self.name,
            self.severity,
            Side.TEMPLATE if refusal_of(first) is Refusal.TEMPLATE else self.side,
            f"The server refuses request {first.exchange} and {len(refused) - 1} more, "
            f"{tries}, in the same words (“{one_line(first.reply.error, 120)}”): message {at} "
            f"({how}) poisons the history; rewind to before it.",
            Place(first.exchange, at),
            related=tuple(Place(turn.exchange) for turn in refused[1:LISTED]),
            evidence=(
                quoted_request(first, at),
                Evidence(first.exchange, cut(first.reply.error)),
                Evidence(last.exchange, cut(last.reply.error)),
            ),
        )


def offending(turn: Turn, link: Link | None) -> tuple[int, str]:
    """The message that a refusal is about, and what tells: by index, by an id, or as new."""
    said, messages = turn.reply.error, turn.messages
    named = NAMED.search(said)
    if named and (at := _index_of(turn, int(named[1] or named[2]))) is not None:
        return at, "named by the server"
    for at, message in enumerate(messages):
        ids = [call_.id for call_ in message.tool_calls]
        if any(len(i) > 1 and i in said for i in ids if i):
            return at, "its call's id is named by the server"
    new = shared(link.parent.messages, messages) if link else 0
    if "argument" in said.lower():
        bad = (i for i in range(new, len(messages)) if _broken(turn, i))
        if (at := next(bad, None)) is not None:
            return at, "its call's arguments are no JSON"
    return min(new, max(len(messages) - 1, 0)), "the first that is new in it"


def _index_of(turn: Turn, wire: int) -> int | None:
    """The message that stands at an index of the request's own array."""
    at = turn.wire_indexes.index(wire) if wire in turn.wire_indexes else wire
    return at if at < len(turn.messages) else None


def _broken(turn: Turn, at: int) -> bool:
    return any(soundness.malformed(call_) for call_ in turn.messages[at].tool_calls)
