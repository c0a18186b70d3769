"""What is recorded never moves the reader: on every screen his lines, cursor and folds stay."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from kimitap.conversation import Fault
from kimitap.lineage import Session, Thread
from kimitap.places import PlaceWord
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.tui.app import Kimitap
from kimitap.tui.conversation.contents import Contents
from kimitap.tui.conversation.conversation_view import ConversationView
from kimitap.tui.findings.rows import MANY
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from kimitap.tui.source import View
from kimitap.tui.timeline.plot import TimelinePlot
from kimitap.tui.widgets.entry import Entry
from kimitap.tui.widgets.outline import Outline
from kimitap.tui.widgets.row_list import RowList
from kimitap.tui.widgets.virtual_list import VirtualList
from tests.support.living import SESSIONS, TURNS, Living
from tests.support.reader import reading
from tests.support.still import Still
from tests.support.threads import assistant, chain, system, turn, user

LONG = SESSIONS + 1
"""The session (and thread) of many turns."""
MIDDLE = SESSIONS + TURNS // 2
PANES = {
    "conversation": ("g", "ctrl+d", "j"),
    "unfolded": ("g", "ctrl+d", "enter", "j", "j"),
    "contents": ("h", "g", "ctrl+d"),
    "detail": ("tab", "ctrl+d"),
    "sessions": ("s",),
    "findings": ("F",),
    "finding": ("F", "n", "tab"),
    "search": ("S", *"apples", "enter"),
    "hit": ("S", *"ripe", "enter", "n", "tab"),
    "timeline": ("T",),
    "diff": ("d",),
    "messages": ("v", "G"),
    "request": ("v", "2", "plus"),
    "reply": ("v", "3"),
    "wire": ("v", "4"),
    "headers": ("v", "5"),
    "timings": ("v", "7"),
}
"""The keys that lead from the conversation into each pane."""


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        await pilot.pause(0.05)
    raise AssertionError("it never came to that")


def shown(app: Kimitap) -> list[VirtualList]:
    """All lists and texts that are on the screen."""
    found = app.screen.query(VirtualList)
    return [one for one in found if one.size.height and one.region and one.is_on_screen]


def told(one: VirtualList, line: int) -> object:
    """What stands at a line, in words that stay while more is recorded."""
    match one:
        case ConversationView():
            return one._place(line)
        case Contents():
            return one.nodes[line].key
        case RowList():
            return one.rows[line].key
        case Outline():
            at = one._at(line)
            return label(one._rows[at].entry), line - one._firsts[at]
        case _:
            return one.render_line(line - one.scroll_offset.y).text[1:].strip()


def label(entry: Entry) -> str:
    """What an entry begins with; it may count what comes."""
    return re.sub(r"\d+", "1", entry.sought()[0])[:16]


def folds(one: VirtualList) -> object:
    """What unfolds, and whether it is unfolded."""
    match one:
        case ConversationView():
            return set(one.opened)
        case RowList():
            return {(row.key, row.opened) for row in one.rows if getattr(row, "folds", False)}
        case Outline():
            return {(label(row.entry), row.opened) for row in one._rows if row.entry.unfolds}
        case _:
            return None


Stand = tuple[object, object, int, object]


def place(one: VirtualList) -> Stand:
    """The first line that the reader sees, the cursor's, how far down that is, and the folds."""
    top = one.scroll_offset.y
    return told(one, top), told(one, one.cursor), one.cursor - top, folds(one)


def places(app: Kimitap) -> dict[str | None, Stand]:
    here = {one.id: place(one) for one in shown(app) if one.count}
    plots = app.screen.query(TimelinePlot)
    turns = {plot.id: (plot.numbers[plot.cursor].exchange, None, 0, None) for plot in plots}
    return here | turns


def stays(before: dict[str | None, Stand], after: dict[str | None, Stand]) -> None:
    """Nothing that was there is elsewhere; what folds are new do not count."""
    for name, (top, cursor, down, opened) in before.items():
        now = after[name]
        assert now[:3] == (top, cursor, down), name
        if isinstance(opened, set) and isinstance(now[3], set):
            assert opened <= now[3], name
        else:
            assert now[3] == opened, name


async def wheel(app: Kimitap, pilot: Pilot[None]) -> None:
    """Three notches of the wheel over every pane: the cursor may leave the screen."""
    for one in shown(app):
        for _ in range(3):
            await pilot._post_mouse_events([MouseScrollDown], widget=one, offset=(2, 0))
    await settle(app, pilot)


async def drag(app: Kimitap, pilot: Pilot[None]) -> None:
    """Draw the thumb of every scroll bar down a bit."""
    for one in shown(app):
        bar = app.screen.find_widget(one.vertical_scrollbar).region
        if one.count <= one.size.height or bar.height < 3:
            continue
        thumb = one.scroll_offset.y * bar.height // one.count
        at = (bar.x, min(bar.bottom - 2, bar.y + thumb))
        await pilot.mouse_down(offset=at)
        await pilot.hover(offset=(at[0], at[1] + 1))
        await pilot.mouse_up(offset=(at[0], at[1] + 1))
    await settle(app, pilot)


async def keys(app: Kimitap, pilot: Pilot[None]) -> None:
    await pilot.press("j", "j", "j")
    await settle(app, pilot)


