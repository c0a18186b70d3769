"""One id for two calls."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from kimitap.conversation import ToolCall, Turn
from kimitap.lineage import CallEcho, Relation, Session, Thread
from kimitap.rules.each import each
from kimitap.rules.examples import TASK, assistant, call, step, tool
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.rules.rule import Example, Rule
from kimitap.rules.wording import quoted_call, times
from kimitap.visible import one_line

_COUNTER = re.compile(r"(?:functions\.)?[\w.\-]+:\d+")
_ELSEWHERE = frozenset(
    {
        Relation.COMPACTION,
        Relation.FORK,
        Relation.HANDOFF,
        Relation.REBUILT,
        Relation.WINDOW,
    }
)
"""How a request follows that need not carry all that the one before it carried."""

KIMI = "functions.read_file:0"
FIRST = assistant(None, call(KIMI, "read_file", path="notes.txt"))
SECOND = assistant(None, call(KIMI, "read_file", path="data.csv"))
THIRD = assistant(None, call(KIMI, "read_file", path="more.csv"))
RESULT = tool(KIMI, "owner: Ada")


@dataclass(frozen=True, slots=True)
class Use:
    """A call of a reply, or of the history in a turn's request: its turn, its part's index."""

    turn: Turn
    part: int
    call: ToolCall
    message: int | None = None
    """The request's message that it stands in; None: the reply."""

    @property
    def place(self) -> Place:
        return Place(self.turn.exchange, self.message, self.part)


def twice_in(turn: Turn) -> list[list[Use]]:
    """The calls of a reply that share an id, id by id."""
    by_id: dict[str, list[Use]] = {}
    for use in _uses(turn):
        by_id.setdefault(use.call.id or "", []).append(use)
    return [uses for uses in by_id.values() if len(uses) > 1]


def again_in(thread: Thread) -> Iterator[tuple[Use, Use]]:
    """The calls whose id a call of an earlier reply has that is still in the history, with it.

    What was asked for again, never given back, given another id by the agent, compacted, left
    behind by a fork or fallen out of a window is not. A thread's first request, and what goes on
    from a compaction, a fork or a window, says itself which calls it carries.
    """
    seen: dict[str, Use] = {}
    made: dict[int, list[Use]] = {}
    lost = each(thread, _lost_at)
    uses_at, carried_at = each(thread, _uses_at), each(thread, _carried_at)
    for turn, uses, carried, gone in zip(thread.turns, uses_at, carried_at, lost, strict=True):
        if gone is None:
            seen = dict(carried)
        else:
            _forget(seen, [use for use in made.get(gone.parent, ()) if gone.takes(use)])
        made[turn.exchange] = uses
        for use in uses:
            first = seen.setdefault(use.call.id or "", use)
            if first.turn is not turn or first.message is not None:
                yield first, use


class Lost(NamedTuple):
    """The parts of its parent's reply that a request no longer shows; None: all of them."""

    parent: int
    parts: frozenset[int] | None

    def takes(self, use: Use) -> bool:
        return self.parts is None or use.part in self.parts


def _forget(seen: dict[str, Use], gone: Sequence[Use]) -> None:
    for use in gone:
        if seen.get(use.call.id or "") is use:
            del seen[use.call.id or ""]


def _lost_at(thread: Thread, position: int) -> Lost | None:
    """What is lost with a turn; None where all replies before it are elsewhere."""
    link = thread.links[position]
    if link is None or link.relation in _ELSEWHERE:
        return None
    again = link.relation is Relation.RETRY
    gone = frozenset(e.part for e in link.echo.calls if e.new is None or _renamed(e))
    return Lost(link.parent.exchange, None if again else gone)


def _uses_at(thread: Thread, position: int) -> list[Use]:
    turn = thread.turns[position]
    return list(_uses(turn)) if turn.succeeded else []


def _carried_at(thread: Thread, position: int) -> dict[str, Use]:
    """By id, the calls in the request of a turn whose history is not that of the turn before.

    Of one that was rebuilt, only those whose ids its reply uses: an agent may rebuild every time.
    """
    turn, link = thread.turns[position], thread.links[position]
    if link is not None and link.relation not in _ELSEWHERE:
        return {}
    rebuilt = link is not None and link.relation is Relation.REBUILT
    wanted = {use.call.id for use in _uses_at(thread, position)} if rebuilt else None
    if wanted is not None and not wanted:
        return {}
    found: dict[str, Use] = {}
    for index, message in enumerate(turn.messages):
        for part, call_ in enumerate(message.parts if message.role == "assistant" else ()):
            if isinstance(call_, ToolCall) and call_.id and (not wanted or call_.id in wanted):
                found.setdefault(call_.id, Use(turn, part, call_, index))
    return found


def _renamed(echo: CallEcho) -> bool:
    """True where the agent gave the call another id: it made it unique."""
    return echo.new is not None and bool(echo.new.id) and echo.new.id != echo.call.id


def _twice_at(thread: Thread, position: int) -> list[list[Use]]:
    turn = thread.turns[position]
    return twice_in(turn) if turn.succeeded else []


