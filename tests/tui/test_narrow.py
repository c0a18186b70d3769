"""Every screen in a small window: it opens, it says where one is, and what it is about is seen."""

from pathlib import Path

import pytest

from kimitap.tui.app import Kimitap
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from kimitap.tui.widgets.bars import Bar
from kimitap.tui.widgets.virtual_list import VirtualList
from tests.tui.test_hostile import Taps, acting, hostile

SCREENS: dict[str, tuple[tuple[str, ...], str]] = {
    "conversation": ((), "conversation"),
    "threads and turns": (("h",), "contents"),
    "search in a thread": (("slash", *"poem", "enter"), "conversation"),
    "help": (("question_mark",), "help"),
    "messages": (("v",), "messages"),
    "request": (("v", "2"), "request"),
    "request as text": (("v", "2", "u"), "request-text"),
    "reply": (("v", "3"), "reply"),
    "wire": (("r",), "wire"),
    "headers": (("v", "5"), "headers"),
    "prompt": (("p",), "prompt"),
    "timings": (("v", "7"), "timings"),
    "diff": (("d",), "diff"),
    "sessions": (("s",), "sessions"),
    "findings": (("F",), "findings"),
    "search": (("S", *"poem", "enter"), "list-of-hits"),
    "timeline": (("T",), "plot"),
    "question": (("X",), "question"),
}
"""The keys that open a screen, and the widget that it is about."""
SHORT = {"question": 7, "sessions": 1, "prompt": 1, "findings": 4}
"""Where the sample has no more lines to show."""
SAMPLE = Path(__file__).parents[2] / "sessions" / "lost-tool-turn.db"
MOVES = ("j", "j", "G", "g", "n", "tab", "ctrl+d")


@pytest.mark.parametrize("name", SCREENS)
async def test_hostile_text_in_forty_columns_breaks_no_screen(name: str) -> None:
    keys, _ = SCREENS[name]
    Taps.written = ""
    app = Kimitap(hostile())
    app.driver_class = Taps
    async with app.run_test(size=(40, 12), headless=False, notifications=True) as pilot:
        await settle(app, pilot)
        for key in (*keys, *MOVES):
            await pilot.press(key)
        for size in ((20, 5), (1, 1), (40, 12), (200, 60)):
            await pilot.resize_terminal(*size)
            await settle(app, pilot)
        assert app.is_running and app.return_code is None
    assert not acting(Taps.written)


@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_can_be_used_in_forty_columns(name: str) -> None:
    keys, about = SCREENS[name]
    source = RecordingSource(str(SAMPLE))
    app = Kimitap(source)
    async with app.run_test(size=(40, 20)) as pilot:
        await settle(app, pilot)
        for key in keys:
            await pilot.press(key)
            await settle(app, pilot)
        await pilot.pause(0.3)
        await settle(app, pilot)
        widget = app.screen.query_one(f"#{about}")
        lines = [widget.render_line(y).text for y in range(widget.size.height)]
        if name == "question":
            assert "y yes" in "".join(lines)
        seen = [line for line in lines if line.strip(" ▌")]
        assert len(seen) >= SHORT.get(name, 5), lines
        assert max(map(len, seen)) > 25, lines
        if isinstance(widget, VirtualList):
            assert 0 <= widget.cursor - widget.scroll_offset.y < len(lines)
        for bar in app.screen.query("#foot"):
            assert isinstance(bar, Bar) and "? help" in bar.render_line(0).text
    source.close()
