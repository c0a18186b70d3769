"""The prompt that the model read: what it lacks stands out, and asking for it never harms."""

from pathlib import Path
from threading import Event

import pytest

from kimitap.cli import run
from kimitap.errors import UsageError
from kimitap.tui.app import Kimitap
from kimitap.tui.keys import LIST_KEYS, TURN_KEYS
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from kimitap.tui.turn.screen import TurnScreen
from kimitap.tui.widgets.text_pane import TextPane
from kimitap.tui.widgets.text_screens import HelpScreen
from kimitap.tui.wishes import Tab
from tests.support import prompts
from tests.support.recorded import lost, record
from tests.test_asking import refusing, rendering, serving


def pane_of(app: Kimitap) -> TextPane:
    screen = app.screen
    pane = screen.pane if isinstance(screen, TurnScreen) else screen.query_one(TextPane)
    assert isinstance(pane, TextPane)
    return pane


def lines(app: Kimitap) -> list[str]:
    pane = pane_of(app)
    painted = (pane.paint(i, 200).segments for i in range(pane.count))
    return ["".join(segment.text for segment in segments).rstrip() for segments in painted]


def title(app: Kimitap) -> str:
    return app.screen.query_one("#title").render_line(0).text


def here(app: Kimitap) -> str:
    return lines(app)[pane_of(app).cursor]


def notices(app: Kimitap) -> list[str]:
    return [notice.message for notice in app._notifications]


async def test_p_shows_what_is_absent_first_and_again_at_its_place(tmp_path: Path) -> None:
    source = RecordingSource(prompts.hidden(tmp_path / "a.db"))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await pilot.press("g", "p")
        await settle(app, pilot)
        assert isinstance(app.screen, TurnScreen)
        assert app.screen.tab is Tab.PROMPT
        assert "✗ 3 ABSENT" in title(app)
        shown = lines(app)
        assert shown[:4] == [
            "✗ 3 parts of request 1 ABSENT from its prompt: the model did not read this",
            "  ✗ ABSENT    tool write_file",
            "  ✗ ABSENT    call write_file · message 2",
            "  ✗ ABSENT    result c2 · message 4",
        ]
        assert "  ✓ present: 1 tool, 3 texts, 1 reasoning, 1 call, 1 result" in shown
        body = shown[shown.index("") :]
        order = [
            "── before the first message ── ✓ tool read_file",
            "  ✗ ABSENT    tool write_file",
            "── message 1 · user · at",
            "  <|user|>Read the notes and sum them up.<|im_end|>",
            "── message 2 · assistant · at",
            "  ✗ ABSENT    call write_file · message 2",
            "── message 3 · tool · at",
            "✗ ╎ message 4 · tool · THIS MESSAGE IS ABSENT ┄┄┄◀",
            "── every part of the request ──",
        ]
        places = [next(i for i, line in enumerate(body) if line.startswith(o)) for o in order]
        assert places == sorted(places)
        assert any(line.endswith("✓ reasoning ✓ text ✓ call read_file") for line in body)
    source.close()


async def test_braces_go_through_the_messages_and_a_through_what_is_absent(tmp_path: Path) -> None:
    source = RecordingSource(prompts.hidden(tmp_path / "a.db"))
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await pilot.press("g", "p")
        await settle(app, pilot)
        await pilot.press(*["right_curly_bracket"] * 4)
        assert here(app).startswith("── message 1 · user")
        await pilot.press("a")
        assert here(app) == "  ✗ ABSENT    call write_file · message 2"
        await pilot.press("a")
        assert "THIS MESSAGE IS ABSENT" in here(app)
        await pilot.press("A", "A")
        assert here(app) == "  ✗ ABSENT    tool write_file"
        await pilot.press("question_mark")
        await settle(app, pilot)
        assert isinstance(app.screen, HelpScreen)
        shown = "\n".join(lines(app))
        assert all(key.words in shown and key.shown in shown for key in (*TURN_KEYS, *LIST_KEYS))
    source.close()


async def test_p_at_a_message_opens_the_prompt_at_its_place(tmp_path: Path) -> None:
    source = RecordingSource(prompts.hidden(tmp_path / "a.db"))
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        row = app.main.conversation.current
        assert row is not None and row.message_index == 2
        await pilot.press("p")
        await settle(app, pilot)
        assert here(app).startswith("── message 2 · assistant")
    source.close()


