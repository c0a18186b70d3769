"""Recorded text is hostile in the lists too: sessions, findings, and what is searched for."""

from dataclasses import replace

import pytest

from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.tui.filters import NoControls
from kimitap.tui.findings.screen import FindingsScreen
from kimitap.tui.search.screen import SearchScreen
from kimitap.tui.sessions.screen import SessionsScreen
from kimitap.tui.source import View
from kimitap.tui.widgets.view_screen import ViewScreen
from tests.support.branches import branching
from tests.support.listening import Listening, press, settle
from tests.tui.test_hostile import HOSTILE, OURS, Taps, acting, hostile


def view() -> View:
    """Hostile text in names, tasks, kinds, findings, replies, errors and other exchanges."""
    told = hostile().view
    branched, _ = branching()
    threads = tuple(
        replace(
            thread,
            kind=thread.kind if thread.kind in {"side", "sub-agent"} else HOSTILE,
            turns=tuple(replace(t, reply=replace(t.reply, error=HOSTILE)) for t in thread.turns),
            notes={},
        )
        for thread in branched[0].threads
    )
    session = replace(branched[0], number=100, threads=threads, agent=HOSTILE, model=HOSTILE)
    rule = Finding(HOSTILE, Severity.WARNING, Side.SERVER, HOSTILE, Place(2), "s1", HOSTILE)
    findings = (*told.findings, rule, replace(rule, rule="tool-turn-lost", session=HOSTILE))
    return replace(told, sessions=(*told.sessions, session), findings=findings)


SCREENS: dict[str, tuple[type[ViewScreen], tuple[str, ...]]] = {
    "sessions": (
        SessionsScreen,
        ("j", "j", "h", "enter", "z", "z", "m", "j", "D", "slash", *"nope", "enter", "escape"),
    ),
    "other exchanges": (SessionsScreen, ("G", "enter", "j", "enter")),
    "findings": (FindingsScreen, ("j", "j", "n", "j", "tab", "j", "G", "tab", "f", "f", "y")),
    "search": (SearchScreen, ("down", "j", "j", "n", "j", "G", "tab", "G", "y")),
}


async def written_by(screen: ViewScreen, *keys: str) -> str:
    Taps.written = ""
    app = Listening(screen)
    app.driver_class = Taps
    async with app.run_test(size=(120, 40), headless=False, notifications=True) as pilot:
        await settle(app, pilot)
        await press(app, pilot, *keys)
        assert app.return_code in {None, 0}
    return Taps.written


def opened(name: str) -> ViewScreen:
    made = SCREENS[name][0]
    return SearchScreen(view(), "gnp") if made is SearchScreen else made(view())


@pytest.mark.parametrize("name", SCREENS)
async def test_no_byte_that_acts_is_written(name: str) -> None:
    written = await written_by(opened(name), *SCREENS[name][1])
    assert len(written) > 2000
    assert "aGFja2Vk" in written
    assert not acting(written)
    assert "\x1b[31m" not in written and "\x1b[2J" not in written.removeprefix("\x1b[2J")


@pytest.mark.parametrize("name", SCREENS)
async def test_the_screens_clean_without_the_net(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a screen shows is clean before it comes to the filter of the last resort."""
    monkeypatch.setattr(NoControls, "apply", lambda self, segments, background: segments)
    written = await written_by(opened(name), *SCREENS[name][1])
    assert "aGFja2Vk" in written and not acting(written)


async def test_markup_in_a_task_is_shown_as_it_is_written() -> None:
    written = await written_by(FindingsScreen(view()), "j")
    assert "[/nope][bold]" in OURS.sub("", written)


@pytest.mark.parametrize("typed", [HOSTILE.replace("\ud800", ""), "[/nope]", "/[/", "/\x1b\\[/"])
async def test_hostile_words_can_be_searched_for(typed: str) -> None:
    written = await written_by(SearchScreen(view(), typed), "down", "j")
    assert not acting(written)
