"""The screens on a long recording ÷ on a short one, and ÷ the least that Textual can show.

A process a case; they take turns, since a busy machine slows all of them.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import recordings, terminal
from bench.child import CommandFailed
from bench.result import Row, percentile
from bench.sessions import Session
from bench.settings import Settings
from bench.views import VIEWS

_LOSE_EVERY = 10
"""Every so many turns of a session there is a finding."""
_FILLING, _FILLING_TURNS = 50, 10
"""So many sessions of so many turns fill a terminal of 40 lines, in each list."""
_BUSY_MS = 100
"""No key may take longer."""

Said = Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """The recordings: a short one, one that fills the screen, a long one, and two threads' one."""

    few: Path
    filled: Path
    """The smallest that fills every list and its thread as `many` does, and no more than that."""
    many: Path
    long: Path
    few_turns: int
    turns: int
    """Of `few` and `many`."""
    keys: int

    def run(self, case: str, where: Path) -> Said:
        """What a case says that ran in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "bench.on_screen", case, str(where), str(self.keys)],
            cwd=Path(__file__).parent.parent,
            env={**os.environ, **terminal.ENVIRONMENT},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        try:
            return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]
        except (IndexError, ValueError):
            raise CommandFailed(f"the screens, {case}:\n{done.stderr[-4000:]}") from None


def measure(settings: Settings, folder: Path) -> list[Row]:
    """All rows: first paints, reading, keys while it is read, views, threads."""
    shown = _written(settings, folder)
    return [
        *_opening(shown, settings.screen_rounds),
        *_loading(shown),
        *_views(shown),
        *_threads(shown),
    ]


def _written(settings: Settings, folder: Path) -> Shown:
    names = ("few", "filled", "many", "long")
    few, filled, many, long = (folder / f"screens-{name}.db" for name in names)
    sessions, turns = settings.screen_sessions, settings.screen_turns
    recordings.write(few, [_session(900).turns(settings.screen_few)])
    recordings.write(filled, [_session(800).turns(turns)])
    shorter = min(turns, _FILLING_TURNS)
    filling = range(min(sessions, _FILLING))
    recordings.write(filled, [_session(801 + n).turns(shorter) for n in filling])
    recordings.write(many, [_session(700 + n).turns(turns) for n in range(sessions)])
    recordings.write(long, [_session(901).turns(settings.screen_thread)])
    recordings.write(long, [_session(902).turns(settings.screen_few)])
    return Shown(
        few, filled, many, long, settings.screen_few, sessions * turns, settings.screen_keys
    )


def _session(seed: int) -> Session:
    return Session(seed, lose_every=_LOSE_EVERY)


def _opening(shown: Shown, rounds: int) -> Iterator[Row]:
    """First paint, and until all is read, and the memory that it takes."""
    empty, few, many = [], [], []
    for _ in range(rounds):
        empty.append(shown.run("empty", shown.few))
        few.append(shown.run("first", shown.few))
        many.append(shown.run("first", shown.many))
    at_once = shown.run("checked", shown.many)
    least, screen = _median(empty, "first_ms"), _median(many, "first_ms")
    short, long = (_median(runs, "rows_ms") for runs in (few, many))
    yield Row("empty app: first paint", least, "ms", note=_clock(empty, "first"))
    yield Row("first paint ÷ empty app", screen / least, note=_clock(many, "first"))
    yield Row("first rows, few turns ÷ empty app", short / least, note=_clock(few, "rows"))
    note = _clock(many, "rows")
    yield Row(f"first rows, {shown.turns} turns ÷ few", long / short, most=2, note=note)
    read, whole = _median(many, "read_ms"), at_once["read_ms"]
    note = f"{read / 1000:.1f} ÷ {whole / 1000:.1f} s of the processor"
    yield Row(f"until {shown.turns} turns are read ÷ at once, no screens", read / whole, note=note)
    memory = max(said["peak_mb"] for said in many)
    note = f"few turns: {max(said['peak_mb'] for said in few):.0f} MB"
    note += f"; without screens {at_once['peak_mb']:.0f} MB"
    yield Row(f"peak memory, {shown.turns} turns", memory, "MB", note=note)


def _loading(shown: Shown) -> Iterator[Row]:
    """Keys while the long recording is read."""
    said = shown.run("loading", shown.many)
    keys = said["keys_ms"]
    if not keys:
        return  # so few turns that they were read before a key was pressed
    note = f"{len(keys)} keys, the median {statistics.median(keys):.0f} ms"
    if said["idle_ms"]:
        note += f", {statistics.median(said['idle_ms']):.0f} ms when all is read"
    name = f"key while {shown.turns} turns are read"
    yield Row(f"{name}, p95", percentile(keys, 95), "ms", most=_BUSY_MS, note=note)
    yield Row(f"{name}, p99", percentile(keys, 99), "ms", most=_BUSY_MS)


def _views(shown: Shown) -> Iterator[Row]:
    """Each view and its keys: the processor's time, many turns ÷ the fewest that fill the screen.

    Against fewer the ratio would tell how full the screen is: a key that has nothing to paint costs
    next to nothing. What that costs with the fewest turns is said beside it.
    """
    few, filled, many = (
        shown.run("views", where) for where in (shown.few, shown.filled, shown.many)
    )
    for view in VIEWS:
        for what, name in (("open_ms", f"open {view.name}"), ("key_ms", view.doing)):
            if what == "key_ms" or view.opens:
                short, base, long = (said[view.name][what] for said in (few, filled, many))
                yield _ratio(name, long, base, f"; with {shown.few_turns} turns {short:.1f}")
    slowest = max(VIEWS, key=lambda view: many[view.name]["worst_ms"])
    note = f"{slowest.doing}; by the clock, {shown.turns} turns"
    yield Row("slowest key", many[slowest.name]["worst_ms"], "ms", most=_BUSY_MS, note=note)


def _threads(shown: Shown) -> Iterator[Row]:
    """Opening a thread, and its last turn."""
    said = shown.run("threads", shown.long)
    short, long = said["turns"]
    name = f"open a thread of {long} turns ÷ one of {short}"
    yield _ratio(name, said["long_ms"], said["short_ms"])
    for step, (spent, wall) in said["long"].items():
        note = f"{wall:.0f} ms by the clock; of {short} turns: {said['short'][step][0]:.0f} ms"
        yield Row(f"turn {long}, {step}", spent, "ms", note=note)


def _ratio(name: str, long_ms: float, short_ms: float, more: str = "") -> Row:
    note = f"{long_ms:.1f} ÷ {short_ms:.1f} ms of the processor{more}"
    return Row(name, long_ms / max(short_ms, 0.1), most=2, note=note)


def _median(runs: list[Said], name: str) -> float:
    return statistics.median(said[name] for said in runs)


def _clock(runs: list[Said], name: str) -> str:
    spent, wall = _median(runs, f"{name}_ms"), _median(runs, f"{name}_wall_ms")
    return f"{spent:.0f} ms of the processor, {wall:.0f} ms by the clock"