async def test_a_whole_prompt_says_that_nothing_is_absent(tmp_path: Path) -> None:
    request = prompts.working()
    made = prompts.answered(1, request, prompts.told(request))
    source = RecordingSource(record(tmp_path / "a.db", [made]))
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await pilot.press("p")
        await settle(app, pilot)
        assert "✓ nothing absent" in title(app)
        assert not any("ABSENT" in line or "not found" in line for line in lines(app))
    source.close()


async def test_without_a_prompt_one_line_says_how_to_get_one(tmp_path: Path) -> None:
    source = RecordingSource(prompts.hidden(tmp_path / "a.db"))
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await pilot.press("G", "p")
        await settle(app, pilot)
        (line,) = lines(app)
        assert "--ask-server URL" in line and '"verbose": true' in line
        await pilot.press("left_square_bracket")
        await settle(app, pilot)
        assert "✗ 3 ABSENT" in title(app)
        await pilot.press("right_square_bracket")
        await settle(app, pilot)
        assert "ABSENT" not in title(app)
    source.close()


async def test_a_server_is_asked_once_at_opening_and_its_findings_appear(tmp_path: Path) -> None:
    asked = []

    def answer(path: str, body: bytes) -> tuple[int, bytes]:
        asked.append(body)
        return rendering(path, body)

    with serving(answer) as url:
        source = RecordingSource(record(tmp_path / "a.db", lost()), server=url)
        app = Kimitap(source)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await settle(app, pilot)
            await settle(app, pilot)
            assert len(asked) == 1
            told = f"1 of 1 prompts rendered by {url}"
            assert notices(app) == [told]
            for key in ("g", "p"):  # the call of the first turn is lost on its way to the third
                await pilot.press(key)
                await settle(app, pilot)
            assert len(asked) == 2
            await pilot.press("right_square_bracket")
            await settle(app, pilot)
            assert "✗ 1 ABSENT" in title(app)
            await pilot.press("escape")
            await settle(app, pilot)
            await settle(app, pilot)
            assert "hidden-from-model" in {finding.rule for finding in app.view.findings}
            assert len(asked) == 3
            await pilot.press("p")
            await settle(app, pilot)
            assert len(asked) == 3
        source.close()


async def test_a_server_that_is_not_there_is_a_notice(tmp_path: Path) -> None:
    with serving(rendering) as url:
        pass
    source = RecordingSource(record(tmp_path / "a.db", lost()), server=url)
    app = Kimitap(source)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, pilot)
        assert [notice.severity for notice in app._notifications] == ["error"]
        assert "cannot be asked" in notices(app)[0]
        assert {finding.rule for finding in app.view.findings} == {"tool-turn-lost"}
        await pilot.press("p")
        await settle(app, pilot)
        assert "cannot be asked" in "".join(lines(app))
    source.close()


async def test_why_a_server_does_not_render_a_prompt_is_shown(tmp_path: Path) -> None:
    with serving(refusing) as url:
        source = RecordingSource(record(tmp_path / "a.db", lost()), server=url)
        app = Kimitap(source)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await settle(app, pilot)
            assert "roles must alternate" in notices(app)[0]
            await pilot.press("p")
            await settle(app, pilot)
            assert lines(app) == ["The server does not render it: 400: roles must alternate"]
        source.close()


async def test_to_quit_breaks_off_what_is_being_asked(tmp_path: Path) -> None:
    called, over, ended = Event(), Event(), Event()

    class Watched(RecordingSource):
        def ask(self) -> str:
            try:
                return super().ask()
            finally:
                ended.set()

    def silent(path: str, body: bytes) -> tuple[int, bytes]:
        called.set()
        over.wait(20)
        return 200, b"{}"

    with serving(silent) as url:
        source = Watched(record(tmp_path / "a.db", lost()), server=url)
        app = Kimitap(source)
        async with app.run_test(size=(80, 24)) as pilot:
            while not called.is_set():
                await pilot.pause(0.02)
            assert not ended.is_set()
            await pilot.press("q")
        assert ended.wait(10)
        with pytest.raises(UsageError):
            source.ask()
        over.set()
        source.close()


@pytest.mark.parametrize("words", [["tui", "{db}"], ["{db}"], []])
def test_an_unfit_address_is_refused_before_the_screens_open(
    words: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = record(tmp_path / "a.db", lost())
    monkeypatch.setenv("KIMITAP_DB", where)
    given = [word.format(db=where) for word in words]
    assert run([*given, "--ask-server", "http://10.0.0.7:8080"]) == 2
    assert "in the clear" in capsys.readouterr().err


def test_the_server_is_said_after_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--ask-server", "http://127.0.0.1:1", "check"]) == 2
    assert "say --ask-server after the command" in capsys.readouterr().err
