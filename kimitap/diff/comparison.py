"""What two threads, two sessions or two turns have in common, and where they part.

Turns are paired by what they mean: the same words to the model and the same reply make the same
turn, whatever ids, reasoning and volatile spans say. What lies between such turns is paired by
likeness, then in its order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kimitap.conversation import Message, Turn
from kimitap.diff.link import Diff, diff_link
from kimitap.diff.sequence import Block, blocks, likest
from kimitap.diff.turns import TurnDiff, diff_own, diff_turns
from kimitap.lineage import EchoKind, Link, Mark, Session, Thread
from kimitap.weave.keys import LIKENESS, Keys
from kimitap.weave.kin import leading_systems

CELLS = 2_500
"""Pairs of turns, or of threads, up to which the likest are looked for."""


@dataclass(frozen=True)
class TurnPair:
    """Two turns that stand for one another, or one that has no counterpart.

    `differs` names what does: `settings` (model, parameters, tools), `system`, `request` (what the
    turn adds to it), `reply`. The first two make no other turn. With a `link` the first turn and
    its reply are compared with the second's request. `old_from` and `new_from` are the messages
    with which the turns' own begin; earlier ones were compared with the turns before.
    """

    mark: Mark
    old: Turn | None
    new: Turn | None
    differs: tuple[str, ...] = ()
    old_from: int = 0
    new_from: int = 0
    link: Link | None = None

    def diff(self) -> Diff | TurnDiff:
        """All that differs between the two; costs as much as they are long."""
        if self.link is not None:
            return diff_link(self.link)
        return diff_turns(self.old, self.new, self.old_from, self.new_from)

    def own_diff(self) -> Diff | TurnDiff:
        """What differs in what the two add to the turns before; costs what is new in them."""
        if self.link is not None:
            return diff_link(self.link)
        return diff_own(self.old, self.new, self.old_from, self.new_from)


@dataclass(frozen=True)
class ThreadPair:
    """Two threads turn by turn, or one without a counterpart. `old` and `new` are their names."""

    old: str
    new: str
    turns: tuple[TurnPair, ...]

    @property
    def parts_at(self) -> int | None:
        """The index of the first pair that is not the same; None where all are."""
        found = (i for i, turn in enumerate(self.turns) if turn.mark is not Mark.SAME)
        return next(found, None)


@dataclass(frozen=True)
class Comparison:
    """Two exchanges, threads or sessions, named `old` and `new`, thread by thread."""

    old: str
    new: str
    threads: tuple[ThreadPair, ...]

    @property
    def turns(self) -> tuple[TurnPair, ...]:
        return tuple(turn for thread in self.threads for turn in thread.turns)


def compare_links(links: Sequence[Link], thread: str = "") -> Comparison:
    """Each turn's reply against the next request: the pairs of one thread."""
    pairs = (TurnPair(_mark(link), link.parent, link.child, link=link) for link in links)
    return Comparison(thread, thread, (ThreadPair(thread, thread, tuple(pairs)),))


def _mark(link: Link) -> Mark:
    kept = all(pair.mark in {Mark.SAME, Mark.NEW} for pair in link.pairs)
    return Mark.SAME if kept else Mark.CHANGED


def compare_turns(old: Turn, new: Turn) -> Comparison:
    """Two turns, request against request and reply against reply."""
    keys = Keys()
    differs = tuple(_differs(_Own(old, 0, keys), _Own(new, 0, keys)))
    pair = TurnPair(_mark_of(differs), old, new, differs)
    names = f"exchange {old.exchange}", f"exchange {new.exchange}"
    return Comparison(*names, (ThreadPair("", "", (pair,)),))


def compare_threads(old: Thread, new: Thread) -> Comparison:
    """Two threads; a fork is compared with what it left from where it left it."""
    return Comparison(old.name, new.name, (_paired(old, new, Keys()),))


