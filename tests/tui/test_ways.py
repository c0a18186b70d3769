"""From the conversation to every other screen, and back to the place that was chosen there."""

import pytest
from textual.screen import Screen

from kimitap.tui.diff.screen import DiffScreen
from kimitap.tui.findings.screen import FindingsScreen
from kimitap.tui.search.screen import SearchScreen
from kimitap.tui.sessions.screen import SessionsScreen
from kimitap.tui.timeline.screen import TimelineScreen
from kimitap.tui.turn.screen import TurnScreen
from kimitap.tui.widgets.text_screens import HelpScreen
from kimitap.tui.wishes import Visit
from tests.support.reader import Reader, reading, two_sessions
from tests.support.still import Still, exchange
from tests.support.threads import lost_turn

SCREENS: dict[str, type[Screen[None]]] = {
    "s": SessionsScreen,
    "F": FindingsScreen,
    "S": SearchScreen,
    "T": TimelineScreen,
    "v": TurnScreen,
    "r": TurnScreen,
    "p": TurnScreen,
    "d": DiffScreen,
    "question_mark": HelpScreen,
}


def still() -> Still:
    source = two_sessions()
    for n in (1, 2, 3, 4, 5, 6, 90):
        source.exchanges[n] = exchange(n, b'{"messages":[]}', b"data: {}\n\n")
    return source


def told(reader: Reader) -> list[str]:
    return [n.message for n in reader.app._notifications]


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12)])
async def test_every_screen_opens_by_its_key_and_escape_leads_back(size: tuple[int, int]) -> None:
    async with reading(still(), size=size) as reader:
        here = reader.row
        for key, screen in SCREENS.items():
            await reader.press(key)
            assert isinstance(reader.app.screen, screen), key
            await reader.press("escape")
            assert reader.app.screen is reader.app.main, key
            assert reader.row is here


async def test_enter_in_the_sessions_leads_to_the_conversation() -> None:
    async with reading(still()) as reader:
        await reader.press("s")
        while "s90" not in reader.words("about"):
            await reader.press("j")
        await reader.press("enter")
        assert reader.app.screen is reader.app.main
        assert reader.row.exchange == 90


async def test_enter_on_a_finding_leads_to_its_place() -> None:
    async with reading(still(), place="t90") as reader:
        await reader.press("F", "j", "j", "enter")
        assert reader.app.screen is reader.app.main
        assert (reader.row.exchange, reader.row.title) == (6, "LOST TURN")


async def test_enter_on_a_hit_leads_to_its_message() -> None:
    async with reading(still()) as reader:
        await reader.press("S")
        await reader.type("two plus")
        await reader.press(*["backspace"] * 8)
        await reader.type("What is 2")
        await reader.press("enter", "j", "enter")
        assert reader.app.screen is reader.app.main
        assert (reader.row.exchange, reader.row.text) == (90, "What is 2 + 2?")


async def test_what_was_searched_for_stays_lit_and_is_remembered() -> None:
    async with reading(still()) as reader:
        await reader.press("S")
        await reader.type("What is 2")
        await reader.press("enter", "j", "enter")
        view = reader.app.main.conversation
        assert view.filter.query.words == ("what", "is", "2")
        assert view.current_index in view.hits
        await reader.press("escape", "S")
        assert "what is 2" in reader.words("words")


async def test_enter_on_the_timeline_leads_to_its_turn() -> None:
    async with reading(still()) as reader:
        await reader.press("T", "g", "l", "enter")
        assert reader.app.screen is reader.app.main
        assert reader.row.exchange == 2


async def test_a_search_in_the_thread_goes_on_in_all_sessions() -> None:
    async with reading(still()) as reader:
        await reader.press("slash")
        await reader.type("migrate")
        await reader.press("enter", "S")
        screen = reader.app.screen
        assert isinstance(screen, SearchScreen)
        assert "migrate" in reader.words("words")


async def test_two_turns_are_compared() -> None:
    async with reading(still()) as reader:
        await reader.press("g", "m")
        assert "MARKED exchange 1" in reader.words("status")
        await reader.press("right_square_bracket", "D")
        assert isinstance(reader.app.screen, DiffScreen)
        assert "#1" in reader.words("title") + reader.words("sides")


async def test_two_threads_are_compared_from_the_left_pane() -> None:
    async with reading(still()) as reader:
        await reader.press("h", "g", "j", "m", "G")
        while "t1 main" not in reader.app.main.contents.nodes[reader.app.main.contents.cursor].text:
            await reader.press("k")
        await reader.press("D")
        assert isinstance(reader.app.screen, DiffScreen)


async def test_what_cannot_be_compared_says_why() -> None:
    async with reading(still()) as reader:
        await reader.press("D")
        await reader.press("m", "D")
        await reader.press("h", "g", "D")
        assert told(reader) == [
            "Mark a turn, a thread or a session first, with m.",
            "exchange 5 is marked: go to another turn.",
            "exchange 5 is marked: go to another turn.",
        ]
        assert reader.app.screen is reader.app.main


async def test_a_fresh_view_reaches_the_screens_that_lie_over_the_conversation() -> None:
    (session,), findings = lost_turn()
    source = Still((session,), findings[:1])
    async with reading(source) as reader:
        await reader.press("F")
        assert "1 finding" in reader.words("title")
        source.now(type(source.view)((session,), findings))
        for _ in range(100):
            if "2 findings" in reader.words("title"):
                break
            await reader.pilot.pause(0.05)
        assert "2 findings" in reader.words("title")


async def test_a_place_that_is_gone_says_so() -> None:
    async with reading(still()) as reader:
        reader.app.main.visit(Visit(77))
        await reader.pilot.pause()
        assert told(reader) == ["#77 is in no conversation any more."]
