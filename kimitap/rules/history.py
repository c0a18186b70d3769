"""Which of a history's defects a request shows first.

An agent sends its whole history every time, so a defect stands in every later request as well; it
is one defect, found where it first appears.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from kimitap.conversation import Message, Turn
from kimitap.lineage import Link, Thread, named_by
from kimitap.rules.each import each, same_turns
from kimitap.rules.rounds import Part, Round, answers, rounds

_KEPT = 64
"""Rounds of one request that are kept for the next finder; more are worked out again."""


@dataclass(frozen=True, slots=True)
class Defect:
    """A call or result that stands alone. Equal `key`s are the same content.

    `round` is where its round starts: what a request first shows in one round is told together.
    """

    at: Part
    key: Hashable
    round: int


Finder = Callable[[Sequence[Message], Round], Iterator[Defect]]

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


class _News(NamedTuple):
    """What a request holds that the one before it did not: all that a finder has to look at."""

    since: int
    """Where it begins to differ from its parent's: the defects before it are the same."""
    rounds: tuple[Round, ...]
    """From there on."""
    inherited: tuple[Round, ...] | None
    """Those of its parent's request, where that is not the turn before it."""


class _Progress:
    """How far a thread's requests were looked through, and what was found."""

    def __init__(self, find: Finder) -> None:
        self._find = find
        self._thread: Thread | None = None
        self._found: list[Sequence[Shown]] = []
        self._ledger = _Ledger()

    def over(self, thread: Thread) -> list[Shown]:
        """All that `thread` shows; what was looked at before is kept where it is the same."""
        at = same_turns(self._thread, thread) if self._thread else 0
        if at == len(self._found) - 1 and self._ledger.takes_back():
            self._ledger.take_back()
        elif at < len(self._found):
            at, self._ledger = 0, _Ledger()
        del self._found[at:]
        for i, kept in enumerate(each(thread, _kept_news)[at:], at):
            news = kept or _news(thread, i)
            self._found.append(self._ledger.add(thread.turns[i], thread.links[i], news, self._find))
        self._thread = thread
        return [shown for found in self._found for shown in found]


class _Step(NamedTuple):
    """Defects that went from the end of those standing, how many came, which of them are new."""

    gone: Sequence[Defect]
    come: int
    new: Sequence[Defect]


_NOTHING = _Step((), 0, ())


class _Ledger:
    """The defects that stand in the last request, and how often each was shown in one so far.

    A request costs what is new in it; the last one can be taken back.
    """

    def __init__(self) -> None:
        self._standing: list[Defect] = []
        """In the order of their rounds."""
        self._count: Counter[Hashable] = Counter()
        """Of the standing ones."""
        self._shown: Counter[Hashable] = Counter()
        self._steps: list[_Step] = []
        """Of the last request."""

    def add(self, turn: Turn, link: Link | None, news: _News, find: Finder) -> Sequence[Shown]:
        """Go on to a turn's request; what that turn is the first to show."""
        self._steps = []
        if link is not None and news.inherited is not None:
            self._replace(0, _found(link.parent, news.inherited, find))
        new = self._replace(news.since, _found(turn, news.rounds, find))
        if not new:
            return ()
        rounds_of = groupby(new, key=lambda d: d.round)
        return [(turn, link, [d.at for d in defects]) for _, defects in rounds_of]

    def _replace(self, since: int, come: Sequence[Defect]) -> Sequence[Defect]:
        """Put defects in the place of those from the message `since` on: the ones not yet shown."""
        if not come and not self._standing:
            self._steps.append(_NOTHING)
            return ()
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


def _found(turn: Turn, where: Sequence[Round], find: Finder) -> list[Defect]:
    return [defect for found in where for defect in find(turn.messages, found)]


def _news(thread: Thread, position: int) -> _News:
    turn, link = thread.turns[position], thread.links[position]
    before = thread.turns[position - 1].exchange if position else 0
    elsewhere = link is not None and link.parent.exchange != before
    inherited = _rounds(link.parent, 0) if link is not None and elsewhere else None
    since = _since(turn, link)
    return _News(since, _rounds(turn, since), inherited)


def _kept_news(thread: Thread, position: int) -> _News | None:
    """None where it is much: all requests of a long thread that is always written anew."""
    news = _news(thread, position)
    return news if len(news.rounds) + len(news.inherited or ()) <= _KEPT else None


def _since(turn: Turn, link: Link | None) -> int:
    if link is None or named_by(turn):
        return 0
    return _last_boundary(turn.messages, shared(link.parent.messages, turn.messages))


def _rounds(turn: Turn, since: int) -> tuple[Round, ...]:
    """The rounds from the message `since` on.

    Results at the beginning of a request that names the reply it follows, or the conversation that
    it goes on, belong to what the server keeps.
    """
    messages = turn.messages
    kept = named_by(turn) or turn.parameters.get("conversation")
    while kept and since < len(messages) and _answers_stored(messages[since]):
        since += 1
    return tuple(rounds(messages, since))


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
