"""Chat completions as vLLM, OpenRouter, DashScope and others send them, event by event."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from kimitap.conversation import Message, Reasoning, Reply, Text, ToolCall, Turn
from kimitap.dialects import decode
from tests.support.chat import assistant, choice, exchange, request, user

ASKED = request(user("x"))


def turn_of(response: bytes, **sent: Any) -> Turn:
    made = exchange(1, {**ASKED, **sent}, choice(assistant("ok")))
    turn = decode(replace(made, response=response))
    assert turn is not None
    return turn


def stream(*lines: Any) -> bytes:
    """Events of JSON values; a string is a line of its own."""
    told = [
        one.encode() if isinstance(one, str) else b"data: " + orjson.dumps(one) for one in lines
    ]
    return b"".join(line + b"\n\n" for line in told)


def reply_to(*lines: Any) -> Reply:
    turn = turn_of(stream(*lines, "data: [DONE]"))
    assert turn.faults == ()
    return turn.reply


def chunk(delta: Any, reason: Any = None, **fields: Any) -> dict[str, Any]:
    """A chunk of one choice; `fields` stand beside the delta."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "kimi-k2",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason, **fields}],
    }


def calls(*deltas: Any) -> dict[str, Any]:
    return chunk({"tool_calls": list(deltas)})


def test_vllm_streams_a_call() -> None:
    """No arguments in the first delta, `stop_reason` beside the reason, usage on its own chunk."""
    first = {"id": "chatcmpl-tool-9f", "type": "function", "index": 0, "function": {"name": "f"}}
    reply = reply_to(
        chunk({"role": "assistant", "content": ""}, logprobs=None),
        chunk({"reasoning": "I ", "reasoning_content": "I "}),
        chunk({"reasoning": "look.", "reasoning_content": "look."}),
        chunk({"content": "\n\n"}),
        calls(first),
        calls({"index": 0, "function": {"arguments": '{"a"'}}),
        calls({"index": 0, "function": {"arguments": ": 1}"}}),
        chunk({"content": ""}, "tool_calls", stop_reason=None),
        {**chunk({}), "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}},
    )
    assert reply.message.parts == (
        Reasoning("I look.", "reasoning"),
        Text("\n\n"),
        ToolCall("f", '{"a": 1}', "chatcmpl-tool-9f"),
    )
    assert (reply.finish_reason, reply.usage.prompt_tokens) == ("tool_calls", 9)
    assert reply.usage.completion_tokens == 4


def test_vllm_writes_every_field_of_a_whole_reply_out() -> None:
    message = {
        "role": "assistant",
        "content": "so",
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
        "tool_calls": [],
        "reasoning": None,
        "reasoning_content": None,
    }
    said = {"index": 0, "message": message, "finish_reason": "stop", "stop_reason": 163586}
    body = {"id": "c", "choices": [said], "prompt_logprobs": None, "kv_transfer_params": None}
    turn = turn_of(orjson.dumps(body))
    assert (turn.faults, turn.reply.message) == (
        (),
        Message("assistant", (Text("so"),), "assistant"),
    )
    assert turn.reply.finish_reason == "stop"


@pytest.mark.parametrize(
    "error",
    [
        {"object": "error", "message": "too long", "type": "BadRequestError", "code": 400},
        {"error": {"message": "too long", "type": "BadRequestError", "code": 400}},
    ],
)
def test_vllm_tells_an_error_in_the_stream(error: Any) -> None:
    turn = turn_of(stream(chunk({"content": "a"}), error, "data: [DONE]"))
    assert turn.reply.error == "BadRequestError: too long"
    assert turn.reply.error_in_stream
    assert not turn.succeeded


def details(text: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"type": "reasoning.text", "text": text, "format": "unknown", "index": 0, **fields}]


def test_openrouter_comments_before_it_speaks_and_counts_at_the_end() -> None:
    end = chunk({"role": "assistant", "content": ""}, "stop", native_finish_reason="completed")
    counted = {**chunk({"role": "assistant", "content": ""}, None), "provider": "Moonshot"}
    counted["usage"] = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "cost": 0.0001,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    reply = reply_to(
        ": OPENROUTER PROCESSING",
        ": OPENROUTER PROCESSING",
        chunk(
            {
                "role": "assistant",
                "content": "",
                "reasoning": "I ",
                "reasoning_details": details("I "),
            }
        ),
        chunk({"content": "", "reasoning": "look.", "reasoning_details": details("look.")}),
        chunk({"role": "assistant", "content": "so"}),
        end,
        counted,
    )
    assert reply.message.parts == (Reasoning("I look.", "reasoning"), Text("so"))
    assert (reply.finish_reason, reply.events) == ("stop", 6)
    assert (reply.usage.cached_tokens, reply.usage.reasoning_tokens) == (8, 2)


def test_openrouters_signature_of_reasoning_is_kept() -> None:
    sealed = [{"type": "reasoning.encrypted", "data": "gAAA", "id": "rs_1"}]
    reply = reply_to(
        chunk({"reasoning": "I look.", "reasoning_details": details("I look.")}),
        chunk({"reasoning_details": details("", signature="Eq9")}),
        chunk({"content": "so"}, "stop"),
    )
    assert reply.message.parts[0] == Reasoning("I look.", "reasoning", "Eq9")
    back = {"role": "assistant", "content": "so", "reasoning": "I look."}
    whole = details("I look.", signature="Eq9")
    turn = decode(exchange(1, request(user("x"), {**back, "reasoning_details": whole}), None))
    assert turn is not None
    assert turn.messages[1] == reply.message
    reply = reply_to(chunk({"reasoning_details": sealed}), chunk({"content": "so"}, "stop"))
    assert reply.message.parts[0] == Reasoning("", "reasoning_details", "gAAA")


