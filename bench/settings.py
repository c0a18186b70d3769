"""How much is measured: the default run ends within eight minutes, the quick one within 40 s."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Counts, and the seconds that one round of one proxy takes."""

    widths: tuple[int, ...] = (1, 4, 32, 128)
    """How many streams at once."""
    rounds: int = 8
    round_s: float = 0.6
    first_requests: int = 40
    beside_rounds: int = 4
    beside_s: float = 2.4
    beside_turn: int = 400
    """The turn of a session from which on its requests have about 2 MB."""
    delay_rounds: int = 4
    delay_s: float = 3.0
    keeping_rounds: int = 4
    keeping_s: float = 5.0
    """More than the keeper rests between two looks."""
    live_turns: int = 80
    """The session that is sent through the recorders: 20 MB."""
    alone_turns: tuple[int, ...] = (80, 400, 2000)
    """Sessions that are written through the store alone: 20 MB, 400 MB, 10 GB."""
    check_sessions: int = 10
    check_turns: int = 100
    """Turns of each of those sessions."""
    long_times: int = 10
    """How many times as many sessions the longer recording has: 10,000 turns, 3 GB."""
    screen_sessions: int = 100
    screen_turns: int = 100
    """Turns of each session of the recording that the screens show: 10,000 in all."""
    screen_thread: int = 1000
    """Turns of a thread that is opened, against one of `screen_few`."""
    screen_few: int = 10
    """Turns of the recording with which all others are compared."""
    screen_rounds: int = 5
    screen_keys: int = 12
    """How often a key is pressed in each view, at most."""
    shrunk: int = 1000
    """Findings of the corpus that are shrunk, at most."""


DEFAULT = Settings()
QUICK = Settings(
    widths=(1, 4),
    rounds=3,
    round_s=0.4,
    first_requests=8,
    beside_rounds=2,
    beside_s=0.8,
    delay_rounds=1,
    delay_s=0.5,
    keeping_rounds=1,
    keeping_s=2.5,
    alone_turns=(100,),
    check_sessions=3,
    check_turns=40,
    long_times=3,
    screen_sessions=10,
    screen_turns=40,
    screen_thread=100,
    screen_rounds=2,
    screen_keys=5,
    shrunk=20,
)
TINY = Settings(
    widths=(2,),
    rounds=1,
    round_s=0.2,
    first_requests=2,
    beside_rounds=1,
    beside_s=0.4,
    delay_rounds=1,
    delay_s=0.2,
    keeping_rounds=1,
    keeping_s=0.4,
    beside_turn=5,
    live_turns=3,
    alone_turns=(4,),
    check_sessions=2,
    check_turns=3,
    long_times=2,
    screen_sessions=2,
    screen_turns=4,
    screen_thread=6,
    screen_few=3,
    screen_rounds=1,
    screen_keys=1,
    shrunk=2,
)
"""For the tests: every part once, and no number that says anything."""
