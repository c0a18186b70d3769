"""The main screen, driven by keys: findings, turns, folding, filters, panes."""

from dataclasses import replace

import pytest

from kimitap.rules.finding import Severity
from kimitap.transcript import Kind, rows
from kimitap.transcript.query import Query
from kimitap.tui.conversation.filtering import Filter
from kimitap.tui.screenshot import settle
from kimitap.tui.widgets.filter_field import FilterField
from kimitap.tui.widgets.text_pane import TextPane
from tests.support.reader import reading, two_sessions
from tests.support.still import Still
from tests.support.threads import lost_turn


async def test_it_opens_where_the_conversation_broke() -> None:
    async with reading(two_sessions()) as reader:
        assert (reader.row.exchange, reader.row.title) == (5, "LOST TURN")
        assert "finding 1/2 tool-turn-lost" in reader.words("status")
        assert "✗ error · tool-turn-lost" in reader.words("detail")
        assert "what to do: Turn off" in reader.words("detail")
        assert "LOST TURN" in reader.words("conversation")


async def test_it_opens_at_the_place_asked_for() -> None:
    async with reading(two_sessions(), place="t90") as reader:
        assert reader.row.exchange == 90
    async with reading(two_sessions(), place="3") as reader:
        assert (reader.row.kind, reader.row.title) == (Kind.TURN, "#3")
    async with reading(two_sessions(), place="s1") as reader:
        assert reader.row.title == "LOST TURN"


async def test_n_and_N_visit_every_finding_and_go_around() -> None:
    async with reading() as reader:
        visited = []
        for key in ("n", "n", "N", "N"):
            await reader.press(key)
            visited.append((reader.row.exchange, reader.row.title))
        assert visited == [(6, "LOST TURN"), (5, "LOST TURN"), (6, "LOST TURN"), (5, "LOST TURN")]


async def test_n_goes_on_to_the_next_thread_with_findings() -> None:
    async with reading(two_sessions(), place="t90") as reader:
        await reader.press("n")
        assert (reader.row.exchange, reader.row.title) == (5, "LOST TURN")


async def test_n_says_so_where_nothing_was_found() -> None:
    calm = two_sessions().view.sessions[:1]
    async with reading(Still(calm)) as reader:
        assert "nothing wrong found" in reader.words("status")
        await reader.press("n")
        assert [n.message for n in reader.app._notifications] == ["Nothing wrong was found."]


async def test_brackets_go_from_turn_to_turn() -> None:
    async with reading() as reader:
        await reader.press("left_square_bracket")
        assert (reader.row.kind, reader.row.title) == (Kind.TURN, "#5")
        await reader.press("left_square_bracket")
        assert reader.row.title == "#4"
        await reader.press("right_square_bracket", "right_square_bracket")
        assert reader.row.title == "#6"


async def test_g_and_G_and_j_and_k_move() -> None:
    async with reading() as reader:
        await reader.press("g")
        assert (reader.row.exchange, reader.row.kind) == (1, Kind.TURN)
        await reader.press("j")
        assert reader.row.kind is Kind.TOOLS
        await reader.press("k", "G")
        assert (reader.row.exchange, reader.row.kind) == (6, Kind.CALL)


@pytest.mark.parametrize("key", ["enter", "space"])
async def test_a_message_unfolds_and_folds_and_the_cursor_stays(key: str) -> None:
    async with reading() as reader:
        lines = reader.app.main.conversation.count
        await reader.press(key)
        assert reader.app.main.conversation.count > lines
        assert "import sqlite3" in reader.words("conversation")
        await reader.press("j", "j", key)
        assert reader.app.main.conversation.count == lines
        assert (reader.row.exchange, reader.row.title) == (5, "LOST TURN")


async def test_the_filter_keeps_the_headers_of_the_turns_where_it_hits() -> None:
    async with reading() as reader:
        await reader.press("ampersand")
        await reader.type("migrate")
        assert {row.exchange for row in reader.shown} == {1, 2, 3}
        assert all("migrate" in row.body or row.kind is Kind.TURN for row in reader.shown)
        await reader.press("escape")
        assert {row.exchange for row in reader.shown} == {1, 2, 3, 4, 5, 6}


async def test_a_filter_that_hides_all_says_so() -> None:
    async with reading() as reader:
        await reader.press("ampersand")
        await reader.type("zebra")
        assert reader.shown == []
        assert "Nothing in this thread matches &zebra" in reader.words("detail")
        await reader.press("escape")
        assert "matches" not in reader.words("detail")


async def test_the_filter_knows_roles_tools_and_severities() -> None:
    async with reading() as reader:
        for typed, expected in (
            ("role:user", {"USER"}),
            ("tool:read_file", {"ASST", "TOOL"}),
            ("sev:error", {"ASST"}),
        ):
            await reader.press("ampersand")
            await reader.type(typed)
            await reader.press("enter")
            assert {row.role for row in reader.shown if row.kind is not Kind.TURN} == expected
            await reader.press("escape")


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ('"lives in src/db.py"', 1),
        ("lives src/db.py function", 1),
        ("tool:write_to_file /def mi\\w+/", 0),
        ("role:tool /def mi\\w+/", 1),
    ],
)
async def test_a_thread_is_searched_in_the_language_of_the_search_over_all(
    typed: str, texts: int
) -> None:
    async with reading() as reader:
        await reader.press("ampersand")
        reader.app.main.query_one(FilterField).value = typed
        await reader.pilot.pause(0.3)
        await reader.press("enter")
        assert len([row for row in reader.shown if row.kind is not Kind.TURN]) == texts
        assert typed.split()[0] in reader.words("status") or texts == 0
        await reader.press("S")
        assert reader.app.screen.query_one(FilterField).value == str(Query.parse(typed))


