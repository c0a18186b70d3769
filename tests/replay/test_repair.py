"""Putting back what a request lost, as each dialect writes it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from kimitap.analysis import Analysis
from kimitap.conversation import Turn
from kimitap.dialects import decode
from kimitap.errors import UsageError
from kimitap.exchange import Exchange
from kimitap.lineage import Session, Thread
from kimitap.replay.repair import PLACEHOLDER, gaps, repaired
from kimitap.store import Recording
from kimitap.weave import weave
from tests.support import anthropic, chat, responses
from tests.support.recorded import OPENING, TOOLS, lost

SAMPLE = str(Path(__file__).parents[2] / "sessions" / "lost-tool-turn.db")
WRITE = chat.call("write_file", {"path": "a"}, "c7")


def session_of(exchanges: Sequence[Exchange]) -> Session:
    (session,) = weave(turn for one in exchanges if (turn := decode(one)) is not None)
    return session


def mended(
    exchanges: Sequence[Exchange], number: int, result: str | None = None, field: str = "messages"
) -> list[Mapping[str, Any]]:
    """The messages of request `number` after its repair."""
    exchange = next(one for one in exchanges if one.number == number)
    turn = decode(exchange)
    assert turn is not None
    lacking = gaps(session_of(exchanges), number, result)
    made = repaired(turn, exchange.request.content, lacking)
    before, after = json.loads(exchange.request.content), json.loads(made)
    assert {k: v for k, v in before.items() if k != field} == {
        k: v for k, v in after.items() if k != field
    }
    items: list[Mapping[str, Any]] = after[field]
    return items


def steps(*messages: Sequence[Mapping[str, Any]], reply: Mapping[str, Any]) -> list[Exchange]:
    """Requests with these messages, each answered by `reply`."""
    return [
        chat.exchange(i, chat.request(*said, tools=TOOLS), chat.choice(reply), stream=True)
        for i, said in enumerate(messages, 1)
    ]


def test_a_blank_turn_gives_way_to_the_reply_and_a_stand_in_for_its_result() -> None:
    messages = mended(lost(), 3)
    assert [m["role"] for m in messages][-4:] == ["tool", "assistant", "tool", "user"]
    assert messages[4]["content"] == "I read them once more."
    assert messages[4]["tool_calls"][0]["id"] == "c2"
    assert messages[5] == {"role": "tool", "tool_call_id": "c2", "content": PLACEHOLDER}
    assert messages[:4] == json.loads(lost()[1].request.content)["messages"]


def test_the_user_s_word_stands_for_a_result_that_nobody_recorded() -> None:
    assert mended(lost(), 3, "Ada still owns it.")[5]["content"] == "Ada still owns it."


def test_every_lost_turn_of_a_long_loop_is_put_back_with_its_reasoning() -> None:
    with Recording.open(SAMPLE) as recording:
        analysis = Analysis(recording)
        analysis.refresh()
        body = recording.exchange(4).request.content
    lacking = gaps(analysis.sessions[0], 4)
    made = json.loads(repaired(analysis.turns[4], body, lacking))["messages"]
    assert [m["role"] for m in made] == ["user", *["assistant", "tool", "user"] * 3]
    assert all(m["reasoning_content"] for m in made if m["role"] == "assistant")
    assert {m["tool_calls"][0]["function"]["name"] for m in made if "tool_calls" in m} == {
        "write_to_file"
    }


def test_a_reply_of_text_that_was_dropped_goes_before_what_followed_it() -> None:
    said = chat.assistant("The notes name one owner, Ada, and three rows of amounts.")
    more = [*OPENING, chat.user("And who owns the table?")]
    messages = mended(steps(OPENING, more, reply=said), 2)
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]
    assert messages[2] == {"role": "assistant", "content": said["content"]}


def test_a_result_that_is_still_there_is_not_put_there_twice() -> None:
    calling = chat.assistant("", WRITE)
    messages = mended(
        steps(
            OPENING, [*OPENING, chat.result("written", "c7"), chat.user("Go on.")], reply=calling
        ),
        2,
    )
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "tool", "user"]
    assert messages[3]["content"] == "written"


def test_a_result_that_a_later_request_has_is_taken_from_there() -> None:
    calling, fine, more = chat.assistant("", WRITE), chat.assistant("Fine."), chat.user("Go on.")
    lossy = [*OPENING, chat.assistant(""), more]
    whole = [*OPENING, calling, chat.result("written", "c7"), more, fine, chat.user("And now?")]
    replies = [calling, fine, fine]
    exchanges = [
        chat.exchange(i, chat.request(*said, tools=TOOLS), chat.choice(reply), stream=True)
        for i, (said, reply) in enumerate(zip((OPENING, lossy, whole), replies, strict=True), 1)
    ]
    (result,) = [m for m in mended(exchanges, 2, "made up") if m["role"] == "tool"]
    assert result["content"] == "written"


def test_a_call_without_a_result_gets_one() -> None:
    calling = chat.assistant("", WRITE)
    messages = mended(
        steps(OPENING, [*OPENING, calling, chat.user("Go on.")], reply=calling), 2, "done"
    )
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "tool", "user"]
    assert messages[3] == {"role": "tool", "tool_call_id": "c7", "content": "done"}


def test_a_sound_request_lacks_nothing_and_hears_where_its_reply_is_lost() -> None:
    with pytest.raises(UsageError, match="request 1 lacks nothing that this recording has"):
        gaps(session_of(lost()), 1)
    with pytest.raises(UsageError, match="its reply is lost in request 3: replay that one"):
        gaps(session_of(lost()), 2)


def test_anthropic_s_results_stand_first_in_the_user_s_message() -> None:
    calling = anthropic.reply(
        anthropic.thinking("Look first.", "sig"),
        anthropic.text("I look."),
        anthropic.use("toolu_1", "read_file", path="a"),
        stop="tool_use",
    )
    task = anthropic.user("Sum up the notes of the week.")
    more = anthropic.user("Please go on.")
    exchanges = [
        anthropic.exchange(anthropic.request(task), calling, number=1),
        anthropic.exchange(
            anthropic.request(task, anthropic.assistant("I look."), more), calling, number=2
        ),
    ]
    messages = mended(exchanges, 2, "rows")
    assert [m["role"] for m in messages] == ["user", "assistant", "user"]
    assert [block["type"] for block in messages[1]["content"]] == ["thinking", "text", "tool_use"]
    assert messages[1]["content"][2]["input"] == {"path": "a"}
    assert messages[2]["content"][0] == {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": "rows",
    }
    assert messages[2]["content"][1]["text"] == "Please go on."


def test_the_responses_api_gets_items() -> None:
    task = responses.user("Sum up the notes of the week, please.")
    output = responses.call("read_file", '{"path":"a"}', "call_9")
    said = ([task], [task, responses.user("Please go on.")])
    exchanges = [
        responses.exchange(
            items, responses.response(output), n, tools=[responses.tool("read_file")]
        )
        for n, items in enumerate(said, 1)
    ]
    items = mended(exchanges, 2, "rows", field="input")
    assert [item.get("type", "message") for item in items] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert (items[1]["call_id"], items[2]) == (
        "call_9",
        {"type": "function_call_output", "call_id": "call_9", "output": "rows"},
    )


def test_a_prompt_of_one_text_cannot_be_repaired() -> None:
    turn = decode(chat.exchange(1, {"prompt": "Once"}, None, path="/completion"))
    assert isinstance(turn, Turn)
    session = Session(1, (Thread(1, (turn,), (None,)),))
    with pytest.raises(UsageError, match="cannot be put back into requests of completion"):
        gaps(session, 1)


def test_a_body_that_is_no_json_cannot_be_repaired() -> None:
    turn = decode(lost()[2])
    assert turn is not None
    lacking = gaps(session_of(lost()), 3)
    with pytest.raises(UsageError, match="no JSON"):
        repaired(turn, b"{", lacking)
