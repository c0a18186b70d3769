"""Somebody who reads Kimitap's screens: presses keys and looks at what is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from kimitap.lineage import Session
from kimitap.places import parse_place
from kimitap.transcript import Row
from kimitap.tui.app import Kimitap
from kimitap.tui.conversation.conversation_view import ConversationView
from kimitap.tui.screenshot import settle
from tests.support.still import Still
from tests.support.threads import assistant, chain, lost_turn, system, turn, user


def rows_of(view: ConversationView) -> list[Row]:
    """The row of each display line."""
    return [view.rows[at] for at, _ in view._lines]


class Reader:
    """Who presses the keys and looks at the screen."""

    def __init__(self, app: Kimitap, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await settle(self.app, self.pilot)

    async def type(self, text: str) -> None:
        await self.press(*("space" if c == " " else "colon" if c == ":" else c for c in text))
        await self.pilot.pause(0.3)

    @property
    def row(self) -> Row:
        row = self.app.main.conversation.current
        assert row is not None
        return row

    @property
    def shown(self) -> list[Row]:
        return rows_of(self.app.main.conversation)

    def words(self, name: str) -> str:
        """What a pane or bar says, line by line."""
        widget = self.app.screen.query_one(f"#{name}")
        return "\n".join(widget.render_line(y).text.rstrip() for y in range(widget.size.height))


@asynccontextmanager
async def reading(
    source: Still | None = None, size: tuple[int, int] = (120, 40), place: str = ""
) -> AsyncIterator[Reader]:
    app = Kimitap(source or Still(*lost_turn()), parse_place(place) if place else None)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(app, pilot)
        yield Reader(app, pilot)


def two_sessions() -> Still:
    """A healthy session, then the one where the turn was lost."""
    (broken,), findings = lost_turn()
    opening = [system("Be brief."), user("What is 2 + 2?")]
    calm = Session(90, (chain(turn(90, opening, assistant("4"))),), "curl", "qwen3")
    return Still((calm, broken), findings)
