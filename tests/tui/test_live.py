"""While the recorder writes: new turns come by themselves, and the reader's place stays."""

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kimitap.conversation import Turn
from kimitap.errors import RecordingUnavailable
from kimitap.exchange import Outcome
from kimitap.lineage import Session
from kimitap.store import RecordingWriter
from kimitap.transcript import Kind
from kimitap.tui.app import Kimitap
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from kimitap.tui.source import View
from tests.support.reader import rows_of
from tests.support.recorded import lost, next_turn, record
from tests.support.still import Still
from tests.support.threads import assistant, chain, system, turn, user


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    """Wait for the screens to come to it by themselves."""
    for _ in range(200):
        if true():
            return
        await pilot.pause(0.05)
    raise AssertionError("it never came to that")


def grown(turns: int) -> tuple[Session, ...]:
    """A session of so many turns of plain talk."""
    messages = [system("Be brief."), user("Count with me: 0")]
    made: list[Turn] = []
    for n in range(1, turns + 1):
        reply = assistant(f"That makes {n}.")
        made.append(turn(n, messages, reply))
        messages = [*messages, reply, user(f"And {n + 1}?")]
    return (Session(1, (chain(*made),), "agent", "model"),)


async def test_new_turns_appear_without_a_key_and_the_place_stays(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", lost())
    source = RecordingSource(where)
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        view = app.main.conversation
        spot, count = view.spot(), view.count
        assert spot is not None and view.current is not None
        assert view.current.title == "LOST TURN"
        with RecordingWriter(where) as writer:
            writer.add(next_turn(4, "In May."))
        await until(pilot, lambda: view.count > count)
        assert view.spot() == spot
        assert any(row.text == "In May." for row in view.rows)
        assert app.main.live
    source.close()


async def test_a_reply_grows_while_it_is_streamed(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", lost())
    source = RecordingSource(where)
    app = Kimitap(source)
    fresh = next_turn(4, "In May, says Ada.")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        view = app.main.conversation
        with RecordingWriter(where) as writer:
            number = writer.begin(fresh)
            await until(pilot, lambda: any(r.kind is Kind.WAITING for r in view.rows))
            assert fresh.headers_at is not None and fresh.ended_at is not None
            writer.respond(number, 200, "OK", fresh.response_headers, "HTTP/1.1", fresh.headers_at)
            half = fresh.response.index(b"says")
            writer.append(number, [(0.5, fresh.response[:half])])
            await until(pilot, lambda: any(r.text.startswith("In May") for r in view.rows))
            assert any(r.kind is Kind.WAITING for r in view.rows)
            writer.append(number, [(0.9, fresh.response[half:])])
            writer.finish(number, Outcome.COMPLETE, ended_at=fresh.ended_at)
        await until(pilot, lambda: any(r.text == "In May, says Ada." for r in view.rows))
        assert not any(r.kind is Kind.WAITING for r in view.rows)
    source.close()


async def test_the_first_turn_of_an_empty_recording_appears(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", [])
    source = RecordingSource(where)
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        detail = app.main.query_one("#detail")
        assert "The recording is empty." in detail.render_line(0).text
        with RecordingWriter(where) as writer:
            for one in lost():
                writer.add(one)
        await until(pilot, lambda: app.main.conversation.current is not None)
        await until(pilot, lambda: len(app.view.findings) > 0)
    source.close()


async def test_the_line_on_the_screen_does_not_move_while_turns_arrive() -> None:
    source = Still(grown(40))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        view = app.main.conversation
        await pilot.press("g", *["ctrl+d"] * 3, "k", "k")
        await settle(app, pilot)
        lines = [view.render_line(y).text for y in range(view.size.height)]
        source.now(View(grown(60)))
        await until(pilot, lambda: len(app.view.threads[0].turns) == 60)
        await settle(app, pilot)
        assert [view.render_line(y).text for y in range(view.size.height)] == lines


async def test_turns_that_came_below_the_screen_are_counted_until_they_are_seen() -> None:
    source = Still(grown(40))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await pilot.press("g")
        source.now(View(grown(43)))
        await until(pilot, lambda: len(app.view.threads[0].turns) == 43)
        await settle(app, pilot)
        status = app.main.query_one("#status")
        assert "+3 new (G)" in status.render_line(0).text
        await pilot.press("G")
        await settle(app, pilot)
        assert "new" not in status.render_line(0).text


async def test_what_was_unfolded_and_filtered_stays_so() -> None:
    source = Still(grown(10))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        view = app.main.conversation
        await pilot.press("g", "enter", "ampersand", *"makes", "enter")
        await pilot.pause(0.3)
        opened = set(view.opened)
        assert opened
        source.now(View(grown(12)))
        await until(pilot, lambda: any(row.exchange == 12 for row in view.rows))
        await settle(app, pilot)
        assert view.opened == opened
        rows = rows_of(view)
        assert all("makes" in row.body.lower() or row.kind is Kind.TURN for row in rows)
        assert rows[-1].exchange == 12


def _exchange(app: Kimitap) -> int | None:
    row = app.main.conversation.current
    return row.exchange if row else None


async def test_t_follows_the_newest_turn_and_stops_following() -> None:
    source = Still(grown(5))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        view = app.main.conversation
        await pilot.press("g", "t")
        for turns in (30, 31):
            source.now(View(grown(turns)))
            await until(
                pilot, lambda n=turns: view.current is not None and view.current.exchange == n
            )
        await pilot.press("t", "k", "k", "k")
        await settle(app, pilot)
        spot = view.spot()
        source.now(View(grown(35)))
        await until(pilot, lambda: any(row.exchange == 35 for row in view.rows))
        assert view.spot() == spot


async def test_reading_elsewhere_ends_following() -> None:
    source = Still(grown(30))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await pilot.press("t", "k", "k")
        await settle(app, pilot)
        assert not app.main.following
        spot = app.main.conversation.spot()
        source.now(View(grown(31)))
        await until(pilot, lambda: len(app.view.threads[0].turns) == 31)
        assert app.main.conversation.spot() == spot


async def test_following_goes_to_the_thread_that_is_being_recorded() -> None:
    (first,) = grown(3)
    source = Still((first,))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await pilot.press("t")
        fresh = chain(turn(9, [system("Be brief."), user("Another task.")], assistant("Yes.")))
        source.now(View((first, Session(9, (fresh,), "agent", "model"))))
        await until(pilot, lambda: app.main.thread is fresh)
        assert _exchange(app) == 9


async def test_turns_of_other_threads_are_counted_too() -> None:
    (first,) = grown(3)
    source = Still((first,))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        fresh = chain(turn(9, [system("Be brief."), user("Another task.")], assistant("Yes.")))
        source.now(View((first, Session(9, (fresh,), "agent", "model"))))
        await until(pilot, lambda: len(app.view.sessions) == 2)
        await settle(app, pilot)
        assert "+1 elsewhere (t)" in app.main.query_one("#status").render_line(0).text


async def test_what_was_there_at_first_is_not_new() -> None:
    source = Still(grown(3))
    source.now(replace(View(grown(3)), unread=40))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: bool(app.view.threads))
        source.now(View(grown(43)))
        await until(pilot, lambda: len(app.view.threads[0].turns) == 43)
        await settle(app, pilot)
        assert "new" not in app.main.query_one("#status").render_line(0).text


async def test_a_recording_that_was_replaced_says_so(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", lost())
    other = record(tmp_path / "b.db", lost())
    source = RecordingSource(where)
    app = Kimitap(source)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, pilot)
        shutil.move(other, where)
        await until(pilot, lambda: bool(app._notifications))
        said = "".join(n.message for n in app._notifications)
        assert "was moved, deleted or replaced" in said
    source.close()


class Broken(Still):
    """Cannot be read while `locked`."""

    locked = False

    def load(self) -> View:
        if self.locked:
            raise RecordingUnavailable("a.db is locked [/x]: try again")
        return super().load()


async def test_a_recording_that_cannot_be_read_is_said_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kimitap.tui.app.AGAIN_S", 0.1)
    source = Broken(grown(3))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(app, pilot)
        source.locked = True
        source.now(View(grown(4)))
        await until(pilot, lambda: bool(app._notifications))
        await pilot.pause(0.8)
        assert [n.message for n in app._notifications] == ["a.db is locked [/x]: try again"]
        source.locked = False
        await until(pilot, lambda: len(app.view.threads[0].turns) == 4)


async def test_a_recording_that_was_never_readable_says_why() -> None:
    source = Broken(grown(3))
    source.locked = True
    app = Kimitap(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        assert "a.db is locked [/x]" in app.main.query_one("#detail").render_line(0).text
        assert "reading" not in app.main.query_one("#status").render_line(0).text
        await pilot.press("n", "d", "r", "e", "t", "f", "j", "enter", "h", "enter")
        await settle(app, pilot)


async def test_rec_is_shown_while_a_turn_waits_and_not_for_one_left_behind() -> None:
    for age, live in ((timedelta(minutes=1), True), (timedelta(days=1), False)):
        asked = turn(1, [user("Hi.")], assistant(), outcome=Outcome.IN_FLIGHT, complete=False)
        asked = replace(asked, started_at=datetime.now(UTC) - age)
        app = Kimitap(Still((Session(1, (chain(asked),)),)))
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(app, pilot)
            assert app.main.live is live


async def test_keys_are_answered_while_a_long_recording_is_read() -> None:
    read_on = threading.Event()

    class Slow(Still):
        def load(self) -> View:
            assert read_on.wait(30)
            return super().load()

    app = Kimitap(Slow(grown(3)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("question_mark")
        assert not read_on.is_set()
        assert app.screen is not app.main
        await pilot.press("escape")
        read_on.set()
        await settle(app, pilot)
        assert app.main.conversation.current is not None
