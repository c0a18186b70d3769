"""All sessions: sorted, filtered, folded; the tree of their threads; what can be asked of them."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kimitap.exchange import Outcome
from kimitap.lineage import Session
from kimitap.places import PlaceWord
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.tui.recording import RecordingSource
from kimitap.tui.sessions.columns import columns
from kimitap.tui.sessions.overview import Memo, live_threads, overview
from kimitap.tui.sessions.rows import Look, Order, RowKind, rows
from kimitap.tui.sessions.screen import SessionsScreen
from kimitap.tui.source import Source, View
from kimitap.tui.wishes import (
    Compare,
    Copy,
    DeleteSession,
    ShowTurn,
    Tab,
    Visit,
    WriteReport,
)
from tests.support.branches import branching
from tests.support.listening import Listening, opened, press, settle
from tests.support.recorded import lost, record
from tests.support.still import Still, exchange
from tests.support.threads import assistant, chain, lost_turn, turn, user

Opened = tuple[Listening, SessionsScreen, Pilot[None]]


TREE = [
    "▌ s101 RooCode/3.34.2 kimi-k2-0905",
    "▾ s1 RooCode/3.34.2 kimi-k2-0905",
    "├─ t1 main Find out why",
    "│ ├─ t14 fork at #1 all",
    "│ ├─ t4 sub-agent of #3",
    "│ ├─ t9 fork at #6 all",
    "│ │ ╰─ t13 fork at #9",
    "│ ┼ #15 compaction 11",
    "╰─ ▸ 2 side requests",
    "s201 aider 0.86 qwen3-coder",
    "▸ 1 other exchange no",
]


def mixed() -> Still:
    """Three sessions: one that branches, one that lost turns, and a short one of another day."""
    branched, told = branching()
    (broken,), found = lost_turn()
    shifted = chain(*(replace(t, exchange=t.exchange + 100) for t in broken.threads[0].turns))
    broken = Session(101, (shifted,), "RooCode/3.34.2", "kimi-k2-0905")
    found = tuple(
        replace(
            f,
            session="s101",
            thread="t101",
            place=replace(f.place, exchange=f.place.exchange + 100),
        )
        for f in found
    )
    early = turn(201, [user("Say hello.")], assistant("Hello."))
    early = replace(
        early, started_at=early.started_at - timedelta(days=3), reply=replace(early.reply)
    )
    short = Session(201, (chain(early),), "aider 0.86", "qwen3-coder")
    others = (replace(exchange(300, b"", b"{}"), method="GET", path="/props"),)
    source = Still((*branched, broken, short), (*told, *found))
    source.now(replace(source.view, others=others))
    return source


@asynccontextmanager
async def sessions(source: Source, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Opened]:
    screen = SessionsScreen(source.load())
    async with opened(screen, size) as (app, pilot):
        yield app, screen, pilot


def lines(screen: SessionsScreen) -> list[str]:
    shown = screen.list
    return [shown.render_line(y).text.rstrip() for y in range(min(shown.count, shown.size.height))]


def titles(screen: SessionsScreen) -> list[str]:
    return [row.title for row in screen.list.rows]


async def test_sessions_are_listed_with_their_numbers_and_the_tree_of_their_threads() -> None:
    async with sessions(mixed()) as (app, screen, _):
        shown = lines(screen)
        begins = [
            " ".join(line.split()[: len(want.split())])
            for line, want in zip(shown, TREE, strict=True)
        ]
        assert begins == TREE
        assert shown[0].endswith("✗2")
        assert re.search(r"09:27:03\s+15\s+35\.3k\s+✗3 i1$", shown[1])
        assert "11 Mar 10:00" in shown[9]
        assert "3 sessions  22 turns" in app.said("title")
        assert "✗ 5 i 1" in app.said("title") and "by newest" in app.said("title")


async def test_enter_folds_a_session_and_opens_a_thread_where_it_begins() -> None:
    async with sessions(mixed()) as (app, screen, pilot):
        await press(app, pilot, "j", "enter")
        assert titles(screen) == ["s101", "s1", "s201", "1 other exchange"]
        await press(app, pilot, "space", "j", "j", "enter")
        assert [wish.exchange for wish in app.wishes if isinstance(wish, Visit)] == [14]


async def test_a_session_of_one_thread_opens_at_once() -> None:
    async with sessions(mixed()) as (app, _, pilot):
        await press(app, pilot, "enter")
        assert [wish.exchange for wish in app.wishes if isinstance(wish, Visit)] == [101]


async def test_a_compaction_leads_to_the_request_that_made_it() -> None:
    async with sessions(mixed()) as (app, screen, pilot):
        at = next(i for i, row in enumerate(screen.list.rows) if row.title == "#15 compaction")
        screen.list.cursor = at
        await press(app, pilot, "enter")
        assert [wish.exchange for wish in app.wishes if isinstance(wish, Visit)] == [15]


async def test_side_requests_unfold_into_their_threads() -> None:
    async with sessions(mixed()) as (app, screen, pilot):
        at = next(i for i, row in enumerate(screen.list.rows) if row.title == "2 side requests")
        screen.list.cursor = at
        await press(app, pilot, "l")
        assert titles(screen)[at + 1 : at + 3] == ["t2 side", "t11 side"]
        await press(app, pilot, "h")
        assert "t2 side" not in titles(screen)
        await press(app, pilot, "h")
        assert screen.current is not None and screen.current.title == "s1"


async def test_z_folds_all_sessions_and_unfolds_them() -> None:
    async with sessions(mixed()) as (app, screen, pilot):
        await press(app, pilot, "j", "j", "j", "z")
        assert titles(screen) == ["s101", "s1", "s201", "1 other exchange"]
        assert screen.current is not None and screen.current.title == "s1"
        await press(app, pilot, "z")
        assert "t9 fork at #6" in titles(screen)


async def test_an_exchange_without_a_conversation_is_opened_as_bytes() -> None:
    async with sessions(mixed()) as (app, screen, pilot):
        await press(app, pilot, "G", "enter", "j", "enter")
        wish = app.wishes[-1]
        assert isinstance(wish, ShowTurn)
        assert (wish.number, wish.tab) == (300, Tab.WIRE)
        assert lines(screen)[-1].endswith("#300  properties: GET /props 200")


async def test_capital_o_sorts_by_what_the_title_says() -> None:
    async with sessions(mixed()) as (app, screen, pilot):
        seen = {}
        for _ in Order:
            listed = [r.title for r in screen.list.rows if r.kind is RowKind.SESSION]
            seen[screen.look.order] = listed
            assert f"by {screen.look.order}" in app.said("title")
            await press(app, pilot, "O")
        assert seen == {
            Order.NEWEST: ["s101", "s1", "s201"],
            Order.FINDINGS: ["s1", "s101", "s201"],
            Order.TOKENS: ["s1", "s201", "s101"],
            Order.TURNS: ["s1", "s101", "s201"],
        }
        assert screen.look.order is Order.NEWEST


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("aider", ["s201"]),
        ("agent:roo", ["s101", "s1"]),
        ("model:qwen", ["s201"]),
        ("sev:err", ["s101", "s1"]),
        ("sev:info", ["s1"]),
        ("rule:tool-turn", ["s101"]),
        ("fork roo", ["s1"]),
        ("nothing like it", []),
    ],
)
def test_the_filter_keeps_the_sessions_that_hold_all_words(words: str, kept: list[str]) -> None:
    view = mixed().view
    shown = rows(overview(view), view.others, Look(words=tuple(words.split())))
    assert [row.title for row in shown if row.kind is RowKind.SESSION] == kept


async def test_the_filter_is_typed_shown_and_dropped_before_the_screen_is_left() -> None:
    async with sessions(mixed()) as (app, screen, pilot):
        await press(app, pilot, "slash", *"aider", "enter")
        assert titles(screen) == ["s201"]
        assert "/aider" in app.said("title")
        await press(app, pilot, "slash", *"zzz", "enter")
        assert titles(screen) == []
        assert "esc drops the filter" in app.said("columns")
        await press(app, pilot, "escape")
        assert "s101" in titles(screen)
        await press(app, pilot, "q")
        assert app.screen is not screen


async def test_n_goes_to_the_next_session_with_findings() -> None:
    async with sessions(mixed()) as (app, screen, pilot):
        await press(app, pilot, "n")
        assert screen.current is not None and screen.current.title == "s1"
        await press(app, pilot, "n")
        assert screen.current.title == "s1"
        assert app.told == ["No session behind this one has findings."]
        await press(app, pilot, "N")
        assert screen.current is not None and screen.current.title == "s101"


async def test_a_marked_thread_is_compared_with_another() -> None:
    async with sessions(mixed()) as (app, screen, pilot):
        await press(app, pilot, "j", "j", "m")
        assert "MARKED" in lines(screen)[2] and "t1 marked" in app.said("title")
        await press(app, pilot, "D", "j", "D")
        wish = app.wishes[-1]
        assert isinstance(wish, Compare)
        assert (wish.old, wish.new) == (PlaceWord("t", 1), PlaceWord("t", 14))
        assert len(app.wishes) == 1


async def test_a_marked_session_is_compared_with_the_one_at_the_cursor() -> None:
    async with sessions(mixed()) as (app, _, pilot):
        await press(app, pilot, "m", "j", "j", "D")
        wish = app.wishes[-1]
        assert isinstance(wish, Compare)
        assert (wish.old, wish.new) == (PlaceWord("s", 101), PlaceWord("s", 1))


async def test_what_cannot_be_compared_is_said() -> None:
    async with sessions(mixed()) as (app, _, pilot):
        await press(app, pilot, "D", "j", "j", "m", "k", "D")
        assert app.told == [
            "Mark a session or a thread first (m).",
            "A thread is compared with a thread.",
        ]


async def test_the_report_is_on_the_worst_finding_here() -> None:
    async with sessions(mixed()) as (app, _, pilot):
        await press(app, pilot, "e")
        wish = app.wishes[-1]
        assert isinstance(wish, WriteReport)
        assert wish.exchange == 104


async def test_a_session_is_deleted_and_a_place_copied_by_name() -> None:
    async with sessions(mixed()) as (app, _, pilot):
        await press(app, pilot, "j", "j", "Y", "X")
        copied, deleted = app.wishes
        assert isinstance(copied, Copy) and copied.text == "t1"
        assert isinstance(deleted, DeleteSession) and deleted.session == 1


def in_flight(now: datetime) -> View:
    waits = turn(1, [user("Go on.")], assistant(), outcome=Outcome.IN_FLIGHT, complete=False)
    thread = chain(replace(waits, started_at=now - timedelta(seconds=20)))
    return View((Session(1, (thread,), "aider", "kimi"),))


def test_what_goes_on_is_live_for_a_while() -> None:
    now = datetime(2026, 3, 14, 10, tzinfo=UTC)
    view = in_flight(now)
    assert live_threads(view, now) == {"t1"}
    assert live_threads(view, now + timedelta(minutes=11)) == frozenset()
    ended = turn(1, [user("a")], assistant("b"))
    assert ended.ended_at is not None
    done = View((Session(1, (chain(ended),)),))
    assert live_threads(done, ended.ended_at + timedelta(seconds=2)) == {"t1"}
    assert live_threads(done, ended.ended_at + timedelta(seconds=9)) == frozenset()


async def test_a_session_that_is_being_recorded_says_so() -> None:
    source = Still(())
    source.now(in_flight(datetime.now(UTC)))
    async with sessions(source) as (_, screen, _pilot):
        assert " REC " in lines(screen)[0]


async def test_the_cursor_stays_on_its_row_while_sessions_come() -> None:
    source = mixed()
    async with sessions(source) as (app, screen, pilot):
        await press(app, pilot, "j", "j", "j", "j")
        here = screen.current
        late = turn(400, [user("New.")], assistant("Yes."))
        late = replace(late, started_at=late.started_at + timedelta(days=1))
        view = source.view
        screen.apply(replace(view, sessions=(*view.sessions, Session(400, (chain(late),)))))
        await settle(app, pilot)
        assert titles(screen)[0] == "s400"
        assert screen.current is not None and here is not None
        assert screen.current.key == here.key


def test_only_threads_that_grew_are_counted_again() -> None:
    view, memo = mixed().view, Memo()
    first = overview(view, memo)
    again = overview(view, memo)
    assert all(a.tree is b.tree for a, b in zip(first, again, strict=True))
    grown = replace(view.sessions[2], threads=(replace(view.sessions[2].threads[0]),))
    news = overview(replace(view, sessions=(*view.sessions[:2], grown)), memo)
    assert news[2].tree is not first[2].tree and news[0].tree is first[0].tree


@pytest.mark.parametrize("width", range(20, 200))
def test_columns_never_take_more_than_there_is(width: int) -> None:
    at = columns(overview(mixed().view), width)
    gaps = 2 * ((at.agent > 0) + (at.model > 0) + (at.task > 0))
    assert at.name + at.agent + at.model + at.task + gaps <= max(at.words, at.name + 2)
    assert at.agent >= 0 and at.findings


def test_the_least_important_columns_fall_away_first() -> None:
    entries = overview(mixed().view)
    wide, middle, slim = (columns(entries, width) for width in (120, 80, 50))
    assert wide.task and wide.model and wide.start
    assert middle.model and middle.start and middle.tokens and not middle.task
    assert slim.agent and slim.findings and not slim.model and not slim.tokens


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12), (20, 6)])
async def test_it_fits_whatever_the_size(size: tuple[int, int]) -> None:
    async with sessions(mixed(), size) as (app, screen, pilot):
        await press(app, pilot, "j", "G", "n", "N")
        assert all(len(line) <= size[0] for line in lines(screen))


async def test_a_recording_without_a_session_says_so() -> None:
    async with sessions(Still(())) as (app, screen, pilot):
        await press(app, pilot, "enter", "m", "D", "e", "X", "Y", "n", "l", "h", "z", "O")
        assert screen.list.count == 0
        assert "No session is recorded yet" in app.said("columns")
        assert app.wishes == []


async def test_the_seeds_recording_shows_where_it_broke(tmp_path: Path) -> None:
    source = RecordingSource(record(tmp_path / "a.db", lost()))
    async with sessions(source) as (_, screen, _pilot):
        assert lines(screen)[0].rstrip().endswith(("✗1", "✗1 i1", "✗1 !1"))
    source.close()


def many(count: int) -> Iterator[Session]:
    for n in range(1, count + 1):
        yield Session(n, (chain(turn(n, [user("a")], assistant("b"))),), "agent", "model")


def test_findings_of_other_rules_are_told_apart_in_the_filter() -> None:
    sessions = tuple(many(3))
    finding = Finding("empty-reply", Severity.WARNING, Side.SERVER, "m", Place(2), "s2", "t2")
    entries = overview(View(sessions, (finding,)))
    kept = rows(entries, (), Look(words=("rule:empty-reply",)))
    assert [row.title for row in kept] == ["s2"]


async def test_views_that_come_one_after_the_other_are_all_listed_in_the_end() -> None:
    async with sessions(Still(tuple(many(1)))) as (app, screen, pilot):
        for n in range(2, 30):
            screen.apply(View(tuple(many(n))))
            await pilot.pause()
        await settle(app, pilot)
        assert len(screen.list.rows) == 29
        assert "29 sessions" in app.said("title")
