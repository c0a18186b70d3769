"""A key means one thing, whatever screen is open."""

from collections.abc import Sequence
from itertools import chain

import pytest

from kimitap.rules.finding import Severity
from kimitap.tui.manual import TABLES
from kimitap.tui.timeline.screen import TimelineScreen
from kimitap.tui.wishes import Tab
from tests.support.pages import page
from tests.support.reader import reading, two_sessions
from tests.tui.test_findings_screen import findings, mixed, press
from tests.tui.test_search_screen import searching

TAKE, LEFT, RIGHT = (
    {"fold", "choose"},
    {"pane-left", "refold", "up"},
    {"pane-right", "unfold", "down"},
)
SAME = {
    "enter": TAKE,
    "space": TAKE,
    "h": LEFT,
    "left": LEFT,
    "l": RIGHT,
    "right": RIGHT,
    "down": {"down", "hits"},
    "tab": {"next-tab", "pane"},  # to the next part of the screen
    "ampersand": {"filter", "find"},  # hide what lacks the words: a list's / does that
    "q": {"quit", "back"},
}
"""Where one meaning has several names, since it is done to different things."""


def test_a_key_means_the_same_on_every_screen() -> None:
    meant: dict[str, set[str]] = {}
    for key in chain.from_iterable(TABLES.values()):
        for one in key.keys.split(","):
            meant.setdefault(one, set()).add(key.id)
    assert {
        one: found
        for one, found in meant.items()
        if len(found) > 1 and not found <= SAME.get(one, set())
    } == {}


def test_every_screen_goes_on_with_n_and_back_with_capital_n() -> None:
    for name, table in TABLES.items():
        if name != "lists":
            assert {key.id for key in table if key.keys in {"n", "N"}} == {"next", "previous"}


@pytest.mark.parametrize("number", range(1, 8))
async def test_the_keys_of_each_tab_fit_into_eighty_columns(number: int) -> None:
    async with reading(size=(80, 24), place="3") as reader:
        await reader.press("v", str(number))
        assert "esc back" in reader.words("foot")


@pytest.mark.parametrize("tab", ["v", "r"])
async def test_n_on_a_turn_goes_to_the_findings_of_its_thread(tab: str) -> None:
    async with reading(place="2") as reader:
        await reader.press(tab)
        seen: list[tuple[int, int | None]] = []
        for key in ("n", "n", "n", "N"):
            await reader.press(key)
            seen.append((page(reader.app).place.number, page(reader.app)._message))
        assert seen == [(5, 8), (6, 10), (6, 10), (5, 8)]
        assert page(reader.app).tab is (Tab.MESSAGES if tab == "v" else Tab.WIRE)
        told = [notice.message for notice in reader.app._notifications]
        assert told == ["No finding of this thread is left."]


async def test_capital_t_on_a_turn_opens_the_timeline_there() -> None:
    async with reading(place="3") as reader:
        await reader.press("v", "T")
        screen = reader.app.screen
        assert isinstance(screen, TimelineScreen)
        assert screen.at is not None
        assert screen.at.exchange == 3


async def test_braces_go_from_thread_to_thread_in_the_conversation() -> None:
    async with reading(two_sessions(), place="90") as reader:
        names: list[str] = []
        for key in ("right_curly_bracket", "right_curly_bracket", "left_curly_bracket"):
            await reader.press(key)
            assert reader.app.main.thread is not None
            names.append(reader.app.main.thread.name)
        assert names == ["t1", "t1", "t90"]
        told = [notice.message for notice in reader.app._notifications]
        assert told == ["t1 is the last thread."]


async def test_n_goes_through_all_findings_and_unfolds_their_rules() -> None:
    async with findings(mixed()) as (app, screen, pilot):
        await press(app, pilot, "z", "g")
        count = len(screen.view.findings)
        seen: Sequence[object] = ()
        for _ in range(count):
            await press(app, pilot, "n")
            assert screen.current is not None
            seen = (*seen, screen.current.finding)
        assert set(seen) == set(screen.view.findings)
        for _ in range(count - 1):
            await press(app, pilot, "N")
        assert screen.current is not None
        assert screen.current.finding == seen[0]
        assert any(f.severity is Severity.ERROR for f in screen.view.findings)


async def test_n_in_a_search_goes_from_hit_to_hit() -> None:
    async with searching(two_sessions(), "the") as (app, screen, pilot):
        await press(app, pilot, "down", "g")
        seen = []
        for _ in screen.hits:
            await press(app, pilot, "n")
            row = screen.list.current
            assert row is not None and not row.thread
            seen.append(row.hit)
        assert seen == list(screen.hits)