async def test_a_pattern_that_could_take_for_ever_is_refused_in_a_thread_too() -> None:
    async with reading() as reader:
        await reader.press("slash")
        reader.app.main.query_one(FilterField).value = "/(a+)+/"
        await reader.pilot.pause(0.3)
        await reader.press("enter")
        assert reader.app.main.conversation.hits == []
        assert "A repeat of repeats" in reader.words("status")


async def test_rows_are_looked_into_once_however_often_the_thread_grows() -> None:
    wanted = Filter.parse("/db/")
    (session,), findings = lost_turn()
    shown = rows(session.threads[0], findings)
    found = wanted.hits(shown)
    assert found
    assert wanted.hits(shown, lambda: True) == []
    assert wanted.hits([*shown, *shown]) == [*found, *(len(shown) + i for i in found)]


async def test_f_leaves_only_what_is_wrong() -> None:
    async with reading() as reader:
        await reader.press("f")
        assert all(row.severity is Severity.ERROR for row in reader.shown if row.kind != "turn")
        assert len([row for row in reader.shown if row.findings]) == 2
        await reader.press("f")
        assert any(row.severity is None and row.kind is Kind.CALL for row in reader.shown)


async def test_n_keeps_a_filter_that_hides_every_finding_and_goes_through_its_rows() -> None:
    async with reading() as reader:
        await reader.press("ampersand")
        await reader.type("test_migrate")
        await reader.press("enter", "g")
        hits = reader.app.main.conversation.hits
        await reader.press("n", "n")
        assert reader.app.main.conversation.current_index == hits[1]
        assert reader.app.main.conversation.filter.active


async def test_brackets_pass_over_turns_that_are_hidden() -> None:
    async with reading() as reader:
        await reader.press("f", "g", "right_square_bracket")
        assert (reader.row.kind, reader.row.title) == (Kind.TURN, "#6")


async def test_the_left_pane_leads_to_turns_and_threads() -> None:
    async with reading(two_sessions()) as reader:
        await reader.press("h", "g")
        assert "s90 curl · qwen3" in reader.words("contents")
        await reader.press("j", "enter")
        assert reader.row.exchange == 90
        assert "#90" in reader.words("contents")


async def test_a_turn_in_the_left_pane_moves_the_conversation() -> None:
    async with reading() as reader:
        await reader.press("h", "g", "j", "j", "j")
        assert (reader.row.kind, reader.row.title) == (Kind.TURN, "#2")
        await reader.press("enter", "j")
        assert reader.row.exchange == 2 and reader.row.kind is not Kind.TURN


async def test_a_narrow_screen_shows_one_pane() -> None:
    async with reading(size=(80, 24)) as reader:
        assert not reader.app.main.contents.display
        assert reader.app.main.conversation.size.width > 75
        await reader.press("h")
        assert reader.app.main.contents.display
        await reader.press("l")
        assert not reader.app.main.contents.display
        assert reader.app.focused is reader.app.main.conversation


@pytest.mark.parametrize("size", [(40, 12), (20, 6), (8, 3), (250, 80)])
async def test_no_size_breaks_it(size: tuple[int, int]) -> None:
    async with reading(size=size) as reader:
        await reader.press(
            "n", "enter", "h", "l", "tab", "d", "escape", "ampersand", "a", "enter", "G"
        )
        await reader.pilot.resize_terminal(60, 20)
        await reader.press("g", "question_mark", "escape")
        assert reader.row.kind is Kind.TURN


async def test_the_place_stays_when_the_terminal_is_resized() -> None:
    async with reading() as reader:
        await reader.press("enter")
        await reader.pilot.resize_terminal(60, 20)
        await settle(reader.app, reader.pilot)
        assert reader.row.title == "LOST TURN"
        assert "LOST TURN" in reader.words("conversation")


async def test_a_row_without_a_finding_shows_its_text_below() -> None:
    async with reading() as reader:
        await reader.press("g", "j", "j")
        assert (
            "Tool use guidelines" in reader.app.main.query_one("#detail", TextPane).blocks[1].text
        )


async def test_a_click_moves_the_cursor_and_a_second_one_unfolds() -> None:
    async with reading() as reader:
        view = reader.app.main.conversation
        await reader.pilot.click("#conversation", offset=(20, 2))
        assert view.cursor == view.scroll_offset.y + 2
        await reader.press("N")
        line = view.cursor - view.scroll_offset.y
        before = view.count
        await reader.pilot.click("#conversation", offset=(20, line))
        await settle(reader.app, reader.pilot)
        assert view.count > before
        await reader.pilot.click("#contents", offset=(5, 2))
        await settle(reader.app, reader.pilot)
        assert reader.row.exchange == 1


async def test_without_findings_it_opens_at_the_end_of_the_newest_main_thread() -> None:
    (calm,) = two_sessions().view.sessions[:1]
    aside = replace(calm.threads[0], kind="side", number=91)
    session = replace(calm, threads=(calm.threads[0], aside))
    async with reading(Still((session,))) as reader:
        assert reader.app.main.thread is session.threads[0]
        assert reader.row.text == "4"