WAYS = (keys, wheel, drag)


WIDE = ("unfolded", "contents", "detail", "finding", "diff")
"""What is laid out in another way at 120 columns."""
SCREENS = [(pane, (80, 24)) for pane in PANES] + [(pane, (120, 40)) for pane in WIDE]


@pytest.mark.parametrize(("pane", "size"), SCREENS)
async def test_what_is_recorded_moves_no_line_of_any_screen(
    pane: str, size: tuple[int, int], tmp_path: Path
) -> None:
    living = Living(tmp_path / "a.db")
    source = RecordingSource(living.where)
    app = Kimitap(source, PlaceWord("", MIDDLE))
    async with app.run_test(size=size) as pilot:
        await settle(app, pilot)
        await pilot.press(*PANES[pane])
        await settle(app, pilot)
        grow = (living.add_turn, living.add_session, living.add_turn)
        for way, add in zip(WAYS, grow, strict=True):
            await way(app, pilot)
            before, view = places(app), app.view
            assert before
            add()
            await until(pilot, lambda view=view: app.view.tells_more_than(view))
            await settle(app, pilot)
            stays(before, places(app))
    source.close()


@pytest.mark.parametrize("tab", ["conversation", "unfolded", *"12347"])
async def test_a_reply_that_streams_moves_no_line_of_its_own_screens(
    tab: str, tmp_path: Path
) -> None:
    living = Living(tmp_path / "a.db")
    source = RecordingSource(living.where)
    app = Kimitap(source, PlaceWord("t", LONG))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        with living.streaming(parts=5) as parts:
            next(parts)
            next(parts)
            await until(pilot, lambda: app.view.threads[-1].turns[-1].reply.events > 0)
            await settle(app, pilot)
            opens = {"conversation": ("k",) * 5, "unfolded": ("k", "k", "enter", "j")}
            await pilot.press("G", *opens.get(tab, ("v", tab, "minus", "G", "ctrl+u")))
            await settle(app, pilot)
            for way in (*WAYS, None):
                if way is not None:
                    await way(app, pilot)
                before, view = places(app), app.view
                next(parts)
                await until(pilot, lambda view=view: app.view.tells_more_than(view))
                await settle(app, pilot)
                stays(before, places(app))
        assert app.view.threads[-1].turns[-1].reply.complete
    source.close()


def counting(turns: int) -> Thread:
    """A thread of so many turns of plain talk."""
    messages, made = [system("Be brief."), user("Count with me: 0")], []
    for n in range(1, turns + 1):
        reply = assistant(f"That makes {n}.")
        made.append(turn(n, messages, reply))
        messages = [*messages, reply, user(f"And {n + 1}?")]
    return chain(*made)


def view_of(thread: Thread, *findings: Finding) -> View:
    return View((Session(1, (thread,), "agent", "model"),), findings)


async def test_following_ends_where_the_reader_scrolls_away() -> None:
    source = Still(view_of(counting(40)).sessions)
    async with reading(source) as reader:
        await reader.press("G", "t")
        view = reader.app.main.conversation
        for _ in range(20):
            await reader.pilot._post_mouse_events([MouseScrollUp], widget=view, offset=(2, 0))
        await reader.press()
        before = place(view)
        source.now(view_of(counting(42)))
        await until(reader.pilot, lambda: len(reader.app.view.threads[0].turns) == 42)
        await reader.press()
        assert place(view) == before
        assert not reader.app.main.following
        await reader.press("G")
        assert reader.row.exchange == 42


def said_at(exchange: int) -> Finding:
    words = ("empty-reply", Severity.ERROR, Side.SERVER, f"Reply {exchange} is empty.")
    return Finding(*words, Place(exchange), "s1", "t1")


async def test_a_rule_that_struck_more_often_stays_unfolded() -> None:
    thread = counting(MANY + 5)
    source = Still(view_of(thread).sessions, tuple(map(said_at, range(1, MANY + 1))))
    async with reading(source) as reader:
        await reader.press("F", "j", "j", "j")
        (before,) = [place(one) for one in shown(reader.app) if one.id == "findings"]
        source.now(view_of(thread, *map(said_at, range(1, MANY + 4))))
        await until(reader.pilot, lambda: len(reader.app.view.findings) == MANY + 3)
        await reader.press()
        (after,) = [place(one) for one in shown(reader.app) if one.id == "findings"]
        assert after[:3] == before[:3]


async def test_rows_that_are_alike_are_told_apart() -> None:
    faults = tuple(Fault(f"choices[{i}]", "no JSON") for i in range(3))
    asked = [system("Be brief."), user("Hi.")]
    one = replace(turn(1, asked, assistant("Yes.")), faults=faults)
    more = turn(2, [*asked, assistant("Yes."), user("On.")], assistant("No."))
    source = Still(view_of(chain(one)).sessions)
    async with reading(source) as reader:
        await reader.press("G")
        assert reader.row.title == "UNREADABLE"
        before = reader.row
        source.now(view_of(chain(one, more)))
        await until(reader.pilot, lambda: len(reader.app.view.threads[0].turns) == 2)
        await reader.press()
        assert reader.row.text == before.text
        keys = [row.key for row in reader.app.main.conversation.rows]
        assert len(keys) == len(set(keys))
