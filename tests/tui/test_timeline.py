"""The timeline: a thread's numbers turn by turn, and the way to a turn from there."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from textual.app import App
from textual.message import Message
from textual.pilot import Pilot

from kimitap.conversation import Timings, Turn, Usage
from kimitap.exchange import Outcome
from kimitap.lineage import Echo, EchoKind, Link, Relation, Session, Thread
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.tui.recording import RecordingSource
from kimitap.tui.source import View
from kimitap.tui.timeline.chart import AGAIN, CACHED, READ
from kimitap.tui.timeline.screen import TimelineScreen
from kimitap.tui.widgets.bars import Bar
from kimitap.tui.widgets.plot import WIDEST
from kimitap.tui.widgets.text_pane import TextPane
from kimitap.tui.widgets.text_screens import HelpScreen
from kimitap.tui.wishes import Copy, ShowDiff, ShowHelp, ShowTurn, Tab, Visit
from tests.support.threads import assistant, lost_turn, turn, user
from tests.tui.test_hostile import HOSTILE, Taps, acting

MESSAGES = (user("Sum up the notes."),)

SAMPLE = Path(__file__).parents[2] / "sessions" / "lost-tool-turn.db"


def told(number: int, prompt: int = 1000, cached: int | None = 960, **more: float | None) -> Turn:
    """A turn with a server's numbers: 100 tokens in 4 s, the first after 1.25 s."""
    made = turn(number, MESSAGES, assistant("Ada owns it."))
    read = None if cached is None else prompt - cached
    times = Timings(cached, read, 1000.0, 100, more.get("predicted_ms", 4000.0))
    reply = replace(made.reply, usage=Usage(prompt, 100, cached), timings=times)
    return replace(made, first_event_s=1.25, reply=reply)


def silent(number: int) -> Turn:
    """A turn of which no server told anything, answered in one piece."""
    made = turn(number, MESSAGES, assistant("Ada owns it."))
    reply = replace(made.reply, usage=Usage(), timings=Timings(), streamed=False)
    return replace(made, reply=reply)


def thread(*turns: Turn, kind: str = "main") -> Thread:
    links: list[Link | None] = [None]
    for before, after in pairwise(turns):
        echo = Echo(EchoKind.SAME, 1)
        links.append(Link(before, after, Relation.CONTINUES, 1, (), echo))
    return Thread(turns[0].exchange, turns, tuple(links), kind)


def found(
    number: int, rule: str = "prompt-cache-broken", severity: Severity = Severity.WARNING
) -> Finding:
    said = f"The server read it again at {number}."
    return Finding(rule, severity, Side.AGENT, said, Place(number), "s1", "t1")


def view(*threads: Thread, findings: tuple[Finding, ...] = ()) -> View:
    return View((Session(threads[0].number, threads),), findings)


class Host(App[None]):
    """Shows one screen and keeps what it wishes for."""

    def __init__(self, screen: TimelineScreen) -> None:
        super().__init__()
        self.shown = screen
        self.wishes: list[Message] = []

    def on_mount(self) -> None:
        self.push_screen(self.shown)

    def on_visit(self, wish: Visit) -> None:
        self.wishes.append(wish)

    on_show_turn = on_show_diff = on_show_help = on_copy = on_visit


def host(shown: View, number: int = 1, exchange: int = 1) -> Host:
    return Host(TimelineScreen(shown, number, exchange))


def line(app: Host, which: str) -> str:
    return "".join(segment.text for segment in app.shown.query_one(f"#{which}", Bar)._segments)


def painted(app: Host) -> list[str]:
    plot = app.shown.plot
    return [plot.render_line(y).text.rstrip() for y in range(plot.size.height)]


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


HUNDRED = thread(*(told(n) for n in range(1, 101)))


