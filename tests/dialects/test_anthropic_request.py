"""A request of Anthropic's Messages API, decoded: each kind of block, and what it should not be."""

from dataclasses import replace
from typing import Any

import pytest

from kimitap.conversation import Image, Message, Other, Reasoning, Text, ToolCall, ToolResult
from kimitap.dialects import Memo, decode, speaks
from kimitap.exchange import Body, digest
from tests.support import chat
from tests.support.anthropic import (
    assistant,
    exchange,
    read,
    request,
    result,
    text,
    thinking,
    use,
    user,
)

PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGkhaGk="}}


def one(message: Any) -> tuple[Message, ...]:
    turn = read(request(message))
    assert turn.faults == ()
    return turn.messages


@pytest.mark.parametrize(
    "method, path, name",
    [
        ("POST", "/v1/messages", "anthropic-messages"),
        ("POST", "/v1/messages?beta=true", "anthropic-messages"),
        ("POST", "/api/anthropic/v1/messages/", "anthropic-messages"),
        ("GET", "/v1/messages", None),
        ("POST", "/v1/messages/count_tokens", None),
        ("POST", "/v1/messages/batches", None),
        ("POST", "/v1/threads/thread_1/messages", None),
    ],
)
def test_the_dialect_is_known_by_method_and_path(method: str, path: str, name: str | None) -> None:
    made = replace(exchange(request(user("x"))), method=method, path=path)
    assert speaks(made) == name


def test_content_is_a_string_or_blocks() -> None:
    assert one(user("Hi.")) == (Message("user", (Text("Hi."),), "user"),)
    assert one(user(text("a"), text("b"))) == (Message("user", (Text("a"), Text("b")), "user"),)


def test_the_cache_control_of_a_block_means_nothing() -> None:
    marked = text("a", cache_control={"type": "ephemeral"})
    assert one(user(marked)) == one(user(text("a")))
    answered = result("t", "r", cache_control={"type": "ephemeral"})
    assert one(user(answered)) == one(user(result("t", "r")))


def test_thought_text_and_calls_of_one_message_stay_together_in_their_order() -> None:
    (message,) = one(assistant(thinking("hm", "sig"), text("so"), use("t1", "f", a=1)))
    assert message.parts == (
        Reasoning("hm", "thinking", "sig"),
        Text("so"),
        ToolCall("f", '{"a":1}', "t1"),
    )
    assert message.tool_calls[0].typed


def test_a_redacted_thought_is_all_signature() -> None:
    (message,) = one(assistant({"type": "redacted_thinking", "data": "abc"}, text("so")))
    assert message.parts[0] == Reasoning("", "redacted_thinking", "abc")
    assert not message.reasoning


def test_a_thought_that_says_nothing_is_no_part() -> None:
    (message,) = one(assistant(thinking(""), text("so")))
    assert message.parts == (Text("so"),)


def test_each_result_is_a_message_of_role_tool_of_its_own() -> None:
    both = one(user(result("t1", "one"), result("t2", "two"), text("and now?")))
    assert [(m.role, m.wire_role, m.text) for m in both] == [
        ("tool", "user", "one"),
        ("tool", "user", "two"),
        ("user", "user", "and now?"),
    ]
    assert [r.call_id for m in both for r in m.tool_results] == ["t1", "t2"]


def test_results_stay_behind_the_text_that_stood_before_them() -> None:
    mixed = one(user(text("a"), text("b"), result("t1"), text("c")))
    assert [m.role for m in mixed] == ["user", "tool", "user"]
    assert [len(m.parts) for m in mixed] == [2, 1, 1]


def test_the_indexes_say_where_a_message_stands_on_the_wire() -> None:
    history = (user("x"), assistant(use("a", "f"), use("b", "f")), user(result("a"), result("b")))
    assert read(request(*history)).wire_indexes == (0, 1, 2, 2)
    assert read(request(*history, system="S")).wire_indexes == (-1, 0, 1, 2, 2)
    assert read(request(user("x"), assistant("y"), system="S")).wire_indexes == (-1, 0, 1)
    assert read(request(user("x"), assistant("y"))).wire_indexes == ()


def test_a_results_content_is_a_string_or_blocks_of_any_kind() -> None:
    (message,) = one(user(result("t", [text("a"), PNG, text("b")])))
    answer, image = message.parts
    assert answer == ToolResult("a\nb", "t")
    assert isinstance(image, Image)
    assert one(user({"type": "tool_result", "tool_use_id": "t"}))[0].parts == (ToolResult("", "t"),)


