"""Requests of the Responses API: items become messages, those of one reply one message."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from kimitap.conversation import Fault, Image, Message, Other, Reasoning, Text, ToolCall, ToolResult
from kimitap.dialects import Memo, decode, speaks
from kimitap.exchange import Body
from tests.support.responses import call, exchange, result, said, thought, tool, turn, user


@pytest.mark.parametrize(
    "method, path, name",
    [
        ("POST", "/v1/responses", "openai-responses"),
        ("POST", "/responses", "openai-responses"),
        ("POST", "/openai/v1/responses/?api-version=1", "openai-responses"),
        ("GET", "/v1/responses", None),
        ("POST", "/v1/responses/input_tokens", None),
        ("POST", "/v1/responses/resp_1/cancel", None),
    ],
)
def test_the_dialect_is_known_by_method_and_path(method: str, path: str, name: str | None) -> None:
    one = replace(exchange("x"), method=method, path=path)
    assert speaks(one) == name
    assert (decode(one) is None) == (name is None)


def test_a_string_is_one_message_of_the_user() -> None:
    made = turn("hello")
    assert made.messages == (Message("user", (Text("hello"),), "user"),)
    assert made.wire_indexes == ()


def test_instructions_are_a_leading_system_message_that_stands_nowhere_in_the_input() -> None:
    made = turn([user("hello")], instructions="Be terse.")
    assert [(m.role, m.text) for m in made.messages] == [
        ("system", "Be terse."),
        ("user", "hello"),
    ]
    assert made.wire_indexes == (-1, 0)
    assert "instructions" not in made.parameters


@pytest.mark.parametrize("nothing", [None, "", []])
def test_no_instructions_are_no_message(nothing: Any) -> None:
    made = turn([user("hello")], instructions=nothing)
    assert [m.role for m in made.messages] == ["user"]
    assert made.faults == ()


def test_items_of_one_reply_are_one_message() -> None:
    items = [user("x"), thought("hm"), said("so"), call("f"), call("g", call_id="c2")]
    made = turn([*items, result("r"), result("s", "c2"), user("y")], instructions="sys")
    assert [m.role for m in made.messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "tool",
        "user",
    ]
    assert made.messages[2].parts == (
        Reasoning("hm", "reasoning_text"),
        Text("so"),
        ToolCall("f", "{}", "call_1"),
        ToolCall("g", "{}", "c2"),
    )
    assert made.wire_indexes == (-1, 0, 1, 5, 6, 7)


def test_a_reply_and_its_replay_are_the_same_message() -> None:
    output = [thought("hm"), said("so"), call("f", '{"a": 1}')]
    answer = {"id": "resp_1", "status": "completed", "output": output}
    reply = turn([user("x")], answer).reply.message
    assert turn([user("x"), *output, result("r")]).messages[1] == reply


def test_a_message_may_have_no_type_and_plain_content() -> None:
    made = turn([{"role": "developer", "content": "d"}, {"role": "assistant", "content": "a"}])
    assert [(m.role, m.wire_role, m.text) for m in made.messages] == [
        ("system", "developer", "d"),
        ("assistant", "assistant", "a"),
    ]


def test_reasoning_may_be_a_summary_and_a_signature() -> None:
    summary = [{"type": "summary_text", "text": "in short"}]
    (only,) = turn([thought("", summary=summary, content=None, encrypted_content="x9")]).messages
    assert only.parts == (Reasoning("in short", "summary_text", "x9"),)
    (both,) = turn([thought("at length", summary=summary)]).messages
    assert both.parts == (
        Reasoning("at length", "reasoning_text"),
        Reasoning("in short", "summary_text"),
    )
    (sealed,) = turn([{"type": "reasoning", "summary": [], "encrypted_content": "x9"}]).messages
    assert sealed.parts == (Reasoning("", "encrypted_content", "x9"),)
    (nothing,) = turn([{"type": "reasoning", "summary": []}]).messages
    assert nothing.parts == ()


def test_a_result_may_be_parts() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    output = [{"type": "input_text", "text": "a"}, image, {"type": "input_text", "text": "b"}]
    (made,) = turn([result(output)]).messages
    found, picture = made.parts
    assert found == ToolResult("a\nb", "call_1")
    assert isinstance(picture, Image)
    assert (picture.size, picture.media_type) == (3, "image/png")


def test_a_custom_tool_takes_any_text() -> None:
    asked = {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** Begin"}
    answered = {"type": "custom_tool_call_output", "call_id": "c", "output": "done"}
    made = turn([asked, answered]).messages
    assert made[0].tool_calls == (ToolCall("patch", "*** Begin", "c", free=True),)
    assert made[1].tool_results == (ToolResult("done", "c"),)


@pytest.mark.parametrize(
    "asked, answered, name, text",
    [
        (
            {"type": "local_shell_call", "call_id": "c", "action": {"command": ["ls"]}},
            {"type": "local_shell_call_output", "id": "c", "output": "out"},
            "local_shell",
            "out",
        ),
        (
            {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
            {
                "type": "shell_call_output",
                "call_id": "c",
                "output": [{"stdout": "out", "stderr": "err", "outcome": {"type": "exit"}}],
            },
            "shell",
            "out\nerr",
        ),
        (
            {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file"}},
            {"type": "apply_patch_call_output", "call_id": "c", "output": "no", "status": "failed"},
            "apply_patch",
            "no",
        ),
        (
            {"type": "computer_call", "call_id": "c", "action": {"type": "click"}},
            {
                "type": "computer_call_output",
                "call_id": "c",
                "output": {"type": "computer_screenshot", "image_url": "http://x/y.png"},
            },
            "computer",
            "",
        ),
    ],
)
def test_built_in_tools_that_the_agent_runs_are_calls_with_results(
    asked: Any, answered: Any, name: str, text: str
) -> None:
    made = turn([asked, answered])
    (found,), (given,) = made.messages[0].tool_calls, made.messages[1].tool_results
    assert (found.name, found.id, found.typed) == (name, "c", True)
    assert orjson.loads(found.arguments) == asked.get("action", asked.get("operation"))
    assert (given.text, given.call_id) == (text, "c")
    assert given.failed == (name == "apply_patch")
    assert made.faults == ()


@pytest.mark.parametrize(
    "kind",
    ["web_search_call", "mcp_call", "item_reference", "compaction", "image_generation_call"],
)
def test_what_the_server_did_itself_is_part_of_what_was_said(kind: str) -> None:
    made = turn([user("x"), {"type": kind, "id": "a"}, said("so")])
    assert [m.role for m in made.messages] == ["user", "assistant"]
    assert made.messages[1].parts[0] == Other(kind, f'{{"id":"a","type":"{kind}"}}')
    assert made.faults == ()


def test_tools_are_flat_built_in_or_in_a_namespace() -> None:
    nested = {"type": "namespace", "name": "agents", "tools": [tool("spawn"), tool("close")]}
    declared = [tool("f"), {"type": "web_search"}, {"type": "custom", "name": "patch"}, nested]
    made = turn("x", tools=[*declared, {"type": "computer_use_preview"}])
    assert [t.name for t in made.tools] == [
        "f",
        "web_search",
        "patch",
        "spawn",
        "close",
        "computer",
    ]
    assert made.faults == ()


def test_tools_may_be_declared_later() -> None:
    later = {"type": "additional_tools", "role": "developer", "tools": [tool("g")]}
    made = turn([user("x"), later], tools=[tool("f")])
    assert [t.name for t in made.tools] == ["f", "g"]
    assert made.messages[1].role == "system"


def test_the_remaining_fields_are_parameters() -> None:
    made = turn("x", store=False, previous_response_id="resp_0", conversation="conv_1")
    assert made.parameters == {
        "store": False,
        "previous_response_id": "resp_0",
        "conversation": "conv_1",
    }


@pytest.mark.parametrize(
    "sent, where",
    [
        ({}, "request.input"),
        ({"input": 7}, "request.input"),
        ({"input": [7]}, "request.input[0]"),
        ({"input": [{"type": 7}]}, "request.input[0].type"),
        ({"input": [{"type": "message", "content": "x"}]}, "request.input[0].role"),
        ({"input": [{"type": "message", "role": 1}]}, "request.input[0].role"),
        ({"input": [{"type": "function_call", "call_id": "c"}]}, "request.input[0].name"),
        ({"input": [call("f", call_id=7)]}, "request.input[0].call_id"),  # type: ignore[arg-type]
        ({"input": "x", "instructions": 7}, "request.instructions"),
        ({"input": [thought("x", encrypted_content=7)]}, "request.input[0].encrypted_content"),
    ],
)
def test_what_should_not_be_there_is_a_fault_at_its_place(sent: Any, where: str) -> None:
    for body in (Body.whole(orjson.dumps(sent)), exchange(**sent).request if sent else None):
        if body is None:
            continue
        made = decode(replace(exchange("x"), request=body))
        assert made is not None
        assert [fault.where for fault in made.faults] == [where]


def test_without_input_a_stored_prompt_or_reply_speaks() -> None:
    for sent in ({"prompt": {"id": "p"}}, {"previous_response_id": "resp_0"}):
        made = decode(replace(exchange("x"), request=Body.whole(orjson.dumps(sent))))
        assert made is not None
        assert made.faults == ()


LONG = [
    item
    for n in range(60)
    for item in (
        user(f"u{n}"),
        thought(f"h{n}"),
        said(f"a{n}"),
        call("f", f'{{"n":{n}}}', f"c{n}"),
        result(f"r{n}", f"c{n}"),
        *((said(f"d{n}"),) if n % 3 else ()),
    )
]


def test_cut_and_uncut_bodies_give_equal_turns() -> None:
    for length in (1, 2, 3, 4, 5, 17, len(LONG)):
        cut = exchange(LONG[:length], instructions="sys")
        whole = replace(cut, request=Body.whole(cut.request.content))
        memo = Memo()
        assert decode(cut, memo) == decode(cut, memo) == decode(whole)


def test_equal_pieces_give_one_object_however_the_history_goes_on() -> None:
    memo = Memo()
    histories = [LONG[:n] for n in range(1, 40)]
    histories += [LONG[:9], [*LONG[:7], user("fork"), *LONG[8:20]], LONG[:30], LONG[:31]]
    kept: dict[Message, Message] = {}
    for history in histories:
        made = turn(history, memo=memo, instructions="sys")
        assert made.messages == turn(history, instructions="sys").messages
        assert made.wire_indexes == turn(history, instructions="sys").wire_indexes
        for message in made.messages:
            assert kept.setdefault(message, message) is message


def test_a_fault_stands_at_the_items_place_in_every_request() -> None:
    memo = Memo()
    broken = {"type": "message", "role": "user", "content": 7}
    first = turn([user("x"), broken], memo=memo)
    second = turn([user("y"), said("z"), broken], memo=memo)
    what = "content is a string or a list, not a number"
    assert first.faults == (Fault("request.input[1].content", what),)
    assert second.faults == (Fault("request.input[2].content", what),)


def test_two_dialects_read_the_same_piece_each_in_its_own_way() -> None:
    from tests.support import chat

    memo = Memo()
    item = {"role": "assistant", "content": "x", "tool_calls": [chat.call("f", {})]}
    chat_turn = decode(chat.exchange(1, chat.request(chat.user("u"), item)), memo)
    assert chat_turn is not None
    made = turn([chat.user("u"), item], memo=memo)
    assert len(chat_turn.messages[1].tool_calls) == 1
    assert made.messages[1].tool_calls == ()


def test_an_item_that_the_server_keeps_is_what_the_reply_said() -> None:
    memo = Memo()
    output = [thought("hm", id="rs_7"), said("so", id="msg_7"), call("f", id="fc_7")]
    answer = {"id": "resp_1", "status": "completed", "output": output}
    reply = turn([user("x")], answer, memo=memo).reply.message
    named = [{"type": "item_reference", "id": f"{kind}_7"} for kind in ("rs", "msg", "fc")]
    made = turn([user("x"), *named, result("r")], memo=memo)
    assert made.messages[1] == reply
    assert made.messages[2].tool_results == (ToolResult("r", "call_1"),)
    assert made.wire_indexes == (0, 1, 4)


def test_an_item_that_no_reply_said_is_told_as_it_is() -> None:
    made = turn([user("x"), {"type": "item_reference", "id": "fc_0"}, result("r")])
    assert made.messages[1].parts == (
        Other("item_reference", '{"id":"fc_0","type":"item_reference"}'),
    )
