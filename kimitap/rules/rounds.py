"""Calls and results within one request: its rounds, and what stands alone in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kimitap.conversation import Message, Other, ToolCall, ToolResult, Turn

LOOK_BACK = 400
"""Messages before a result among which its call is sought."""

Part = tuple[int, int]
"""A part of a request: the message's index, the part's index in it."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """What remains of a round when calls and results are paired: where, and what stands there."""

    calls: tuple[tuple[int, int, ToolCall], ...]
    """Calls without a result: (message, part, call)."""
    results: tuple[tuple[int, int, ToolResult], ...]
    """Results whose id the round's assistant messages do not declare."""
    repeats: tuple[tuple[int, int, ToolResult], ...] = ()
    """Results whose calls are answered already by a result before them."""


EVEN = Pairing((), ())
"""Of a round in which each call has its result."""


@dataclass(frozen=True, slots=True)
class Round:
    """Consecutive assistant messages, `messages[start:results]`, and the block of results after
    them, `messages[results:stop]`. Either may be empty."""

    start: int
    results: int
    stop: int
    left: Pairing
    """Worked out once for all that ask."""


def answers(message: Message) -> bool:
    """True for a message that carries results of tools."""
    return message.role == "tool" or bool(message.tool_results)


def rounds(messages: Sequence[Message], since: int = 0) -> Iterator[Round]:
    """The rounds of a request from the message `since` on, which must not stand inside one."""
    at = since
    while at < len(messages):
        start = at
        while at < len(messages) and messages[at].role == "assistant":
            at += 1
        results = at
        while at < len(messages) and answers(messages[at]):
            at += 1
        if at == start:
            at += 1
        else:
            yield Round(start, results, at, _paired(messages, start, results, at))


def _paired(messages: Sequence[Message], start: int, results: int, stop: int) -> Pairing:
    """Pair each result with a call of its id, then those without an id by their place.

    A second result for an id that is answered already is no orphan, nor is one whose call may be
    an item that the server keeps (`item_reference`).
    """
    if _even(messages, start, results, stop):
        return EVEN
    calls = [
        (i, n, part)
        for i in range(start, results)
        for n, part in enumerate(messages[i].parts)
        if isinstance(part, ToolCall)
    ]
    declared = {call.id or "" for _, _, call in calls}
    strangers = []
    for i in range(results, stop):
        for n, part in enumerate(messages[i].parts):
            if isinstance(part, ToolResult) and not _take(calls, part.call_id or ""):
                strangers.append((i, n, part))
    _pair_by_place(calls, strangers)
    referred = any(_refers(messages[i]) for i in range(start, results))
    return Pairing(
        tuple(calls),
        tuple(s for s in strangers if not referred and (s[2].call_id or "") not in declared),
        tuple(s for s in strangers if (s[2].call_id or "") in declared),
    )


def _even(messages: Sequence[Message], start: int, results: int, stop: int) -> bool:
    """True where the results come under the ids of the calls, in their order: as in most rounds."""
    made = [call.id for i in range(start, results) for call in messages[i].tool_calls]
    given = [result.call_id for i in range(results, stop) for result in messages[i].tool_results]
    return made == given and all(made)


def _refers(message: Message) -> bool:
    return any(isinstance(p, Other) and p.kind == "item_reference" for p in message.parts)


def call_of(messages: Sequence[Message], found: Round, result: ToolResult) -> ToolCall | None:
    """The call of the round that a result names by its id; else the only call there is."""
    calls = [c for i in range(found.start, found.results) for c in messages[i].tool_calls]
    named = (call for call in calls if call.id and call.id == result.call_id)
    return next(named, calls[0] if len(calls) == 1 else None)


def round_at(messages: Sequence[Message], at: int) -> Round:
    """The round in which an assistant's message or a result stands."""
    while at > 0 and answers(messages[at]) and answers(messages[at - 1]):
        at -= 1
    while at > 0 and messages[at - 1].role == "assistant":
        at -= 1
    return next(rounds(messages, at))


def result_at(turn: Turn, at: Part) -> ToolResult:
    """The result that stands at a part of the request."""
    part = turn.messages[at[0]].parts[at[1]]
    assert isinstance(part, ToolResult)
    return part


def call_at(turn: Turn, at: Part) -> ToolCall:
    """The call that stands at a part of the request."""
    part = turn.messages[at[0]].parts[at[1]]
    assert isinstance(part, ToolCall)
    return part


def home_of(messages: Sequence[Message], before: int, call_id: str | None) -> Part | None:
    """The nearest call of that id before the message `before`, where no result answers it.

    None where there is none within `LOOK_BACK` messages, or where the nearest one is answered.
    """
    for at in range(before - 1, max(before - LOOK_BACK, 0) - 1, -1) if call_id else ():
        if any(call.id == call_id for call in messages[at].tool_calls):
            open_calls = round_at(messages, at).left.calls
            return next(((i, n) for i, n, call in open_calls if call.id == call_id), None)
    return None


def _take(calls: list[tuple[int, int, ToolCall]], call_id: str) -> bool:
    """Take the first open call of that id off the list; False where there is none."""
    for at, (_, _, call) in enumerate(calls):
        if (call.id or "") == call_id:
            del calls[at]
            return True
    return False


def _pair_by_place(
    calls: list[tuple[int, int, ToolCall]], strangers: list[tuple[int, int, ToolResult]]
) -> None:
    """A result without an id answers the first open call; a call without one takes a result."""
    for stranger in [s for s in strangers if not s[2].call_id]:
        if calls:
            del calls[0]
            strangers.remove(stranger)
    for call in [c for c in calls if not c[2].id]:
        if strangers:
            del strangers[0]
            calls.remove(call)
