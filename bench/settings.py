"""How much is measured: the default run ends within eight minutes, the quick one within 40 s."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Counts, and the seconds that one round of one proxy takes."""

    widths: tuple[int, ...] = (1, 4, 32)
    """How many streams at once."""
    rounds: int = 8
    round_s: float = 0.6
    first_requests: int = 40
    beside_rounds: int = 4
    beside_s: float = 2.4
    beside_turn: int = 400
    """The turn of a session from which on its requests have about 2 MB."""
    live_turns: int = 80
    """The session that is sent through the recorders: 20 MB."""
    longer_turns: int = 400
    """A session that is written through the store alone: 400 MB."""
    check_sessions: int = 10
    check_turns: int = 100
    """Turns of each of those sessions."""
    long_times: int = 10
    """How many times as many sessions the longer recording has: 10,000 turns, 3 GB."""


DEFAULT = Settings()
QUICK = Settings(
    widths=(1, 4),
    rounds=3,
    round_s=0.4,
    first_requests=8,
    beside_rounds=2,
    beside_s=0.8,
    longer_turns=100,
    check_sessions=3,
    check_turns=40,
    long_times=3,
)
TINY = Settings(
    widths=(2,),
    rounds=1,
    round_s=0.2,
    first_requests=2,
    beside_rounds=1,
    beside_s=0.4,
    beside_turn=5,
    live_turns=3,
    longer_turns=4,
    check_sessions=2,
    check_turns=3,
    long_times=2,
)
"""For the tests: every part once, and no number that says anything."""
