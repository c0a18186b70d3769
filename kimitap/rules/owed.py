"""What a request owes to the reply that it names, since the server keeps the history.

OpenAI's Responses API: a request with `previous_response_id` holds the outputs of that reply's
calls, and what is new; nothing repeats the calls. OpenAI refuses one without the outputs, other
servers take it. It is not judged where calls may have been answered out of sight: with
`conversation`, to which anybody can add items; by `item_reference`; by the server itself.
"""

from collections.abc import Iterator
from typing import NamedTuple

from kimitap.conversation import Message, Other, ToolCall, ToolResult, Turn
from kimitap.lineage import Relation, Session, Thread, named_by
from kimitap.rules.endings import is_unkept, was_called, was_said
from kimitap.rules.flaws import flaw
from kimitap.rules.rounds import Part, answers

_READ = (400, 422)
"""Statuses by which a server says that it has read a request, and why it does not take it."""
_OWN_NAMES = ("local_shell",)
"""Calls whose outputs name them by another id than their own."""


class Owed(NamedTuple):
    """A request that does not hold, for each call of the reply that it names, the result.

    `made` is the turn of that reply. `calls` have no result, nor does a later request give one:
    (part of the reply, call). `strangers` are results that answer no call that was ever made:
    (where in the request, result).
    """

    made: Turn
    turn: Turn
    calls: tuple[tuple[int, ToolCall], ...]
    strangers: tuple[tuple[Part, ToolResult], ...]

    @property
    def place(self) -> int:
        """The index in the request where the missing results should have stood."""
        messages = self.turn.messages
        stands = (i for i, m in enumerate(messages) if m.role != "system" and not answers(m))
        return next(stands, len(messages))

    @property
    def mismatched(self) -> bool:
        """True where as many calls are left alone as results: they belong together."""
        return len(self.calls) == len(self.strangers)


def owed(thread: Thread, session: Session) -> Iterator[Owed]:
    """The thread's requests that owe a result to the reply which they name, or have one too many.

    Each reply once: by the first request after it that its server has read.
    """
    told: set[int] = set()
    for position, turn in enumerate(thread.turns):
        at = _named(thread, position)
        if at is None or at in told or not _is_read(thread, position):
            continue
        told.add(at)
        if _is_plain(thread.turns[at]) and _is_clear(turn):
            found = _compared(thread, session, at, position)
            if found.calls or found.strangers:
                yield found


def _named(thread: Thread, position: int) -> int | None:
    """Where the turn stands whose reply a request names; None where it names none that is there."""
    name = named_by(thread.turns[position])
    earlier = range(position - 1, -1, -1) if name else ()
    return next((i for i in earlier if thread.turns[i].reply.id == name), None)


def _compared(thread: Thread, session: Session, at: int, position: int) -> Owed:
    made, turn = thread.turns[at], thread.turns[position]
    strangers = tuple(_strangers(thread, at, turn))
    calls = tuple(_unanswered(made, turn, session))
    if len(calls) != len(strangers) and _may_still_come(thread, position):
        calls = ()
    return Owed(made, turn, calls, strangers)


def _unanswered(made: Turn, turn: Turn, session: Session) -> list[tuple[int, ToolCall]]:
    """The calls of the reply that neither the request answers nor a later one."""
    reply = made.reply.message
    by_server = {result.call_id for result in reply.tool_results}
    given = by_server.union(*map(_results, turn.messages))
    calls = [
        (n, part)
        for n, part in enumerate(reply.parts)
        if isinstance(part, ToolCall) and part.id not in given
    ]
    if not calls or not all(call.id for _, call in calls):
        return []
    later = _given_after(session, turn)
    return [(n, call) for n, call in calls if call.id not in later]


def _strangers(thread: Thread, at: int, turn: Turn) -> list[tuple[Part, ToolResult]]:
    """The results with which the request begins that answer no call ever made."""
    results: list[tuple[Part, ToolResult]] = []
    for i, message in enumerate(turn.messages):
        if message.role != "system" and not answers(message):
            break
        results += [((i, n), p) for n, p in enumerate(message.parts) if isinstance(p, ToolResult)]
    made = {call.id for call in thread.turns[at].reply.message.tool_calls}
    if all(result.call_id in made for _, result in results):
        return []
    declared = _declared(thread, at, turn)
    return [one for one in results if declared is not None and one[1].call_id not in declared]


def _results(message: Message) -> set[str | None]:
    return {result.call_id for result in message.tool_results}


def _is_read(thread: Thread, position: int) -> bool:
    """True where the request goes on with the reply that it names, and its server has read it."""
    turn, link = thread.turns[position], thread.links[position]
    follows = link is not None and link.relation in (Relation.CONTINUES, Relation.RETRY)
    return follows and (turn.succeeded or turn.status in _READ)


def _is_plain(turn: Turn) -> bool:
    """True where all of a reply is there, and an agent has to answer each call in it."""
    if not turn.succeeded or is_unkept(turn) or flaw(turn):
        return False
    if not (was_called(turn) or was_said(turn)):
        return False
    return all(call.name not in _OWN_NAMES for call in turn.reply.message.tool_calls)


def _is_clear(turn: Turn) -> bool:
    """True where each result of the request names its call, and no item is one that is kept."""
    parts = [part for message in turn.messages for part in message.parts]
    if any(isinstance(part, Other) and part.kind == "item_reference" for part in parts):
        return False
    return all(part.call_id for part in parts if isinstance(part, ToolResult))


def _may_still_come(thread: Thread, position: int) -> bool:
    """True where the request holds results only, and nobody went on: the others may follow."""
    messages = thread.turns[position].messages
    if any(message.role != "system" and not answers(message) for message in messages):
        return False
    return not any(turn.succeeded for turn in thread.turns[position + 1 :])


def _given_after(session: Session, turn: Turn) -> set[str | None]:
    """The ids of all results that a later request of the session holds."""
    later = (
        one
        for thread in session.threads
        for one in thread.turns
        if (one.started_at, one.exchange) > (turn.started_at, turn.exchange)
    )
    return set[str | None]().union(*(_results(m) for one in later for m in one.messages))


def _declared(thread: Thread, at: int, turn: Turn) -> set[str | None] | None:
    """The ids of all calls that were made up to a request; None where not all can be known."""
    ids = {call.id for message in turn.messages for call in message.tool_calls}
    position: int | None = at
    while position is not None:
        one = thread.turns[position]
        if not _is_plain(one) or not _is_clear(one) or one.parameters.get("conversation"):
            return None
        for message in (*one.messages, one.reply.message):
            ids |= {call.id for call in message.tool_calls}
        before = _named(thread, position)
        if named_by(one) and before is None:
            return None
        position = before
    return ids