def compare_sessions(old: Session, new: Session) -> Comparison:
    """Two sessions: threads of one kind and one first message are compared with each other.

    Threads that stand for one another come first, the main ones before all.
    """
    keys = Keys()
    found = []
    threads = _threads(conversed(old), conversed(new), keys)
    for one, other in sorted(threads, key=_importance):
        if one is not None and other is not None:
            found.append(_paired(one, other, keys))
        else:
            found.append(_alone(one, other, keys))
    return Comparison(old.name, new.name, tuple(found))


def conversed(session: Session) -> Sequence[Thread]:
    """The threads of a session; without what Kimitap itself sent again, unless that is all."""
    return [thread for thread in session.threads if thread.kind != "replay"] or session.threads


def _importance(pair: tuple[Thread | None, Thread | None]) -> tuple[bool, bool]:
    """What threads of two sessions are sorted by; else they stay in their order."""
    mains = all(thread is None or thread.kind == "main" for thread in pair)
    return None in pair, not mains


class _Own:
    """A turn's own words: the keys of the messages that it adds, and of its reply."""

    def __init__(self, turn: Turn, begin: int, keys: Keys) -> None:
        self.turn, self.begin, self._keys = turn, begin, keys
        self.said = turn.messages[max(begin, leading_systems(turn)) :]
        self.asked = tuple(keys.all(self.said))
        self.reply = keys.key(turn.reply.message)
        self.meaning = (self.asked, self.reply)

    @property
    def system(self) -> list[bytes]:
        return self._keys.all(self.turn.messages[: leading_systems(self.turn)])

    def likeness(self, other: "_Own") -> float:
        """How alike two turns are, from 0 to 2: what was said last, and the replies."""
        if self.asked == other.asked:
            asked = 1.0
        elif self.said and other.said:
            asked = self._keys.likeness(self.said[-1], other.said[-1])
        else:
            asked = 0.0
        return asked + self._keys.likeness(self.turn.reply.message, other.turn.reply.message)


def _owned(thread: Thread, keys: Keys) -> list[_Own]:
    return [
        _Own(turn, _begin(link, turn), keys)
        for turn, link in zip(thread.turns, thread.links, strict=True)
    ]


def _begin(link: Link | None, turn: Turn) -> int:
    """Where a turn's own messages begin: behind the reply before it, or with what became of it."""
    if link is None:
        return 0
    slot = link.echo.slot
    if slot and link.echo.kind is EchoKind.SAME:
        begin = slot[-1] + 1
    else:
        begin = slot[0] if slot else max(link.echo.place, link.prefix)
    return min(begin, len(turn.messages))


def _paired(old: Thread, new: Thread, keys: Keys) -> ThreadPair:
    one, other = _owned(old, keys), _owned(new, keys)
    shared = _cut_past(_past(old, new), one, other, keys)
    if not shared:
        shared = _cut_past(_past(new, old), other, one, keys)
    return ThreadPair(old.name, new.name, (*shared, *_turns(one, other)))


def _cut_past(past: int, trunk: list[_Own], fork: list[_Own], keys: Keys) -> list[TurnPair]:
    """Take the turns that a fork has in common with its trunk off the trunk, as pairs."""
    shared = [TurnPair(Mark.SAME, t.turn, t.turn, (), t.begin, t.begin) for t in trunk[:past]]
    if past:
        kept = len(trunk[past - 1].turn.messages) + 1  # the reply too
        fork[0] = _Own(fork[0].turn, kept, keys)
        del trunk[:past]
    return shared


def _past(old: Thread, new: Thread) -> int:
    """How many turns of `old` the thread `new`, which left it, has in its history."""
    link = new.links[0]
    if old is new or link is None or old.place_of(link.parent.exchange) is None:
        return 0
    covered = (len(turn.messages) + 1 <= link.prefix for turn in old.turns)
    return next((i for i, kept in enumerate(covered) if not kept), len(old.turns))