def test_openrouter_tells_a_providers_error_within_the_stream() -> None:
    error = {"code": "server_error", "message": "Provider disconnected unexpectedly"}
    turn = turn_of(
        stream(chunk({"content": "a"}), {**chunk({"content": ""}, "error"), "error": error})
    )
    reply = turn.reply
    assert (reply.finish_reason, reply.message.text) == ("error", "a")
    assert reply.error == "server_error: Provider disconnected unexpectedly"
    assert reply.error_in_stream
    assert not turn.succeeded


def test_openrouter_tells_a_providers_error_within_a_choice() -> None:
    error = {"code": 502, "message": "Upstream idle timeout exceeded"}
    streamed = turn_of(
        stream(chunk({"content": "a"}), chunk({"content": ""}, "error", error=error))
    )
    said = {"index": 0, "message": assistant("a"), "finish_reason": "error", "error": error}
    whole = turn_of(orjson.dumps({"id": "gen-1", "choices": [said]}))
    for turn in (streamed, whole):
        assert turn.reply.error == "Upstream idle timeout exceeded"
        assert (turn.reply.message.text, turn.reply.finish_reason) == ("a", "error")
        assert not turn.succeeded
    assert streamed.reply.error_in_stream
    assert not whole.reply.error_in_stream


def test_openrouter_tells_an_error_with_status_200() -> None:
    body = {"error": {"message": "No endpoints found", "code": 404}, "user_id": "org_1"}
    turn = turn_of(orjson.dumps(body))
    assert (turn.reply.error, turn.succeeded) == ("No endpoints found", False)


def test_dashscope_repeats_empty_ids_and_ends_with_null_arguments() -> None:
    """`usage` is null in every chunk but its own, ids are empty after the first delta."""
    first = {"id": "call_1", "type": "function", "index": 0}
    reply = reply_to(
        {**chunk({"role": "assistant", "content": None, "reasoning_content": ""}), "usage": None},
        chunk({"content": None, "reasoning_content": "I look."}),
        calls({**first, "function": {"name": "f", "arguments": ""}}),
        calls({**first, "id": "", "function": {"name": "", "arguments": '{"a": '}}),
        calls({**first, "id": "", "function": {"name": None, "arguments": "1}"}}),
        calls({**first, "id": "", "function": {"arguments": None}}),
        chunk({"content": "", "reasoning_content": None}, "tool_calls"),
        {
            **chunk({}),
            "choices": [],
            "usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 0}},
        },
    )
    assert reply.message.parts == (
        Reasoning("I look.", "reasoning_content"),
        ToolCall("f", '{"a": 1}', "call_1"),
    )
    assert (reply.finish_reason, reply.usage.cached_tokens) == ("tool_calls", 0)


def test_dashscope_refuses_in_words_of_its_own() -> None:
    made = exchange(1, ASKED, None, status=400)
    body = {"code": "InvalidParameter", "message": "Range of input length", "request_id": "r"}
    turn = decode(replace(made, response=orjson.dumps(body)))
    assert turn is not None
    assert turn.reply.error == "InvalidParameter: Range of input length"


def test_calls_without_index_or_with_the_same_one_are_one_each() -> None:
    """Gemini's compatible endpoint sends whole calls without index, some servers all with 0."""
    made = [
        {"id": "", "type": "function", "function": {"name": n, "arguments": f'{{"p":"{n}"}}'}}
        for n in ("f", "g")
    ]
    reply = reply_to(*(calls(one) for one in made), chunk({}, "tool_calls"))
    assert [(c.name, c.arguments) for c in reply.message.tool_calls] == [
        ("f", '{"p":"f"}'),
        ("g", '{"p":"g"}'),
    ]
    numbered = [{**one, "id": f"c{n}", "index": 0} for n, one in enumerate(made)]
    turn = turn_of(stream(*(calls(one) for one in numbered), "data: [DONE]"))
    assert [c.name for c in turn.reply.message.tool_calls] == ["f", "g"]
    assert [fault.what for fault in turn.faults] == ["index 0 was already the call 'c0'"]


def test_a_reason_may_come_with_the_last_word() -> None:
    reply = reply_to(chunk({"content": "s"}), chunk({"content": "o"}, "stop"))
    assert (reply.message.text, reply.finish_reason) == ("so", "stop")


def test_a_gateway_may_end_twice_with_the_same_reason() -> None:
    reply = reply_to(chunk({"content": "so"}), chunk({}, "stop"), chunk({}, "stop"))
    assert reply.finish_reason == "stop"


def test_a_custom_tool_takes_any_text() -> None:
    made = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls "}}
    more = {"index": 0, "custom": {"input": "-l"}}
    reply = reply_to(calls(made), calls(more), chunk({}, "tool_calls"))
    (call,) = reply.message.tool_calls
    assert (call.name, call.arguments, call.free) == ("sh", "ls -l", True)


def test_what_signs_a_thought_is_kept() -> None:
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "Eq9"}]
    for message in (assistant("so", thinking_blocks=blocks), assistant(blocks)):  # type: ignore[arg-type]
        turn = decode(exchange(1, request(user("x"), message), None))
        assert turn is not None
        assert [p.signature for p in turn.messages[1].parts if isinstance(p, Reasoning)] == ["Eq9"]
