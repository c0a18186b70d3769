"""One exchange from all sides: tabs, stepping, searching, and what leaves the screen."""

from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

import kimitap.tui.app
from kimitap.tui.app import Kimitap
from kimitap.tui.keys import LIST_KEYS, TURN_KEYS
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from kimitap.tui.source import View
from kimitap.tui.turn.tabs import OF_ANY, TABS
from kimitap.tui.wishes import Copy, CopyCurl, OpenText, Tab, WriteReport
from tests.support.pages import here, lines, outline, page, press, text, title
from tests.support.reader import two_sessions
from tests.support.recorded import lost, record
from tests.support.still import Still, exchange
from tests.support.threads import assistant, chain, lost_turn, turn, user

Wish = Copy | CopyCurl | OpenText | WriteReport


class Wishes(Kimitap):
    """Keeps what the screen asks for, and does nothing of it."""

    CSS_PATH = Path(kimitap.tui.app.__file__).with_name("kimitap.tcss")

    def __init__(self, source: RecordingSource | Still) -> None:
        super().__init__(source)
        self.wished: list[Wish] = []

    def keep(self, wish: Wish) -> None:
        wish.prevent_default()
        self.wished.append(wish)

    def on_copy(self, wish: Copy) -> None:
        self.keep(wish)

    def on_copy_curl(self, wish: CopyCurl) -> None:  # type: ignore[override]  # it is no worker here
        self.keep(wish)

    def on_open_text(self, wish: OpenText) -> None:
        self.keep(wish)

    def on_write_report(self, wish: WriteReport) -> None:
        self.keep(wish)


def recorded(tmp_path: Path) -> RecordingSource:
    return RecordingSource(record(tmp_path / "a.db", lost()))


async def test_each_number_chooses_its_tab(tmp_path: Path) -> None:
    source = recorded(tmp_path)
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v")
        for number, tab in enumerate(TABS, 1):
            await press(app, pilot, str(number))
            assert page(app).tab is tab
            assert f" {number} {tab} " in app.screen.query_one("#tabs").render_line(0).text
            assert lines(app)
    source.close()


async def test_tab_goes_round_the_tabs_and_back() -> None:
    source = Still(*lost_turn())
    source.exchanges[5] = exchange(5, b"{}", b"{}")
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "shift+tab")
        assert page(app).tab is Tab.TIMINGS
        await press(app, pilot, "tab", "tab")
        assert page(app).tab is Tab.REQUEST


async def test_a_click_chooses_a_tab(tmp_path: Path) -> None:
    source = recorded(tmp_path)
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v")
        at = app.screen.query_one("#tabs").render_line(0).text.index("headers")
        await pilot.click("#tabs", offset=(at, 0))
        await settle(app, pilot)
        assert page(app).tab is Tab.HEADERS
    source.close()


async def test_where_it_is_narrow_only_the_tab_that_is_shown_has_its_name() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(40, 12)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v")
        assert app.screen.query_one("#tabs").render_line(0).text.split() == [
            *("1", "messages", "2", "3", "4", "5", "6", "7")
        ]


async def test_brackets_step_through_the_exchanges_and_keep_the_tab(tmp_path: Path) -> None:
    source = recorded(tmp_path)
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "r")
        assert '{"role":"assistant","content":""}' in "".join(lines(app))
        await press(app, pilot, "left_square_bracket")
        assert title(app).startswith(" #2")
        assert page(app).tab is Tab.WIRE
        assert '{"role":"assistant","content":""}' not in "".join(lines(app))
        await press(app, pilot, *["right_square_bracket"] * 4)
        assert title(app).startswith(" #3")
    source.close()


async def test_brackets_stay_in_the_thread_and_say_where_it_ends() -> None:
    app = Kimitap(two_sessions())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", *["right_square_bracket"] * 9)
        assert title(app).startswith(" #6")
        assert [n.message for n in app._notifications][-1] == "#6 is the last turn of t1."
        await press(app, pilot, *["left_square_bracket"] * 9)
        assert title(app).startswith(" #1")
        assert [n.message for n in app._notifications][-1] == "#1 is the first turn of t1."


