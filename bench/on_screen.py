"""The screens in a process of their own: `python -m bench.on_screen CASE FILE KEYS`.

KEYS is how often a key is pressed in a view, at most.

Writes one JSON document to standard output when the app has ended; times are milliseconds.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from bench import terminal
from bench.procs import peak_mb
from bench.views import VIEWS, View

if TYPE_CHECKING:
    from kimitap.tui.app import Kimitap
    from kimitap.tui.recording import RecordingSource

Said = dict[str, object]
Look = Callable[["Kimitap", Pilot[None]], Awaitable[Said]]

_MOVES = ("j", "k", "pagedown", "pageup")
_LONGEST_S = 20.0
"""How long keys are pressed while a recording is read, at most."""


class Empty(App[None]):
    """The least that Textual can show."""

    def compose(self) -> ComposeResult:
        yield Static("empty")


_BEGAN = time.perf_counter()


def _painted(app: App[None], name: str) -> Said:
    """What the process took until now that something is painted, all that it loaded included."""
    wall_s = terminal.of(app).written_at - _BEGAN
    return {f"{name}_ms": _spent_ms(), f"{name}_wall_ms": 1000 * wall_s}


async def empty(_: Path, keys: int) -> Said:
    """The first paint of an app without anything in it."""
    app = Empty()
    async with app.run_test(size=terminal.SIZE, headless=False):
        await _until(lambda: bool(app.screen.query(Static)) and terminal.of(app).written > 0)
        return _painted(app, "first")


async def first(where: Path, keys: int) -> Said:
    """As the command does it: the first paint, the first of the recording, and all of it read."""
    from kimitap.tui.app import Kimitap, glimpses_of
    from kimitap.tui.source import Unopened

    place = str(where)
    unopened = Unopened(place, None, lambda: glimpses_of(place), lambda: _imported()[1](place))
    app = Kimitap(unopened)
    async with app.run_test(size=terminal.SIZE, headless=False):
        await _until(lambda: terminal.of(app).written > 0)
        said = _painted(app, "first")
        await _until(lambda: app.main.contents.count > 0)
        await terminal.painted(app, time.perf_counter(), 0.1)
        said |= _painted(app, "rows")
        await _until(lambda: app.main.loaded)
        said |= {"read_ms": _spent_ms(), "peak_mb": peak_mb()}
    app.close()
    return said


async def checked(where: Path, keys: int) -> Said:
    """The same recording, read, woven and checked at once, without screens."""
    from kimitap.analysis import Analysis
    from kimitap.store import Recording

    with Recording.open(str(where)) as recording:
        Analysis(recording).refresh()
    return {"read_ms": _spent_ms(), "peak_mb": peak_mb()}


async def loading(where: Path, keys: int) -> Said:
    """How long keys take by the clock until they are painted, while the recording is read."""

    async def pressed(app: "Kimitap", _: Pilot[None]) -> Said:
        await _until(lambda: app.main.contents.count > 0)
        taken: list[float] = []
        end = time.perf_counter() + _LONGEST_S
        while not app.main.loaded and time.perf_counter() < end:
            for key in _MOVES:
                took_s = await terminal.painted(app, terminal.press(app, key), 1)
                taken.extend([1000 * took_s] if took_s else [])
                await asyncio.sleep(0.03)
        idle = [
            1000 * (await terminal.painted(app, terminal.press(app, key), 1) or 0)
            for key in _MOVES * 3
        ]
        return {"keys_ms": taken, "idle_ms": idle if app.main.loaded else []}

    return await _with_screens(where, pressed)


async def views(where: Path, keys: int) -> Said:
    """What each view costs to open, and each key in it."""

    async def visited(app: "Kimitap", pilot: Pilot[None]) -> Said:
        await _settled(app, pilot)
        return {view.name: await _visited(app, pilot, view, keys) for view in VIEWS}

    return await _with_screens(where, visited)


async def threads(where: Path, keys: int) -> Said:
    """What opening a thread costs, and the turn's screen in it: the shortest and the longest."""

    async def opened(app: "Kimitap", pilot: Pilot[None]) -> Said:
        await _settled(app, pilot)
        found = sorted(app.view.threads, key=lambda thread: len(thread.turns))
        said: dict[str, object]
        costs: dict[str, list[float]] = {"short_ms": [], "long_ms": []}
        for _ in range(min(keys, 5)):
            for name, thread in (("short_ms", found[0]), ("long_ms", found[-1])):
                app.main.show_pane("contents")
                app.main.contents.select(("thread", thread.number))
                await _settled(app, pilot)
                costs[name].append((await _key(app, pilot, "enter"))[0])
        turns = [len(found[0].turns), len(found[-1].turns)]
        said = {name: statistics.median(ms) for name, ms in costs.items()}
        for name, thread in (("short", found[0]), ("long", found[-1])):
            app.main.show_pane("contents")
            app.main.contents.select(("thread", thread.number))
            for key in ("enter", "l", "G"):
                await _key(app, pilot, key)
            said[name] = {step: await _key(app, pilot, key) for step, key in IN_A_TURN}
            for _ in range(2):
                await _key(app, pilot, "escape")
        return {"turns": turns, **said}

    return await _with_screens(where, opened)


