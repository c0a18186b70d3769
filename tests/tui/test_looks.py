"""What the screens look like, kept as few pictures; `pytest --snapshot-update` after a look."""

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from kimitap.tui.app import Kimitap
from kimitap.tui.screenshot import settle
from tests.support.still import Still
from tests.support.threads import lost_turn

Compare = Callable[..., bool]


def pressing(*keys: str) -> Callable[[Pilot[Any]], Any]:
    async def before(pilot: Pilot[Any]) -> None:
        assert isinstance(pilot.app, Kimitap)
        await settle(pilot.app, pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot.app, pilot)

    return before


@pytest.mark.parametrize(
    ("size", "keys"),
    [
        pytest.param((120, 40), (), id="lost-turn-120x40"),
        pytest.param((80, 24), (), id="lost-turn-80x24"),
        pytest.param((40, 20), (), id="lost-turn-40x20"),
        pytest.param((80, 24), ("d",), id="diff-80x24"),
        pytest.param((80, 40), ("question_mark",), id="help-80x40"),
    ],
)
def test_it_looks_as_it_did(
    snap_compare: Compare, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    app = Kimitap(Still(*lost_turn()))
    assert snap_compare(app, terminal_size=size, run_before=pressing(*keys))


def test_without_colour_the_lost_turn_still_stands_out(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Kimitap(Still(*lost_turn()))
    assert snap_compare(app, terminal_size=(80, 24), run_before=pressing())