async def test_the_line_at_the_top_spells_out_the_turn_at_the_cursor() -> None:
    broken = thread(told(40, 17_000, 16_000), told(41, 18_000, 1000))
    app = host(view(broken, findings=(found(41),)), 40, 41)
    app.shown.view = replace(
        app.shown.view, findings=(replace(found(41), thread="t40", session="s40"),)
    )
    async with app.run_test(size=(160, 40)) as pilot:
        await pilot.pause()
        assert line(app, "numbers") == (
            " #41  18.0k in (5% cached, 17.0k read, 16.1k of them again) · 100 out · TTFT 1.2 s "
            "· 25 tok/s · ! prompt-cache-broken"
        )
        assert "! prompt-cache-broken: The server read it again at 41." in line(app, "found")
        await press(pilot, "h")
        assert line(app, "numbers").startswith(" #40  17.0k in (94% cached, 1.0k read) ·")
        assert "read it again" not in line(app, "found")


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12)])
async def test_all_panels_are_there_at_any_size(size: tuple[int, int]) -> None:
    app = host(view(HUNDRED, findings=(found(5, "tool-turn-lost", Severity.ERROR),)))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        lines = painted(app)
        for words in ("prompt tokens", "time to first token", "tokens per second"):
            at = next(i for i, text in enumerate(lines) if words in text)
            assert set(lines[at + 1]) & set("░▒▁▂▃▄▅▆▇█"), lines
        assert any("✗" in text and "findings" in text for text in lines)
        assert lines[-1].startswith(" ▴1")


async def test_what_was_cached_read_and_read_again_differ_by_glyph() -> None:
    turns = thread(told(1, 1000, 0), told(2, 1100, 1000), told(3, 1200, 100))
    app = host(view(turns))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        caption, *rows = painted(app)
        assert caption == " prompt tokens  ░ cached  ▒ read  █ read again"
        bottom = next(row for row in rows if row.endswith(" 0"))
        upper = rows[2]
        assert bottom[1] == READ.glyphs and bottom[1 + WIDEST] == CACHED.glyphs
        assert upper[1 + 2 * WIDEST] == AGAIN.glyphs[-1]


async def test_what_is_unknown_is_a_gap_and_not_a_zero() -> None:
    app = host(view(thread(told(1), silent(2), told(3))))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for row in painted(app):
            if set(row) & set("░▒▁▂▃▄▅▆▇█") and "prompt tokens" not in row:
                assert row[1 + WIDEST : 2 * WIDEST].strip() == ""
        await press(pilot, "l")
        assert line(app, "numbers") == " #2  no numbers were told"


async def test_a_panel_of_which_nobody_told_anything_says_so() -> None:
    app = host(view(thread(silent(1), silent(2))))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        said = "\n".join(painted(app))
        assert "prompt tokens  no server told how many" in said
        assert "time to first token  not known: no reply was streamed" in said
        assert "tokens per second  not known: no server told it" in said


async def test_a_prompt_whose_cache_nobody_told_is_no_cached_prompt() -> None:
    app = host(view(thread(told(1, 1000, None), told(2, 1200, None))))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert painted(app)[0] == " prompt tokens  ▓ cached or read: not told"
        assert "1.0k in (cached: not told)" in line(app, "numbers")


async def test_keys_go_from_turn_to_turn_and_to_the_ends() -> None:
    app = host(view(HUNDRED), exchange=50)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for keys, at in (
            (("l", "right"), 52),
            (("h", "left", "h"), 49),
            (("j", "k", "down", "up"), 49),
            (("g",), 1),
            (("h",), 1),
            (("G",), 100),
            (("l",), 100),
            (("ctrl+u",), 90),
            (("ctrl+d",), 100),
            (("home",), 1),
            (("end",), 100),
        ):
            await press(pilot, *keys)
            assert app.shown.at is not None and app.shown.at.exchange == at
            assert f"turn {at} of 100" in line(app, "title")
            assert f"▴{at}" in painted(app)[-1]


