"""Messages of chat completions, as agents really send them."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from kimitap.conversation import Image, Message, Other, Reasoning, Text, ToolCall, ToolResult
from kimitap.dialects import decode
from kimitap.exchange import Body
from tests.support.chat import assistant, call, choice, exchange, result, user

OK = choice(assistant("ok"))


def message_of(message: Any) -> Message:
    """The message as read, without a fault."""
    turn = decode(exchange(1, {"messages": [message]}, OK))
    assert turn is not None
    assert turn.faults == ()
    return turn.messages[0]


def test_text_comes_as_a_string_or_in_parts() -> None:
    assert message_of(user("hi")) == Message("user", (Text("hi"),), "user")
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert message_of({"role": "user", "content": parts}).parts == (Text("a"), Text("b"))


@pytest.mark.parametrize("blank", [{"content": None}, {"content": ""}, {}, {"content": []}])
def test_null_empty_and_absent_content_are_all_blank(blank: dict[str, Any]) -> None:
    message = message_of({"role": "assistant", **blank})
    assert message.parts == ()
    assert message.blank


def test_developer_is_system_and_function_is_tool() -> None:
    assert message_of({"role": "developer", "content": "x"}) == Message(
        "system", (Text("x"),), "developer"
    )
    older = message_of({"role": "function", "name": "ls", "content": "a"})
    assert older == Message("tool", (ToolResult("a", None, "ls"),), "function", "ls")


def test_a_call_keeps_its_arguments_as_they_were_written() -> None:
    message = message_of(assistant(None, call("f", '{"b": 1,  "a":2.0}', "functions.f:0")))
    (made,) = message.tool_calls
    assert made == ToolCall("f", '{"b": 1,  "a":2.0}', "functions.f:0")
    assert made.canonical_arguments == '{"a":2,"b":1}'


def test_arguments_that_are_an_object_are_known_as_such() -> None:
    sent = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"b": 1, "a": 2}}}
    (made,) = message_of({"role": "assistant", "tool_calls": [sent]}).tool_calls
    assert made == ToolCall("f", '{"b":1,"a":2}', "1", typed=False)


@pytest.mark.parametrize("function", [{"name": "f"}, {"name": "f", "arguments": None}])
def test_missing_arguments_are_empty(function: dict[str, Any]) -> None:
    sent = {"id": "1", "type": "function", "function": function}
    (made,) = message_of({"role": "assistant", "tool_calls": [sent]}).tool_calls
    assert made == ToolCall("f", "", "1")
    assert made.canonical_arguments == "{}"


def test_an_absent_id_differs_from_an_empty_one() -> None:
    calls = message_of(assistant(None, call("f", {}, None), call("f", {}, ""))).tool_calls
    assert [c.id for c in calls] == [None, ""]
    answers = [message_of(result("x", None)), message_of(result("x", ""))]
    assert [a.tool_results[0].call_id for a in answers] == [None, ""]


def test_the_older_function_call_is_a_call_without_id() -> None:
    sent = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    assert message_of(sent).tool_calls == (ToolCall("f", "{}", None),)


def test_a_function_call_with_nothing_in_it_is_none() -> None:
    sent = {"role": "assistant", "content": "x", "function_call": {"name": "", "arguments": ""}}
    assert message_of(sent).parts == (Text("x"),)


def test_a_call_of_a_custom_tool_has_its_input_as_arguments() -> None:
    sent = {"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls -l"}}
    made = message_of({"role": "assistant", "tool_calls": [sent]}).tool_calls
    assert made == (ToolCall("sh", "ls -l", "c", free=True),)


@pytest.mark.parametrize(
    "content, text",
    [
        ("out", "out"),
        (None, ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
    ],
)
def test_a_result_is_there_even_if_it_is_empty(content: Any, text: str) -> None:
    message = message_of({"role": "tool", "tool_call_id": "1", "content": content})
    assert message.parts == (ToolResult(text, "1"),)


def test_a_result_may_hold_an_image() -> None:
    content = [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    parts = message_of({"role": "tool", "tool_call_id": "1", "content": content}).parts
    assert parts[0] == ToolResult("see", "1")
    assert isinstance(parts[1], Image)


@pytest.mark.parametrize(
    "name, value",
    [
        ("reasoning_content", "hm"),
        ("reasoning", "hm"),
        ("reasoning_details", [{"type": "reasoning.text", "text": "hm", "index": 0}]),
        ("reasoning_details", [{"type": "reasoning.summary", "summary": "hm"}]),
        ("thinking", "hm"),
        ("thinking_blocks", [{"type": "thinking", "thinking": "hm"}]),
    ],
)
def test_reasoning_is_known_by_each_of_its_names(name: str, value: Any) -> None:
    message = message_of(assistant("so", call("f", {}), **{name: value}))
    assert message.parts == (Reasoning("hm", name), Text("so"), ToolCall("f", "{}", "call_1"))


def test_the_same_reasoning_under_two_names_counts_once() -> None:
    details = [{"type": "reasoning.text", "text": "hm"}]
    message = message_of(assistant("so", reasoning="hm", reasoning_details=details))
    assert message.reasoning == "hm"


def test_reasoning_among_the_parts_is_reasoning() -> None:
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "so"},
    ]
    message = message_of({"role": "assistant", "content": content})
    assert message.parts == (Reasoning("hm", "thinking"), Text("so"))


def test_a_think_tag_stays_in_the_text() -> None:
    message = message_of(assistant("<think>hm</think>so"))
    assert message.text == "<think>hm</think>so"
    assert message.reasoning == ""


def test_an_image_is_known_by_its_bytes_however_it_is_named() -> None:
    url = "data:image/png;base64,iVBORw0KGgo="
    inner = message_of({"role": "user", "content": [{"type": "image_url", "image_url": url}]})
    outer = message_of(
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    )
    assert inner == outer
    (image,) = inner.parts
    assert isinstance(image, Image)
    assert (image.size, image.media_type) == (8, "image/png")
    other = message_of(
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/a.png"}}]}
    )
    assert isinstance(other.parts[0], Image)
    assert other.parts[0].digest != image.digest


def test_a_part_of_another_kind_is_kept_whole() -> None:
    audio = {"type": "input_audio", "input_audio": {"format": "wav", "data": "AAAA"}}
    (part,) = message_of({"role": "user", "content": [audio]}).parts
    assert isinstance(part, Other)
    assert part.kind == "input_audio"
    assert orjson.loads(part.json) == audio


def test_a_refusal_is_not_blank() -> None:
    assert not message_of(assistant(None, refusal="I can't")).blank


@pytest.mark.parametrize(
    "message, where",
    [
        (7, "request.messages[0]"),
        ({"role": 1, "content": "x"}, "request.messages[0].role"),
        ({"content": "x"}, "request.messages[0].role"),
        ({"role": "user", "content": 5}, "request.messages[0].content"),
        ({"role": "user", "content": [5]}, "request.messages[0].content[0]"),
        ({"role": "user", "content": [{"text": "x"}]}, "request.messages[0].content[0].type"),
        ({"role": "user", "content": [{"type": "text"}]}, "request.messages[0].content[0]"),
        ({"role": "assistant", "tool_calls": {}}, "request.messages[0].tool_calls"),
        ({"role": "assistant", "tool_calls": [1]}, "request.messages[0].tool_calls[0]"),
        ({"role": "assistant", "tool_calls": [{"id": "1"}]}, "request.messages[0].tool_calls[0]"),
        (assistant(None, {**call("f", {}), "id": 3}), "request.messages[0].tool_calls[0].id"),
        (
            assistant(None, {"id": "1", "function": {"arguments": "{}"}}),
            "request.messages[0].tool_calls[0].function.name",
        ),
        ({"role": "assistant", "function_call": "f"}, "request.messages[0].function_call"),
        ({"role": "assistant", "reasoning_content": 3}, "request.messages[0].reasoning_content"),
        ({"role": "tool", "tool_call_id": 3, "content": ""}, "request.messages[0].tool_call_id"),
        ({"role": "user", "name": {}, "content": ""}, "request.messages[0].name"),
    ],
)
def test_what_a_message_should_not_hold_is_a_fault_there(message: Any, where: str) -> None:
    cut = exchange(1, {"messages": [message]}, OK)
    whole = replace(cut, request=Body.whole(cut.request.content))
    for one in (cut, whole):
        turn = decode(one)
        assert turn is not None
        assert [fault.where for fault in turn.faults] == [where]
