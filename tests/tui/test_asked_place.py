"""`kimitap DB PLACE`: the screens are painted first, and then the place is gone to."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kimitap.analysis import Analysis
from kimitap.cli import run
from kimitap.places import PlaceWord
from kimitap.tui import app as screens
from kimitap.tui.app import Kimitap, glimpses_of
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from kimitap.tui.source import Unopened
from kimitap.tui.turn.screen import TurnScreen
from kimitap.tui.wishes import Tab
from tests.support.recorded import lost, record


def told(app: Kimitap) -> Sequence[str]:
    return [notice.message for notice in app._notifications]


@pytest.fixture
def where(tmp_path: Path) -> str:
    """Three turns of a thread, and an exchange that no dialect speaks."""
    turns = lost()
    return record(tmp_path / "a.db", [*turns, replace(turns[0], path="/props", method="GET")])


def unopened(where: str) -> Unopened:
    return Unopened(where, None, lambda: glimpses_of(where), lambda: RecordingSource(where))


def test_nothing_is_read_before_the_screens_are_there(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []

    def refuse(self: Analysis) -> None:
        raise AssertionError("read before the first paint")

    def keep(*asked: object) -> int:
        opened.extend(asked[:2])
        return 0

    monkeypatch.setattr(Analysis, "refresh", refuse)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr(screens, "run", keep)
    assert run(["tui", where, "t1"]) == 0
    assert opened == [where, PlaceWord("t", 1)]


@pytest.mark.parametrize(("kind", "number"), [("", 99), ("t", 9), ("s", 9)])
async def test_a_number_that_no_exchange_has_ends_the_app_with_the_reason(
    where: str, kind: str, number: int
) -> None:
    app = Kimitap(unopened(where), PlaceWord(kind, number))
    async with app.run_test() as pilot:
        while app.failure is None:
            await pilot.pause(0.02)
    assert str(app.failure).endswith(f"a.db: {PlaceWord(kind, number)} is not in it")
    assert app.return_code == 1
    app.close()


async def test_the_place_is_gone_to_once_it_is_read(where: str) -> None:
    app = Kimitap(unopened(where), PlaceWord("", 2))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, pilot)
        row = app.main.conversation.current
        assert row is not None
        assert row.exchange == 2
        assert told(app) == []
    app.close()


async def test_an_exchange_of_no_conversation_is_shown_as_its_bytes(where: str) -> None:
    app = Kimitap(unopened(where), PlaceWord("", 4))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        assert isinstance(app.screen, TurnScreen)
        assert (app.screen.place.number, app.screen.tab) == (4, Tab.WIRE)
    app.close()


@pytest.mark.parametrize("kind", ["t", "s"])
async def test_a_place_that_is_none_is_said_and_the_worst_finding_is_shown(
    where: str, kind: str
) -> None:
    app = Kimitap(unopened(where), PlaceWord(kind, 2))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, pilot)
        assert told(app) == [f"{kind}2 is not in this recording."]
        row = app.main.conversation.current
        assert row is not None
        assert row.findings
    app.close()
