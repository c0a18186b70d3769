"""Opening a long recording: its exchanges at once, the conversation as it is read, one jump."""

import gc
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kimitap.analysis import Analysis
from kimitap.conversation import Turn
from kimitap.exchange import Outcome
from kimitap.lineage import Session
from kimitap.places import parse_place
from kimitap.rules.finding import Finding, Place, Severity, Side
from kimitap.store import Glimpse, Recording, RecordingWriter
from kimitap.store.times import to_us
from kimitap.tui.app import Kimitap
from kimitap.tui.conversation import first_look
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from kimitap.tui.source import View
from kimitap.tui.turn.screen import TurnScreen
from tests.support.recorded import lost, next_turn, record
from tests.support.still import Still, exchange
from tests.support.threads import START, assistant, chain, system, turn, user

TURNS = 400
PER_SESSION = 100


def grown(first: int, turns: int) -> Session:
    messages = [system("Be brief."), user(f"Count with me from {first}")]
    made: list[Turn] = []
    for n in range(first, first + turns):
        reply = assistant(f"That makes {n}.")
        made.append(turn(n, messages, reply))
        messages = [*messages, reply, user(f"And {n + 1}?")]
    return Session(first, (chain(*made),), "agent", "model")


SESSIONS = tuple(grown(first, PER_SESSION) for first in range(1, TURNS, PER_SESSION))


def found(number: int, session: Session, severity: Severity = Severity.WARNING) -> Finding:
    said = "The reply comes back as other text."
    thread = session.threads[0].name
    place = Place(number, 1)
    return Finding("edited-reply", severity, Side.AGENT, said, place, session.name, thread)


def glimpse(number: int, **more: object) -> Glimpse:
    began = to_us(START) + 10_000_000 * number
    row: dict[str, object] = {
        "number": number,
        "started_us": began,
        "ended_us": began + 3_100_000,
        "method": "POST",
        "host": "127.0.0.1",
        "path": "/v1/chat/completions",
        "client": "127.0.0.1:1",
        "outcome": Outcome.COMPLETE,
        "status": 200,
        "response_size": 1000,
    }
    return Glimpse(**(row | more))  # type: ignore[arg-type]


class Steps(Still):
    """Gives the next of `views` each time it is let."""

    def __init__(self, *views: View, seen: Sequence[Glimpse] | None = None) -> None:
        super().__init__(())
        self.views = list(views)
        self.seen = [glimpse(n) for n in range(1, TURNS + 1)] if seen is None else seen
        self.exchanges = {TURNS - 1: exchange(TURNS - 1, b'{"the":"request"}', b"the answer")}
        self.go = threading.Semaphore(0)

    def glimpses(self) -> Sequence[Glimpse]:
        return self.seen

    def load(self) -> View:
        assert self.go.acquire(timeout=30)
        self.view = self.views.pop(0) if self.views else self.view
        return self.view


def part(sessions: int, *findings: Finding) -> View:
    """The view when so many sessions are read."""
    return View(SESSIONS[:sessions], findings, unread=TURNS - sessions * PER_SESSION)


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    for _ in range(400):
        if true():
            await pilot.pause()
            return
        await pilot.pause(0.02)
    raise AssertionError("it never came to that")


class Reader:
    """Who opens a recording and sees it being read, step by step."""

    def __init__(self, app: Kimitap, source: Steps, pilot: Pilot[None]) -> None:
        self.app, self.source, self.pilot = app, source, pilot

    async def step(self) -> None:
        """Let the source hand over one view more, and wait until it is shown."""
        wanted = self.source.views[0]
        self.source.go.release()
        await until(self.pilot, lambda: self.app.main.view is wanted)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def words(self, name: str) -> str:
        widget = self.app.screen.query_one(f"#{name}")
        return "\n".join(widget.render_line(y).text.rstrip() for y in range(widget.size.height))

    @property
    def at(self) -> int:
        row = self.app.main.conversation.current
        assert row is not None
        return row.exchange


@asynccontextmanager
async def opening(
    *views: View,
    size: tuple[int, int] = (120, 40),
    place: str = "",
    seen: Sequence[Glimpse] | None = None,
) -> AsyncIterator[Reader]:
    source = Steps(*views, seen=seen)
    app = Kimitap(source, parse_place(place) if place else None)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.main._total > 0)
        await pilot.pause()
        try:
            yield Reader(app, source, pilot)
        finally:
            source.go.release(100)


