"""Calls and results within one request, and which of a history's defects a request shows first.

An agent sends its whole history every time, so a defect stands in every later request as well; it
is one defect, found where it first appears.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import is_
from typing import NamedTuple

from kimitap.conversation import Message, Other, ToolCall, ToolResult, Turn
from kimitap.lineage import Link, Thread, named_by

LOOK_BACK = 400
"""Messages before a result among which its call is sought."""


@dataclass(frozen=True, slots=True)
class Round:
    """Consecutive assistant messages, `messages[start:results]`, and the block of results after
    them, `messages[results:stop]`. Either may be empty."""

    start: int
    results: int
    stop: int


Part = tuple[int, int]
"""A part of a request: the message's index, the part's index in it."""


@dataclass(frozen=True, slots=True)
class Defect:
    """A call or result that stands alone. Equal `key`s are the same content.

    `round` is where its round starts: what a request first shows in one round is told together.
    """

    at: Part
    key: Hashable
    round: int


@dataclass(frozen=True, slots=True)
class Pairing:
    """What remains of a round when calls and results are paired: where, and what stands there."""

    calls: tuple[tuple[int, int, ToolCall], ...]
    """Calls without a result: (message, part, call)."""
    results: tuple[tuple[int, int, ToolResult], ...]
    """Results whose id the round's assistant messages do not declare."""
    repeats: tuple[tuple[int, int, ToolResult], ...] = ()
    """Results whose calls are answered already by a result before them."""


Finder = Callable[[Sequence[Message], Round], Iterator[Defect]]


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
            yield Round(start, results, at)


def paired(messages: Sequence[Message], found: Round) -> Pairing:
    """Pair each result with a call of its id, then those without an id by their place.

    A second result for an id that is answered already is no orphan, nor is one whose call may be
    an item that the server keeps (`item_reference`).
    """
    calls = [
        (i, n, part)
        for i in range(found.start, found.results)
        for n, part in enumerate(messages[i].parts)
        if isinstance(part, ToolCall)
    ]
    declared = {call.id or "" for _, _, call in calls}
    strangers = []
    for i in range(found.results, found.stop):
        for n, part in enumerate(messages[i].parts):
            if isinstance(part, ToolResult) and not _take(calls, part.call_id or ""):
                strangers.append((i, n, part))
    _pair_by_place(calls, strangers)
    referred = any(_refers(messages[i]) for i in range(found.start, found.results))
    return Pairing(
        tuple(calls),
        tuple(s for s in strangers if not referred and (s[2].call_id or "") not in declared),
        tuple(s for s in strangers if (s[2].call_id or "") in declared),
    )


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
            open_calls = paired(messages, round_at(messages, at)).calls
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


Shown = tuple[Turn, Link | None, list[Part]]
"""Parts of a request, all of one round, that its turn is the first to show."""


def first_shown(thread: Thread, find: Finder) -> Iterator[Shown]:
    """Each defect of the thread's requests once, with the turn whose request first shows it.

    Those of one round come together. What a fork inherited from another thread was shown there.
    Costs what is new in each request; of a thread that grew, what is new in it.
    """
    known = thread.notes.get((first_shown, find))
    if not isinstance(known, _Progress):
        known = thread.notes[first_shown, find] = _Progress(find)
    return iter(known.over(thread))


class _Progress:
    """How far a thread's requests were looked through, and what was found."""

    def __init__(self, find: Finder) -> None:
        self._find = find
        self._thread: Thread | None = None
        self._found: list[list[Shown]] = []
        self._ledger = _Ledger()

    def over(self, thread: Thread) -> list[Shown]:
        """All that `thread` shows; what was looked at before is kept where it is the same."""
        at = same_turns(self._thread, thread) if self._thread else 0
        if at == len(self._found) - 1 and self._ledger.takes_back():
            self._ledger.take_back()
        elif at < len(self._found):
            at, self._ledger = 0, _Ledger()
        del self._found[at:]
        for turn, link in zip(thread.turns[at:], thread.links[at:], strict=True):
            self._found.append(self._ledger.add(turn, link, self._find))
        self._thread = thread
        return [shown for found in self._found for shown in found]


class _Step(NamedTuple):
    """Defects that went from the end of those standing, how many came, which of them are new."""

    gone: list[Defect]
    come: int
    new: list[Defect]


