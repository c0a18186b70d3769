"""What is typed to be found: told once, in its order, and looked for without holding a key up."""

from collections.abc import Callable, Iterator, Sequence
from threading import Event, current_thread, main_thread

import pytest

from kimitap.lineage import Session
from kimitap.rules.finding import Finding
from kimitap.transcript import rows
from kimitap.transcript.query import Query
from kimitap.transcript.search import Hit, search
from kimitap.tui.conversation import filtering
from kimitap.tui.conversation.filtering import Filter
from kimitap.tui.search import screen as searches
from kimitap.tui.widgets.filter_field import PAUSE_S, FilterField
from kimitap.tui.wishes import Visit
from tests.support.listening import press, settle
from tests.support.reader import reading, two_sessions
from tests.support.still import Still
from tests.support.threads import assistant, chain, lost_turn, turn, user
from tests.tui.test_search_screen import searching


async def test_a_field_that_is_closed_tells_nothing_later() -> None:
    async with reading() as reader:
        await reader.press("slash")
        await reader.pilot.press("z")
        await reader.press("escape")
        reader.app.main.seek(Filter.parse("migrate"))
        await reader.pilot.pause(3 * PAUSE_S)
        assert str(reader.app.main.conversation.filter) == "/migrate"
        assert reader.app.main.query_one(FilterField).value == ""


async def test_the_same_words_can_be_typed_again_after_the_search_was_dropped() -> None:
    async with reading() as reader:
        for _ in range(2):
            await reader.press("slash")
            await reader.type("migrate")
            assert reader.app.main.conversation.hits
            await reader.press("escape")
            assert not reader.app.main.conversation.hits


@pytest.mark.parametrize("key", ["down", "enter", "tab"])
async def test_a_key_right_after_the_last_letter_waits_for_the_hits_of_these_words(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = Event()

    def slow(
        sessions: Sequence[Session],
        findings: Sequence[Finding],
        query: Query,
        stopped: Callable[[], bool],
    ) -> Iterator[Hit | None]:
        go.wait(60)
        yield from search(sessions, findings, query, stopped)

    async with searching(Still(*lost_turn()), "call_02") as (app, screen, pilot):
        monkeypatch.setattr(searches, "search", slow)
        screen.field.value = "environment_details"
        await pilot.press(key, "enter")
        await pilot.pause()
        assert app.wishes == []
        assert app.focused is screen.field
        go.set()
        await settle(app, pilot)
        assert app.focused is screen.list
        await press(app, pilot, "j", "enter")
        (wish,) = app.wishes
        assert isinstance(wish, Visit)
        assert (wish.exchange, wish.words) == (5, "environment_details")


async def test_a_hit_of_the_words_before_lights_those() -> None:
    async with searching(Still(*lost_turn()), "call_02") as (app, screen, pilot):
        await press(app, pilot, "down", "j")
        screen.query_typed = Query.parse("other")
        await press(app, pilot, "enter")
        (wish,) = app.wishes
        assert isinstance(wish, Visit)
        assert wish.words == "call_02"


def long_threads() -> Still:
    """Two sessions of more rows than are looked into at once; `fox` in the first row of each."""
    threads = []
    for n in (1, 2):
        said = [user(f"fox {n}"), *(user(f"line {i}") for i in range(700))]
        threads.append(chain(turn(n, said, assistant("done, says the fox"))))
    return Still(tuple(Session(t.number, (t,)) for t in threads))


@pytest.mark.parametrize(("typed", "source"), [("fox", long_threads), ("/fo./", two_sessions)])
async def test_no_text_of_a_long_search_is_looked_into_by_the_screens(
    typed: str, source: Callable[[], Still], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where it is typed, nor where another thread is opened, nor where it has grown."""
    by_screens: list[object] = []
    looks = filtering.find

    def find(*arguments: object) -> object:
        if current_thread() is main_thread():
            by_screens.append(arguments)
        return looks(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(filtering, "find", find)
    async with reading(source()) as reader:
        main = reader.app.main
        main.seek(Filter.parse(typed))
        await reader.press("right_curly_bracket")
        await reader.press("left_curly_bracket")
        reader.app.load_again()
        await reader.press("n")
        assert by_screens == []
        assert str(main.conversation.filter) == f"/{typed}"
        if typed == "fox":
            assert len(main.conversation.hits) == 2
            assert "hit" in reader.words("status")


async def test_what_is_still_searched_for_is_said_and_the_reader_goes_there_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go = Event()
    looks = filtering.find

    def slow(*arguments: object) -> object:
        go.wait(60)
        return looks(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(filtering, "find", slow)
    async with reading() as reader:
        main = reader.app.main
        await reader.press("slash")
        main.query_one(FilterField).value = "/lives in src.db/"
        await reader.pilot.press("enter")
        await reader.pilot.pause()
        assert "searching …" in reader.words("status")
        await reader.pilot.press("n")
        reader.app.main.apply(reader.app.view)  # a fresh view asks anew
        go.set()
        await settle(reader.app, reader.pilot)
        assert "The function lives in src/db.py" in reader.row.text
        assert "hit 1/1" in reader.words("status")


def test_a_search_that_was_stopped_is_not_taken_for_one_that_found_nothing() -> None:
    (session,), findings = lost_turn()
    shown = rows(session.threads[0], findings)
    wanted = Filter.parse("/src.db/")
    asked = iter(range(1000))
    wanted.hits(shown, lambda: next(asked) > 3)
    assert wanted.hits(shown) == Filter.parse("/src.db/").hits(shown)
