"""The screens above the conversation: raw exchange, help; and the report."""

from dataclasses import replace
from pathlib import Path

import pytest

from kimitap.rules import RULES
from kimitap.tui.app import Kimitap
from kimitap.tui.conversation.contents import nodes
from kimitap.tui.conversation.reading import NO_TURN
from kimitap.tui.handing_out import write_new
from kimitap.tui.keys import DIFF_KEYS, LIST_KEYS, MAIN_KEYS, TURN_KEYS
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from kimitap.tui.source import View
from kimitap.tui.widgets.text_pane import TextPane
from kimitap.tui.widgets.text_screens import HelpScreen
from tests.support.recorded import lost, record
from tests.support.still import Still, exchange
from tests.support.threads import lost_turn


def text(app: Kimitap) -> str:
    return "\n".join(block.sign + block.text for block in app.screen.query_one(TextPane).blocks)


def test_an_exchange_without_a_turn_has_a_name() -> None:
    props = replace(exchange(1, b"", b"{}"), method="GET", path="/props")
    listed = nodes(View(others=(props,)), None, others_open=True)
    assert [node.text for node in listed] == ["1 other exchange", "#1 properties: GET /props 200"]


@pytest.mark.parametrize("key", ["d", "r", "e"])
async def test_where_no_turn_is_the_keys_say_so(key: str) -> None:
    app = Kimitap(Still(()))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(app, pilot)
        await pilot.press(key)
        await settle(app, pilot)
        assert [n.message for n in app._notifications] == [NO_TURN]


async def test_e_writes_a_report_that_only_its_owner_can_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = RecordingSource(record(tmp_path / "a.db", lost()))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, pilot)
        await pilot.press("e")
        await settle(app, pilot)
        path = tmp_path / "kimitap-report-s1-3"
        said = [n.message for n in app._notifications if n.message != "Writing the report …"]
        assert said == [f"Report written, secrets masked: {path}/"]
    assert path.stat().st_mode & 0o777 == 0o700
    assert "tool-turn-lost" in (path / "report.md").read_text()
    source.close()


async def test_a_report_that_cannot_be_written_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, pilot)
        await pilot.press("e")
        await settle(app, pilot)
        assert [n.severity for n in app._notifications] == ["error"]
        assert (
            "cannot be written (No such file or directory)"
            in next(iter(app._notifications)).message
        )


def test_a_report_never_replaces_another(tmp_path: Path) -> None:
    first, second = (write_new(tmp_path, "report", text) for text in ("one", "two"))
    assert (first.name, second.name) == ("report.md", "report-2.md")
    assert first.read_text() == "one"


async def test_the_help_lists_every_key_of_the_screen_below() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await pilot.press("question_mark")
        await settle(app, pilot)
        assert isinstance(app.screen, HelpScreen)
        shown = text(app)
        assert all(key.words in shown and key.shown in shown for key in (*MAIN_KEYS, *LIST_KEYS))
        await pilot.press("q")
        await settle(app, pilot)
        assert app.screen is app.main


@pytest.mark.parametrize("table", [MAIN_KEYS, DIFF_KEYS, TURN_KEYS, LIST_KEYS])
def test_no_key_does_two_things(table: tuple[object, ...]) -> None:
    keys = [key for entry in table for key in getattr(entry, "keys", "").split(",")]
    assert len(keys) == len(set(keys))


async def test_every_key_of_the_tables_has_its_action() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        for key in (*MAIN_KEYS, *LIST_KEYS):
            name = key.action.split("(")[0].removeprefix("app.")
            owners = (app.main, app, app.main.conversation)
            assert any(hasattr(owner, f"action_{name}") for owner in owners), key


def test_every_rule_says_what_to_do(tmp_path: Path) -> None:
    source = RecordingSource(record(tmp_path / "a.db", lost()))
    assert all(source.remedies[rule.name] for rule in RULES)
    source.close()
