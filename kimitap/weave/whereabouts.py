"""Where each turn stands: its thread, and the links before and after it; kept up as threads grow.

Threads that did not change are the same objects as before, so that an update costs what is in those
that did.
"""

from collections.abc import Sequence

from kimitap.lineage import Link, Session, Thread


class Whereabouts:
    """An index of sessions, brought up to date by `update`."""

    def __init__(self) -> None:
        self.threads: dict[int, Thread] = {}
        """Each thread by its number."""
        self._sessions: dict[int, Session] = {}
        self._thread_of: dict[int, Thread] = {}
        self._before: dict[int, Link] = {}
        self._after: dict[int, Link] = {}

    def update(self, sessions: Sequence[Session]) -> None:
        """Take over what differs in `sessions` from those given last."""
        now = {session.number: session for session in sessions}
        gone = [s for n, s in self._sessions.items() if now.get(n) is not s]
        come = [s for n, s in now.items() if self._sessions.get(n) is not s]
        new = {thread.number: thread for session in come for thread in session.threads}
        for thread in (thread for session in gone for thread in session.threads):
            if new.get(thread.number) is not thread:
                self._forget(thread)
        for thread in new.values():
            if self.threads.get(thread.number) is not thread:
                self._learn(thread)
        self._sessions = now

    def thread_of(self, exchange: int) -> Thread | None:
        """The thread that the exchange's turn belongs to; None where it is no turn."""
        return self._thread_of.get(exchange)

    def link_before(self, exchange: int) -> Link | None:
        """How the exchange follows the one before it; None for a thread's first turn."""
        return self._before.get(exchange)

    def link_after(self, exchange: int) -> Link | None:
        """How the next request of its thread follows the exchange; None where there is none."""
        return self._after.get(exchange)

    def session(self, number: int) -> Session | None:
        """The session of that number."""
        return self._sessions.get(number)

    def _forget(self, thread: Thread) -> None:
        del self.threads[thread.number]
        for turn in thread.turns:
            for known in (self._thread_of, self._before, self._after):
                known.pop(turn.exchange, None)

    def _learn(self, thread: Thread) -> None:
        self.threads[thread.number] = thread
        for turn, link in zip(thread.turns, thread.links, strict=True):
            self._thread_of[turn.exchange] = thread
            if link is not None:
                self._before[turn.exchange] = link
        for link in thread.links[1:]:
            if link is not None:
                self._after[link.parent.exchange] = link