IN_A_TURN = (
    ("open", "v"),
    ("unfold a level", "plus"),
    ("fold it", "minus"),
    ("wire", "4"),
    ("cut its lines", "w"),
)
"""What is done on the screen of a thread's last turn, whose request holds the whole thread."""


async def _visited(app: "Kimitap", pilot: Pilot[None], view: View, keys: int) -> Said:
    opened = [await _key(app, pilot, key) for key in view.opened]
    pressed = islice(cycle(view.done), min(keys, view.times))
    done = [await _key(app, pilot, key) for key in pressed]
    while app.screen is not app.main:
        app.pop_screen()
        await _settled(app, pilot)
    for key in ("escape", "g"):
        await _key(app, pilot, key)
    return {
        "open_ms": sum(cpu for cpu, _ in opened),
        "key_ms": statistics.median(cpu for cpu, _ in done),
        "worst_ms": max(wall for _, wall in done),
    }


async def _key(app: "Kimitap", pilot: Pilot[None], key: str) -> tuple[float, float]:
    """Press a key and wait until all is painted: ms of the processor, and by the clock."""
    spent = time.process_time()
    sent_at = terminal.press(app, key)
    await _settled(app, pilot)
    wall = max(0.0, terminal.of(app).written_at - sent_at)
    return 1000 * (time.process_time() - spent), 1000 * wall


async def _settled(app: "Kimitap", pilot: Pilot[None]) -> None:
    await pilot.pause()
    await _until(lambda: app.main.loaded and all(worker.is_finished for worker in app.workers))
    await pilot.pause()


async def _with_screens(where: Path, look: Look) -> Said:
    screens, reader = _imported()
    source = reader(str(where))
    app = screens(source)
    async with app.run_test(size=terminal.SIZE, headless=False) as pilot:
        said = await look(app, pilot)
    source.close()
    return said


def _imported() -> tuple[type["Kimitap"], type["RecordingSource"]]:
    """Imported here, so that the empty app and the first paint are without them."""
    from kimitap.tui.app import Kimitap
    from kimitap.tui.recording import RecordingSource

    return Kimitap, RecordingSource


async def _until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.001)


def _spent_ms() -> float:
    """Milliseconds of the processor since the process began, imports included."""
    return 1000 * time.process_time()


Case = Callable[[Path, int], Awaitable[Said]]
CASES: dict[str, Case] = {
    case.__name__: case for case in (empty, first, checked, loading, views, threads)
}


async def _run(case: Case, where: Path, keys: int) -> Said:
    return await case(where, keys)


def main() -> None:
    """Run the case that the command line names."""
    _, case, where, keys = sys.argv
    said = asyncio.run(_run(CASES[case], Path(where), int(keys)))
    print(json.dumps(said))


if __name__ == "__main__":
    main()
