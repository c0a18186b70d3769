"""Every key on every screen, where there is no conversation: it acts, or says why it does not."""

from asyncio import sleep, timeout
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kimitap.tui.app import Kimitap
from kimitap.tui.conversation.session_screen import SessionScreen
from kimitap.tui.keys import with_list_keys
from kimitap.tui.recording import RecordingSource
from kimitap.tui.widgets.view_screen import ViewScreen
from tests.support.recorded import lost, record
from tests.support.still import exchange

MOVES = {
    *("down", "up", "page-down", "page-up", "top", "bottom"),
    *("pane", "pane-left", "pane-right", "next-tab", "previous-tab"),
    *("unfold", "refold", "fold", "fold-all", "hits", "wrap"),
    *(f"tab-{number}" for number in range(1, 8)),
}
"""Keys that move a cursor or the focus, unfold, or choose how to look: what is chosen is seen."""
NOT_OURS = {"palette", "quit"}
OPENED: dict[str, Sequence[str]] = {
    "conversation": (),
    "left pane": ("h",),
    "sessions": ("s",),
    "findings": ("F",),
    "search": ("S", *"zebra", "enter", "tab"),
    "turn": ("h", "G", "v"),
    "wire": ("h", "G", "r"),
}
"""The keys that lead to a screen from the conversation."""


def empty(path: Path) -> str:
    return record(path, ())


def only_side_endpoints(path: Path) -> str:
    """What a client asks for before it chats: no dialect speaks it."""
    asked = (replace(exchange(n, b"", b'{"data":[]}'), method="GET") for n in (1, 2))
    return record(path, [replace(one, path=f"/v1/models/{one.number}") for one in asked])


def broken(path: Path) -> str:
    """A chat's endpoint with bodies that are no JSON, and then nothing."""
    return record(path, [exchange(1, b'{"messages": [', b"\xff\x00 no"), exchange(2, b"", b"")])


RECORDINGS: dict[str, Callable[[Path], str]] = {
    "nothing": empty,
    "only side endpoints": only_side_endpoints,
    "what cannot be read": broken,
}


async def settled(app: Kimitap, pilot: Pilot[None]) -> None:
    async with timeout(60):
        idle = 0
        while idle < 2:
            await pilot.pause()
            busy = any(not worker.is_finished for worker in app.workers)
            idle = 0 if busy else idle + 1
            await sleep(0.005)


def look(app: Kimitap) -> object:
    """All that a reader could notice of the screen."""
    lines = [strip.text for strip in app.screen._compositor.render_strips()]
    focused = app.focused.id if app.focused else None
    return type(app.screen), len(app.screen_stack), lines, focused, app.clipboard


async def lead_to(app: Kimitap, pilot: Pilot[None], keys: Sequence[str]) -> None:
    """From wherever the app is, to the screen that these keys open."""
    while app.screen is not app.main:
        app.pop_screen()
        await pilot.pause()
    app.main.show_pane("conversation")
    await pilot.press(*keys)
    await settled(app, pilot)
    app.clear_notifications()
    await settled(app, pilot)


@pytest.mark.parametrize(
    ("on", "recorded"),
    [
        *(("conversation", recorded) for recorded in RECORDINGS),
        *((on, "only side endpoints") for on in OPENED if on != "conversation"),
        *((on, "what cannot be read") for on in ("turn", "wire")),
        *((on, "nothing") for on in ("sessions", "findings")),
    ],
)
async def test_no_key_is_silent(
    on: str, recorded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = RecordingSource(RECORDINGS[recorded](tmp_path / "a.db"))
    app = Kimitap(source)
    silent: list[str] = []
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(app, pilot)
        await lead_to(app, pilot, OPENED[on])
        screen = app.screen
        assert isinstance(screen, SessionScreen | ViewScreen)
        asked = [k for k in with_list_keys(screen.KEYS) if k.id not in MOVES | NOT_OURS]
        here = look(app)
        for key in asked:
            if look(app) != here:
                await lead_to(app, pilot, OPENED[on])
                here = look(app)
            await pilot.press(key.keys.split(",")[0])
            await settled(app, pilot)
            if look(app) == here and not app._notifications:
                silent.append(f"{key.shown} {key.words}")
            app.clear_notifications()
            await settled(app, pilot)
        assert app.return_code in {None, 0}
    source.close()
    assert not silent, "; ".join(silent)


@pytest.mark.parametrize("key", ["e", "T", "d", "R", "y", "o", "X"])
async def test_what_needs_a_turn_says_why_a_side_endpoint_is_none_and_what_to_do(
    key: str, tmp_path: Path
) -> None:
    """Also where a conversation is open beside it: that is not what the cursor stands on."""
    side = replace(exchange(9, b"", b"{}"), method="GET", path="/props")
    source = RecordingSource(record(tmp_path / "a.db", [*lost(), side]))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(app, pilot)
        await pilot.press("h", "G", "enter", "G")
        await settled(app, pilot)
        stack = len(app.screen_stack)
        await pilot.press(key)
        await settled(app, pilot)
        (told,) = [n.message for n in app._notifications]
        assert "in no conversation" in told or "no session here" in told
        assert ": " in told  # and what to do
        assert len(app.screen_stack) == stack and not app.clipboard
    source.close()


@pytest.mark.parametrize("key", ["e", "T", "d", "R", "y", "c", "o"])
async def test_a_sessions_line_is_no_turn(key: str, tmp_path: Path) -> None:
    source = RecordingSource(record(tmp_path / "a.db", lost()))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settled(app, pilot)
        await pilot.press("h", "g")
        await settled(app, pilot)
        await pilot.press(key)
        await settled(app, pilot)
        (told,) = [n.message for n in app._notifications]
        assert told == "This is a session: go to one of its turns."
    source.close()
