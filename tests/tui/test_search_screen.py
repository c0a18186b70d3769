"""Search over all sessions: typed live, hits thread by thread, each one a way to its place."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kimitap.lineage import Session
from kimitap.transcript.search import MOST_HITS
from kimitap.tui.recording import RecordingSource
from kimitap.tui.search.rows import around, excerpt, hit_rows, lit
from kimitap.tui.search.screen import SearchScreen
from kimitap.tui.source import Source, View
from kimitap.tui.widgets.text_pane import TextPane
from kimitap.tui.wishes import Copy, ShowTurn, Tab, Visit
from tests.support.branches import branching
from tests.support.listening import Listening, opened, press, settle
from tests.support.recorded import lost, record
from tests.support.still import Still
from tests.support.threads import assistant, chain, lost_turn, turn, user
from tests.transcript.test_search import hits, one

Opened = tuple[Listening, SearchScreen, Pilot[None]]


@asynccontextmanager
async def searching(
    source: Source, words: str = "", size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Opened]:
    screen = SearchScreen(source.load(), words)
    async with opened(screen, size) as (app, pilot):
        yield app, screen, pilot


def lines(screen: SearchScreen) -> list[str]:
    shown = screen.list
    return [shown.render_line(y).text.rstrip() for y in range(min(shown.count, shown.size.height))]


def below(screen: SearchScreen) -> str:
    return "\n".join(block.text for block in screen.query_one(TextPane).blocks)


async def typed(app: Listening, pilot: Pilot[None], words: str) -> None:
    """Type, and wait until the field has told it and the search is over."""
    await pilot.press(*("space" if letter == " " else letter for letter in words))
    await pilot.pause(0.25)
    await settle(app, pilot)


async def test_what_is_typed_is_found_thread_by_thread() -> None:
    async with searching(Still(*lost_turn())) as (app, screen, pilot):
        assert app.focused is screen.field
        assert "both words stand in one text" in below(screen)
        await typed(app, pilot, "migrate")
        assert "5 hits in 1 thread" in app.said("title")
        shown = lines(screen)
        assert shown[0].startswith("▌▾ t1") or shown[0].startswith(" ▾ t1")
        assert shown[0].endswith("5 hits")
        assert "#1  USER" in shown[1] and "test_migrate fails" in shown[1]
        assert "ASST call read_file" in shown[2]
        assert "TOOL read_file" in shown[3]
        await typed(app, pilot, " zebra")
        assert "0 hits" in app.said("title")
        assert "No text of any session holds all of this." in below(screen)


async def test_the_words_that_were_asked_for_are_lit() -> None:
    async with searching(Still(*lost_turn()), "failing") as (_, screen, _pilot):
        strip = screen.list.render_line(1)
        assert [s.text for s in strip if s.style and s.style.reverse] == ["failing"]


async def test_enter_leads_to_the_message_and_the_part() -> None:
    async with searching(Still(*lost_turn()), "call_02") as (app, _, pilot):
        await press(app, pilot, "down", "j", "enter", "j", "enter")
        first, second = app.wishes
        assert isinstance(first, Visit) and isinstance(second, Visit)
        assert (first.exchange, first.message, first.part, first.reply) == (2, None, 1, True)
        assert (second.exchange, second.message, second.part, second.reply) == (3, 5, 0, False)


async def test_enter_in_the_field_goes_to_the_hits_and_slash_back_to_the_words() -> None:
    async with searching(Still(*lost_turn()), "failing") as (app, screen, pilot):
        await press(app, pilot, "enter")
        assert app.focused is screen.list
        await press(app, pilot, "slash")
        assert app.focused is screen.field
        await press(app, pilot, "escape")
        assert app.screen is not screen


async def test_n_goes_from_thread_to_thread_and_enter_folds_one() -> None:
    async with searching(Still(*branching()), "remove") as (app, screen, pilot):
        await press(app, pilot, "down")
        threads = [row.hit.thread.name for row in screen.list.rows if row.thread]
        assert threads == ["t1", "t9"][-len(threads) :] and "t9" in threads
        before = screen.list.count
        await press(app, pilot, "g", "enter")
        assert screen.list.count < before
        assert screen.list.current is not None and screen.list.current.thread
        await press(app, pilot, "enter")
        assert screen.list.count == before


async def test_braces_stop_at_each_thread() -> None:
    sessions = tuple(
        Session(n, (chain(turn(n, [user(f"fox {n}")], assistant("fox"))),)) for n in (1, 2, 3)
    )
    async with searching(Still(sessions), "fox") as (app, screen, pilot):
        await press(app, pilot, "down")
        stops = []
        for key in ("g", *["right_curly_bracket"] * 3, "left_curly_bracket"):
            await press(app, pilot, key)
            row = screen.list.current
            assert row is not None and row.thread
            stops.append(row.hit.thread.name)
        assert stops == ["t3", "t2", "t1", "t1", "t2"]


async def test_the_text_of_the_hit_stands_below_with_its_lines() -> None:
    session = one("first line\nthe needle line\nlast line")
    async with searching(Still((session,)), "needle") as (app, screen, pilot):
        await press(app, pilot, "down", "j")
        assert below(screen) == (
            "#1 · USER · message 0 · 3 lines · 36 chars\nfirst line\nthe needle line\nlast line"
        )


async def test_v_opens_the_turn_and_y_copies_the_text() -> None:
    async with searching(Still(*lost_turn()), "call_02") as (app, _, pilot):
        await press(app, pilot, "down", "G", "v", "y")
        shown, copied = app.wishes
        assert isinstance(shown, ShowTurn) and isinstance(copied, Copy)
        assert (shown.number, shown.tab, shown.message) == (3, Tab.MESSAGES, 5)
        assert copied.text == "call_02"


async def test_what_is_no_pattern_is_said_and_finds_nothing() -> None:
    async with searching(Still(*lost_turn()), "/(a+)+/") as (app, screen, _):
        assert "could take for ever" in app.said("title")
        assert screen.list.count == 0


async def test_more_hits_than_anybody_reads_are_said_to_be_more() -> None:
    texts = [user(f"fox {n}") for n in range(MOST_HITS + 50)]
    sessions = (Session(1, (chain(turn(1, texts, assistant())),)),)
    async with searching(Still(sessions), "fox") as (app, screen, _):
        assert f"more than {MOST_HITS:,} hits" in app.said("title")
        assert screen.list.count == MOST_HITS + 1


async def test_a_fresh_view_is_searched_and_the_cursor_stays_on_its_hit() -> None:
    source = Still((Session(1, (chain(turn(1, [user("a fox"), user("fox two")], assistant())),)),))
    async with searching(source, "fox") as (app, screen, pilot):
        await press(app, pilot, "down", "j", "j")
        late = Session(9, (chain(turn(9, [user("new fox")], assistant())),))
        screen.apply(View((*source.view.sessions, late)))
        await settle(app, pilot)
        assert "3 hits in 2 threads" in app.said("title")
        row = screen.list.current
        assert row is not None and row.hit.text == "fox two"


async def test_leaving_breaks_a_slow_search_off() -> None:
    screen = SearchScreen(View((one("a b " * 200_000),)), "")
    async with opened(screen) as (app, pilot):
        screen.field.value = "/a.*b.*a.*zz/"
        await pilot.pause(0.4)
        assert any(not worker.is_finished for worker in app.workers)
        began = time.monotonic()
        await pilot.press("escape")
        await settle(app, pilot)
        assert time.monotonic() - began < 5
        assert app.screen is not screen


async def test_words_typed_while_a_slow_search_goes_on_are_answered_at_once() -> None:
    slow, quick = one("a b " * 100_000), Session(2, one("a fox").threads)
    screen = SearchScreen(View((slow, quick)), "")
    async with opened(screen) as (app, pilot):
        screen.field.value = "/a.*b.*a.*zz/"
        await pilot.pause(0.4)
        assert any(not worker.is_finished for worker in app.workers)
        assert "searching" in app.said("title")
        began = time.monotonic()
        screen.field.value = "fox"
        while "1 hit" not in app.said("title"):
            await pilot.pause(0.02)
            assert time.monotonic() - began < 5
        await settle(app, pilot)
        assert "1 hit in 1 thread" in app.said("title")


def test_an_excerpt_begins_before_the_hit_and_is_one_clean_line() -> None:
    (hit,) = hits("needle", [one("x" * 500 + " some words before\n\x1b[2J the needle\tand more")])
    words = excerpt(hit, 60)
    assert words.startswith("…") and "needle and more" in words
    assert "\x1b" not in words and "\n" not in words
    (hit,) = hits("needle", [one("a needle")])
    assert excerpt(hit, 60) == "a needle"


def test_around_a_hit_in_a_megabyte_on_one_line_there_is_little() -> None:
    (hit,) = hits("needle", [one("x" * 500_000 + "needle" + "y" * 500_000)])
    before, line, after = around(hit)
    assert "needle" in line and len(before) + len(line) + len(after) < 50_000


def test_runs_of_a_text_add_up_to_it() -> None:
    (hit,) = hits("red /\\d*/", [one("a Red 42 fox")])
    pattern = next(iter(hit_rows([hit]))).hit
    assert pattern is hit
    runs = list(lit("a Red 42 fox", SearchScreen(View(), "red /\\d*/").query_typed.hit))
    assert "".join(text for text, _ in runs) == "a Red 42 fox"
    assert [text for text, on in runs if on] == ["Red", "42"]


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12), (20, 6)])
async def test_it_fits_whatever_the_size(size: tuple[int, int]) -> None:
    async with searching(Still(*lost_turn()), "e", size) as (app, screen, pilot):
        await press(app, pilot, "down", "j", "G", "tab", "tab", "tab")
        assert all(len(line) <= size[0] for line in lines(screen))


async def test_the_lost_reply_of_a_real_recording_is_found(tmp_path: Path) -> None:
    source = RecordingSource(record(tmp_path / "a.db", lost()))
    async with searching(source, '"once more"') as (app, _, pilot):
        await press(app, pilot, "down", "j", "enter")
        wish = app.wishes[0]
        assert isinstance(wish, Visit)
        assert (wish.exchange, wish.reply) == (2, True)
    source.close()


async def test_it_opens_on_an_empty_recording() -> None:
    async with searching(Still(()), "fox") as (app, _, pilot):
        await press(app, pilot, "down", "j", "enter", "n", "v", "y", "tab")
        assert "0 hits" in app.said("title") and not app.wishes


def test_a_session_of_two_threads_has_two_rows_with_counts() -> None:
    session = one("fox", "fox")
    other = replace(session, number=2, threads=(replace(session.threads[0], number=2, notes={}),))
    rows = list(hit_rows(hits("fox", [session, other]), {"t1"}))
    assert [(row.thread, row.count) for row in rows if row.thread] == [(True, 2), (True, 2)]
    assert len(rows) == 4


async def test_views_that_come_one_after_the_other_are_all_searched_in_the_end() -> None:
    first = one("a fox " * 10_000)
    async with searching(Still((first,)), "fox") as (app, screen, pilot):
        await press(app, pilot, "down", "j")
        sessions = [first]
        for n in range(2, 30):
            sessions.append(Session(n, (chain(turn(n, [user(f"fox {n}")], assistant())),)))
            screen.apply(View(tuple(sessions)))
            await pilot.pause()
        await settle(app, pilot)
        assert "29 hits in 29 threads" in app.said("title")
        assert screen.current is not None and screen.current.session is first