async def test_n_goes_through_the_findings_and_on_to_the_next_thread() -> None:
    other = thread(told(200), told(201), kind="side")
    away = replace(found(201, "empty-reply"), thread="t200", session="s200")
    app = host(view(HUNDRED, other, findings=(found(7), found(60), away)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        seen = []
        for _ in range(4):
            await press(pilot, "n")
            assert app.shown.at is not None
            seen.append(app.shown.at.exchange)
        assert seen == [7, 60, 201, 7]
        await press(pilot, "N")
        assert app.shown.at is not None and app.shown.at.exchange == 201
        assert "t200 side" in line(app, "title")


async def test_n_says_where_there_is_nothing_to_go_to() -> None:
    app = host(view(HUNDRED))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await press(pilot, "n")
        assert [n.message for n in app._notifications] == ["Nothing wrong was found."]


async def test_braces_step_through_the_threads() -> None:
    other = thread(told(200), told(201), kind="side")
    app = host(view(HUNDRED, other))
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "right_curly_bracket")
        assert "t200 side · turn 2 of 2" in line(app, "title")
        await press(pilot, "right_curly_bracket")
        assert "t200 side" in line(app, "title")
        await press(pilot, "left_curly_bracket")
        assert "t1 main · turn 100 of 100" in line(app, "title")


async def test_enter_d_v_and_y_ask_for_the_turn_at_the_cursor() -> None:
    sessions, findings = lost_turn()
    app = host(View(sessions, findings), exchange=4)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "enter", "d", "v", "y", "G", "d", "question_mark")
        visit, diff, open_, copy, last, help_ = app.wishes
        assert isinstance(visit, Visit) and visit.exchange == 4 and visit.message is None
        assert isinstance(diff, ShowDiff)
        link = diff.links[diff.at]
        assert (link.parent.exchange, link.child.exchange) == (4, 5)
        assert isinstance(open_, ShowTurn) and (open_.number, open_.tab) == (4, Tab.TIMINGS)
        assert isinstance(copy, Copy) and copy.text == "#4 2.4k in (94% cached, 140 read) · 56 out"
        assert isinstance(last, ShowDiff) and last.links[last.at].child.exchange == 6
        assert isinstance(help_, ShowHelp) and help_.title == "Timeline"


async def test_d_at_a_turn_that_nothing_follows_says_so() -> None:
    app = host(view(thread(told(1))))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await press(pilot, "d")
        assert app.wishes == []
        assert [n.message for n in app._notifications] == ["No later request continues this turn."]


async def test_a_click_moves_the_cursor_and_a_second_one_goes_there() -> None:
    app = host(view(thread(*(told(n) for n in range(1, 6)))))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.click("#plot", offset=(1 + WIDEST * 2, 3))
        assert app.shown.at is not None and app.shown.at.exchange == 3
        assert app.wishes == []
        await pilot.click("#plot", offset=(2 + WIDEST * 2, 3))
        assert [w.exchange for w in app.wishes if isinstance(w, Visit)] == [3]
        await pilot.click("#plot", offset=(60, 3))
        assert app.shown.at.exchange == 3


async def test_many_turns_share_columns_and_that_is_said() -> None:
    turns = [told(n) for n in range(1, 301)]
    turns[100] = told(101, 1000, 10)
    turns[101] = told(102, 3000, 2990)
    turns[200] = told(201, predicted_ms=40_000.0)
    app = host(view(thread(*turns), findings=(found(101), found(102, "x", Severity.ERROR))))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.shown.plot.axis.each == 5
        assert "5 turns a column" in line(app, "title")
        said = painted(app)
        assert any("time to first token, the longest of a column" in text for text in said)
        assert any("tokens per second, the slowest of a column" in text for text in said)
        column = 1 + app.shown.plot.axis.column(100)
        lowest = next(row for row in said if row.endswith(" 0"))
        assert lowest[column] == AGAIN.glyphs[-1], "the turn that broke the cache stands for all"
        marks = next(text for text in said if text.endswith("findings"))
        assert marks[column] == "✗", "the worst stands for the column"
        speeds = said[next(i for i, text in enumerate(said) if "per second" in text) + 1 :]
        slow = 1 + app.shown.plot.axis.column(200)
        assert speeds[0][slow] == " " and speeds[0][slow - 1] == "█"
        await press(pilot, "l")
        assert app.shown.at is not None and app.shown.at.exchange == 2
        assert "one of 5 in its column" in line(app, "found")