def _uses(turn: Turn) -> Iterator[Use]:
    for part, call_ in enumerate(turn.reply.message.parts):
        if isinstance(call_, ToolCall) and call_.id:
            yield Use(turn, part, call_)


class ReusedToolCallId(Rule):
    """Within one reply results can no longer be told apart; across replies only some agents err."""

    name = "reused-tool-call-id"
    severity = Severity.WARNING
    side = Side.SERVER
    by_choice = True
    summary = "two calls have one id: in one reply (an error), or in two of one history"
    meaning = (
        "Within one reply no result can be told from another's, and servers refuse it. Across the "
        "replies of one history agents that go by the id alone give the old call the new "
        "arguments, drop the new call, or stop; it is told once a thread. Kimi counts its ids "
        "(functions.NAME:0), and the count starts again in some servers, and when a session is "
        "resumed. Ids that repeat after a "
        "compaction, in another session or in a sub-agent, in a retry, or after a reply that the "
        "history lost or the agent gave another id, harm nobody."
    )
    remedy = (
        "Use an agent that rewrites ids (Kimi Code does), or a server that makes its own "
        "(ik_llama.cpp; llama.cpp's newer builds count on for Kimi K2). In one reply: update the "
        "server, or switch parallel tool calls off."
    )
    source = (
        "https://github.com/fw-ai/fireconnect/issues/16 (ids that start again each turn), "
        "https://github.com/QwenLM/qwen-code/issues/8382; Anthropic: “`tool_use` ids must be "
        "unique”"
    )
    examples: ClassVar = (
        Example(
            "ids that count on",
            (
                step(TASK, FIRST),
                step(
                    (*TASK, FIRST, RESULT),
                    assistant(None, call("functions.read_file:1", "read_file", path="data.csv")),
                ),
            ),
        ),
        Example(
            "the same request again, and the same id",
            (step(TASK, FIRST, None), step(TASK, FIRST), step((*TASK, FIRST, RESULT), None)),
            also=("stream-aborted",),
        ),
        Example(
            "empty ids are missing ones",
            (
                step(
                    TASK,
                    assistant(
                        None, call("", "read_file", path="a"), call("", "read_file", path="b")
                    ),
                ),
            ),
            also=("missing-tool-call-id",),
        ),
        Example(
            "twice in one reply",
            (
                step(
                    TASK,
                    assistant(
                        None,
                        call(KIMI, "read_file", path="notes.txt"),
                        call(KIMI, "read_file", path="data.csv"),
                    ),
                ),
            ),
            (Place(1, None, 1),),
        ),
        Example(
            "a resumed session: the id stands in the first request that was recorded",
            (step((*TASK, FIRST, RESULT), SECOND),),
            (Place(1, None, 0),),
        ),
        Example(
            "in three turns: one finding",
            (
                step(TASK, FIRST),
                step((*TASK, FIRST, RESULT), SECOND),
                step((*TASK, FIRST, RESULT, SECOND, RESULT), THIRD),
            ),
            (Place(2, None, 0),),
        ),
    )

    def check(self, thread: Thread, session: Session) -> Iterator[Finding]:
        for turn, twice in zip(thread.turns, each(thread, _twice_at), strict=True):
            for uses in twice:
                yield self._in_reply(turn, uses)
        found = list(again_in(thread))
        if found:
            yield self._across(found)

    def _in_reply(self, turn: Turn, uses: list[Use]) -> Finding:
        first, again = uses[:2]
        side, why = _blame(again.call)
        return Finding(
            self.name,
            Severity.ERROR,
            side,
            f"{len(uses)} calls of exchange {turn.exchange} have the id {_shown(again.call)}: "
            f"{why}.",
            Place(turn.exchange, None, again.part),
            related=tuple(Place(turn.exchange, None, use.part) for use in (first, *uses[2:])),
            evidence=(quoted_call(turn, first.call), quoted_call(turn, again.call)),
        )

    def _across(self, found: list[tuple[Use, Use]]) -> Finding:
        first, again = found[0]
        side, why = _blame(again.call)
        turns = len({use.turn.exchange for _, use in found})
        places = dict.fromkeys(use.place for pair in found[:50] for use in pair)
        places.pop(again.place, None)
        return Finding(
            self.name,
            self.severity,
            side,
            f"The id {_shown(again.call)} of exchange {again.turn.exchange} is already a call's "
            f"{_whereabouts(first)}; ids are used again in {times(turns, 'turn')}: {why}.",
            again.place,
            related=tuple(places),
            evidence=(quoted_call(first.turn, first.call), quoted_call(again.turn, again.call)),
        )


def _whereabouts(use: Use) -> str:
    if use.message is None:
        return f"of exchange {use.turn.exchange}, in the same history"
    return f"in message {use.message} of the history that request {use.turn.exchange} carries"


def _shown(call_: ToolCall) -> str:
    return f"“{one_line(call_.id or '', 60)}”"


def _blame(call_: ToolCall) -> tuple[Side, str]:
    """Who made the id, and what tells."""
    if _COUNTER.fullmatch(call_.id or ""):
        return Side.MODEL, "it is the model's own count, which the server passed on"
    return Side.SERVER, "the server made it, and made it twice"
