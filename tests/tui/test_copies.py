"""A place and a curl can be copied from every screen that shows an exchange."""

import pytest

from tests.support.reader import reading, two_sessions
from tests.support.still import exchange

PLACES = {
    "conversation": ((), "exchange 5, message 8; s1 t1"),
    "turn": (("v",), "exchange 5; s1 t1"),
    "diff": (("d",), "exchange 5; s1 t1"),
    "timeline": (("T",), "exchange 5; s1 t1"),
    "findings": (("F", "j"), "exchange 5, message 8; s1 t1"),
    "search": (("S", *"blank", "enter"), "exchange 5, message 8; s1 t1"),
}


@pytest.mark.parametrize("name", PLACES)
async def test_a_place_and_its_request_are_copied_from_every_screen(name: str) -> None:
    keys, place = PLACES[name]
    source = two_sessions()
    source.exchanges[5] = exchange(5, b"{}", b"{}")
    async with reading(source) as reader:
        for key in keys:
            await reader.press(key)
        await reader.pilot.pause(0.4)
        await reader.press()
        await reader.press("Y")
        assert reader.app.clipboard == place
        await reader.press("c")
        assert reader.app.clipboard.startswith("curl ")


async def test_where_there_is_no_turn_that_is_said() -> None:
    async with reading(two_sessions()) as reader:
        await reader.press("F", "Y")
        assert [notice.message for notice in reader.app._notifications] == [
            "There is no turn here."
        ]