def _turns(old: Sequence[_Own], new: Sequence[_Own]) -> Iterator[TurnPair]:
    i = j = 0
    same = blocks([t.meaning for t in old], [t.meaning for t in new])
    for block in [*same, Block(len(old), len(new), 0)]:
        yield from _between(old[i : block.old], new[j : block.new])
        i, j = block.old + block.size, block.new + block.size
        yield from map(_pair, old[block.old : i], new[block.new : j])


def _between(old: Sequence[_Own], new: Sequence[_Own]) -> Iterator[TurnPair]:
    """Turns of which none is the same, paired by likeness and order as far as they go."""
    pairs = [(i, i) for i in range(min(len(old), len(new)))]
    if len(old) != len(new) and len(old) * len(new) <= CELLS:
        pairs = likest([[0.01 + one.likeness(other) for other in new] for one in old], 0.0)
    at_old = at_new = 0
    for i, j in [*pairs, (len(old), len(new))]:
        yield from (_alone_pair(Mark.GONE, t) for t in old[at_old:i])
        yield from (_alone_pair(Mark.NEW, t) for t in new[at_new:j])
        if i < len(old):
            yield _pair(old[i], new[j])
        at_old, at_new = i + 1, j + 1


def _pair(old: _Own, new: _Own) -> TurnPair:
    differs = tuple(_differs(old, new))
    return TurnPair(_mark_of(differs), old.turn, new.turn, differs, old.begin, new.begin)


def _mark_of(differs: Sequence[str]) -> Mark:
    return Mark.CHANGED if {"request", "reply"} & set(differs) else Mark.SAME


def _differs(old: _Own, new: _Own) -> Iterator[str]:
    one, other = old.turn, new.turn
    fields = ("model", "stream", "parameters", "tools")
    if any(getattr(one, field) != getattr(other, field) for field in fields):
        yield "settings"
    if old.system != new.system:
        yield "system"
    if old.asked != new.asked:
        yield "request"
    if old.reply != new.reply:
        yield "reply"


def _alone_pair(mark: Mark, turn: _Own) -> TurnPair:
    old, new = (turn.turn, None) if mark is Mark.GONE else (None, turn.turn)
    return TurnPair(mark, old, new, (), turn.begin, turn.begin)


def _alone(old: Thread | None, new: Thread | None, keys: Keys) -> ThreadPair:
    thread, mark = (old, Mark.GONE) if old is not None else (new, Mark.NEW)
    turns = (_alone_pair(mark, turn) for turn in _owned(thread, keys)) if thread else ()
    return ThreadPair(old.name if old else "", new.name if new else "", tuple(turns))


def _threads(
    old: Sequence[Thread], new: Sequence[Thread], keys: Keys
) -> Iterator[tuple[Thread | None, Thread | None]]:
    """The threads that stand for one another, in the order of the old; then those that are new."""
    chosen: dict[int, int] = {}
    for _, i, j in sorted(_candidates(old, new, keys)):
        if i not in chosen and j not in chosen.values():
            chosen[i] = j
    yield from ((thread, new[chosen[i]] if i in chosen else None) for i, thread in enumerate(old))
    yield from ((None, thread) for j, thread in enumerate(new) if j not in chosen.values())


def _candidates(
    old: Sequence[Thread], new: Sequence[Thread], keys: Keys
) -> Iterator[tuple[float, int, int]]:
    """Pairs of threads that may stand for one another, best (least) first when sorted."""
    if len(old) * len(new) > CELLS:
        yield from ((0.0, i, i) for i in range(min(len(old), len(new))))
        return
    for i, one in enumerate(old):
        for j, other in enumerate(new):
            alike = _opening_likeness(one, other, keys)
            kind = one.kind == other.kind
            if alike >= LIKENESS or (kind and one.kind == "main"):
                yield -(alike + kind), i, j


def _opening_likeness(old: Thread, new: Thread, keys: Keys) -> float:
    one, other = (_opening(thread.turns[0].messages) for thread in (old, new))
    return keys.likeness(one, other) if one and other else 0.0


def _opening(messages: Iterable[Message]) -> Message | None:
    """The first thing that a user says."""
    return next((m for m in messages if m.role == "user" and not m.blank), None)