async def test_the_place_in_a_tab_stays_while_others_are_looked_at(tmp_path: Path) -> None:
    source = recorded(tmp_path)
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "r", "right_curly_bracket", "right_curly_bracket", "j", "j")
        wire = text(app).cursor, text(app).scroll_offset.y
        await press(app, pilot, "2", "right_curly_bracket", "enter", "j")
        request = here(app)
        await press(app, pilot, "4")
        assert (text(app).cursor, text(app).scroll_offset.y) == wire
        await press(app, pilot, "2")
        assert here(app) == request
    source.close()


async def test_an_exchange_without_a_turn_has_no_messages_and_no_prompt(tmp_path: Path) -> None:
    props = replace(exchange(1, b"", b'{"total_slots": 2}'), method="GET", path="/props")
    source = RecordingSource(record(tmp_path / "a.db", [props, *lost()[1:]]))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "h", "G", "enter", "G", "enter", "2")
        assert title(app).startswith(" #1")
        assert tuple(page(app).place.tabs) == OF_ANY
        assert lines(app) == ["the request has no body"]
        await press(app, pilot, "6")
        assert "no such tab" in [n.message for n in app._notifications][-1]
        await press(app, pilot, "3")
        assert lines(app) == ["  total_slots: 2"]
        await press(app, pilot, "1", "right_square_bracket")
        assert page(app).tab is Tab.REPLY
        said = [n.message for n in app._notifications][-1]
        assert said == "#1 is the last of the other exchanges."
    source.close()


async def test_an_exchange_that_cannot_be_read_says_why() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        for key in ("r", "2", "5"):
            await press(app, pilot, key)
            assert lines(app) == ["no exchange 5"]


async def test_searching_lights_what_is_found_and_n_goes_round_it(tmp_path: Path) -> None:
    source = recorded(tmp_path)
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "r", "slash", *"READ_file", "enter")
        count = sum(line.lower().count("read_file") for line in lines(app))
        assert f"hit 1 of {count}" in title(app)
        assert "read_file" in here(app)
        await press(app, pilot, *["n"] * count)
        assert f"hit 1 of {count}" in title(app)
        await press(app, pilot, "N")
        assert f"hit {count} of {count}" in title(app)
        strips = [text(app).render_line(y) for y in range(30)]
        lit = [s.text for strip in strips for s in strip if s.style and s.style.reverse]
        assert "read_file" in lit
        await press(app, pilot, "escape")
        assert "hit" not in title(app)
        assert page(app).tab is Tab.WIRE
        await press(app, pilot, "escape")
        assert app.screen is app.main
    source.close()


async def test_a_search_unfolds_what_it_finds(tmp_path: Path) -> None:
    source = recorded(tmp_path)
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "2", "slash", *"Sum up", "enter")
        assert here(app) == 'content: "Sum up the notes."'
        await press(app, pilot, "escape", "slash", *"nowhere", "enter")
        assert "no hit" in title(app)
    source.close()


async def test_a_search_stays_open_in_the_next_tab_and_exchange(tmp_path: Path) -> None:
    source = recorded(tmp_path)
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "r", "slash", *"terse", "enter", "2")
        assert "1 hit" in title(app)
        await press(app, pilot, "n")
        assert here(app) == 'content: "Be terse."'
        await press(app, pilot, "left_square_bracket", "n")
        assert here(app) == 'content: "Be terse."'
    source.close()


async def test_y_copies_what_stands_at_the_cursor(tmp_path: Path) -> None:
    source = recorded(tmp_path)
    app = Wishes(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "slash", *"Go on.", "enter", "y")
        await press(app, pilot, "escape", "2", "g", "y", "5", "G", "y")
        copies = [(w.what, w.text) for w in app.wished if isinstance(w, Copy)]
        assert copies[0] == ("text", "Go on.")
        assert copies[1] == ("model", "kimi-k2")
        assert copies[2][0] == "header Content-Type"
        assert copies[2][1] == "Content-Type: text/event-stream"
    source.close()


