"""Runs against runs: which session of one set stands for which of the other, and where they part.

Sessions of one task stand for one another: those that begin with the same system prompt and the
same words of a user, volatile spans left out; then those with the same words of a user; the rest in
their order.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kimitap.conversation import Message
from kimitap.diff.comparison import Comparison, ThreadPair, TurnPair, compare_sessions
from kimitap.lineage import Mark, Session, Thread
from kimitap.weave.keys import Keys
from kimitap.weave.kin import leading_systems

SAME_TASK, SAME_WORDS, BY_ORDER = "same task", "same first words", "by order"
"""How a pair was found."""


@dataclass(frozen=True)
class Run:
    """One session of a set. `name` tells it from the others: `tea.db:s1`.

    `findings` says how many each rule found in it.
    """

    name: str
    session: Session
    findings: Mapping[str, int] = field(default_factory=dict)

    @property
    def main(self) -> Thread:
        """The thread that the session is about."""
        threads = self.session.threads
        return next((thread for thread in threads if thread.kind == "main"), threads[0])

    @property
    def task(self) -> Message | None:
        """The first thing that a user says in it."""
        messages = self.main.turns[0].messages
        return next((m for m in messages if m.role == "user" and not m.blank), None)


@dataclass(frozen=True)
class RunPair:
    """Two runs that stand for one another and what they have in common, or a run alone."""

    old: Run | None
    new: Run | None
    how: str = ""
    comparison: Comparison | None = None

    @property
    def parted(self) -> tuple[ThreadPair, int] | None:
        """The threads that part, and the index of the turn; None where all is the same.

        The threads are in the order of a comparison: those that stand for one another first.
        """
        threads = self.comparison.threads if self.comparison else ()
        found = ((pair, pair.parts_at) for pair in threads)
        return next(((pair, at) for pair, at in found if at is not None), None)

    @property
    def mark(self) -> Mark:
        if self.new is None:
            return Mark.GONE
        if self.old is None:
            return Mark.NEW
        return Mark.SAME if self.parted is None else Mark.CHANGED


def compare_runs(old: Sequence[Run], new: Sequence[Run]) -> tuple[RunPair, ...]:
    """Every run of both sets, in the order of the old; those that are new come last."""
    chosen = _chosen(old, new)
    pairs = []
    for i, run in enumerate(old):
        if i in chosen:
            j, how = chosen[i]
            pairs.append(RunPair(run, new[j], how, apart(run, new[j])))
        else:
            pairs.append(RunPair(run, None))
    taken = {j for j, _ in chosen.values()}
    pairs += [RunPair(None, run) for j, run in enumerate(new) if j not in taken]
    return tuple(pairs)


def apart(old: Run, new: Run) -> Comparison:
    """Two sessions of two recordings, in which names of one may stand for others in the other."""
    return named_apart(compare_sessions(old.session, new.session), old.name, new.name)


def named_apart(comparison: Comparison, old: str, new: str) -> Comparison:
    """The comparison under these names, and its threads as `old t1` and `new t3`."""
    threads = (
        replace(
            pair,
            old=f"old {pair.old}" if pair.old else "",
            new=f"new {pair.new}" if pair.new else "",
        )
        for pair in comparison.threads
    )
    return Comparison(old, new, tuple(threads))


def part_of(turn: TurnPair) -> str:
    """What a pair of turns parts in: `request`, `calls`, `text`, or a `turn` that is alone."""
    if turn.old is None or turn.new is None:
        return "turn"
    if "request" in turn.differs:
        return "request"
    sides = (turn.old.reply.message, turn.new.reply.message)
    calls = [[call.stands_for for call in side.tool_calls] for side in sides]
    return "text" if calls[0] == calls[1] else "calls"


def _chosen(old: Sequence[Run], new: Sequence[Run]) -> dict[int, tuple[int, str]]:
    """For each old run that has a counterpart, which it is and how it was found."""
    keys = Keys()
    found: dict[int, tuple[int, str]] = {}
    for how, key in (
        (SAME_TASK, lambda run: _task_key(run, keys)),
        (SAME_WORDS, lambda run: _words_key(run, keys)),
        (BY_ORDER, lambda run: True),
    ):
        taken = {j for j, _ in found.values()}
        left = [(i, run) for i, run in enumerate(old) if i not in found]
        right = [(j, run) for j, run in enumerate(new) if j not in taken]
        found |= {i: (j, how) for i, j in _matched(left, right, key)}
    return found


def _matched(
    old: Sequence[tuple[int, Run]],
    new: Sequence[tuple[int, Run]],
    key: Callable[[Run], Hashable],
) -> Iterator[tuple[int, int]]:
    """Runs of one key, the first with the first; None is no key."""
    waiting: dict[Hashable, list[int]] = {}
    for j, run in reversed(new):
        waiting.setdefault(key(run), []).append(j)
    for i, run in old:
        known = key(run)
        if known is not None and waiting.get(known):
            yield i, waiting[known].pop()


def _task_key(run: Run, keys: Keys) -> Hashable:
    first = run.main.turns[0]
    words = _words_key(run, keys)
    if words is None:
        return None
    return tuple(keys.all(first.messages[: leading_systems(first)])), words


def _words_key(run: Run, keys: Keys) -> Hashable:
    return None if run.task is None else keys.key(run.task)
