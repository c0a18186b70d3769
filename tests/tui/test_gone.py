"""What another process takes out of the recording: its screens close and say so, or move on."""

from dataclasses import replace

import pytest

from kimitap.tui.diff.screen import DiffScreen
from kimitap.tui.source import View
from kimitap.tui.timeline.screen import TimelineScreen
from kimitap.tui.turn.screen import TurnScreen
from kimitap.tui.widgets.text_screens import HelpScreen
from tests.support.reader import Reader, reading, two_sessions


async def delete(reader: Reader, session: int) -> None:
    """Another process deletes a session, and the app sees it."""
    source = reader.app.source
    source.delete([session])
    reader.app.poll()
    await reader.press()


def told(reader: Reader) -> list[str]:
    return [notice.message for notice in reader.app._notifications]


@pytest.mark.parametrize(
    ("keys", "kind", "said"),
    [
        (("T",), TimelineScreen, "t1 was taken out of the recording."),
        (("v",), TurnScreen, "#5 was taken out of the recording."),
        (("d",), DiffScreen, "exchange 4 was taken out of the recording."),
    ],
)
async def test_a_screen_of_a_deleted_thread_closes_and_says_so(
    keys: tuple[str, ...], kind: type, said: str
) -> None:
    async with reading(two_sessions()) as reader:
        await reader.press(*keys)
        assert isinstance(reader.app.screen, kind)
        await delete(reader, 90)
        assert isinstance(reader.app.screen, kind)  # another session: nothing of it is shown here
        assert told(reader) == []
        await delete(reader, 1)
        assert reader.app.screen is reader.app.main
        assert told(reader) == [said]


async def test_a_screen_that_lies_below_another_closes_once_it_is_seen() -> None:
    async with reading(two_sessions()) as reader:
        await reader.press("T", "question_mark")
        await delete(reader, 1)
        assert isinstance(reader.app.screen, HelpScreen)
        await reader.press("q")
        assert reader.app.screen is reader.app.main


async def test_screens_one_over_the_other_all_close() -> None:
    async with reading(two_sessions()) as reader:
        await reader.press("T", "v")
        await delete(reader, 1)
        await reader.press()
        assert reader.app.screen is reader.app.main


async def test_a_screen_stays_while_what_is_left_is_read_again() -> None:
    async with reading(two_sessions()) as reader:
        await reader.press("T")
        screen = reader.app.screen
        assert isinstance(screen, TimelineScreen)
        screen.apply(replace(View(), unread=3))
        await reader.pilot.pause()
        assert reader.app.screen is screen


async def test_the_timeline_follows_its_turn_into_the_thread_that_has_it_now() -> None:
    source = two_sessions()
    async with reading(source) as reader:
        await reader.press("T")
        screen = reader.app.screen
        assert isinstance(screen, TimelineScreen)
        (calm, broken) = source.view.sessions
        moved = replace(broken.threads[0], number=2)
        source.now(replace(source.view, sessions=(calm, replace(broken, threads=(moved,)))))
        reader.app.poll()
        await reader.press()
        assert reader.app.screen is screen
        assert "t2 main" in reader.words("title")
