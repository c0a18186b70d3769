"""Who leaves while a screen still opens, or while something is under way, leaves without a word."""

import asyncio
import os
from collections.abc import Iterator, Sequence

import pytest
from textual import events
from textual.app import App
from textual.pilot import Pilot

from kimitap.tui.app import Kimitap
from kimitap.tui.diff.screen import DiffScreen
from kimitap.tui.replay.screen import ReplayScreen
from kimitap.tui.screenshot import settle
from kimitap.tui.turn.json_entries import json_entries
from kimitap.tui.turn.json_values import parse
from kimitap.tui.widgets.outline import Outline
from tests.tui.test_replay import still

OPENED: Sequence[Sequence[str]] = (
    ("s",),
    ("F",),
    ("S", "a"),
    ("T",),
    ("v",),
    ("v", "3", "plus"),
    ("v", "slash", "a"),
    ("r", "w"),
    ("d",),
    ("m", "n", "D"),
    ("R",),
    ("X",),
    ("question_mark",),
    ("ctrl+p", "a"),
    ("slash", "e", "enter"),
)
"""The keys that open each screen, each field and each dialogue."""
TIMES = int(os.environ.get("KIMITAP_LEAVING", "1"))
"""How often each is opened and left; 50 takes half an hour."""


def press(app: App[None], *keys: str) -> None:
    """Send keys as a terminal does, without waiting for anything."""
    for key in keys:
        event = events.Key(key, key if len(key) == 1 else None)
        event.set_sender(app)
        assert app._driver is not None
        app._driver.send_message(event)


def moments() -> Iterator[int]:
    """How often the loop goes round before the reader leaves."""
    for n in range(TIMES):
        yield from (n, 4 + n, 17 + n)


@pytest.mark.parametrize("keys", OPENED, ids=" ".join)
async def test_the_app_is_left_while_a_screen_opens(keys: Sequence[str]) -> None:
    for rounds in moments():
        app = Kimitap(still())

        async def leave(pilot: Pilot[None], app: Kimitap = app, rounds: int = rounds) -> None:
            await settle(app, pilot)
            press(app, *keys)
            for _ in range(rounds):
                await asyncio.sleep(0)
            app.exit()

        await app.run_async(headless=True, size=(120, 40), auto_pilot=leave)
        assert app._exception is None, (keys, rounds)
        app.close()


async def test_each_screen_is_left_while_it_opens_and_is_there_the_next_time() -> None:
    app = Kimitap(still())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        for keys in OPENED:
            for rounds in range(4, 4 + TIMES):
                press(app, *keys)
                for _ in range(rounds):
                    await asyncio.sleep(0)
                press(app, "escape")
                await settle(app, pilot)
                while app.screen is not app.main:
                    await pilot.press("escape")
                    await settle(app, pilot)
                await pilot.press("escape")
        assert app.main.conversation.current is not None


async def test_an_answer_waits_until_what_lies_over_the_dialogue_is_closed() -> None:
    source = still()
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await pilot.press("R")
        await settle(app, pilot)
        dialogue = app.screen
        assert isinstance(dialogue, ReplayScreen)
        await pilot.press("ctrl+p")
        over = app.screen
        assert over is not dialogue
        dialogue.action_send()
        while not source.sent:
            await pilot.pause(0.01)
        await settle(app, pilot)
        assert app.screen is over
        await pilot.press("escape")
        await settle(app, pilot)
        assert dialogue not in app.screen_stack
        assert isinstance(app.screen, DiffScreen)


class Hidden(App[None]):
    def compose(self) -> Iterator[Outline]:
        yield Outline()


async def test_an_entry_is_gone_to_once_the_outline_is_on_the_screen() -> None:
    app = Hidden()
    async with app.run_test(size=(60, 20)) as pilot:
        outline = app.query_one(Outline)
        outline.display = False
        await pilot.pause()
        outline.show_entries(json_entries(parse(b'{"a": [1, 2], "b": {"c": [3]}}').value))
        outline.go_to((1, 0, 0))
        outline.display = True
        await pilot.pause()
        assert outline.path == (1, 0, 0)
