"""Findings kept up to date while sessions grow: only what changed is checked again.

Sessions and threads are frozen values, the same objects as long as nothing in them changed. Of a
thread that grew, rules that judge each turn by itself see only the new turns.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import is_
from typing import NamedTuple

from kimitap.lineage import Session, Thread
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.each import same_turns
from kimitap.rules.finding import Finding, Side, by_place
from kimitap.rules.reply_choices import strike
from kimitap.rules.rule import Rule
from kimitap.rules.swallow import swallow

Findings = tuple[Finding, ...]


class Struck(NamedTuple):
    """What one rule found in a thread: in its first `settled` turns, and in the rest."""

    settled: int
    early: Findings
    late: Findings


@dataclass(frozen=True)
class Checked:
    """A thread with what every rule found in it, and what is told of that."""

    thread: Thread
    session: str
    struck: tuple[Struck, ...]
    findings: Findings


class Checker:
    """Checks sessions by `rules`, again and again; `findings` are those that `choice` wants."""

    def __init__(self, rules: Sequence[Rule], choice: Choice = EVERYTHING) -> None:
        self._rules = tuple(rules)
        self._choice = choice
        self._sessions: dict[int, Session] = {}
        self._threads: dict[int, Checked] = {}
        self._sorted: list[Finding] = []

    @property
    def findings(self) -> Findings:
        """What was found, in the order of places."""
        return tuple(self._sorted)

    def update(self, sessions: Sequence[Session]) -> None:
        """Check what differs in `sessions` from those given last."""
        now = {session.number: session for session in sessions}
        gone = [s for n, s in self._sessions.items() if now.get(n) is not s]
        come = [s for n, s in now.items() if self._sessions.get(n) is not s]
        standing = {thread.number for session in come for thread in session.threads}
        for thread in (thread for session in gone for thread in session.threads):
            if thread.number not in standing:
                self._exchange(self._threads.pop(thread.number).findings, ())
        for session in come:
            for thread in session.threads:
                self._renew(thread, session)
        self._sessions = now

    def _renew(self, thread: Thread, session: Session) -> None:
        known = self._threads.get(thread.number)
        struck = self._strike(thread, session, known)
        named = session.name
        if known and known.session == named and all(map(is_, struck, known.struck)):
            findings = known.findings
        else:
            findings = self._told(thread, session, struck)
            self._exchange(known.findings if known else (), findings)
        self._threads[thread.number] = Checked(thread, named, struck, findings)

    def _told(self, thread: Thread, session: Session, struck: Iterable[Struck]) -> Findings:
        found = [finding for one in struck for finding in (*one.early, *one.late)]
        told = (
            replace(finding, session=session.name, thread=thread.name)
            for finding in (swallow(found, thread) if found else ())
            if thread.kind != "replay" or finding.side is not Side.AGENT  # told of its original
        )
        return tuple(sorted(self._choice.of(told), key=by_place))

    def _strike(
        self, thread: Thread, session: Session, known: Checked | None
    ) -> tuple[Struck, ...]:
        shared = _shared(known.thread, thread) if known else 0
        old = known.struck if known else (Struck(0, (), ()),) * len(self._rules)
        same = known is not None and known.thread is thread
        return tuple(
            was
            if same and not rule.reads_session
            else _by_turn(rule, thread, session, was, shared)
            if rule.by_turn
            else _whole(rule, thread, session, was)
            for rule, was in zip(self._rules, old, strict=True)
        )

    def _exchange(self, old: Findings, new: Findings) -> None:
        """Put the findings of a thread in the place of those that it had."""
        head = _same(old, new)
        tail = _same(old[head:][::-1], new[head:][::-1])
        for finding in old[head : len(old) - tail]:
            at = bisect_left(self._sorted, by_place(finding), key=by_place)
            while self._sorted[at] != finding:
                at += 1
            del self._sorted[at]
        for finding in new[head : len(new) - tail]:
            insort(self._sorted, finding, key=by_place)


def _whole(rule: Rule, thread: Thread, session: Session, was: Struck) -> Struck:
    found = strike(rule, thread, session)
    return was if found == was.late else Struck(0, (), found)


def _by_turn(rule: Rule, thread: Thread, session: Session, was: Struck, shared: int) -> Struck:
    """The rule's findings, the settled ones kept. A thread's last turn may still change."""
    if shared < was.settled:
        was = Struck(0, (), ())
    last = len(thread.turns) - 1
    fresh = _of(rule, thread, session, was.settled, last)
    late = _of(rule, thread, session, last, last + 1)
    return Struck(last, was.early + fresh, late)


def _of(rule: Rule, thread: Thread, session: Session, start: int, stop: int) -> Findings:
    """What the rule finds in some turns of the thread."""
    if start >= stop:
        return ()
    turns, links = thread.turns[start:stop], thread.links[start:stop]
    return strike(rule, replace(thread, turns=turns, links=links, notes={}), session)


def _shared(old: Thread, new: Thread) -> int:
    """How many turns at the beginning are the same, in a thread of the same kind."""
    if (old.kind, old.resumed) != (new.kind, new.resumed):
        return 0
    return same_turns(old, new)


def _same(one: Findings, other: Findings) -> int:
    """How many findings both have in common at the beginning."""
    both = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in both if a != b), min(len(one), len(other)))