async def test_the_exchanges_are_listed_before_anything_is_read() -> None:
    async with opening(part(4)) as reader:
        listed = reader.words("contents").splitlines()
        assert "#400 10:33:33 chat 200 · 3.1s" in listed[-1]
        assert "reading 400 exchanges …" in reader.words("status")
        assert "reading 400 exchanges …" in reader.words("detail")
        await reader.press("g")
        assert "#1   09:27:03 chat 200 · 3.1s" in reader.words("contents").splitlines()[0]


@pytest.mark.parametrize("key", ["r", "enter"])
async def test_an_exchange_opens_at_once_while_nothing_is_read(key: str) -> None:
    async with opening(part(4)) as reader:
        await reader.press("k", key)
        await until(reader.pilot, lambda: isinstance(reader.app.screen, TurnScreen))
        assert isinstance(reader.app.screen, TurnScreen)
        await until(reader.pilot, lambda: "the answer" in screen_text(reader.app))


def screen_text(app: Kimitap) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def test_a_narrow_terminal_shows_the_list_and_then_the_conversation() -> None:
    async with opening(part(4), size=(80, 24)) as reader:
        assert "#400" in reader.words("contents")
        await reader.step()
        assert reader.app.focused is reader.app.main.conversation
        assert reader.at == TURNS


async def test_no_terminal_is_too_small_for_the_list() -> None:
    async with opening(part(1), part(4), size=(40, 12)) as reader:
        await reader.press("g", "G", "pageup", "j")
        await reader.step()
        await reader.step()


async def test_few_exchanges_are_not_listed() -> None:
    few = [glimpse(n) for n in range(1, first_look.LONG)]
    async with opening(part(4), seen=few) as reader:
        assert "#1 " not in reader.words("contents")
        assert "reading 199 exchanges …" in reader.words("detail")


async def test_a_failed_exchange_is_marked_in_the_list() -> None:
    seen = [glimpse(n) for n in range(1, TURNS + 1)]
    seen[-1] = glimpse(TURNS, outcome=Outcome.SERVER_CUT, status=200)
    seen[-2] = glimpse(TURNS - 1, outcome=Outcome.HTTP_ERROR, status=500)
    seen[-3] = glimpse(TURNS - 2, outcome=Outcome.IN_FLIGHT, status=None, ended_us=None)
    seen[-4] = glimpse(TURNS - 3, method="GET", path="/props?x=1")
    async with opening(part(4), seen=seen) as reader:
        get, open_, error, cut = reader.words("contents").splitlines()[-4:]
        assert "✗ #400" in cut and "server cut" in cut
        assert "✗ #399" in error and "500" in error
        assert "✗" not in open_ and open_.endswith("chat in flight")
        assert "✗" not in get and "GET /props 200" in get


async def test_recorded_words_in_the_list_cannot_act_on_the_terminal() -> None:
    bad = "/\x1b]52;c;aGk=\x07\u202e[/x][@click=app.quit]\x9b2J"
    seen = [
        glimpse(n, path=bad, method="G\x1b[2J", outcome="\x1b[31mcut", status=None)
        for n in range(1, TURNS + 1)
    ]
    async with opening(part(4), seen=seen) as reader:
        shown = reader.words("contents")
        assert not set(shown) & set("\x1b\x07\x9b\u202e")
        assert "\\u001b" in shown


async def test_the_view_fills_in_while_the_rest_is_read() -> None:
    async with opening(part(1), part(2), part(4)) as reader:
        await reader.step()
        assert "reading 100 of 400 …" in reader.words("status")
        assert reader.at == 100
        assert [
            node.number for node in reader.app.main.contents.nodes if node.kind == "session"
        ] == [1]
        spot = reader.app.main.conversation.spot()
        await reader.step()
        assert "reading 200 of 400 …" in reader.words("status")
        assert reader.app.main.conversation.spot() == spot
        await reader.step()
        assert "reading" not in reader.words("status")
        assert reader.app.main.conversation.spot() == spot
        assert len(reader.app.main.contents.nodes) == 2 * 4 + PER_SESSION


async def test_the_first_finding_is_gone_to_once() -> None:
    first, worse = found(150, SESSIONS[1]), found(350, SESSIONS[3], Severity.ERROR)
    async with opening(part(1), part(2, first), part(3, first), part(4, first, worse)) as reader:
        await reader.step()
        assert reader.at == 100
        await reader.step()
        assert reader.at == 150
        spot = reader.app.main.conversation.spot()
        await reader.step()
        await reader.step()
        assert reader.app.main.conversation.spot() == spot
        await reader.press("n")
        assert reader.at == 350


async def test_who_has_moved_is_not_taken_to_a_finding() -> None:
    first = found(150, SESSIONS[1])
    async with opening(part(1), part(2, first), part(4, first)) as reader:
        await reader.step()
        await reader.press("k", "k")
        spot = reader.app.main.conversation.spot()
        await reader.step()
        await reader.step()
        assert reader.app.main.conversation.spot() == spot
        await reader.press("n")
        assert reader.at == 150


