"""How a reply came back is shown at it; a project's choice of rules holds in the screens."""

from pathlib import Path

from kimitap.rules.choice import Choice
from kimitap.rules.finding import Severity
from kimitap.tui.app import Kimitap
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from tests.support.reader import rows_of
from tests.support.recorded import lost, record
from tests.support.still import Still
from tests.support.threads import lost_turn


def words(app: Kimitap, name: str) -> list[str]:
    widget = app.screen.query_one(f"#{name}")
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


async def test_a_reply_is_marked_with_a_symbol_and_a_word() -> None:
    for size in ((120, 40), (80, 24), (40, 20)):
        app = Kimitap(Still(*lost_turn()))
        async with app.run_test(size=size) as pilot:
            await settle(app, pilot)
            said = " ".join(words(app, "conversation"))
            assert "□ blanked" in said
            await pilot.press("g")
            await settle(app, pilot)
            assert "✓ same" in " ".join(words(app, "conversation"))


async def test_the_row_below_tells_the_whole_story() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        view = app.main.conversation
        view.go_to_row(next(i for i, row in enumerate(view.rows) if row.echo))
        await settle(app, pilot)
        assert any("next request: ✓ given back in #2" in line for line in words(app, "detail"))


async def test_the_filter_finds_an_echo() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await pilot.press("ampersand", *"blanked", "enter")
        await settle(app, pilot)
        shown = app.main.conversation
        marked = rows_of(shown)
        assert {row.exchange for row in marked} == {4, 5}


async def test_what_is_ignored_is_no_stop_and_what_is_graded_has_its_grade(tmp_path: Path) -> None:
    where = record(tmp_path / "a.db", lost())
    source = RecordingSource(where)
    found = source.load().findings
    source.close()
    assert "tool-turn-lost" in {f.rule for f in found}
    source = RecordingSource(where, Choice(grades={"tool-turn-lost": Severity.INFO}))
    graded = {f.rule: f.severity for f in source.load().findings}
    assert graded["tool-turn-lost"] is Severity.INFO
    source.close()
    source = RecordingSource(where, Choice(ignore={f.rule for f in found}))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        assert "nothing wrong found" in words(app, "status")[0]
    source.close()
