"""Threads as chats to train on: what OpenAI takes is written, everything else is named."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from pydantic import TypeAdapter

from kimitap.exchange import Exchange, Outcome
from kimitap.interchange.outgoing.chats import Chat, chats
from kimitap.interchange.outgoing.told import tell
from tests.support.chat import (
    assistant,
    call,
    choice,
    exchange,
    request,
    result,
    system,
    tool,
    user,
)
from tests.support.recordings import lost_tool_turn

TOOLS = [tool("read_file", path={"type": "string"})]
READING = assistant("I look.", call("read_file", {"path": "a"}, "c1"))
ROLES = ["system", "user", "assistant", "tool", "assistant"]
ASKED = user("What stands in the file?")


def written(exchanges: Sequence[Exchange]) -> list[Chat]:
    return list(chats(tell(exchanges)))


def the_chat(exchanges: Sequence[Exchange]) -> Any:
    (one,) = written(exchanges)
    assert not one.left_out
    value = json.loads(one.line)
    demand_valid(value)
    return value


def why_not(exchanges: Sequence[Exchange]) -> str:
    (one,) = written(exchanges)
    assert one.line == ""
    return one.left_out


def demand_valid(value: Mapping[str, Any]) -> None:
    """By OpenAI's own types, and by the rules that it publishes of a training file."""
    assert set(value) <= {"messages", "tools", "parallel_tool_calls"}
    messages = value["messages"]
    TypeAdapter(list[ChatCompletionMessageParam]).validate_python(messages, strict=False)
    TypeAdapter(list[ChatCompletionFunctionToolParam]).validate_python(value.get("tools", []))
    assert messages[-1]["role"] == "assistant"
    owed: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            owed.remove(message["tool_call_id"])
            continue
        assert not owed
        calls = message.get("tool_calls", [])
        owed = {c["id"] for c in calls}
        assert len(owed) == len(calls)
        assert calls or message["content"]


def two_turns(last: Mapping[str, Any] | None = None) -> list[Exchange]:
    """A call, its result, and an answer."""
    end = choice(last or assistant("It says: it."))
    return [
        exchange(1, request(system("Be terse."), ASKED, tools=TOOLS), choice(READING)),
        exchange(
            2, request(system("Be terse."), ASKED, READING, result("it", "c1"), tools=TOOLS), end
        ),
    ]


def test_a_thread_is_one_chat_with_its_last_reply() -> None:
    value = the_chat(two_turns())
    assert [m["role"] for m in value["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert value["messages"][2]["tool_calls"][0]["function"] == {
        "name": "read_file",
        "arguments": '{"path":"a"}',
    }
    assert value["messages"][3] == {"role": "tool", "tool_call_id": "c1", "content": "it"}
    assert value["messages"][-1]["content"] == "It says: it."
    assert value["tools"] == TOOLS


def test_reasoning_is_left_out() -> None:
    value = the_chat(two_turns(assistant("It says: it.", reasoning_content="I saw it.")))
    assert "I saw it." not in json.dumps(value)


def test_a_lost_turn_teaches_nobody() -> None:
    assert why_not(lost_tool_turn()).startswith("tool-turn-lost at exchange 2")


def test_a_call_without_its_result_is_named() -> None:
    assert why_not(two_turns()[:1]) == "its last reply calls a tool, and nobody answered"


def test_a_reply_that_failed_is_named() -> None:
    first, second = two_turns()
    cut = replace(second, response=second.response[:40], outcome=Outcome.SERVER_CUT)
    assert "exchange 2" in why_not([first, cut])
    blank = two_turns(assistant(""))
    assert "blank" in why_not(blank)


def test_an_image_cannot_be_told() -> None:
    seen = {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
    }
    assert "image" in why_not([exchange(1, request(ASKED, seen), choice(assistant("A cat.")))])


def test_anthropics_messages_become_the_same_chat() -> None:
    asks = [{"type": "tool_use", "id": "t1", "name": "read_file", "input": {"path": "a"}}]
    answer = [{"type": "tool_result", "tool_use_id": "t1", "content": "it"}]
    sent = {
        "model": "m",
        "max_tokens": 9,
        "system": "Be terse.",
        "tools": [{"name": "read_file", "input_schema": {"type": "object", "properties": {}}}],
        "messages": [
            ASKED,
            {"role": "assistant", "content": asks},
            {"role": "user", "content": answer},
        ],
    }
    one = exchange(1, sent, None, path="/v1/messages")
    reply = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "It says: it."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    one = replace(one, response=json.dumps(reply).encode(), outcome=Outcome.COMPLETE, segments=())
    value = the_chat([one])
    assert [m["role"] for m in value["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert value["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize("arguments", ["{", "[]", '"x"', "null"])
def test_arguments_that_are_no_object_are_named(arguments: str) -> None:
    asks = assistant(None, call("read_file", arguments, "c1"))
    sent = request(ASKED, asks, result("it", "c1"), tools=TOOLS)
    assert why_not([exchange(1, sent, choice(assistant("It says: it.")))])
