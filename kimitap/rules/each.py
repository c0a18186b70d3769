"""What a rule says of each turn of a thread, worked out once although the thread is checked again.

A live view checks a thread whenever a turn is added to it. What is said of a turn depends on that
turn and on those before it, so it stays as long as they are the same objects.
"""

from collections.abc import Callable
from operator import is_

from kimitap.lineage import Thread

type Judge[T] = Callable[[Thread, int], T]
"""Says something of the turn at an index; it may look at that turn, its link, and earlier ones."""


def each[T](thread: Thread, judge: Judge[T]) -> list[T]:
    """What `judge`, a function of a module, says of each turn, in their order."""
    known = thread.notes.get((each, judge))
    if not isinstance(known, _Said):
        known = thread.notes[each, judge] = _Said(judge)
    told: list[T] = known.of(thread)
    return told


class _Said[T]:
    """What was said of the turns of a thread as it was seen last."""

    def __init__(self, judge: Judge[T]) -> None:
        self._judge = judge
        self._thread: Thread | None = None
        self._said: list[T] = []

    def of(self, thread: Thread) -> list[T]:
        if self._thread is thread:
            return self._said
        at = same_turns(self._thread, thread) if self._thread else 0
        later = range(at, len(thread.turns))
        self._said = [*self._said[:at], *(self._judge(thread, i) for i in later)]
        self._thread = thread
        return self._said


def same_turns(old: Thread, new: Thread) -> int:
    """How many turns at the beginning of two threads are the same objects, links included."""
    most = min(len(old.turns), len(new.turns))
    if all(map(is_, old.turns[:most], new.turns)) and all(map(is_, old.links[:most], new.links)):
        return most
    both = enumerate(zip(old.turns, new.turns, old.links, new.links, strict=False))
    return next(i for i, (a, b, x, y) in both if a is not b or x is not y)