class _Ledger:
    """The defects that stand in the last request, and how often each was shown in one so far.

    A request costs what is new in it; the last one can be taken back.
    """

    def __init__(self) -> None:
        self._last = self._before = 0
        self._standing: list[Defect] = []
        """In the order of their rounds."""
        self._count: Counter[Hashable] = Counter()
        """Of the standing ones."""
        self._shown: Counter[Hashable] = Counter()
        self._steps: list[_Step] = []
        """Of the last request."""

    def add(self, turn: Turn, link: Link | None, find: Finder) -> list[Shown]:
        """Go on to a turn's request; what that turn is the first to show."""
        elsewhere = link is not None and link.parent.exchange != self._last
        inherited = _all(link.parent, find) if link is not None and elsewhere else ()
        since = _since(turn, link)
        fresh = _all(turn, find, since)
        self._steps = []
        if elsewhere:
            self._replace(0, inherited)
        new = self._replace(since, fresh)
        self._last, self._before = turn.exchange, self._last
        rounds_of = groupby(new, key=lambda d: d.round)
        return [(turn, link, [d.at for d in defects]) for _, defects in rounds_of]

    def _replace(self, since: int, come: Sequence[Defect]) -> list[Defect]:
        """Put defects in the place of those from the message `since` on: the ones not yet shown."""
        gone: list[Defect] = []
        while self._standing and self._standing[-1].at[0] >= since:
            gone.append(self._standing.pop())
            self._count[gone[-1].key] -= 1
        new: list[Defect] = []
        for defect in come:
            self._standing.append(defect)
            self._count[defect.key] += 1
            if self._count[defect.key] > self._shown[defect.key]:
                self._shown[defect.key] += 1
                new.append(defect)
        self._steps.append(_Step(gone, len(come), new))
        return new

    def takes_back(self) -> bool:
        """True where the last request was not taken back already."""
        return bool(self._steps)

    def take_back(self) -> None:
        """Undo the last `add`."""
        while self._steps:
            gone, come, new = self._steps.pop()
            self._shown.subtract(defect.key for defect in new)
            self._count.subtract(self._standing.pop().key for _ in range(come))
            self._standing += reversed(gone)
            self._count.update(defect.key for defect in gone)
        self._last = self._before


def same_turns(old: Thread, new: Thread) -> int:
    """How many turns at the beginning of two threads are the same objects, links included."""
    most = min(len(old.turns), len(new.turns))
    if all(map(is_, old.turns[:most], new.turns)) and all(map(is_, old.links[:most], new.links)):
        return most
    both = enumerate(zip(old.turns, new.turns, old.links, new.links, strict=False))
    return next(i for i, (a, b, x, y) in both if a is not b or x is not y)


def _since(turn: Turn, link: Link | None) -> int:
    """Where a request begins to differ from its parent's: the defects before it are the same."""
    if link is None or named_by(turn):
        return 0
    return _last_boundary(turn.messages, shared(link.parent.messages, turn.messages))


def _all(turn: Turn, find: Finder, since: int = 0) -> tuple[Defect, ...]:
    """The defects from the message `since` on.

    Results at the beginning of a request that names the reply it follows, or the conversation that
    it goes on, belong to what the server keeps.
    """
    messages = turn.messages
    kept = named_by(turn) or turn.parameters.get("conversation")
    while kept and since < len(messages) and _answers_stored(messages[since]):
        since += 1
    return tuple(defect for found in rounds(messages, since) for defect in find(messages, found))


def _answers_stored(message: Message) -> bool:
    return message.role == "system" or answers(message)


def shared(old: Sequence[Message], new: Sequence[Message]) -> int:
    """How many messages two requests begin with in common, ids included.

    What neither calls nor answers may differ: a prompt that tells the time makes no difference.
    """
    shortest = min(len(old), len(new))
    at = first_difference(old, new, 0, shortest)
    while at < shortest and _idle(old[at]) and _idle(new[at]):
        at = first_difference(old, new, at + 1, shortest)
    return at


def first_difference(old: Sequence[Message], new: Sequence[Message], at: int, stop: int) -> int:
    """The first index from `at` on where the two differ; `stop` where they do not before it.

    Runs are compared as wholes, ever longer ones and then halves: most messages are one object.
    """
    step = 1
    while at < stop and old[at : at + step] == new[at : at + step]:
        at, step = at + step, 2 * step
    if at >= stop:
        return stop
    while step > 1:
        step //= 2
        if old[at : at + step] == new[at : at + step]:
            at += step
    return min(at, stop)


def _idle(message: Message) -> bool:
    return message.role != "assistant" and not answers(message)


def _last_boundary(messages: Sequence[Message], at: int) -> int:
    """The start of the round that reaches up to `at`: it may have grown."""
    while at > 0 and answers(messages[at - 1]):
        at -= 1
    while at > 0 and messages[at - 1].role == "assistant":
        at -= 1
    return at
