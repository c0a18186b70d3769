"""A picture of the screens, without a terminal: for the README, and to be looked at."""

import re
from asyncio import timeout
from collections.abc import Sequence

from textual.pilot import Pilot

from kimitap.places import PlaceWord
from kimitap.tui.app import Kimitap
from kimitap.tui.source import Source

_FACES = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)


async def screenshot(
    source: Source,
    size: tuple[int, int],
    keys: Sequence[str] = (),
    place: PlaceWord | None = None,
) -> str:
    """The SVG of the screens at `size` columns and rows, after `keys` were pressed.

    It asks no other host for a font: `Fira Code` is taken where it is installed.
    """
    app = Kimitap(source, place)
    async with app.run_test(size=size) as pilot:
        await settle(app, pilot)
        for key in keys:
            await pilot.press(key)
            await settle(app, pilot)
        return _FACES.sub("", app.export_screenshot(title="kimitap"))


async def settle(app: Kimitap, pilot: Pilot[None]) -> None:
    """Wait until what was asked for is painted; raises `TimeoutError` after a minute."""
    await pilot.pause()
    async with timeout(60):
        while not app.main.loaded or any(not worker.is_finished for worker in app.workers):
            await pilot.pause(0.02)
    await pilot.pause()
