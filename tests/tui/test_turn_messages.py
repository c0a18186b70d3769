"""The messages of a request in full: new, repeated, lost, joined; and the reply."""

from dataclasses import replace
from pathlib import Path

from kimitap.conversation import ToolResult
from kimitap.lineage import Thread
from kimitap.tui.app import Kimitap
from kimitap.tui.recording import RecordingSource
from kimitap.tui.screenshot import settle
from kimitap.tui.turn.messages import messages_made
from tests.support.pages import here, lines, outline, press, title
from tests.support.recorded import lost, record
from tests.support.still import Still
from tests.support.threads import assistant, call, chain, lost_turn, result, turn, user


def thread() -> Thread:
    return lost_turn()[0][0].threads[0]


async def test_what_is_repeated_is_one_line_that_unfolds() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", *["left_square_bracket"] * 2, "g")
        shown = lines(app)
        at = next(i for i, line in enumerate(shown) if "⋯" in line)
        assert shown[at] == "▸ ⋯ 5 messages as in #2 ⋯"
        assert shown[at + 1].startswith("▾ TOOL message 5  new")
        assert "6 messages, 1 new" in title(app)
        await press(app, pilot, "right_curly_bracket", "enter")
        inside = lines(app)[at + 1 : at + 6]
        assert [line.split("message")[0].split() for line in inside] == [
            ["▸", "SYS"],
            ["▸", "USER"],
            ["▸", "ASST"],
            ["▸", "TOOL"],
            ["▸", "ASST"],
        ]
        assert "as in #2  <task> The test test_migrate" in inside[1]
        await press(app, pilot, "j", "j", "enter")
        assert "    The test test_migrate fails since the last commit." in "\n".join(lines(app))


async def test_it_opens_at_the_message_that_was_asked_for() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        row = app.main.conversation.current
        assert row is not None and row.message_index == 8
        await press(app, pilot, "v")
        assert here(app).startswith("▾ ASST message 8")
        await press(app, pilot, "left_square_bracket", "right_square_bracket")
        assert outline(app).cursor == 0


async def test_what_is_lost_stands_in_its_place_with_its_finding() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v")
        shown = lines(app)
        ghost = next(i for i, line in enumerate(shown) if "LOST TURN" in line)
        assert "✗ ╎ LOST TURN  the reply of #4 is sent back blank" in shown[ghost]
        assert "✗ error: tool-turn-lost" in shown[ghost + 1]
        blank = next(i for i, line in enumerate(shown) if "ASST message 8" in line)
        assert ghost < blank
        assert "stands for the reply of #4" in shown[blank]
        assert "(blank)" in shown[blank + 1]


async def test_a_finding_unfolds_into_what_proves_it() -> None:
    app = Kimitap(Still(*lost_turn()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v")
        while "tool-turn-lost" not in here(app):
            await press(app, pilot, "{")
        await press(app, pilot, "enter")
        assert any('#5  {"role":"assistant","content":""}' in line for line in lines(app))


async def test_a_result_is_joined_to_its_call_by_name_and_id() -> None:
    asks = assistant("", call("read", '{"path": "a"}', "c1"), call("find", '{"q": 1}', "c2"))
    first = turn(1, [user("go")], asks)
    answers = [result("found", "c2"), result("text of a", "c1"), result("?", "c9")]
    second = turn(2, [*first.messages, asks, *answers], assistant("done"))
    app = Kimitap(Still((replace(lost_turn()[0][0], threads=(chain(first, second),)),)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v")
        shown = "\n".join(lines(app))
        assert "◂── find  c2  answers message 1" in shown
        assert "◂── read  c1  answers message 1" in shown
        assert "c9  answers no call of this request" in shown
        await press(app, pilot, "g", "right_curly_bracket", "enter", "j", "j", "enter")
        shown = "\n".join(lines(app))
        assert "├─▸ read  c1  answered in message 3" in shown
        assert '      path: "a"' in shown
        assert "└─▸ find  c2  answered in message 2" in shown


async def test_the_reply_says_how_it_ended_and_how_it_came_back(tmp_path: Path) -> None:
    source = RecordingSource(record(tmp_path / "a.db", lost()))
    app = Kimitap(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(app, pilot)
        await press(app, pilot, "v", "left_square_bracket", "left_square_bracket")
        reply = next(line for line in lines(app) if "the reply" in line)
        assert "✓ given back in #2" in reply
        await press(app, pilot, "right_square_bracket")
        reply = next(line for line in lines(app) if "the reply" in line)
        assert "finish: tool_calls" in reply
        assert "□ blanked in #3" in reply
    source.close()


def test_arguments_that_are_no_json_and_a_failed_result_are_shown_as_they_are() -> None:
    asks = assistant("", call("write", '{"path": "a', "c1"))
    failed = replace(result("no such file", "c1"), parts=(ToolResult("no", "c1", failed=True),))
    first = turn(1, [user("go")], asks)
    second = turn(2, [*first.messages, asks, failed], assistant("done"))
    made = messages_made(chain(first, second), 2, ())
    text = made.text()
    assert '{"path": "a' in text
    assert "! failed" in text


def test_a_very_long_request_unfolds_only_its_newest_messages_at_first() -> None:
    messages = [user(f"{i} " + "word " * 2000) for i in range(100)]
    made = messages_made(chain(turn(1, messages, assistant("done"))), 1, ())
    opened = [entry.born_open for entry in made.entries if "message" in entry.sought()[0]]
    assert len(opened) == 100
    assert sum(opened) == 20
    assert all(opened[-20:])


def test_the_whole_text_holds_every_message() -> None:
    text = messages_made(thread(), 6, ()).text()
    for message in thread().turns[5].messages:
        for line in message.text.splitlines():
            assert line.strip() in text
    assert "Let me write the file once more." in text
