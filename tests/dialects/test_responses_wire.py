"""What real servers said on `/v1/responses`, decoded."""

from pathlib import Path

import pytest

from kimitap.conversation import Turn
from kimitap.dialects import decode
from tests.support.wire import IK, MAINLINE, load

UNFIT = "server_error: The model produced output that does not match the expected peg-native format"
GLAD = "I'm glad to make a difference."


def turn_of(name: str, folder: Path) -> Turn:
    turn = decode(load(name, folder))
    assert turn is not None
    return turn


@pytest.mark.parametrize(
    "folder, name, text, end, error",
    [
        (MAINLINE, "responses_nonstream", GLAD + " I'm a creative", "stop", ""),
        (MAINLINE, "responses_stream", GLAD, "stop", ""),
        (MAINLINE, "responses_tool_nonstream", "", None, UNFIT),
        (MAINLINE, "responses_tool_stream", "", None, UNFIT),
        (IK, "responses_nonstream", GLAD + " I'm a creative", "stop", ""),
        (IK, "responses_stream", GLAD, "stop", ""),
        (IK, "responses_tool_nonstream", "system", "stop", ""),
        (IK, "responses_tool_stream", "system", "stop", ""),
    ],
)
def test_a_real_servers_reply(
    folder: Path, name: str, text: str, end: str | None, error: str
) -> None:
    turn = turn_of(name, folder)
    reply = turn.reply
    assert (reply.message.text, reply.finish_reason, reply.error) == (text, end, error)
    assert reply.streamed == (name.split("_")[-1] == "stream")
    assert reply.complete == (name != "responses_tool_stream" or folder is IK)
    assert reply.id.startswith("resp_") == (reply.streamed or not error)
    assert turn.faults == ()


def test_the_request_is_read() -> None:
    turn = turn_of("responses_stream", MAINLINE)
    assert [(m.role, m.text) for m in turn.messages] == [
        ("system", "You are terse."),
        ("user", "Say hello."),
    ]
    assert (turn.model, turn.stream, turn.wire_indexes) == ("kimi-k2-smol", True, (-1, 0))
    assert turn.parameters == {"max_output_tokens": 8, "temperature": 0}
    assert [t.name for t in turn_of("responses_tool_stream", MAINLINE).tools] == ["get_weather"]


def test_a_call_that_an_error_cut_is_there() -> None:
    reply = turn_of("responses_tool_stream", MAINLINE).reply
    (call,) = reply.message.tool_calls
    assert (call.name, call.arguments) == ("get_weather", "{")
    assert call.id == "call_functions.get_weather:0"
    assert reply.error_in_stream


def test_the_counts_and_times_are_the_servers() -> None:
    ours, theirs = (turn_of("responses_stream", f).reply for f in (MAINLINE, IK))
    assert (ours.usage.prompt_tokens, ours.usage.completion_tokens) == (20, 8)
    assert (ours.usage.cached_tokens, theirs.usage.cached_tokens) == (19, None)
    assert (ours.timings.cache_n, ours.timings.predicted_n) == (19, 8)
    assert theirs.timings.prompt_n is None


def test_both_servers_say_completed_where_the_limit_cut_the_reply() -> None:
    for folder in (MAINLINE, IK):
        turn = turn_of("responses_stream", folder)
        assert turn.reply.usage.completion_tokens == turn.parameters["max_output_tokens"]
        assert turn.reply.finish_reason == "stop"