async def test_who_reads_another_screen_is_not_moved_below_it() -> None:
    first = found(150, SESSIONS[1])
    async with opening(part(1), part(2, first), part(4, first)) as reader:
        await reader.step()
        await reader.press("question_mark")
        await reader.step()
        assert reader.at == 100
        await reader.press("escape")
        await reader.step()
        assert reader.at == 150


async def test_a_finding_that_comes_with_the_last_step_is_gone_to() -> None:
    async with opening(part(1), part(4, found(350, SESSIONS[3]))) as reader:
        await reader.step()
        await reader.step()
        assert reader.at == 350


@pytest.mark.parametrize("place", ["250", "t201", "s201"])
async def test_a_place_that_was_asked_for_is_waited_for(place: str) -> None:
    early = found(50, SESSIONS[0], Severity.ERROR)
    async with opening(
        part(1, early), part(2, early), part(3, early), part(4, early), place=place
    ) as reader:
        assert "#250" in reader.words("contents") or place != "250"
        for _ in range(2):
            await reader.step()
            assert reader.app.main.thread is None
        assert "reading 200 of 400 …" in reader.words("detail")
        await reader.step()
        assert reader.app.main.thread is SESSIONS[2].threads[0]
        assert place != "250" or reader.at == 250
        spot = reader.app.main.conversation.spot()
        await reader.step()
        assert reader.app.main.conversation.spot() == spot


async def test_the_exchange_that_was_chosen_in_the_list_is_where_he_arrives() -> None:
    early = found(50, SESSIONS[0], Severity.ERROR)
    async with opening(part(1, early), part(2, early), part(4, early)) as reader:
        await reader.press(*["k"] * 7)
        await reader.step()
        await reader.step()
        assert "#393" in reader.words("contents")
        await reader.step()
        assert reader.at == 393
        assert reader.app.focused is reader.app.main.conversation


async def test_old_errors_ring_no_bell_when_a_later_step_finds_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[object] = []
    monkeypatch.setattr(Kimitap, "bell", lambda self: rung.append(self))
    early, late = (found(n, s, Severity.ERROR) for n, s in ((50, SESSIONS[0]), (350, SESSIONS[3])))
    fresh = replace(part(4, early, late, found(399, SESSIONS[3], Severity.ERROR)))
    async with opening(part(1, early), part(4, early, late), fresh) as reader:
        await reader.step()
        await reader.step()
        assert not rung
        reader.app._seen = None  # as if somebody had written
        reader.app.poll()
        await reader.step()
        assert len(rung) == 1


async def test_a_recording_is_read_in_steps_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kimitap.tui.recording.STEP_S", 0)
    where = record(tmp_path / "a.db", [*lost(), *(next_turn(4, f"In {n}.") for n in range(20))])
    source = RecordingSource(where)
    views = [source.load()]
    while views[-1].unread:
        views.append(source.load())
    with Recording.open(where) as recording:
        whole = Analysis(recording)
        whole.refresh()
    assert [view.unread for view in views] == list(range(22, -1, -1))
    assert (views[-1].sessions, views[-1].findings) == (whole.sessions, whole.findings)
    woven = sum(b.tells_more_than(a) for a, b in pairwise(views))
    assert woven < 8
    assert len(source.glimpses()) == 23
    source.close()


def test_what_was_read_of_a_long_recording_is_not_searched_for_cycles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = RecordingSource(record(tmp_path / "a.db", lost()))
    gc.unfreeze()
    source.load()
    assert gc.get_freeze_count() == 0
    source.close()
    monkeypatch.setattr("kimitap.tui.recording.MANY", 2)
    source = RecordingSource(source.where)
    view = source.load()
    try:
        assert gc.get_freeze_count() > 1000
        searched = {id(thing) for thing in gc.get_objects()}
        assert not any(id(turn) in searched for turn in view.threads[0].turns)
    finally:
        gc.unfreeze()
        source.close()


async def test_a_session_that_is_deleted_leaves_the_screens(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", lost())
    source = RecordingSource(where)
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        assert app.view.findings
        assert source.delete([1]) == "3 exchanges deleted"
        await until(pilot, lambda: not app.view.sessions)
        assert "The recording is empty." in app.main.query_one("#detail").render_line(0).text
        with RecordingWriter(where) as writer:
            for one in lost():
                writer.add(one)
        await until(pilot, lambda: bool(app.view.findings))
        assert app.view.threads[0].turns[0].exchange == 4
    source.close()
