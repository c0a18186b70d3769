"""What one run left in a recording that may hold earlier ones."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kimitap.analysis import Analysis
from kimitap.errors import NoRecording
from kimitap.exchange import Exchange, Outcome
from kimitap.lineage import Session, Thread
from kimitap.rules.finding import Finding
from kimitap.store import Recording

PATIENCE_S = 3.0
"""How long an exchange may take to end once the client is gone: the proxy must hear of it first."""


@dataclass(frozen=True)
class Recorded:
    """The exchanges of one run, by session, with what was found at them.

    Names are those of the whole recording, so that `kimitap show` finds them.
    """

    sessions: Sequence[Session]
    findings: Sequence[Finding]
    others: Mapping[int, Exchange]

    @property
    def turns(self) -> int:
        return sum(len(thread.turns) for session in self.sessions for thread in session.threads)

    @property
    def unanswered(self) -> bool:
        """True where turns were recorded, and the server could be reached for none of them."""
        turns = [t for session in self.sessions for thread in session.threads for t in thread.turns]
        return bool(turns) and all(turn.outcome is Outcome.REFUSED for turn in turns)

    @property
    def counts(self) -> dict[str, int]:
        """How many sessions, threads and turns there are, by these words."""
        threads = sum(len(session.threads) for session in self.sessions)
        return {"sessions": len(self.sessions), "threads": threads, "turns": self.turns}


def last_number(where: str) -> int:
    """The number of the last exchange that is recorded at `where`; 0 where none is yet."""
    try:
        with Recording.open(where) as recording:
            return max(recording.numbers(), default=0)
    except NoRecording:
        return 0


def settled(where: str, after: int, patience_s: float = PATIENCE_S) -> bool:
    """Wait until every exchange behind number `after` has ended; False if that takes too long."""
    deadline = time.monotonic() + patience_s
    try:
        with Recording.open(where) as recording:
            while any(number > after for number in recording.in_flight()):
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.05)
    except NoRecording:
        return True
    return True


def since(analysis: Analysis, after: int) -> Recorded:
    """What was recorded behind exchange `after`.

    The whole recording was read and woven: a run may go on with an earlier run's conversation, and
    lose what was said there.
    """
    return Recorded(
        sessions=tuple(_sessions(analysis.sessions, after)),
        findings=tuple(f for f in analysis.findings if f.place.exchange > after),
        others={n: other for n, other in analysis.others.items() if n > after},
    )


def _sessions(sessions: Sequence[Session], after: int) -> list[Session]:
    found = []
    for session in sessions:
        threads = [_rest(thread, after) for thread in session.threads]
        kept = tuple(thread for thread in threads if thread.turns)
        if kept:
            found.append(replace(session, threads=kept))
    return found


def _rest(thread: Thread, after: int) -> Thread:
    begin = next((i for i, t in enumerate(thread.turns) if t.exchange > after), len(thread.turns))
    return replace(thread, turns=thread.turns[begin:], links=thread.links[begin:], notes={})
