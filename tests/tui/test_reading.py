"""Reading a thread: searching it, going from a call to its result, the map of its findings."""

from dataclasses import replace

from kimitap.rules.finding import Severity
from kimitap.transcript import Kind
from kimitap.tui.conversation.findings_map import FindingsMap
from tests.support.reader import Reader, reading, rows_of, two_sessions
from tests.support.still import Still
from tests.support.threads import assistant, chain, system, turn, user


def map_of(reader: Reader) -> str:
    """The map from top to bottom, a character a line."""
    widget = reader.app.main.query_one(FindingsMap)
    return "".join(widget.render_line(y).text for y in range(widget.size.height))


async def test_a_search_keeps_all_rows_and_goes_to_the_first_hit_from_here() -> None:
    async with reading() as reader:
        await reader.press("g")
        before = len(reader.shown)
        await reader.press("slash")
        await reader.type("migrate")
        assert len(reader.shown) == before
        assert "migrate" in reader.row.body
        assert "hit 1/" in reader.words("status")


async def test_n_and_N_go_from_hit_to_hit_and_around() -> None:
    async with reading() as reader:
        await reader.press("g", "slash")
        await reader.type("migrate")
        await reader.press("enter")
        view = reader.app.main.conversation
        assert len(view.hits) >= 3
        visited = [view.current_index]
        for _ in view.hits[1:]:
            await reader.press("n")
            visited.append(view.current_index)
        assert visited == view.hits
        await reader.press("n")
        assert view.current_index == view.hits[0]
        await reader.press("N")
        assert view.current_index == view.hits[-1]


async def test_hits_are_lit_in_the_row_and_in_its_unfolded_text() -> None:
    async with reading() as reader:
        await reader.press("g", "slash")
        await reader.type("guidelines")
        await reader.press("enter")
        view = reader.app.main.conversation

        def lit(line: int) -> list[str]:
            strip = view.render_line(line - view.scroll_offset.y)
            return [s.text for s in strip if s.style is not None and s.style.reverse]

        assert set(lit(view.cursor)) == {"guidelines"}
        await reader.press("enter", "j", "j", "j", "j")
        assert lit(view.cursor) == ["guidelines"]


async def test_a_hit_that_is_folded_away_is_quoted_in_its_row() -> None:
    opening = [system("x " * 300 + "the needle is here"), user("Hi.")]
    async with reading(Still(two_sessions().view.sessions[:0])) as reader:
        thread = chain(turn(1, opening, assistant("Hello.")))
        session = replace(two_sessions().view.sessions[0], threads=(thread,))
        reader.app.main.apply(replace(reader.app.view, sessions=(session,)))
        await reader.press("slash")
        await reader.type("needle")
        assert "the needle is here" in reader.words("conversation")


async def test_escape_drops_the_search_and_n_finds_findings_again() -> None:
    async with reading() as reader:
        await reader.press("slash")
        await reader.type("migrate")
        await reader.press("enter", "escape", "n")
        assert reader.row.title == "LOST TURN"
        assert "hit" not in reader.words("status")


async def test_a_search_without_a_hit_says_so_and_stays() -> None:
    async with reading() as reader:
        here = reader.row
        await reader.press("slash")
        await reader.type("zebra")
        assert "no hit" in reader.words("status")
        assert reader.row is here


async def test_percent_goes_from_a_call_to_its_result_and_back() -> None:
    async with reading() as reader:
        await reader.press("g")
        while reader.row.kind is not Kind.CALL:
            await reader.press("j")
        asked = reader.row
        await reader.press("percent_sign")
        assert reader.row.kind is Kind.RESULT
        assert reader.row.title == "read_file"
        await reader.press("percent_sign")
        assert reader.row is asked


async def test_percent_goes_from_a_lost_turn_to_where_it_was_said() -> None:
    async with reading() as reader:
        assert reader.row.title == "LOST TURN"
        await reader.press("percent_sign")
        assert (reader.row.exchange, reader.row.message_index) == (4, None)


async def test_percent_says_so_where_nothing_belongs() -> None:
    async with reading() as reader:
        await reader.press("g", "percent_sign")
        said = [n.message for n in reader.app._notifications]
        assert said == ["No call or result belongs to this."]


async def test_the_partner_of_the_row_at_the_cursor_is_lit() -> None:
    async with reading() as reader:
        await reader.press("g")
        while reader.row.kind is not Kind.CALL:
            await reader.press("j")
        view = reader.app.main.conversation
        assert view.partner is not None
        line = rows_of(view).index(view.rows[view.partner])
        assert view.render_line(line - view.scroll_offset.y).text.startswith(" ┆")


async def test_the_map_shows_all_findings_at_once() -> None:
    async with reading(size=(120, 60)) as reader:
        shown = map_of(reader)
        assert shown.count("✗") == 4  # two lost turns, each with its lost call
        assert shown.index("✗") == reader.app.main.conversation.cursor


async def test_a_long_thread_is_mapped_as_a_whole() -> None:
    """The thread is longer than the screen: its one finding, near the end, is on the map."""
    opening = [system("Be brief."), user("Count with me: 0")]
    history, turns = list(opening), []
    for n in range(1, 200):
        turns.append(turn(n, history, assistant(f"{n}.")))
        history = [*history, assistant(f"{n}."), user("And?")]
    finding = two_sessions().view.findings[0]
    at = replace(finding.place, exchange=150, message_index=None)
    found = replace(finding, place=at, rule="empty-reply", severity=Severity.WARNING, related=())
    session = replace(two_sessions().view.sessions[0], threads=(chain(*turns),))
    async with reading(Still((session,), (found,)), place="1") as reader:
        shown = map_of(reader)
        assert shown.count("!") == 1
        assert abs(shown.index("!") / len(shown) - 150 / 200) < 0.05


async def test_a_click_on_the_map_goes_to_the_finding() -> None:
    async with reading() as reader:
        await reader.press("g")
        y = map_of(reader).index("✗")
        await reader.pilot.click(FindingsMap, offset=(0, y))
        await reader.pilot.pause()
        assert reader.row.title == "LOST TURN"