def test_a_result_says_that_the_tool_failed() -> None:
    (message,) = one(user(result("t", "no such file", is_error=True)))
    assert message.parts == (ToolResult("no such file", "t", "", True),)
    (message,) = one(user(result("t", "a file", is_error=False)))
    assert not message.tool_results[0].failed


def test_an_image_is_known_by_its_data_its_url_or_its_file() -> None:
    (message,) = one(user(PNG))
    assert message.parts == (Image(digest(b"aGkhaGk=").hex(), 5, "image/png"),)
    for source in ({"type": "url", "url": "http://x/y.png"}, {"type": "file", "file_id": "file_1"}):
        (message,) = one(user({"type": "image", "source": source}))
        named = (source.get("url") or source["file_id"]).encode()
        assert message.parts == (Image(digest(named).hex(), 0),)


@pytest.mark.parametrize(
    "kind",
    ["document", "search_result", "server_tool_use", "web_search_tool_result", "container_upload"],
)
def test_blocks_of_other_kinds_are_kept_as_they_are(kind: str) -> None:
    block = {"type": kind, "id": "srv_1", "name": "web_search", "input": {"q": 1}}
    (message,) = one(user({**block, "cache_control": {"type": "ephemeral"}}))
    assert message.parts == (
        Other(kind, f'{{"id":"srv_1","input":{{"q":1}},"name":"web_search","type":"{kind}"}}'),
    )


def test_a_tool_of_the_servers_own_is_no_call_that_the_agent_owes_an_answer() -> None:
    (message,) = one(assistant({"type": "server_tool_use", "id": "s", "name": "w", "input": {}}))
    assert message.tool_calls == ()


def test_a_system_message_may_stand_between_the_others() -> None:
    turn = read(request(user("x"), {"role": "system", "content": "Mind."}, system="Be terse."))
    assert [(m.role, m.wire_role, m.text) for m in turn.messages] == [
        ("system", "system", "Be terse."),
        ("user", "user", "x"),
        ("system", "system", "Mind."),
    ]


def test_the_system_prompt_is_a_string_or_blocks() -> None:
    blocks = [text("one", cache_control={"type": "ephemeral"}), text("two")]
    for sent, parts in (("one", (Text("one"),)), (blocks, (Text("one"), Text("two")))):
        turn = read(request(user("x"), system=sent))
        assert turn.messages[0] == Message("system", parts, "system")
        assert "system" not in turn.parameters


@pytest.mark.parametrize("empty", [None, "", []])
def test_a_system_prompt_that_says_nothing_is_no_message(empty: Any) -> None:
    turn = read(request(user("x"), system=empty))
    assert [m.role for m in turn.messages] == ["user"]
    assert turn.faults == ()


def test_neighbours_of_one_role_stay_as_they_came() -> None:
    turn = read(request(user("a"), user("b"), assistant("c"), assistant("d")))
    assert [m.text for m in turn.messages] == ["a", "b", "c", "d"]


def test_an_empty_text_block_stays_since_the_api_refuses_it() -> None:
    assert one(assistant(text(""), use("t", "f")))[0].parts[0] == Text("")
    assert one(user(""))[0].parts == one({"role": "user", "content": []})[0].parts == ()
    assert one(assistant(text("")))[0].blank


def test_tools_are_the_agents_and_the_servers() -> None:
    own = {"name": "f", "description": "d", "input_schema": {"type": "object"}}
    servers = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    turn = read(request(user("x"), tools=[{**own, "cache_control": {"type": "e"}}, servers]))
    assert [tool.name for tool in turn.tools] == ["f", "web_search"]
    assert "cache_control" not in turn.tools[0].json
    assert turn.tools[0] == read(request(user("x"), tools=[own])).tools[0]
    assert turn.faults == ()


def test_the_other_fields_are_the_settings() -> None:
    settings = {
        "max_tokens": 64,
        "thinking": {"type": "enabled", "budget_tokens": 9},
        "tool_choice": {"type": "any"},
        "metadata": {"user_id": "u"},
        "stop_sequences": ["x"],
    }
    turn = read(request(user("x"), stream=True, **settings))
    assert turn.parameters == settings
    assert (turn.model, turn.stream, turn.dialect) == ("k", True, "anthropic-messages")


def test_a_session_is_known_by_its_header_its_agent_or_its_users_id() -> None:
    sent = request(user("x"), metadata={"user_id": '{"device_id":"d","session_id":"s-body"}'})
    assert read(sent).scope.session == "s-body"
    headers = (("X-Claude-Code-Session-Id", "s-1"), ("x-claude-code-agent-id", "a-1"))
    scope = read(sent, headers=headers).scope
    assert (scope.session, scope.agent_id) == ("s-1", "a-1")
    assert scope.source == "x-claude-code-session-id"