async def test_more_turns_leave_the_reader_where_he_is() -> None:
    app = host(view(HUNDRED), exchange=50)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "l")
        longer = thread(*HUNDRED.turns, *(told(n) for n in range(101, 121)))
        app.shown.apply(view(longer, findings=(found(51),)))
        await pilot.pause()
        assert app.shown.at is not None and app.shown.at.exchange == 51
        assert "turn 51 of 120" in line(app, "title")
        assert "! prompt-cache-broken" in line(app, "numbers")


async def test_a_turn_that_has_gone_gives_way_to_the_last() -> None:
    app = host(view(HUNDRED), exchange=50)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.shown.apply(view(thread(*HUNDRED.turns[:20])))
        await pilot.pause()
        assert app.shown.at is not None and app.shown.at.exchange == 20


async def test_a_thread_that_has_gone_is_said_and_no_key_fails() -> None:
    app = host(view(HUNDRED), exchange=50)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.pause()
        app.shown.apply(View())
        await press(pilot, *"hlngGdvy", "enter", "right_square_bracket")
        told = [notice.message for notice in app._notifications]
        assert told == ["t1 was taken out of the recording."]
        assert app.wishes == []


async def test_how_a_turn_ended_or_follows_is_said() -> None:
    waits = replace(silent(2), outcome=Outcome.IN_FLIGHT, ended_at=None)
    first = told(1)
    echo = Echo(EchoKind.SUPERSEDED, 1)
    again = Link(first, waits, Relation.RETRY, 1, (), echo)
    app = host(view(Thread(1, (first, waits), (None, again))), exchange=2)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "in flight · retry" in line(app, "found")


async def test_the_sample_tells_where_the_turns_were_lost() -> None:
    source = RecordingSource(str(SAMPLE))
    try:
        shown = source.load()
    finally:
        source.close()
    app = host(shown)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "n")
        assert "✗ tool-turn-lost" in line(app, "numbers")
        marks = next(text for text in painted(app) if text.endswith("findings"))
        assert marks.count("✗") == 3
        assert "% cached" in line(app, "numbers") and "tok/s" in line(app, "numbers")


async def test_hostile_text_does_not_act() -> None:
    bad = replace(
        told(2),
        detail=HOSTILE,
        reply=replace(told(2).reply, finish_reason=HOSTILE),
    )
    shown = thread(told(1), bad, kind=HOSTILE)
    said = replace(found(2), message=HOSTILE, rule="empty-reply")
    Taps.written = ""
    app = host(view(shown, findings=(said,)), exchange=2)
    app.driver_class = Taps
    async with app.run_test(size=(120, 40), headless=False) as pilot:
        await press(pilot, *"hlngGy")
        assert "aGFja2Vk" in Taps.written
    assert not acting(Taps.written)


async def test_a_thousand_turns_open_and_move_within_a_tenth_of_a_second() -> None:
    """In time of the processor: other work on the machine does not count."""
    turns = thread(*(told(n, 1000 + 90 * n, 1000 + 80 * n) for n in range(1, 1001)))
    app = host(view(thread(told(5000)), turns, findings=(found(500),)), 5000, 5000)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        screen, plot = app.shown, app.shown.plot

        def cost_s(act: Callable[[], None]) -> float:
            began = time.process_time()
            act()
            for y in range(plot.size.height):
                plot.render_line(y)
            return time.process_time() - began

        assert cost_s(lambda: screen.action_thread(1)) < 0.1
        assert len(plot.numbers) == 1000
        assert cost_s(lambda: screen.action_move(-1)) < 0.1
        assert cost_s(lambda: screen.action_finding(-1)) < 0.1
        assert screen.at is not None and screen.at.exchange == 500


async def test_the_help_lists_each_key_once_and_no_line_of_a_list() -> None:
    app = host(view(HUNDRED))
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause()
        app.push_screen(HelpScreen(TimelineScreen.NAME, TimelineScreen.KEYS))
        await pilot.pause()
        shown = [block.text for block in app.screen.query_one(TextPane).blocks]
        assert any("turn after" in text for text in shown)
        assert not any("line down" in text or "unfold, fold" in text for text in shown)
