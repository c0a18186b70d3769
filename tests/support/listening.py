"""A small app with an ear: it shows one screen, and keeps what that asks for without doing it."""

from asyncio import sleep, timeout
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from textual.app import App
from textual.filter import LineFilter
from textual.message import Message
from textual.pilot import Pilot

import kimitap.tui
from kimitap.tui.filters import NoControls
from kimitap.tui.widgets.bars import Bar
from kimitap.tui.widgets.view_screen import ViewScreen


class Listening(App[None]):
    """Keeps the wishes of its screen in `wishes`."""

    CSS_PATH = Path(kimitap.tui.__file__).with_name("kimitap.tcss")
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, screen: ViewScreen) -> None:
        super().__init__()
        self.shown = screen
        self.wishes: list[Message] = []

    def on_mount(self) -> None:
        self.push_screen(self.shown)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), NoControls()]

    def _keep(self, wish: Message) -> None:
        self.wishes.append(wish)

    on_visit = on_compare = on_show_turn = on_delete_session = on_copy = on_write_report = _keep

    @property
    def told(self) -> list[str]:
        """What the user was told, oldest first."""
        return [notification.message for notification in self._notifications]

    def said(self, bar: str) -> str:
        """The line of a bar."""
        return self.shown.query_one(f"#{bar}", Bar).render_line(0).text


@asynccontextmanager
async def opened(
    screen: ViewScreen, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[Listening, Pilot[None]]]:
    """The app with its screen painted."""
    app = Listening(screen)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(app, pilot)
        yield app, pilot


async def settle(app: App[None], pilot: Pilot[None]) -> None:
    """Wait until what was asked for is painted; raises `TimeoutError` after a minute."""
    async with timeout(60):
        idle = 0
        while idle < 2:
            await pilot.pause()
            busy = any(not worker.is_finished for worker in app.workers)
            idle = 0 if busy else idle + 1
            await sleep(0.01 if busy else 0)


async def press(app: App[None], pilot: Pilot[None], *keys: str) -> None:
    """Press keys, each once what the one before it asked for is painted."""
    for key in keys:
        await pilot.press(key)
        await settle(app, pilot)
