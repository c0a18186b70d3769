"""The turn's screen as a test reads it: lines, title, the line at the cursor."""

from textual.pilot import Pilot

from kimitap.tui.app import Kimitap
from kimitap.tui.screenshot import settle
from kimitap.tui.turn.screen import TurnScreen
from kimitap.tui.turn.text import SoughtText
from kimitap.tui.widgets.outline import Outline

WIDTH = 118


def page(app: Kimitap) -> TurnScreen:
    """The turn's screen, which must be the one that is shown."""
    assert isinstance(app.screen, TurnScreen)
    return app.screen


def outline(app: Kimitap) -> Outline:
    """What shows the tab, which must be an outline."""
    pane = page(app).pane
    assert isinstance(pane, Outline)
    return pane


def text(app: Kimitap) -> SoughtText:
    """What shows the tab, which must be a text."""
    pane = page(app).pane
    assert isinstance(pane, SoughtText)
    return pane


def lines(app: Kimitap) -> list[str]:
    """Every line of the tab, also those below the screen."""
    pane = page(app).pane
    painted = (pane.paint(i, pane.line_width).segments for i in range(pane.count))
    return ["".join(segment.text for segment in segments).rstrip() for segments in painted]


def here(app: Kimitap) -> str:
    """The line at the cursor."""
    return lines(app)[page(app).pane.cursor].strip()


def title(app: Kimitap) -> str:
    """The line at the top."""
    return app.screen.query_one("#title").render_line(0).text


async def press(app: Kimitap, pilot: Pilot[None], *keys: str) -> None:
    """Press keys one after the other, each when what the one before asked for is painted."""
    for key in keys:
        await pilot.press(key)
        await settle(app, pilot)
