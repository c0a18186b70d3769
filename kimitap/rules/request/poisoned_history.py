"""A message that the server will never accept stays in the history."""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from kimitap.conversation import Turn
from kimitap.lineage import Link, Session, Thread
from kimitap.rules.arguments import malformed
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
    r"messages?(?:\.|\[| |\.\[)(\d{1,5})"  # Anthropic, OpenAI, DeepSeek
    r"|message at (?:position|index) (\d{1,5})"  # Moonshot
    r"|\binput\[(\d{1,5})",  # OpenAI's Responses
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


Entry = tuple[Turn, Link | None]
"""A refused request, and how it follows."""


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


def refusals(session: Session) -> list[list[Entry]]:
    """The requests of a session that were refused alike, one after the other.

    A request goes on with a refused one, or takes its place: a user who gets an error says
    something else, and that leaves the first attempt as a fork.
    """
    entries = [
        (turn, link)
        for thread in session.threads
        for turn, link in zip(thread.turns, thread.links, strict=True)
        if words(turn)
    ]
    runs: list[list[Entry]] = []
    known: dict[tuple[int, str], list[Entry]] = {}
    for turn, link in sorted(entries, key=lambda entry: entry[0].exchange):
        said = words(turn)
        run = known.get((link.parent.exchange, said)) if link is not None else None
        if run is None:
            run = []
            runs.append(run)
        run.append((turn, link))
        known[turn.exchange, said] = run
        if link is not None:
            known.setdefault((link.parent.exchange, said), run)
    return runs


def is_poisoned(run: Sequence[Entry]) -> bool:
    """True where it is clear that asking again does not help."""
    return len(run) >= (GROWN if is_changed(run) else SAME)


def is_changed(run: Sequence[Entry]) -> bool:
    """True where not all the requests are one."""
    return len({(len(turn.messages), turn.messages[-1:]) for turn, _ in run}) > 1


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
    reads_session = True
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
            "the user says something else each time, in the place of what was refused",
            (
                step(TASK, ASKED),
                step((*TASK, ASKED, NOTES), HALF),
                failed(STUCK, 500, PARSE),
                failed((*STUCK, user("Go on.")), 500, PARSE),
                failed((*STUCK, user("Hello?")), 500, PARSE),
            ),
            (Place(3, 4),),
            also=("malformed-tool-arguments",),
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
        ours = {turn.exchange for turn in thread.turns if words(turn)}
        for run in refusals(session) if ours else ():
            if is_poisoned(run) and run[0][0].exchange in ours:
                yield self._finding(run)

    def _finding(self, run: Sequence[Entry]) -> Finding:
        refused = [turn for turn, _ in run]
        first, last = refused[0], refused[-1]
        at, how = offending(*run[0])
        tries = "whatever is added" if is_changed(run) else "again and again"
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
    if named and (at := _index_of(turn, int(named[named.lastindex or 0]))) is not None:
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
    return any(malformed(call_) for call_ in turn.messages[at].tool_calls)
