"""Every session in numbers: what the list of sessions is sorted, filtered and painted by."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kimitap.conversation import Turn
from kimitap.lineage import Session, Thread
from kimitap.rules.finding import Finding, Severity
from kimitap.transcript.task import task_of
from kimitap.transcript.tree import Branch, branches
from kimitap.transcript.wording import prompt_tokens, reply_tokens
from kimitap.tui.conversation.contents import counted
from kimitap.tui.source import WAITING, View
from kimitap.visible import one_line

FRESH = timedelta(seconds=5)
"""How long after its end a turn still counts as one that the agent goes on from."""


@dataclass(frozen=True, slots=True)
class Tally:
    """A thread's or session's numbers. `tokens` are the prompts' and the replies'; None: untold."""

    started_at: datetime
    turns: int
    tokens: int | None
    counts: tuple[tuple[Severity, int], ...] = ()

    @property
    def badness(self) -> tuple[int, ...]:
        """What "most findings" compares: errors first, then warnings, then notes."""
        found = dict(self.counts)
        return tuple(found.get(severity, 0) for severity in Severity)


@dataclass(frozen=True)
class Entry:
    """A session with its numbers and those of its threads, by their names.

    Agent, model and task are one line and clean. `fields` are the texts that a filter looks at.
    """

    session: Session
    agent: str
    model: str
    task: str
    tally: Tally
    threads: Mapping[str, Tally]
    tree: tuple[Branch, ...]
    findings: tuple[Finding, ...]
    fields: Mapping[str, str]

    @property
    def plain(self) -> bool:
        """True where the tree is one thread, of which nothing is to be drawn."""
        return len(self.tree) == 1


@dataclass
class Memo:
    """Numbers of threads that did not grow since they were last counted, by number."""

    threads: dict[int, tuple[Thread, int | None, str]] = field(default_factory=dict)
    trees: dict[int, tuple[Session, tuple[Branch, ...]]] = field(default_factory=dict)


def overview(view: View, memo: Memo | None = None) -> tuple[Entry, ...]:
    """An entry a session, in the order of the view; with the same `memo`, only news are counted."""
    memo = memo or Memo()
    found: dict[str, list[Finding]] = {}
    for finding in view.findings:
        found.setdefault(finding.thread, []).append(finding)
    return tuple(_entry(session, found, memo) for session in view.sessions)


def _entry(session: Session, found: Mapping[str, Sequence[Finding]], memo: Memo) -> Entry:
    here = tuple(f for thread in session.threads for f in found.get(thread.name, ()))
    known = {thread.name: _counted_once(thread, memo) for thread in session.threads}
    threads = {
        thread.name: Tally(
            thread.turns[0].started_at,
            len(thread.turns),
            known[thread.name][0],
            counted(found.get(thread.name, ())),
        )
        for thread in session.threads
    }
    main = next((t for t in session.threads if t.kind == "main"), session.threads[0])
    tally = together(list(threads.values()))
    agent, model, task = one_line(session.agent, 60), one_line(session.model, 60), known[main.name]
    tasks = " ".join(words for _, words in known.values())
    fields = _fields(session, agent, model, tasks, here)
    tree = _tree_once(session, memo)
    return Entry(session, agent, model, task[1], tally, threads, tree, here, fields)


def together(tallies: Sequence[Tally]) -> Tally:
    """The numbers of several threads as one."""
    told = [tally.tokens for tally in tallies if tally.tokens is not None]
    counts = Counter(dict.fromkeys(Severity, 0))
    for tally in tallies:
        counts.update(dict(tally.counts))
    return Tally(
        min(tally.started_at for tally in tallies),
        sum(tally.turns for tally in tallies),
        sum(told) if told else None,
        tuple((severity, n) for severity, n in counts.items() if n),
    )


def _fields(
    session: Session, agent: str, model: str, tasks: str, found: Iterable[Finding]
) -> dict[str, str]:
    rules = " ".join(dict.fromkeys(finding.rule for finding in found))
    severities = " ".join(dict.fromkeys(finding.severity.value for finding in found))
    kinds = " ".join(f"{t.name} {one_line(t.kind, 20)}" for t in session.threads)
    words = (session.name, agent, model, kinds, rules, tasks)
    fields = {"": " ".join(words), "agent": agent, "model": model, "rule": rules, "sev": severities}
    return {name: text.lower() for name, text in fields.items()}


def _tree_once(session: Session, memo: Memo) -> tuple[Branch, ...]:
    known = memo.trees.get(session.number)
    if known is None or known[0] is not session:
        known = memo.trees[session.number] = (session, tuple(branches(session)))
    return known[1]


def _counted_once(thread: Thread, memo: Memo) -> tuple[int | None, str]:
    """The thread's tokens and its task."""
    known = memo.threads.get(thread.number)
    if known is None or known[0] is not thread:
        known = (thread, _tokens(thread.turns), task_of(thread))
        memo.threads[thread.number] = known
    return known[1:]


def _tokens(turns: Iterable[Turn]) -> int | None:
    told = [n for turn in turns for n in (prompt_tokens(turn), reply_tokens(turn)) if n is not None]
    return sum(told) if told else None


def live_threads(view: View, now: datetime) -> frozenset[str]:
    """The names of the threads that go on: their last turn is in flight, or has only just ended."""
    return frozenset(thread.name for thread in view.threads if _goes_on(thread.turns[-1], now))


def _goes_on(turn: Turn, now: datetime) -> bool:
    if turn.in_flight:
        return turn.started_at > now - WAITING
    return turn.ended_at is not None and now - FRESH < turn.ended_at <= now + FRESH
