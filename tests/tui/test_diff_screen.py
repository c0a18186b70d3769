"""The screen of a comparison: what leaps to the eye, what folds, and where the reader stands."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot

from kimitap.conversation import Message, Tool, ToolCall, Turn
from kimitap.diff import Comparison, compare_links, compare_threads, compare_turns
from kimitap.errors import UsageError
from kimitap.lineage import Echo, EchoKind, Link, Mark, Pair, Relation, Thread
from kimitap.places import PlaceWord
from kimitap.tui.app import Kimitap
from kimitap.tui.diff.list import DiffList
from kimitap.tui.diff.screen import DiffScreen
from kimitap.tui.keys import DIFF_KEYS, LIST_KEYS
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from kimitap.tui.source import View
from kimitap.tui.widgets.bars import Bar
from kimitap.tui.wishes import Compare, Copy, WriteComparison
from tests.support.recorded import lost, record
from tests.support.still import Still
from tests.support.threads import (
    assistant,
    call,
    chain,
    lost_turn,
    result,
    system,
    turn,
    user,
)

WIDE, SMALL, TINY = (120, 40), (80, 24), (40, 12)


class Stage(App[None]):
    """Shows one comparison, and keeps what its screen asks for."""

    CSS_PATH = Path(__file__).parents[2] / "kimitap" / "tui" / "kimitap.tcss"

    def __init__(self, *turns: Turn, compared: Comparison | None = None) -> None:
        super().__init__()
        self.wishes: list[object] = []
        made = compared or compare_turns(*turns)
        self.diff = DiffScreen(
            View(unread=1), lambda: made, places=(PlaceWord("", 1), PlaceWord("", 2))
        )

    def on_mount(self) -> None:
        self.push_screen(self.diff)

    def on_copy(self, wish: Copy) -> None:
        self.wishes.append(wish.text)

    def on_write_comparison(self, wish: WriteComparison) -> None:
        self.wishes.append((str(wish.old), str(wish.new)))


async def ready(app: App[None], pilot: Pilot[None]) -> None:
    await pilot.pause()
    while any(not worker.is_finished for worker in app.workers):
        await pilot.pause(0.02)
    await pilot.pause()


def listed(app: App[None]) -> DiffList:
    return app.screen.query_one(DiffList)


def shown(app: App[None]) -> list[str]:
    """All lines of the list, painted."""
    pane = listed(app)
    lines = (pane.paint(i, pane.line_width) for i in range(pane.count))
    return ["".join(segment.text for segment in line.segments).rstrip() for line in lines]


def here(app: App[None]) -> str:
    return shown(app)[listed(app).cursor]


def bar(app: App[None], name: str) -> str:
    return app.screen.query_one(f"#{name}", Bar).render_line(0).text


def pair_of(old: str, new: str) -> tuple[Turn, Turn]:
    """Two turns whose one message differs."""
    return turn(1, [user(old)], assistant("ok")), turn(2, [user(new)], assistant("ok"))


def numbered(count: int, **changed: str) -> str:
    return "\n".join(changed.get(f"at{i}", f"line {i}") for i in range(1, count + 1))


async def test_d_shows_the_pair_in_which_the_turn_was_lost(tmp_path: Path) -> None:
    source = RecordingSource(record(tmp_path / "a.db", lost()))
    app = Kimitap(source)
    async with app.run_test(size=WIDE) as pilot:
        await settle(app, pilot)
        await pilot.press("d")
        await settle(app, pilot)
        assert isinstance(app.screen, DiffScreen)
        text = "\n".join(shown(app))
        assert "✗ CAME BACK BLANK" in here(app)
        assert "✗ CALL GONE" in text
        assert "- I read them once more." in text
        assert "+ Go on." in text
        assert "pair 2/2" in bar(app, "title")
        assert "- request #2 and its reply" in bar(app, "sides")
        assert "+ request #3" in bar(app, "sides")
        await pilot.press("left_square_bracket")
        await settle(app, pilot)
        assert "+ Ada owns it." in "\n".join(shown(app))
        assert "pair 1/2" in bar(app, "title")
        await pilot.press("escape")
        await settle(app, pilot)
        assert app.screen is app.main
    source.close()


async def test_d_at_a_reply_looks_ahead_and_at_the_end_looks_back() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=WIDE) as pilot:
        await settle(app, pilot)
        for go, numbers in ((("g",), (1, 2)), (("G",), (5, 6))):
            await pilot.press(*go, "d")
            await settle(app, pilot)
            assert isinstance(app.screen, DiffScreen)
            pair = app.screen.pair
            assert pair and pair.old and pair.new
            assert (pair.old.exchange, pair.new.exchange) == numbers
            await pilot.press("q")
            await settle(app, pilot)


@pytest.mark.parametrize(("size", "split"), [(WIDE, True), (SMALL, False), (TINY, False)])
async def test_the_width_decides_how_the_sides_stand(size: tuple[int, int], split: bool) -> None:
    app = Stage(*pair_of("one two three four", "one two tree four"))
    async with app.run_test(size=size) as pilot:
        await ready(app, pilot)
        both = [line for line in shown(app) if "- one" in line and "+ one" in line]
        assert bool(both) is split
        apart = [line.split("- ")[-1].split("+ ")[-1] for line in shown(app) if "one two" in line]
        assert split or apart == ["one two three four", "one two tree four"]
        assert listed(app).split is split


async def test_u_changes_sides_by_hand_and_keeps_the_place() -> None:
    app = Stage(*pair_of(numbered(60), numbered(60, at30="another", at55="last")))
    async with app.run_test(size=WIDE) as pilot:
        await ready(app, pilot)
        await pilot.press("n", "n")
        assert "+ last" in here(app)
        await pilot.press("u")
        assert "- line 55" in here(app)
        assert "last" not in here(app)
        await pilot.press("u")
        assert "- line 55" in here(app)
        assert "+ last" in here(app)


async def test_a_resize_lays_out_anew_and_keeps_the_place() -> None:
    app = Stage(*pair_of(numbered(60), numbered(60, at30="another", at55="last")))
    async with app.run_test(size=WIDE) as pilot:
        await ready(app, pilot)
        await pilot.press("n", "n")
        await pilot.resize_terminal(80, 24)
        await ready(app, pilot)
        assert not listed(app).split
        assert "- line 55" in here(app)
        assert "+ request #2" in bar(app, "sides")
        await pilot.resize_terminal(120, 40)
        await ready(app, pilot)
        assert "+ last" in here(app)


async def test_n_stops_at_each_change_and_says_where_there_is_none() -> None:
    app = Stage(*pair_of(numbered(60), numbered(60, at30="another", at55="last")))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await ready(app, pilot)
        seen = [here(app)]
        for _ in range(2):
            await pilot.press("n")
            seen.append(here(app))
        assert ["DIFFERENT" in seen[0], "line 30" in seen[1], "line 55" in seen[2]] == [True] * 3
        await pilot.press("n")
        assert [n.message for n in app._notifications] == ["No next change here."]
        await pilot.press("N", "N")
        assert here(app) == seen[0]


async def test_lines_that_both_have_are_folded_and_enter_unfolds_them() -> None:
    app = Stage(*pair_of(numbered(60), numbered(60, at30="another")))
    async with app.run_test(size=SMALL) as pilot:
        await ready(app, pilot)
        folds = [i for i, line in enumerate(shown(app)) if "⋯" in line]
        assert "26 lines unchanged" in shown(app)[folds[0]]
        assert not any("line 5" in line for line in shown(app))
        listed(app).cursor = folds[0]
        for key in ("enter", "space"):
            before = listed(app).count
            await pilot.press(key)
            assert listed(app).count - before == (26 if key == "enter" else -26)
            assert "26 lines unchanged" in here(app)


async def test_messages_that_both_have_are_folded_and_unfold_twice() -> None:
    talk = [(user if i % 2 == 0 else assistant)(f"message {i}") for i in range(10)]
    old, new = (turn(n, [*talk, user(f"asks {n}")], assistant("ok")) for n in (1, 2))
    app = Stage(old, new)
    async with app.run_test(size=SMALL) as pilot:
        await ready(app, pilot)
        assert "9 messages unchanged" in shown(app)[0]
        listed(app).cursor = 0
        await pilot.press("enter")
        assert "USER message 4" in shown(app)[5]
        listed(app).cursor = 5
        await pilot.press("enter")
        assert shown(app)[6].strip() == "message 4"
        listed(app).cursor = 6
        await pilot.press("enter")
        assert "USER message 4" in here(app)
        assert "USER" not in shown(app)[6] or "message 5" in shown(app)[6]


async def test_very_many_messages_unfold_a_thousand_at_a_time() -> None:
    talk = [(user if i % 2 == 0 else assistant)(f"message {i}") for i in range(2500)]
    old, new = (turn(n, [*talk, user(f"asks {n}")], assistant("ok")) for n in (1, 2))
    app = Stage(old, new)
    async with app.run_test(size=SMALL) as pilot:
        await ready(app, pilot)
        listed(app).cursor = 0
        before = listed(app).count
        await pilot.press("enter")
        assert listed(app).count == before + 1001
        assert "1,499 messages unchanged" in shown(app)[1001]


async def test_changed_words_are_bold_and_underlined() -> None:
    app = Stage(*pair_of("the quick brown fox", "the quick red fox"))
    async with app.run_test(size=SMALL) as pilot:
        await ready(app, pilot)
        pane = listed(app)
        lines = (pane.paint(i, 78) for i in range(pane.count))
        marked = [s.text for line in lines for s in line.segments if s.style and s.style.underline]
        assert marked == ["brown", "red"]


async def test_w_cuts_long_lines_around_their_change() -> None:
    words = " ".join(f"word{i}" for i in range(90))
    app = Stage(*pair_of(words, words.replace("word70", "other")))
    async with app.run_test(size=SMALL) as pilot:
        await ready(app, pilot)
        wrapped = listed(app).count
        await pilot.press("w")
        assert listed(app).count < wrapped
        assert any("+ …" in line and "other" in line for line in shown(app))
        assert all(len(line) <= 79 for line in shown(app))
        await pilot.press("w")
        assert listed(app).count == wrapped


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_a_change_in_a_line_of_a_megabyte_is_in_view_at_once(size: tuple[int, int]) -> None:
    old = "x" * 600_000 + "y" * 600_000
    app = Stage(*pair_of(old, old[:600_000] + "CHANGED" + old[600_000:]))
    async with app.run_test(size=size) as pilot:
        await ready(app, pilot)
        assert listed(app).count < 40
        assert "CHANGED" in "".join(line.split("+ ")[-1] for line in shown(app))
        assert any("599,800 characters unchanged" in line for line in shown(app))
        at = next(i for i, line in enumerate(shown(app)) if "characters unchanged" in line)
        listed(app).cursor = at
        await pilot.press("enter")
        assert listed(app).count > 599_800 / size[0]
        assert len(shown(app)[at + 1]) <= size[0]


async def test_many_changed_lines_are_shown_some_at_a_time() -> None:
    text = "\n".join(f"line {i} of the notes" for i in range(5000))
    app = Stage(*pair_of(text, text.replace("line", "row")))
    async with app.run_test(size=WIDE) as pilot:
        await ready(app, pilot)
        assert "4,600 more lines, 4,600 of them changed" in shown(app)[-2]
        listed(app).cursor = listed(app).count - 2
        await pilot.press("enter")
        assert listed(app).count > 800


async def test_a_wrapped_line_pads_the_other_side() -> None:
    app = Stage(*pair_of("short and sweet", "short and sweet " + "and long " * 20))
    async with app.run_test(size=WIDE) as pilot:
        await ready(app, pilot)
        padded = [line for line in shown(app) if line.startswith("╲" * 20)]
        assert padded
        assert all("and long" in line for line in padded)


async def test_settings_and_prompts_that_differ_stand_at_the_top() -> None:
    old = turn(1, [system("Be terse."), user("Go.")], assistant("ok"))
    new = turn(2, [system("Be brief."), user("Go.")], assistant("ok"), tools=("grep",))
    app = Stage(old, new)
    async with app.run_test(size=WIDE) as pilot:
        await ready(app, pilot)
        heads = [line.split()[2:] for line in shown(app) if line.startswith(("▾", "▸"))]
        assert [head[0] for head in heads] == ["SETTINGS", "0", "1", "2"]
        assert "tools.grep  " in "\n".join(shown(app))
        assert any("Be terse." in line and "Be brief." in line for line in shown(app))


async def test_a_call_that_came_back_with_other_arguments_is_told_by_path() -> None:
    asked = call("write", '{"path":"a.py","text":"one\\ntwo","mode":1}', "c1")
    came = call("write", '{"path":"a.py","text":"one\\nthree"}', "c1")
    old = turn(1, [user("Go.")], assistant("", asked))
    new = turn(2, [user("Go."), assistant("", came), result("ok", "c1")], assistant("ok"))
    app = Stage(compared=compare_links([link(old, new)], "t1"))
    async with app.run_test(size=SMALL) as pilot:
        await ready(app, pilot)
        text = "\n".join(shown(app))
        assert "tool_calls[0].arguments.text  write" in text
        assert "- two" in text
        assert "tool_calls[0].arguments.mode  write" in text
        assert "arguments.path" not in text


async def test_only_another_spelling_is_told_as_that() -> None:
    one, two = (call("go", text, "c1") for text in ('{"a": 1,"b":2}', '{"b":2,"a":1}'))
    old = turn(1, [user("Go."), assistant("", one)], assistant("ok"))
    new = turn(2, [user("Go."), assistant("", two)], assistant("ok"))
    app = Stage(old, new)
    async with app.run_test(size=SMALL) as pilot:
        await ready(app, pilot)
        at = next(i for i, line in enumerate(shown(app)) if "[other spelling]" in line)
        listed(app).cursor = at
        await pilot.press("enter")
        assert any("only the spelling differs" in line for line in shown(app))


async def test_tabs_that_one_side_has_are_written_out() -> None:
    app = Stage(*pair_of("if x:\n\treturn one", "if x:\n    return two"))
    async with app.run_test(size=SMALL) as pilot:
        await ready(app, pilot)
        assert any("- \\treturn" in line for line in shown(app))


async def test_y_copies_the_change_and_e_asks_for_the_report_on_both() -> None:
    app = Stage(*pair_of(numbered(30), numbered(30, at9="another", at20="last")))
    async with app.run_test(size=SMALL) as pilot:
        await ready(app, pilot)
        await pilot.press("n", "y", "e")
        await ready(app, pilot)
        assert app.wishes == ["-line 9\n+another", ("exchange 1", "exchange 2")]


async def test_a_history_that_the_server_keeps_is_told() -> None:
    old = turn(1, [user("Go.")], assistant("I go."))
    new = turn(2, [user("On.")], assistant("I went."))
    stored = Echo(EchoKind.STORED, 0)
    kept = Link(old, new, Relation.CONTINUES, 0, (Pair(Mark.NEW, None, 0),), stored)
    app = Stage(compared=compare_links([kept]))
    async with app.run_test(size=WIDE) as pilot:
        await ready(app, pilot)
        assert shown(app)[0].startswith(" The server keeps the history")
        assert any("+ On." in line for line in shown(app))


async def test_a_request_that_goes_back_is_no_loss() -> None:
    old = turn(1, [user("Go.")], assistant("I go."))
    new = turn(2, [user("Stay.")], assistant("I stay."))
    pairs = (Pair(Mark.GONE, 0, None), Pair(Mark.GONE, 1, None), Pair(Mark.NEW, None, 0))
    fork = Link(old, new, Relation.FORK, 0, pairs, Echo(EchoKind.SUPERSEDED, 0), "goes back")
    app = Stage(compared=compare_links([fork]))
    async with app.run_test(size=WIDE) as pilot:
        await ready(app, pilot)
        assert shown(app)[0] == " fork: goes back"
        assert "! REPLY NOT IN THE NEXT REQUEST" in "\n".join(shown(app))
        assert "✗" not in "\n".join(shown(app))


async def test_the_report_on_two_requests_of_a_thread_is_in_their_order() -> None:
    old = turn(1, [user("Go.")], assistant("I go."))
    new = turn(2, [*old.messages, old.reply.message, user("On.")], assistant("I went."))
    app = Stage(compared=compare_links([link(old, new)]))
    app.diff._places = (PlaceWord("", 2), PlaceWord("", 1))
    async with app.run_test(size=SMALL) as pilot:
        await ready(app, pilot)
        await pilot.press("e")
        await ready(app, pilot)
    assert app.wishes == [("exchange 1", "exchange 2")]


async def test_two_threads_open_where_they_part() -> None:
    opening = [system("Be terse."), user("Sum up the notes.")]
    look, other = call("read_file", '{"path":"a"}', "c1"), call("write_file", '{"path":"b"}', "c2")
    begun = [*opening, assistant("I look.", look), result("Ada", "c1")]

    def thread(number: int, then: ToolCall) -> Thread:
        first = turn(number, opening, assistant("I look.", look))
        return chain(first, turn(number + 1, begun, assistant("Now.", then)))

    one, two = thread(1, look), thread(11, other)
    app = Stage(compared=compare_threads(one, two))
    async with app.run_test(size=WIDE) as pilot:
        await ready(app, pilot)
        assert "pair 2/2" in bar(app, "title")
        assert "t1 and t11" in bar(app, "title")
        assert shown(app)[0].startswith(" The same up to turn 2, where t1 calls read_file(")
        assert any("3 messages of earlier turns unchanged" in line for line in shown(app))
        await pilot.press("left_square_bracket")
        await ready(app, pilot)
        assert "✓ nothing differs" in bar(app, "title")


async def test_the_pairs_of_two_threads_are_listed_and_enter_goes_to_one() -> None:
    ask, same = [user("Go.")], assistant("I go.")
    more = [*ask, same, user("On.")]
    one = chain(turn(1, ask, same), turn(2, more, assistant("Left it is.")))
    two = chain(turn(11, ask, same), turn(12, more, assistant("Right then, further on.")))
    app = Stage(compared=compare_threads(one, two))
    async with app.run_test(size=WIDE) as pilot:
        await ready(app, pilot)
        assert "2 pairs of turns, 1 of them different" in shown(app)[1]
        listed(app).cursor = 1
        await pilot.press("enter")
        assert shown(app)[2].split() == ["=", "1", "#1", "#11", "says", '"I', 'go."']
        assert 'says "Left it is." / says "Right then, further on."' in shown(app)[3]
        listed(app).cursor = 2
        await pilot.press("enter")
        await ready(app, pilot)
        assert "pair 1/2" in bar(app, "title")


async def test_the_app_shows_what_is_asked_to_be_compared(tmp_path: Path) -> None:
    source = RecordingSource(record(tmp_path / "a.db", lost()))
    app = Kimitap(source)
    async with app.run_test(size=WIDE) as pilot:
        await settle(app, pilot)
        for old, new, told in (
            (PlaceWord("", 1), PlaceWord("", 3), "+ request #3"),
            (PlaceWord("t", 1), PlaceWord("t", 1), "+ request #1"),
            (PlaceWord("s", 1), PlaceWord("s", 1), "+ request #1"),
        ):
            app.post_message(Compare(old, new))
            await pilot.pause()
            await settle(app, pilot)
            assert isinstance(app.screen, DiffScreen)
            assert told in bar(app, "sides")
            await pilot.press("escape")
            await settle(app, pilot)
    source.close()


async def test_what_cannot_be_compared_says_why(tmp_path: Path) -> None:
    source = RecordingSource(record(tmp_path / "a.db", lost()))
    app = Kimitap(source)
    async with app.run_test(size=SMALL) as pilot:
        await settle(app, pilot)
        app.post_message(Compare(PlaceWord("t", 1), PlaceWord("t", 99)))
        await pilot.pause()
        await settle(app, pilot)
        assert "has no t99" in "".join(shown(app))
        await pilot.press("n", "enter", "u", "w", "y", "e", "right_square_bracket", "escape")
        await settle(app, pilot)
        assert app.screen is app.main
    with pytest.raises(UsageError, match="cannot be compared"):
        source.compare(PlaceWord("t", 1), PlaceWord("", 1))
    source.close()


async def test_e_writes_the_report_on_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=SMALL) as pilot:
        await settle(app, pilot)
        await pilot.press("G", "d")
        await settle(app, pilot)
        await pilot.press("e", "escape")
        await settle(app, pilot)
        app.post_message(Compare(PlaceWord("t", 1), PlaceWord("t", 1)))
        await pilot.pause()
        await settle(app, pilot)
        await pilot.press("e")
        await settle(app, pilot)
    assert (tmp_path / "kimitap-report-5" / "report.md").read_text() == "# report on exchange 5\n"
    assert (tmp_path / "kimitap-diff-t1-t1.md").read_text() == "# report on t1 and t1\n"


def test_every_key_of_the_table_has_its_action() -> None:
    for key in (*DIFF_KEYS, *LIST_KEYS):
        name = key.action.split("(")[0]
        assert hasattr(DiffScreen, f"action_{name}") or hasattr(DiffList, f"action_{name}"), key


@pytest.mark.parametrize("size", [WIDE, SMALL, TINY, (20, 6)])
async def test_no_line_is_wider_than_the_screen(size: tuple[int, int]) -> None:
    wide = Message("user", user("漢字かな交じり文 " * 40).parts)
    old = turn(1, [system("a"), wide, user("one")], assistant("", call("f", '{"a":1}', "c")))
    new = turn(2, [system("b"), user("漢字かな" * 90), user("two")], assistant("x" * 3000))
    app = Stage(old, with_long_names(new))
    async with app.run_test(size=size) as pilot:
        await ready(app, pilot)
        for keys in ((), ("w",), ("u",), ("w",)):
            await pilot.press(*keys)
            pane = listed(app)
            for i in range(pane.count):
                line = pane.paint(i, pane.line_width)
                cells = sum(segment.cell_length for segment in line.segments)
                assert cells <= pane.line_width, (size, keys, line)


def with_long_names(turn: Turn) -> Turn:
    return replace(turn, tools=(Tool("f" * 300, '{"name":"f"}'),), parameters={"p" * 200: "v"})


def link(old: Turn, new: Turn) -> Link:
    found = chain(old, new).links[1]
    assert found is not None
    return found
