"""A terminal for screens that nobody looks at: every byte is made, as for a real one, and counted.

Textual's own test driver says that there is no terminal, and then nothing is rendered to ANSI. A
process that is to have this one is started with `ENVIRONMENT`, and runs its app with
`run_test(headless=False)`.
"""

import asyncio
import time

from textual import events
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver

SIZE = (120, 40)
ENVIRONMENT = {"TEXTUAL_DRIVER": "bench.terminal:Terminal", "TEXTUAL_ANIMATIONS": "none"}


class Terminal(HeadlessDriver):
    """Takes what is written; `written_at` is when that was last, by `time.perf_counter`."""

    written = 0
    written_at = 0.0

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.written += len(data.encode())
        self.written_at = time.perf_counter()


def of(app: App[None]) -> Terminal:
    """The terminal in which the app runs."""
    driver = app._driver
    assert isinstance(driver, Terminal)
    return driver


def press(app: App[None], key: str) -> float:
    """Send a key without waiting for anything; when that was."""
    event = events.Key(key, key if len(key) == 1 else None)
    event.set_sender(app)
    sent_at = time.perf_counter()
    of(app).send_message(event)
    return sent_at


async def painted(app: App[None], after: float, patience_s: float = 5) -> float | None:
    """Wait for the first paint after a moment; how many seconds later that was, None: too many."""
    terminal, deadline = of(app), after + patience_s
    while terminal.written_at <= after:
        if time.perf_counter() > deadline:
            return None
        await asyncio.sleep(0.0005)
    return terminal.written_at - after
