"""The keys of the lists: each does one thing, and that there is."""

import pytest

from kimitap.tui.findings.list import FindingsList
from kimitap.tui.findings.screen import FindingsScreen
from kimitap.tui.keys import FINDINGS_KEYS, SEARCH_KEYS, SESSIONS_KEYS, Key
from kimitap.tui.search.list import HitList
from kimitap.tui.search.screen import SearchScreen
from kimitap.tui.sessions.list import SessionsList
from kimitap.tui.sessions.screen import SessionsScreen
from kimitap.tui.source import View
from tests.support.listening import opened, press
from tests.support.still import Still
from tests.support.threads import lost_turn

TABLES = {"sessions": SESSIONS_KEYS, "findings": FINDINGS_KEYS, "search": SEARCH_KEYS}
SCREENS = {
    "sessions": (SessionsScreen, SessionsList),
    "findings": (FindingsScreen, FindingsList),
    "search": (SearchScreen, HitList),
}


@pytest.mark.parametrize("name", TABLES)
def test_no_key_does_two_things(name: str) -> None:
    keys = [key for entry in TABLES[name] for key in entry.keys.split(",")]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", TABLES)
def test_every_key_has_its_action(name: str) -> None:
    for key in TABLES[name]:
        action = f"action_{key.action.split('(')[0]}"
        assert any(hasattr(owner, action) for owner in SCREENS[name]), key


def foot(keys: tuple[Key, ...]) -> str:
    return "".join(f" {key.foot} " for key in keys if key.foot)


@pytest.mark.parametrize("name", TABLES)
def test_the_keys_at_the_bottom_fit_into_eighty_columns(name: str) -> None:
    assert len(foot(TABLES[name])) <= 80


@pytest.mark.parametrize("name", TABLES)
async def test_enter_on_the_last_row_asks_for_its_place(name: str) -> None:
    view: View = Still(*lost_turn()).view
    made = SCREENS[name][0]
    screen = SearchScreen(view, "migrate") if made is SearchScreen else made(view)
    async with opened(screen) as (app, pilot):
        await press(app, pilot, *(("down",) if name == "search" else ()), "G", "enter")
        assert [type(wish).__name__ for wish in app.wishes] == ["Visit"]
