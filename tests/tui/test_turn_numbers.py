"""Headers, times and bytes of an exchange: what was told, by whom, and what was not."""

from dataclasses import replace
from datetime import timedelta

from kimitap.conversation import Timings, Turn, Usage
from kimitap.exchange import Exchange, Segment
from kimitap.tui.app import Kimitap
from kimitap.tui.screenshot import settle
from kimitap.tui.turn.raw_blocks import raw_blocks
from kimitap.tui.turn.timings import timings_made
from kimitap.tui.wishes import ShowTurn, Tab
from tests.support import threads
from tests.support.pages import lines, press, title
from tests.support.still import Still, exchange
from tests.support.threads import lost_turn

WORD = b'data: {"choices":[{"delta":{"content":"word"}}]}\n\n'


def streamed(*seconds: float, ended_s: float) -> Exchange:
    made = exchange(5, b'{"a": 1}', WORD * len(seconds))
    return replace(
        made,
        segments=tuple(Segment(second, len(WORD)) for second in seconds),
        headers_at=made.started_at + timedelta(seconds=0.2),
        ended_at=made.started_at + timedelta(seconds=ended_s),
    )


def page(made: Exchange, turn: Turn | None) -> list[str]:
    """The page of timings, white space folded."""
    return [" ".join(line.split()) for line in timings_made(made, turn, None).text().split("\n")]


def told() -> Turn:
    made = threads.turn(5, [threads.user("go")], threads.assistant("word"))
    timings = Timings(90, 10, 500.0, 40, 2000.0, n_ctx=1000)
    return replace(made, reply=replace(made.reply, usage=Usage(100, 40, 90), timings=timings))


def test_the_page_of_timings_says_what_the_server_told() -> None:
    shown = page(streamed(1.0, 2.0, 3.0, ended_s=3.5), told())
    assert "waiting for the head 0.200 s" in shown
    assert "waiting for the first word 0.800 s" in shown
    assert "the reply arrives 2.000 s" in shown
    assert "until the end 0.500 s" in shown
    assert "cached 90 90% of the prompt" in shown
    assert "read 10 not in the cache" in shown
    assert "context 1,000 14% full after this turn" in shown
    assert "reading the prompt 20.0 /s the server: 10 tokens in 500 ms" in shown
    assert "making the reply 20.0 /s the server: 40 tokens in 2,000 ms" in shown
    assert "over the wire 20.0 /s from the times of the pieces" in shown
    assert "response body 150 in 3 pieces" in shown
    assert "events 3" in shown


def test_what_nobody_told_is_said_so() -> None:
    made = told()
    silent = replace(made, reply=replace(made.reply, usage=Usage(), timings=Timings()))
    shown = page(streamed(1.0, ended_s=3.5), silent)
    assert "prompt not told by the server" in shown
    assert "making the reply not told by the server" in shown
    assert "the body came in one piece: when its words were said is not known" in shown
    assert "! 2.5 s silent, from +1.000 s" in shown


def test_an_exchange_without_an_answer_has_a_page_too() -> None:
    made = replace(exchange(5, b"{}", b""), status=None, headers_at=None, ended_at=None)
    shown = page(made, None)
    assert "nothing has come yet" in shown
    assert "end not yet" in shown
    assert not any("tokens" in line for line in shown)


def test_the_wire_is_cut_where_it_was_silent_and_no_byte_is_lost() -> None:
    made = streamed(1.0, 1.5, 5.7, 5.8, ended_s=9.0)
    blocks = list(raw_blocks(made))
    marks = [block.text for block in blocks if block.text.startswith("! ")]
    assert marks == ["! 4.2 s silent", "! 3.2 s silent"]
    assert "".join(block.text for block in blocks if block.times) == made.response.decode()


def test_a_character_that_a_silence_parts_stays_whole() -> None:
    made = replace(
        exchange(5, b"", "a€b".encode(), (2, 3)), segments=(Segment(1.0, 2), Segment(9.0, 3))
    )
    texts = [block.text for block in raw_blocks(made) if block.times]
    assert texts == ["a", "€b"]


async def test_headers_stand_below_each_other_and_masks_are_told() -> None:
    source = Still(*lost_turn())
    source.exchanges[5] = replace(
        exchange(5, b"{}", b"{}"),
        client="127.0.0.1:50000",
        request_headers=(
            ("Authorization", "Bearer [masked:1f2e3d4c]"),
            ("Host", "localhost"),
            ("Cookie", "a=" + "b" * 100),
        ),
        status=404,
        reason="Not Found",
    )
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "5")
        shown = lines(app)
        assert "  client    127.0.0.1:50000" in shown
        assert "  server    http://127.0.0.1:8080" in shown
        assert any(line.startswith("  Authorization  Bearer [masked:1f2e3d4c]") for line in shown)
        masked = [line for line in shown if line.endswith("masked by the recorder")]
        assert len(masked) == 1
        assert "  Host           localhost" in shown
        assert "✗ 404 Not Found" in shown
        await press(app, pilot, "slash", *"bbb", "enter", "enter")
        assert "b" * 100 in "".join(line.strip(" │") for line in lines(app))


async def test_an_exchange_that_is_no_turn_has_what_was_asked_in_its_title() -> None:
    source = Still(*lost_turn())
    props = replace(exchange(9, b"", b"{}"), method="GET", path="/props")
    source.exchanges[9] = props
    source.now(replace(source.view, others=(props,)))
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        app.post_message(ShowTurn(9, Tab.WIRE))
        await pilot.pause()
        await settle(app, pilot)
        assert "GET /props  200" in title(app)
