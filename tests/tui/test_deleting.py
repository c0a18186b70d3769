"""Taking a session out of a recording, from the screens: asked first, and then really gone."""

from pathlib import Path

from kimitap.store import Recording
from kimitap.tui.app import Kimitap
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from kimitap.tui.widgets.confirm import ConfirmScreen
from tests.support.reader import Reader, reading, two_sessions
from tests.support.recorded import lost, record


async def asked(reader: Reader) -> None:
    await reader.press("X")
    assert isinstance(reader.app.screen, ConfirmScreen)


async def test_a_deletion_is_asked_for_by_name() -> None:
    async with reading(two_sessions()) as reader:
        await asked(reader)
        said = reader.words("question")
        assert "Delete s1 from sessions/kimitap.db?" in said
        assert "6 turns of RooCode/3.34.2" in said


async def test_only_y_deletes() -> None:
    for key in ("n", "escape", "enter"):
        async with reading(two_sessions()) as reader:
            await asked(reader)
            await reader.press(key, *(["escape"] if key == "enter" else []))
            assert reader.app.screen is reader.app.main
            assert len(reader.app.view.sessions) == 2
    async with reading(two_sessions()) as reader:
        await asked(reader)
        await reader.press("y")
        for _ in range(100):
            if len(reader.app.view.sessions) == 1:
                break
            await reader.pilot.pause(0.05)
        await settle(reader.app, reader.pilot)
        assert [session.name for session in reader.app.view.sessions] == ["s90"]
        assert reader.app.main.thread is reader.app.view.threads[0]


async def test_it_is_gone_from_the_file_and_from_the_screens(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", lost())
    source = RecordingSource(where)
    app = Kimitap(source)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, pilot)
        await pilot.press("X", "y")
        for _ in range(200):
            if not app.view.sessions:
                break
            await pilot.pause(0.05)
        await settle(app, pilot)
        assert "The recording is empty." in app.main.query_one("#detail").render_line(0).text
        assert [n.message for n in app._notifications] == ["3 exchanges deleted"]
        await pilot.press("n", "d", "j", "enter", "h", "enter", "v", "X")
        await settle(app, pilot)
    source.close()
    with Recording.open(where) as recording:
        assert list(recording.exchanges()) == []


async def test_the_last_session_is_deleted_from_the_left_pane(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", lost())
    source = RecordingSource(where)
    app = Kimitap(source)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, pilot)
        await pilot.press("h", "G", "X", "y")
        for _ in range(200):
            if not app.view.sessions:
                break
            await pilot.pause(0.05)
        await settle(app, pilot)
        assert app.main.contents.current is None
        assert not app.main.live  # nobody records: the app itself wrote
    source.close()


async def test_X_in_the_left_pane_means_the_session_at_its_cursor() -> None:
    async with reading(two_sessions()) as reader:
        await reader.press("h", "g")
        assert "s90" in reader.app.main.contents.nodes[0].text
        await reader.press("X")
        assert "Delete s90" in reader.words("question")
        await reader.press("n", "Y")
        assert reader.app.clipboard == "s90"
        await reader.press("j", "Y")
        assert reader.app.clipboard == "s90 t90"


async def test_a_recording_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", lost())
    source = RecordingSource(where)
    app = Kimitap(source)
    (tmp_path / "a.db").rename(tmp_path / "moved.db")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, pilot)
        await pilot.press("X", "y")
        for _ in range(200):
            if app._notifications:
                break
            await pilot.pause(0.05)
        said = "".join(n.message for n in app._notifications)
        assert "was moved, deleted or replaced" in said or "there is no recording at" in said
    source.close()
