"""Weaving: turns in the order of their requests become threads, threads sessions.

A new turn costs what is new in it. A turn that arrives late, or again with more of its reply,
undoes the turns after it and weaves them once more.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from kimitap.conversation import Turn
from kimitap.lineage import Session
from kimitap.weave.descent import LEAVING, Ancestors
from kimitap.weave.keys import Keys
from kimitap.weave.kin import leading_systems
from kimitap.weave.sessions import Sessions
from kimitap.weave.strand import Strand


class Weaver:
    """Weaves turns as they come; see `weave` for all at once.

    Names of sessions and threads are their first exchange's numbers and stay when more arrives in
    the order of requests. A session in which nothing changed is the same object as before.
    """

    def __init__(self) -> None:
        self._keys = Keys()
        self._sessions = Sessions(self._keys)
        self._ancestors = Ancestors(self._keys)
        self._woven: list[Strand] = []
        self._order: list[tuple[datetime, int]] = []
        self._started: dict[int, datetime] = {}
        self._waiting: dict[int, Turn] = {}

    def add(self, turn: Turn) -> None:
        """Take a turn in. One with a known exchange number replaces the turn that it had."""
        self._waiting[turn.exchange] = turn

    def sessions(self) -> tuple[Session, ...]:
        """All sessions, oldest first."""
        self._weave()
        return tuple(session.value() for session in self._sessions.all)

    def _weave(self) -> None:
        turns = list(self._waiting.values())
        self._waiting.clear()
        fresh = [turn for turn in turns if not self._swap(turn)]
        if not fresh:
            return
        known = [turn.exchange for turn in fresh if turn.exchange in self._started]
        first = min(_place(turn) for turn in fresh)
        if known:
            first = min(first, *((self._started[number], number) for number in known))
        again = self._undo_to(bisect_left(self._order, first))
        renewed = {turn.exchange for turn in fresh}
        fresh += [turn for turn in again if turn.exchange not in renewed]
        for turn in sorted(fresh, key=_place):
            self._append(turn)

    def _swap(self, turn: Turn) -> bool:
        """Put a turn that is still under way in the place of its earlier state, if that is all."""
        started = self._started.get(turn.exchange)
        if started != turn.started_at or not turn.in_flight or turn.reply.complete:
            return False
        strand = self._woven[bisect_left(self._order, (started, turn.exchange))]
        old = strand.turn
        if not old.in_flight or old.reply.complete or old.messages != turn.messages:
            return False
        strand.turn = turn
        if strand.link is not None:
            strand.link = replace(strand.link, child=turn)
        strand.thread.touch()
        return True

    def _append(self, turn: Turn) -> None:
        strand = Strand(turn, leading_systems(turn))
        if turn.replay_of is None:
            self._descend(strand)
        else:
            self._sessions.place_replay(strand, self._replayed(turn))
        strand.append(strand.thread.strands)
        strand.thread.touch()
        if turn.replay_of is None:  # nothing that an agent sends follows a replay
            self._ancestors.add(strand)
            self._sessions.note(strand)
        self._woven.append(strand)
        self._order.append(_place(turn))
        self._started[turn.exchange] = turn.started_at

    def _replayed(self, turn: Turn) -> Strand | None:
        """What a replay sends again, as far as it is here."""
        number = turn.replay_of or 0
        started = self._started.get(number)
        if started is None:
            return None
        return self._woven[bisect_left(self._order, (started, number))]

    def _descend(self, strand: Strand) -> None:
        """Find what a turn follows, and the thread that it belongs to."""
        descent = self._ancestors.descent(strand)
        strand.link = descent.link
        parent = descent.parent
        if descent.overtakes is not None:
            self._sessions.set_aside(descent.overtakes, strand, self._keys)
        if parent is not None and _joins(strand):
            strand.thread = parent.thread
        else:
            strand.thread = self._sessions.place(strand, parent, descent.near, descent.aside)

    def _undo_to(self, position: int) -> list[Turn]:
        """Take back all turns from `position` on, the last first."""
        undone: list[Turn] = []
        while len(self._woven) > position:
            strand = self._woven.pop()
            self._order.pop()
            del self._started[strand.turn.exchange]
            strand.thread.touch()
            strand.undo()
            undone.append(strand.turn)
        return undone


def weave(turns: Iterable[Turn]) -> tuple[Session, ...]:
    """The sessions that the turns are, in whatever order they come."""
    weaver = Weaver()
    for turn in turns:
        weaver.add(turn)
    return weaver.sessions()


def _place(turn: Turn) -> tuple[datetime, int]:
    return turn.started_at, turn.exchange


def _joins(strand: Strand) -> bool:
    """True where a turn goes on with its parent's thread."""
    return strand.link is not None and strand.link.relation not in LEAVING