async def test_c_o_and_e_ask_for_this_exchange(tmp_path: Path) -> None:
    source = recorded(tmp_path)
    app = Wishes(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "2", "c", "e", "o", "u", "o")
        curl, report, tree, plain = app.wished
        assert isinstance(curl, CopyCurl) and curl.number == 3
        assert isinstance(report, WriteReport) and report.exchange == 3
        assert isinstance(tree, OpenText) and tree.suffix == ".json"
        assert tree.text.startswith('{\n  "model": "kimi-k2",\n  "messages": [\n')
        assert isinstance(plain, OpenText) and plain.suffix == ".txt"
        assert plain.text == lost()[2].request.content.decode()
    source.close()


@pytest.mark.parametrize("tab", [tab for tab in TABS if tab is not Tab.PROMPT])
async def test_every_tab_has_its_text_for_an_editor(tab: Tab, tmp_path: Path) -> None:
    source = recorded(tmp_path)
    app = Wishes(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", str(TABS.index(tab) + 1), "o")
        (wish,) = app.wished
        assert isinstance(wish, OpenText)
        needle = {Tab.HEADERS: "User-Agent", Tab.TIMINGS: "prompt", Tab.REPLY: "Ada owns it."}
        assert needle.get(tab, "Sum up the notes.") in wish.text
    source.close()


async def test_w_cuts_long_lines_and_wraps_them_again() -> None:
    source = Still(*lost_turn())
    source.exchanges[5] = exchange(5, b"x" * 5000, b"{}")
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "r")
        wrapped = text(app).count
        await press(app, pilot, "w")
        assert text(app).count == wrapped - 5000 // 78
        await press(app, pilot, "2")
        assert outline(app).count == 2
        await press(app, pilot, "w", "4")
        assert text(app).count == wrapped


async def test_what_is_recorded_meanwhile_appears_and_the_place_stays() -> None:
    first = turn(1, [user("go")], assistant("I am on my way"), complete=False)
    source = Still(lost_turn()[0])
    source.view = View((replace(source.view.sessions[0], threads=(chain(first),)),))
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "right_curly_bracket", "right_curly_bracket")
        assert here(app).startswith("▾ ASST the reply")
        more = turn(1, [user("go")], assistant("I am on my way\nto the station"))
        session = replace(source.view.sessions[0], threads=(chain(more),))
        source.now(View((session,)))
        app.poll()
        await settle(app, pilot)
        assert "to the station" in "\n".join(lines(app))
        assert here(app).startswith("▾ ASST the reply")


async def test_what_takes_long_says_so() -> None:
    over = Event()
    source = Still(*lost_turn())

    def waiting(number: int) -> object:
        over.wait(20)
        return exchange(number, b"{}", b"{}")

    source.exchange = waiting  # type: ignore[method-assign,assignment]  # a server that is slow
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        await pilot.press("r")
        await pilot.pause(0.3)
        assert lines(app) == ["reading …"]
        over.set()
        await settle(app, pilot)
        assert lines(app)[0] == "REQUEST"


async def test_the_help_lists_every_key() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "question_mark")
        pane = app.screen.query_one("#help")
        shown = "\n".join(block.text for block in pane.blocks)  # type: ignore[attr-defined]
        assert all(key.words in shown and key.shown in shown for key in (*TURN_KEYS, *LIST_KEYS))


async def test_every_key_has_its_action() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v")
        for key in TURN_KEYS:
            assert hasattr(app.screen, f"action_{key.action.split('(')[0]}"), key
            if key.id not in {"back", "help"}:
                await press(app, pilot, key.keys.split(",")[0], "escape")
                if app.screen is app.main:
                    await press(app, pilot, "v")
