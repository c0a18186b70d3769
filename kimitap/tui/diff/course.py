"""How two threads went: where they part, and their pairs of turns to go to."""

from collections.abc import Iterator

from kimitap.diff import Comparison, ThreadPair, parting
from kimitap.lineage import Mark
from kimitap.transcript.wording import plural
from kimitap.tui.diff.entries import Body, Entry, Fold, Note, Step


def course_entries(comparison: Comparison, at: int) -> tuple[Entry, ...]:
    """What stands above the pair `at` where threads are compared; nothing for pairs within one."""
    thread, turns = thread_of(comparison, at), comparison.turns
    if not (thread.old or thread.new) or any(turn.link is not None for turn in thread.turns):
        return ()
    if len(turns) < 2:
        return (Note(parting(thread)),)
    differ = sum(turn.mark is not Mark.SAME for turn in turns)
    told = f"{differ:,} of them different" if differ else "all the same"
    text = f"{plural(len(turns), 'pair')} of turns, {told}"
    return Note(parting(thread)), Fold(text, Body(lambda: _steps(comparison, at)))


def _steps(comparison: Comparison, at: int) -> Iterator[Step]:
    """All pairs; of several pairs of threads, each tells its own."""
    several, number = len(comparison.threads) > 1, 0
    for thread in comparison.threads:
        sides = " ".join(name or "-" for name in (thread.old, thread.new))
        for pair in thread.turns:
            yield Step(number, pair, f"{sides} " if several else "", number == at)
            number += 1


def thread_of(comparison: Comparison, at: int) -> ThreadPair:
    """The threads of the pair `at`, counted through all of them."""
    for thread in comparison.threads:
        if at < len(thread.turns):
            return thread
        at -= len(thread.turns)
    raise IndexError(at)
