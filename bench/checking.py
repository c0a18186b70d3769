"""`kimitap check` of long sessions ÷ reading, decompressing and parsing what they hold, once.

Both in seconds of the processor, since both use one core and hardly wait.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import child, floor, recordings, refreshing
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
    """A recording of long sessions, and one of many times as many: what grows, and how."""
    sessions, turns = settings.check_sessions, settings.check_turns
    few = _measured(folder / "few.db", Load(sessions, turns))
    many = _measured(folder / "many.db", Load(sessions * settings.long_times, turns))
    growth = many.least_s / settings.long_times / few.least_s
    return [
        *few.rows(),
        *many.rows(),
        Row(f"{many.what}: a turn ÷ one of {few.load.count}", growth, note="1: linear"),
        *_refreshed(many),
    ]


@dataclass(frozen=True)
class Measured:
    """What `kimitap check` took of one recording: the first time, and again."""

    where: Path
    load: Load
    floor_s: float
    first: child.Taken
    again: child.Taken

    @property
    def what(self) -> str:
        """How its rows begin."""
        return f"kimitap check, {self.load.count} turns"

    @property
    def least_s(self) -> float:
        """Processor seconds of the quicker of the two."""
        return min(self.first.run_s, self.again.run_s)

    def rows(self) -> Iterator[Row]:
        """The ratio to the floor, and the memory."""
        base = f"{self.floor_s:.2f} s ({self.load.events} events)"
        sent = f"{self.load.sent / 1e6:.0f} MB were sent"
        first, again = self.first.run_s, self.again.run_s
        whole = f"with {self.again.start_s:.2f} s of imports; {self.again.whole_s:.2f} s by clock"
        yield Row(self.what, first / self.floor_s, most=5, note=f"{first:.2f} s ÷ {base}")
        yield Row(
            f"{self.what}, again", again / self.floor_s, most=5, note=f"{again:.2f} s; {whole}"
        )
        yield Row(f"{self.what}: peak memory", self.first.peak_mb, "MB", most=300, note=sent)


def _measured(where: Path, load: Load) -> Measured:
    recordings.write(where, load.turns())
    least = where.with_suffix(".floor")
    floor.write(least, (p for session in load.sessions for p in session.pieces), load.replies)
    return Measured(where, load, floor.read_s(least), _check(where), _check(where))


def _refreshed(of: Measured) -> list[Row]:
    """What a live view takes to show one turn more."""
    said = refreshing.run(of.where, of.load)
    what = f"refresh after one new turn, {of.load.count} turns"
    note = f"{len(said)} turns, the worst {max(said):.0f} ms"
    return [Row(what, statistics.median(said), "ms", most=50, note=note)]


def _check(where: Path) -> child.Taken:
    taken = child.run("check", str(where))
    if taken.status not in (0, 1):
        raise child.CommandFailed(f"kimitap check: exit status {taken.status}:\n{taken.output}")
    return taken
