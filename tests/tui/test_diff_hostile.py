"""What hostile text does in a comparison: nothing."""

from dataclasses import replace

import pytest

from kimitap.lineage import Session
from kimitap.places import PlaceWord
from kimitap.tui.app import Kimitap
from kimitap.tui.diff.screen import DiffScreen
from kimitap.tui.screenshot import settle
from kimitap.tui.wishes import Compare
from tests.support.still import Still
from tests.support.threads import assistant, call, chain, system, turn, user
from tests.tui.test_hostile import HOSTILE, Taps, acting, hostile


def two_threads() -> Still:
    """The hostile thread, and another with other hostile text at each place."""
    source = hostile()
    [thread] = source.view.threads
    other = HOSTILE + "other"
    asks = assistant(other, call(other, f'{{"{other!r:.9}": 1}}', other), thinks=other)
    first = replace(turn(11, [system(other), user(other)], asks), agent=other, model=other)
    second = turn(12, [*first.messages, asks, user(HOSTILE)], assistant(HOSTILE))
    rest = replace(chain(first, second), kind=HOSTILE)
    old, new = Session(1, (thread,), HOSTILE, HOSTILE), Session(11, (rest,), HOSTILE, HOSTILE)
    source.now(replace(source.view, sessions=(old, new)))
    return source


@pytest.mark.parametrize("kind", ["", "t", "s"])
@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12)])
async def test_no_byte_of_a_comparison_acts(kind: str, size: tuple[int, int]) -> None:
    Taps.written = ""
    app = Kimitap(two_threads())
    app.driver_class = Taps
    async with app.run_test(size=size, headless=False, notifications=True) as pilot:
        await settle(app, pilot)
        app.post_message(Compare(PlaceWord(kind, 1), PlaceWord(kind, 11)))
        await pilot.pause()
        await settle(app, pilot)
        assert isinstance(app.screen, DiffScreen)
        for key in (
            "g",
            *"jjj",
            "enter",
            "j",
            "enter",
            "n",
            "u",
            "w",
            "G",
            "u",
            "right_square_bracket",
        ):
            await pilot.press(key)
            await settle(app, pilot)
        assert app.return_code in {None, 0}
    assert len(Taps.written) > 2000
    assert "gnp.exe" in Taps.written
    assert not acting(Taps.written)
