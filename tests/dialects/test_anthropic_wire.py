"""What real servers answered to `/v1/messages`, decoded."""

from pathlib import Path

import pytest

from kimitap.conversation import Reasoning, Turn
from kimitap.dialects import decode, speaks
from kimitap.exchange import Outcome
from tests.dialects.test_wire import Said
from tests.support.wire import IK, MAINLINE, load, names

CITY = '{\n    "city": "Paris"\n}'
MARKER = "<|tool_calls_section_begin|>"

BY_MAINLINE = {
    "anthropic_err_in_stream": Said(
        calls=(("get_weather", "{", "functions.get_weather:0"),),
        error="server_error: The model produced output that does not match",
        complete=False,
    ),
    "anthropic_error": Said(error="server_error: 'messages' is required"),
    "anthropic_multiturn_nonstream": Said("I'm sorry for you.", "max_tokens"),
    "anthropic_nonstream": Said("I'm glad to make a difference.", "max_tokens"),
    "anthropic_stream": Said("I'm glad to make a difference. I'm a creative", "max_tokens"),
    "anthropic_think_stream": Said("system\n", "end_turn", "Greet."),
    "anthropic_tool_nonstream": Said(
        end="tool_use", calls=(("get_weather", '{"city":"Paris"}', "functions.get_weather:0"),)
    ),
    "anthropic_tool_stream": Said(
        end="tool_use", calls=(("get_weather", CITY, "functions.get_weather:0"),)
    ),
    "err_401_anthropic": Said(error="authentication_error: Invalid API Key"),
}
BY_IK = {
    "anthropic_error": Said(error="server_error: 'messages' is required"),
    "anthropic_multiturn_nonstream": Said("21.1.1", "end_turn"),
    "anthropic_nonstream": Said("I'm glad to make a difference.", "end_turn"),
    "anthropic_stream": Said("I'm glad to make a difference. I'm a non", "end_turn"),
    "anthropic_think_stream": Said("Hello there, welcome to the world of the Nexar", "end_turn"),
    "anthropic_tool_nonstream": Said(MARKER, "end_turn"),
    "anthropic_tool_stream": Said(MARKER, "end_turn"),
}
SAMPLES = [(MAINLINE, n, said) for n, said in BY_MAINLINE.items()]
SAMPLES += [(IK, n, said) for n, said in BY_IK.items()]


def turn_of(name: str, folder: Path = MAINLINE) -> Turn:
    turn = decode(load(name, folder))
    assert turn is not None
    return turn


@pytest.mark.parametrize("folder, table", [(MAINLINE, BY_MAINLINE), (IK, BY_IK)])
def test_every_message_among_the_samples_is_in_the_table(
    folder: Path, table: dict[str, Said]
) -> None:
    found = {n for n in names(folder) if speaks(load(n, folder)) == "anthropic-messages"}
    assert found == set(table)


@pytest.mark.parametrize("folder, name, said", SAMPLES)
def test_a_real_servers_reply_says_what_it_said(folder: Path, name: str, said: Said) -> None:
    reply = turn_of(name, folder).reply
    assert reply.message.text.startswith(said.text)
    assert bool(reply.message.text) == bool(said.text)
    assert reply.message.reasoning == said.thought
    assert reply.finish_reason == said.end
    assert [(c.name, c.arguments, c.id) for c in reply.message.tool_calls] == list(said.calls)
    assert reply.error.startswith(said.error)
    assert bool(reply.error) == bool(said.error)
    assert reply.complete == said.complete


@pytest.mark.parametrize("folder, name, said", SAMPLES)
def test_only_a_request_without_messages_has_a_fault(folder: Path, name: str, said: Said) -> None:
    places = [fault.where for fault in turn_of(name, folder).faults]
    assert places == (["request.messages"] if name == "anthropic_error" else [])


@pytest.mark.parametrize("folder", [MAINLINE, IK])
def test_counting_tokens_is_no_turn(folder: Path) -> None:
    assert decode(load("anthropic_count_tokens", folder)) is None


def test_a_thought_whose_signature_comes_last_is_one_part() -> None:
    thought, _ = turn_of("anthropic_think_stream").reply.message.parts
    assert thought == Reasoning("Greet.", "thinking", "")


def test_an_error_after_the_first_token_is_the_streams() -> None:
    turn = turn_of("anthropic_err_in_stream")
    assert (turn.status, turn.outcome) == (200, Outcome.COMPLETE)
    assert turn.reply.error_in_stream
    assert not turn.succeeded


def test_the_prompt_counts_what_came_from_the_cache() -> None:
    usage = turn_of("anthropic_multiturn_nonstream").reply.usage
    assert (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) == (137, 93, 12)
    usage = turn_of("anthropic_stream").reply.usage
    assert (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) == (20, 19, 12)


def test_ik_llama_does_not_tell_what_came_from_the_cache() -> None:
    usage = turn_of("anthropic_stream", IK).reply.usage
    assert (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) == (20, None, 12)


def test_ik_llama_ends_a_turn_where_mainline_says_max_tokens() -> None:
    ours, theirs = turn_of("anthropic_stream"), turn_of("anthropic_stream", IK)
    assert ours.reply.usage.completion_tokens == theirs.reply.usage.completion_tokens == 12
    assert ours.parameters["max_tokens"] == theirs.parameters["max_tokens"] == 12
    assert (ours.reply.finish_reason, theirs.reply.finish_reason) == ("max_tokens", "end_turn")


def test_a_history_with_a_call_and_its_result_is_read() -> None:
    turn = turn_of("anthropic_multiturn_nonstream")
    asked, said, answered = turn.messages
    assert [m.role for m in turn.messages] == ["user", "assistant", "tool"]
    assert (asked.text, said.text, answered.text) == ("Weather?", "Looking.", "21 C")
    assert [r.call_id for r in answered.tool_results] == [said.tool_calls[0].id]
    assert turn.wire_indexes == ()