def test_equal_pieces_give_one_message_object_in_every_request() -> None:
    memo = Memo()
    history = [user("x"), assistant(use("a", "f"), use("b", "f")), user(result("a"), result("b"))]
    first = read(request(*history, system=[text("S")]), memo=memo)
    later = read(request(*history, user("y"), system=[text("S")], max_tokens=9), memo=memo)
    assert len(first.messages) == 5
    assert all(a is b for a, b in zip(first.messages, later.messages[:5], strict=True))


def test_a_memo_keeps_the_dialects_apart() -> None:
    memo = Memo()
    sent = request(user(result("t", "r")))
    chats = decode(chat.exchange(1, sent, None), memo)
    assert chats is not None
    assert [m.role for m in chats.messages] == ["user"]
    assert [m.role for m in read(sent, memo=memo).messages] == ["tool"]


def test_a_body_that_could_not_be_cut_says_the_same() -> None:
    sent = request(user("x", text("")), assistant(use("a", "f")), system=[text("S")], tools=[{}])
    cut = exchange(sent)
    whole = replace(cut, request=Body.whole(cut.request.content))
    assert decode(whole) == decode(cut)


@pytest.mark.parametrize(
    "message, where, what",
    [
        (7, "", "a message is an object, not a number"),
        ({"content": "x"}, ".role", "role is missing"),
        ({"role": 1, "content": "x"}, ".role", "role is a string, not a number"),
        (user({"type": "text"}), ".content[0]", "a block of the type text without its text"),
        (user({"type": 3}), ".content[0].type", "a block's type is a string, not a number"),
        (user(["x"]), ".content[0]", "a block is an object, not a list"),
        ({"role": "user", "content": 4}, ".content", "content is a string or a list, not a number"),
        (assistant(use("t", "f") | {"input": "x"}), ".content[0].input", "an object, not a string"),
        (assistant({"type": "tool_use", "id": "t", "name": "f"}), ".content[0].input", "missing"),
        (assistant({**use("t", "f"), "name": None}), ".content[0].name", "a string, not null"),
        (assistant({**use("t", "f"), "id": 1}), ".content[0].id", "an id is a string"),
        (user(result("t", 5)), ".content[0].content", "a string or a list, not a number"),
        (user(result("t", is_error="yes")), ".content[0].is_error", "a boolean, not a string"),
        (user({**result("t"), "tool_use_id": []}), ".content[0].tool_use_id", "an id is a string"),
        (user({"type": "image"}), ".content[0]", "an image without its source"),
        (assistant({"type": "thinking"}), ".content[0].thinking", "thinking is missing"),
        (assistant({"type": "redacted_thinking"}), ".content[0].data", "data is missing"),
    ],
)
def test_what_a_message_should_not_hold_is_a_fault(message: Any, where: str, what: str) -> None:
    (fault, *more) = read(request(user("x"), message)).faults
    assert not more
    assert fault.where == f"request.messages[1]{where}"
    assert what in fault.what


def test_arguments_that_are_no_object_stay_as_they_are() -> None:
    turn = read(request(assistant(use("t", "f") | {"input": '{"a": 1'})))
    assert turn.messages[0].tool_calls[0].arguments == '{"a": 1'


def test_a_result_within_a_result_is_kept_as_it_is() -> None:
    (message,) = one(user(result("t", [result("u", "deep")])))
    assert [type(part) for part in message.parts] == [ToolResult, Other]


@pytest.mark.parametrize(
    "sent, where, what",
    [
        ({"model": "k"}, "request.messages", "messages is missing"),
        ({"messages": None}, "request.messages", "messages is a list, not null"),
        ({"messages": {}}, "request.messages", "messages is a list, not an object"),
        ({"messages": [], "tools": 3}, "request.tools", "tools is a list, not a number"),
        ({"messages": [], "tools": [{}]}, "request.tools[0]", "a tool without a name"),
        ({"messages": [], "system": 5}, "request.system", "content is a string or a list"),
        ({"messages": [], "system": [{"type": "text"}]}, "request.system[0]", "without its text"),
    ],
)
def test_what_a_request_should_not_hold_is_a_fault(sent: Any, where: str, what: str) -> None:
    (fault,) = read(sent).faults
    assert fault.where == where
    assert what in fault.what
