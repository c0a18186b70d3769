"""`kimitap check` of long sessions ÷ reading, decompressing and parsing what they hold, once.

Both in seconds of the processor, since both use one core and hardly wait.
"""

from collections.abc import Iterator
from pathlib import Path

from bench import child, floor, recordings
from bench.result import Row
from bench.sessions import Session, Turn
from bench.settings import Settings


class Load:
    """Long sessions, and what they hold; the requests themselves are not kept in memory."""

    def __init__(self, sessions: int, turns: int) -> None:
        self._turns = turns
        self.sessions = [Session(seed=100 + number) for number in range(sessions)]
        self.count = sessions * turns
        self.replies: list[bytes] = []
        self.sent = 0
        self.events = 0

    def turns(self) -> list[Iterator[Turn]]:
        """The turns of each session, made as they are asked for."""
        return [self._counted(session) for session in self.sessions]

    def _counted(self, session: Session) -> Iterator[Turn]:
        for turn in session.turns(self._turns):
            self.replies.append(turn.response)
            self.sent += len(turn.request)
            self.events += len(turn.events)
            yield turn


def measure(settings: Settings, folder: Path) -> list[Row]:
    """The rows of this measurement."""
    load = Load(settings.check_sessions, settings.check_turns)
    where, least = folder / "check.db", folder / "floor.db"
    recordings.write(where, load.turns())
    floor.write(least, (p for session in load.sessions for p in session.pieces), load.replies)
    floor_s = floor.read_s(least)
    taken = min((_check(where) for _ in range(2)), key=lambda taken: taken.run_s)
    what = f"kimitap check, {settings.check_sessions} × {settings.check_turns} turns"
    base = f"{floor_s:.2f} s ({load.events} events)"
    whole_s = taken.start_s + taken.run_s
    whole = f"with {taken.start_s:.2f} s of imports; {taken.whole_s:.2f} s by the clock"
    sent = f"{load.sent / 1e6:.0f} MB were sent"
    return [
        Row(what, taken.run_s / floor_s, most=5, note=f"{taken.run_s:.2f} s ÷ {base}"),
        Row(f"{what}, from the shell", whole_s / floor_s, note=whole),
        Row(f"{what}: peak memory", taken.peak_mb, "MB", most=300, note=sent),
    ]


def _check(where: Path) -> child.Taken:
    taken = child.run("check", str(where))
    if taken.status not in (0, 1):
        raise child.CommandFailed(f"kimitap check: exit status {taken.status}:\n{taken.output}")
    return taken
