"""What real servers sent, decoded: every pair, and what each chat completion is known to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from kimitap.conversation import Turn
from kimitap.dialects import decode, speaks
from kimitap.exchange import Outcome
from tests.support.wire import IK, MAINLINE, load, names

CITY = '{\n    "city": "Paris",\n    "unit": "C"\n}'
WEATHER = ("get_weather", CITY, "functions.get_weather:0")
AGAIN = ("get_weather", CITY, "functions.get_weather:2")
CUT = ("get_weather", '{\n    "city": "', "functions.get_weather:0")
TERSE = '{\n  "city": "Paris",\n  "unit": "C"\n}'
UNFIT = "server_error: The model produced output that does not match"
INVALID = "invalid_request_error: "
TOO_LONG = "exceed_context_size_error: request (6028 tokens)"
GLAD = "I'm glad to make a"
MARKER = "<|tool_calls_section_begin|>"


@dataclass(frozen=True)
class Said:
    """The beginning of the text, of the reasoning and of the error; the rest in full."""

    text: str = ""
    end: str | None = None
    thought: str = ""
    calls: Sequence[tuple[str, str, str]] = ()
    error: str = ""
    complete: bool = True


BY_MAINLINE = {
    "bias_auto_ns": Said(end="length", calls=(AGAIN, AGAIN)),
    "bias_auto_par_st": Said(
        end="length",
        calls=(AGAIN, AGAIN, AGAIN, ("get_weather", '{\n    "city": "Paris', AGAIN[2])),
    ),
    "bias_auto_single_ns": Said(end="tool_calls", calls=(AGAIN,)),
    "bias_auto_single_st": Said(end="tool_calls", calls=(AGAIN,)),
    "bias_auto_st": Said(end="length", calls=(AGAIN, AGAIN)),
    "bias_req_st": Said(end="length", calls=(AGAIN, AGAIN)),
    "chat_json_schema": Said(GLAD, "length"),
    "chat_logprobs_nonstream": Said("I'm", "length"),
    "chat_logprobs_stream": Said("I'm", "length"),
    "chat_max_tokens_0": Said("I", "length"),
    "chat_n2_nonstream": Said("I'm glad", "length"),
    "chat_n2_stream": Said("I'm glad", "length"),
    "chat_nonstream": Said(GLAD, "length"),
    "chat_nonstream_timings_per_token": Said("I'm glad to", "length"),
    "chat_return_tokens_stream": Said("I'm glad", "length"),
    "chat_stop_word": Said("I'm gl", "stop"),
    "chat_stream": Said(GLAD, "length"),
    "chat_stream_ping": Said("The quick brown fox", "length"),
    "chat_stream_return_progress": Said("The quick brown fox", "length"),
    "chat_stream_timings_per_token": Said("I'm glad to", "length"),
    "chat_stream_usage": Said(GLAD, "length"),
    "chat_verbose_nonstream": Said("I'm glad to", "length"),
    "conv_disc": Said("In the sleepy town of Ashwood,", complete=False),
    "ctx_full_midgen": Said("I'm sorry for any confusion.", "length"),
    "err_401": Said(error="authentication_error: Invalid API Key"),
    "err_bad_grammar": Said(error=INVALID + "Failed to initialize samplers"),
    "err_bad_json": Said(error="server_error: [json.exception.parse_error.101]"),
    "err_bad_role": Said(error=INVALID + "All non-assistant messages must contain 'content'"),
    "err_bad_schema_tool": Said(error=INVALID + "JSON schema conversion failed"),
    "err_content_type": Said("To create", "length"),
    "err_context_overflow_nonstream": Said(error=TOO_LONG),
    "err_context_overflow_stream": Said(error=TOO_LONG),
    "err_empty_messages": Said("To start", "length"),
    "err_grammar_with_tools": Said(error=INVALID + "Cannot use custom grammar constraints"),
    "err_image_unsupported": Said(error="server_error: image input is not supported"),
    "err_kwargs_bad": Said(GLAD, "stop"),
    "err_no_messages": Said(error=INVALID + "'messages' is required"),
    "err_tool_choice": Said(error=INVALID + "Invalid tool_choice: bogus"),
    "k2_malformed_json_ns": Said(error=UNFIT),
    "k2_malformed_json_st": Said(error=UNFIT, complete=False),
    "k2_markers_no_tools_ns": Said(MARKER + "<|tool_call_", "length"),
    "k2_nosection_ns": Said(end="tool_calls", calls=(("get_weather", TERSE, WEATHER[2]),)),
    "k2_parallel_auto_st": Said(error=UNFIT, complete=False),
    "k2_parallel_false_ns": Said(error=INVALID + "Failed to initialize samplers"),
    "k2_parallel_ns": Said(
        "I will do both.",
        "length",
        "Two calls needed.",
        calls=(
            ("get_weather", '{"city": "Paris"}', "functions.get_weather:0"),
            ("read_file", '{"path": "data.txt"}', "functions.read_file:1"),
            ("get_weather", '{"city": "Paris"}', "functions.get_weather:0"),
        ),
    ),
    "k2_parallel_st": Said(
        "I will do both.",
        "length",
        "Two calls needed.",
        calls=(
            ("get_weather", '{"city": "Paris"}', "functions.get_weather:0"),
            ("read_file", '{"path": "data.txt"}', "functions.read_file:1"),
            ("get_weather", '{"city": "Paris"}', "functions.get_weather:0"),
        ),
    ),
    "k2_think_unclosed_tool_ns": Said(
        end="tool_calls", thought="Need the tool ", calls=(("get_weather", TERSE, WEATHER[2]),)
    ),
    "k2_unknown_tool_ns": Said(error=UNFIT),
    "prefill_assistant_stream": Said("Hello there, kimi. I'm here to", "length"),
    "queue_first": Said("I'm thrilled to have you here.", "length"),
    "queue_second": Said("I'm sure", "length"),
    "think_budget_stream": Said("assistant\nI'm glad you're here.", "length", "user\nI'm"),
    "think_closed_stream": Said("system\n", "stop", "I should greet."),
    "think_format_none_stream": Said("<think>user\nI'm looking for a new", "length"),
    "think_nonstream": Said(end="length", thought="user\nI'm looking for a new lap"),
    "think_stream": Said(end="length", thought="user\nI'm looking for a new lap"),
    "think_tool_stream": Said(error=UNFIT, complete=False),
    "tool_auto_nocall_nonstream": Said("Paris, France, is a city", "length"),
    "tool_auto_stream": Said(
        calls=(("get_weather", "{", WEATHER[2]),), error=UNFIT, complete=False
    ),
    "tool_multiturn_nonstream": Said("You've found the weather in Paris.", "stop"),
    "tool_multiturn_stream": Said("You've found the weather in Paris.", "length"),
    "tool_named_nonstream": Said(error=UNFIT),
    "tool_none_nonstream": Said("Paris, France, is a city", "length"),
    "tool_nonstream": Said(end="tool_calls", calls=(WEATHER,)),
    "tool_parallel_stream": Said(end="tool_calls", calls=(WEATHER,)),
    "tool_parse_false_nonstream": Said(error=UNFIT),
    "tool_required_nocall_nonstream": Said("Paris, France, is a city", "length"),
    "tool_stream": Said(end="tool_calls", calls=(WEATHER,)),
    "tool_truncated_nonstream": Said(end="length", calls=(CUT,)),
    "tool_truncated_stream": Said(end="length", calls=(CUT,)),
}

BY_IK = {
    "bias_auto_par_st": Said("<|tool_call_begin|><|tool_call_begin|>", "stop"),
    "bias_auto_single_ns": Said("<|tool_call_begin|><|tool_call_begin|>", "stop"),
    "bias_auto_single_st": Said("<|tool_call_begin|><|tool_call_begin|>", "stop"),
    "bias_req_st": Said(
        end="tool_calls",
        calls=(
            (
                "get_weather",
                '{"city":"2022-01-01T1","unit":"C"',
                "wmP1pcmmIICQ5HnFSrOLNF76bFLvL6Dx",
            ),
        ),
    ),
    "chat_json_schema": Said(GLAD, "stop"),
    "chat_logprobs_nonstream": Said("I'm", "stop"),
    "chat_logprobs_stream": Said("I'm", "stop"),
    "chat_max_tokens_0": Said("I", "stop"),
    "chat_n2_nonstream": Said(error="server_error: Only one completion choice is allowed"),
    "chat_n2_stream": Said(error="server_error: Only one completion choice is allowed"),
    "chat_nonstream": Said(GLAD, "stop"),
    "chat_nonstream_timings_per_token": Said("I'm glad to", "stop"),
    "chat_return_tokens_stream": Said("I'm glad", "stop"),
    "chat_stop_word": Said("I'm gl", "stop"),
    "chat_stream": Said(GLAD, "stop"),
    "chat_stream_ping": Said("The quick brown", "stop"),
    "chat_stream_return_progress": Said("You are a digital", "stop"),
    "chat_stream_timings_per_token": Said("I'm glad to", "stop"),
    "chat_stream_usage": Said(GLAD, "stop"),
    "chat_verbose_nonstream": Said("I'm glad to", "stop"),
    "err_bad_grammar": Said(GLAD, "stop"),
    "err_bad_json": Said(error="server_error: [json.exception.parse_error.101]"),
    "err_bad_role": Said(error="server_error: All non-assistant messages must contain 'content'"),
    "err_bad_schema_tool": Said(error="server_error: JSON schema conversion failed"),
    "err_content_type": Said("The role", "stop"),
    "err_context_overflow_nonstream": Said("outbrex.", "stop"),
    "err_context_overflow_stream": Said("tacit, to.", "stop"),
    "err_empty_messages": Said("It's", "stop"),
    "err_grammar_with_tools": Said(error="server_error: Cannot use custom grammar constraints"),
    "err_image_unsupported": Said(error="server_error: image input is not supported"),
    "err_kwargs_bad": Said(GLAD, "stop"),
    "err_no_messages": Said(error="server_error: 'messages' is required"),
    "err_tool_choice": Said(error="server_error: Invalid tool_choice: bogus"),
    "hangup_stream": Said("I'm here to help you with", complete=False),
    "prefill_assistant_stream": Said("welcome to the world of", "stop"),
    "think_budget_stream": Said("assistant\nI'm glad to make", "stop"),
    "think_closed_stream": Said("system", "stop"),
    "think_format_none_stream": Said("assistant\nI'm glad to make", "stop"),
    "think_nonstream": Said("assistant\nI'm glad to make", "stop"),
    "think_stream": Said("assistant\nI'm glad to make", "stop"),
    "think_tool_stream": Said(end="stop"),
    "tool_auto_nocall_nonstream": Said(end="stop"),
    "tool_auto_stream": Said("system", "stop"),
    "tool_multiturn_nonstream": Said(end="stop"),
    "tool_multiturn_stream": Said("You can't find the weather in Paris", "stop"),
    "tool_named_nonstream": Said("system", "stop"),
    "tool_none_nonstream": Said("The weather in Paris is", "stop"),
    "tool_nonstream": Said(MARKER, "stop"),
    "tool_parallel_stream": Said(MARKER, "stop"),
    "tool_parse_false_nonstream": Said("system", "stop"),
    "tool_required_nocall_nonstream": Said("<|tool_calls_sectio", "stop"),
    "tool_stream": Said(MARKER, "stop"),
    "tool_truncated_nonstream": Said(MARKER + "<|tool", "stop"),
    "tool_truncated_stream": Said(end="stop"),
}

SAMPLES = [(MAINLINE, n, said) for n, said in BY_MAINLINE.items()]
SAMPLES += [(IK, n, said) for n, said in BY_IK.items()]


def turn_of(name: str, folder: Path = MAINLINE) -> Turn:
    turn = decode(load(name, folder))
    assert turn is not None
    return turn


@pytest.mark.parametrize("folder, name, said", SAMPLES)
def test_a_real_servers_reply_says_what_it_said(folder: Path, name: str, said: Said) -> None:
    reply = turn_of(name, folder).reply
    assert reply.message.text.startswith(said.text)
    assert bool(reply.message.text) == bool(said.text)
    assert reply.message.reasoning.startswith(said.thought)
    assert bool(reply.message.reasoning) == bool(said.thought)
    assert reply.finish_reason == said.end
    assert [(c.name, c.arguments, c.id) for c in reply.message.tool_calls] == list(said.calls)
    assert reply.error.startswith(said.error)
    assert bool(reply.error) == bool(said.error)
    assert reply.complete == said.complete


@pytest.mark.parametrize("folder, table", [(MAINLINE, BY_MAINLINE), (IK, BY_IK)])
def test_every_chat_completion_among_the_samples_is_in_the_table(
    folder: Path, table: dict[str, Said]
) -> None:
    chats = {n for n in names(folder) if speaks(load(n, folder)) == "openai-chat"}
    assert chats == set(table)
    assert len(names(folder)) > 80


def test_other_endpoints_and_methods_are_left_to_others() -> None:
    others = [load(n, f) for f in (MAINLINE, IK) for n in names(f) if decode(load(n, f)) is None]
    assert {"/props", "/v1/messages/count_tokens", "/v1/chat/completions"} <= {
        one.endpoint for one in others
    }
    assert all(one.method != "POST" for one in others if one.endpoint.endswith("/chat/completions"))


@pytest.mark.parametrize("folder, name, said", SAMPLES)
def test_only_unreadable_requests_have_faults(folder: Path, name: str, said: Said) -> None:
    places = [fault.where for fault in turn_of(name, folder).faults]
    known = {"err_bad_json": ["request"], "err_no_messages": ["request.messages"]}
    assert places == known.get(name, [])


@pytest.mark.parametrize("folder, name", [(f, n) for f, n, s in SAMPLES if s.text])
def test_the_text_is_all_that_the_deltas_said(folder: Path, name: str) -> None:
    assert turn_of(name, folder).reply.message.text == naively(load(name, folder).response)


def naively(response: bytes) -> str:
    """The text of choice 0, as one would read it by eye."""
    text = ""
    lines = response.split(b"\n") if response.startswith((b"data", b":")) else [response]
    for line in lines:
        data = line.removeprefix(b"data: ")
        if data[:1] == b"{":
            for choice in orjson.loads(data)["choices"]:
                if choice["index"] == 0:
                    said: dict[str, Any] = choice.get("delta") or choice.get("message") or {}
                    text += said.get("content") or ""
    return text


def test_the_request_is_read_with_its_tools_and_settings() -> None:
    turn = turn_of("tool_stream")
    assert [m.role for m in turn.messages] == ["system", "user"]
    assert [t.name for t in turn.tools] == ["get_weather", "read_file"]
    assert turn.parameters["tool_choice"] == "required"
    assert turn.parameters["stream_options"] == {"include_usage": True}
    assert not {"messages", "tools", "model", "stream"} & set(turn.parameters)
    assert (turn.model, turn.stream, turn.agent) == ("kimi-k2-smol", True, "cap.py")


def test_a_history_with_a_call_and_its_result_is_read() -> None:
    _, _, asked, answered = turn_of("tool_multiturn_nonstream").messages
    assert [c.name for c in asked.tool_calls] == ["get_weather"]
    assert [r.call_id for r in answered.tool_results] == [asked.tool_calls[0].id]


def test_the_counts_are_the_servers() -> None:
    reply = turn_of("chat_nonstream").reply
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (20, 16)
    assert reply.usage.cached_tokens == 5
    assert (reply.timings.cache_n, reply.timings.prompt_n) == (5, 15)
    assert reply.timings.prompt_ms == pytest.approx(191.24)
    assert (reply.model, reply.fingerprint) == ("kimi-k2-smol", "b1-571d0d5")


def test_a_stream_without_usage_is_counted_by_its_timings() -> None:
    usage = turn_of("chat_stream").reply.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (20, 8, 19)


def test_pings_and_progress_say_nothing() -> None:
    pinged, told = turn_of("chat_stream_ping"), turn_of("chat_stream_return_progress")
    assert pinged.reply.message.text == told.reply.message.text == "The quick brown fox"
    assert pinged.reply.events == 7


@pytest.mark.parametrize("name", ["chat_n2_stream", "chat_n2_nonstream"])
def test_further_choices_stand_beside_the_first(name: str) -> None:
    reply = turn_of(name).reply
    assert [message.text for message in reply.others] == ["I'm glad"]


def test_an_error_after_the_first_token_is_the_streams() -> None:
    streamed, whole = turn_of("k2_malformed_json_st"), turn_of("k2_malformed_json_ns")
    assert streamed.status == 200
    assert streamed.reply.error_in_stream
    assert not whole.reply.error_in_stream
    assert not streamed.succeeded
    assert not whole.succeeded


def test_a_json_error_may_answer_a_request_for_a_stream() -> None:
    turn = turn_of("err_context_overflow_stream")
    assert turn.stream
    assert not turn.reply.streamed
    assert (turn.status, turn.outcome) == (400, Outcome.HTTP_ERROR)


def test_a_hang_up_leaves_what_had_come() -> None:
    turn = turn_of("hangup_stream", IK)
    assert turn.outcome is Outcome.CLIENT_HUNG_UP
    assert turn.reply.message.text
    assert not turn.reply.complete


def test_ik_llama_counts_on_every_chunk_and_knows_no_cache() -> None:
    ours, theirs = load("chat_stream"), load("chat_stream", IK)
    assert ours.response.count(b'"usage"') == 0
    assert theirs.response.count(b'"usage"') == 9
    reply = turn_of("chat_stream", IK).reply
    assert reply.timings.cache_n is None
    assert reply.usage.prompt_tokens == 20
    assert reply.usage.completion_tokens == 8
    assert reply.usage.cached_tokens == 20 - (reply.timings.prompt_n or 0) == 19


def test_ik_llama_says_stop_where_mainline_says_length() -> None:
    both = [n for n in BY_MAINLINE if n in BY_IK and BY_MAINLINE[n].end == "length"]
    assert len(both) > 20
    cut = [n for n in both if BY_IK[n].end == "stop"]
    assert set(both) - set(cut) == {"bias_req_st", "chat_n2_stream", "chat_n2_nonstream"}
    ended = turn_of("chat_nonstream", IK)
    assert ended.reply.finish_reason == "stop"
    assert ended.reply.timings.predicted_n == ended.parameters["max_tokens"] == 16


def test_ik_llama_counts_what_its_usage_has_not_seen() -> None:
    reply = turn_of("tool_auto_stream", IK).reply
    assert reply.timings.predicted_n == reply.usage.completion_tokens == 3


def test_ik_llama_names_itself_and_has_no_fingerprint() -> None:
    ours, theirs = turn_of("chat_nonstream"), turn_of("chat_nonstream", IK)
    assert (ours.server, theirs.server) == ("llama.cpp", "ik_llama.cpp")
    assert ours.reply.fingerprint
    assert not theirs.reply.fingerprint


def test_segments_tell_when_the_first_bytes_came() -> None:
    turn = turn_of("chat_stream")
    assert turn.first_event_s == pytest.approx(0.01)
    assert turn.duration_s is not None
    assert turn.duration_s > 0.05
