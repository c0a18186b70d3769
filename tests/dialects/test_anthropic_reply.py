"""A reply of Anthropic's Messages API, decoded: whole, streamed, refused, cut."""

from dataclasses import replace
from typing import Any

import pytest

from kimitap.conversation import Other, Reasoning, Text, ToolCall, Turn
from kimitap.dialects import decode
from kimitap.exchange import Outcome
from tests.support.anthropic import (
    begin,
    delta,
    end,
    event,
    exchange,
    reply,
    request,
    said,
    start,
    stop,
    stream_of,
    text,
    thinking,
    use,
    user,
)

BODY = reply(thinking("hm", "sig"), text("So."), use("t1", "f", a=1), stop="tool_use")
TEXT = text("")


def streamed(*events: bytes) -> Turn:
    """The turn of a stream that begins and ends as it should."""
    return said(start() + b"".join(events) + end())


@pytest.mark.parametrize("answer", [BODY, stream_of(BODY)], ids=["whole", "streamed"])
def test_a_reply_says_what_its_blocks_say(answer: Any) -> None:
    turn = said(answer)
    assert turn.faults == ()
    assert turn.reply.message.parts == (
        Reasoning("hm", "thinking", "sig"),
        Text("So."),
        ToolCall("f", '{"a":1}', "t1"),
    )
    assert (turn.reply.finish_reason, turn.reply.complete) == ("tool_use", True)
    assert (turn.reply.id, turn.reply.model) == ("msg_1", "kimi-k2")
    assert turn.reply.streamed == isinstance(answer, bytes)


def test_the_prompt_is_what_was_read_with_what_came_from_the_cache_and_went_into_it() -> None:
    used = {
        "input_tokens": 3,
        "cache_read_input_tokens": 40,
        "cache_creation_input_tokens": 500,
        "output_tokens": 7,
    }
    usage = said(reply(text("x"), usage=used)).reply.usage
    assert usage.prompt_tokens == 543
    assert (usage.cached_tokens, usage.completion_tokens) == (40, 7)


def test_a_server_without_a_cache_does_not_say_how_much_it_held() -> None:
    usage = said(reply(text("x"))).reply.usage
    assert (usage.prompt_tokens, usage.cached_tokens) == (5, None)


def test_the_last_count_of_a_stream_counts_but_no_zero_after_a_number() -> None:
    begun = start(usage={"input_tokens": 9, "cache_read_input_tokens": 2, "output_tokens": 0})
    last = {"input_tokens": 0, "cache_read_input_tokens": 4, "output_tokens": 5}
    ended = event("message_delta", delta={"stop_reason": "end_turn"}, usage=last)
    usage = said(begun + ended + event("message_stop")).reply.usage
    assert (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) == (13, 4, 5)


def test_counts_that_are_none_count_nothing() -> None:
    for used in (None, 5, {"input_tokens": "9", "output_tokens": -1}, {"input_tokens": True}):
        usage = said(reply(text("x"), usage=used)).reply.usage
        assert (usage.prompt_tokens, usage.completion_tokens) == (None, None)


@pytest.mark.parametrize("where", ["message_delta", "message_stop"])
def test_the_times_of_a_llama_server_are_read_where_it_sends_them(where: str) -> None:
    times = {"cache_n": 5, "prompt_n": 2, "prompt_ms": 1.5, "predicted_n": 3}
    turn = said(start() + event(where, timings=times, delta={}) + end())
    assert (turn.reply.timings.cache_n, turn.reply.timings.prompt_ms) == (5, 1.5)
    assert turn.reply.usage.cached_tokens == 5


def test_a_block_without_input_takes_it_from_its_deltas() -> None:
    bare = {"type": "tool_use", "id": "functions.f:0", "name": "f"}
    deltas = [delta(0, "input_json_delta", partial_json=p) for p in ('{"a', '":', " 1}")]
    (call,) = streamed(begin(0, bare), *deltas, stop(0)).reply.message.tool_calls
    assert call == ToolCall("f", '{"a": 1}', "functions.f:0")


def test_the_empty_input_that_a_block_begins_with_is_no_argument() -> None:
    asked = streamed(begin(0, use("t", "f")), delta(0, "input_json_delta", partial_json='{"b":2}'))
    assert asked.reply.message.tool_calls[0].arguments == '{"b":2}'


def test_without_a_delta_the_input_that_a_block_begins_with_counts() -> None:
    for begun, arguments in (({}, "{}"), ({"a": 1}, '{"a":1}'), (None, "")):
        block = {**use("t", "f"), "input": begun}
        silent = delta(0, "input_json_delta", partial_json="")
        (call,) = streamed(begin(0, block), silent, stop(0)).reply.message.tool_calls
        assert call.arguments == arguments


def test_arguments_that_are_cut_or_no_json_stay_as_they_are() -> None:
    for written in ('{"a": "b', "{a: 1}", '{"a":1}{"b":2}'):
        turn = streamed(
            begin(0, use("t", "f")), delta(0, "input_json_delta", partial_json=written), stop(0)
        )
        assert turn.reply.message.tool_calls[0].arguments == written
        assert turn.faults == ()


def test_deltas_go_to_the_block_of_their_index() -> None:
    turn = streamed(
        begin(0, thinking("")),
        delta(0, "thinking_delta", thinking="hm"),
        begin(1, TEXT),
        delta(1, "text_delta", text="so"),
        begin(2, use("t", "f")),
        delta(2, "input_json_delta", partial_json="{}"),
        delta(0, "signature_delta", signature="sig"),
        delta(1, "text_delta", text="!"),
        *(stop(i) for i in range(3)),
    )
    assert turn.reply.message.parts == (
        Reasoning("hm", "thinking", "sig"),
        Text("so!"),
        ToolCall("f", "{}", "t"),
    )
    assert turn.faults == ()


def test_an_empty_block_of_a_reply_is_no_part() -> None:
    assert streamed(begin(0, TEXT), stop(0)).reply.empty
    assert streamed(begin(0, thinking("")), stop(0)).reply.message.parts == ()
    assert said(reply(TEXT)).reply.message.parts == ()


def test_a_redacted_thought_comes_whole() -> None:
    turn = streamed(begin(0, {"type": "redacted_thinking", "data": "abc"}), stop(0))
    assert turn.reply.message.parts == (Reasoning("", "redacted_thinking", "abc"),)
    assert turn.faults == ()


def test_a_tool_that_the_server_runs_says_the_same_streamed_and_whole() -> None:
    used = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    whole = said(reply(used, found)).reply.message
    turn = streamed(
        begin(0, {**used, "input": {}}),
        delta(0, "input_json_delta", partial_json='{"query":'),
        delta(0, "input_json_delta", partial_json=' "x"}'),
        stop(0),
        begin(1, found),
        stop(1),
    )
    assert turn.reply.message == whole
    assert [part.kind for part in whole.parts if isinstance(part, Other)] == [
        "server_tool_use",
        "web_search_tool_result",
    ]
    assert turn.faults == ()


def test_citations_and_pings_and_later_kinds_of_events_say_nothing() -> None:
    turn = streamed(
        event("ping"),
        begin(0, TEXT),
        delta(0, "text_delta", text="so"),
        delta(0, "citations_delta", citation={"type": "char_location", "cited_text": "x"}),
        event("something_new", index=0),
        stop(0),
    )
    assert turn.reply.message.parts == (Text("so"),)
    assert turn.faults == ()


def test_a_block_that_a_message_already_starts_with_is_read() -> None:
    turn = said(start(content=[text("so")]) + delta(0, "text_delta", text=" it is") + end())
    assert turn.reply.message.text == "so it is"


def test_without_its_message_stop_a_stream_is_not_complete() -> None:
    reply_ = said(stream_of(BODY).removesuffix(event("message_stop"))).reply
    assert reply_.message == said(BODY).reply.message
    assert (reply_.finish_reason, reply_.complete) == ("tool_use", False)


def test_done_as_chat_completions_say_it_is_no_end_and_no_fault() -> None:
    turn = said(start() + b"data: [DONE]\n\n")
    assert turn.faults == ()
    assert not turn.reply.complete


def test_a_stop_that_came_before_the_client_hung_up_is_a_complete_reply() -> None:
    turn = said(stream_of(BODY), outcome=Outcome.CLIENT_HUNG_UP)
    assert turn.reply.complete
    assert turn.outcome is Outcome.CLIENT_HUNG_UP


@pytest.mark.parametrize(
    "error",
    [
        event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        b'event: error\ndata: {"code":529,"message":"Overloaded","type":"overloaded_error"}\n\n',
        b'data: {"error":{"code":529,"message":"Overloaded","type":"overloaded_error"}}\n\n',
        b'data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
        b'error: {"code":529,"message":"Overloaded","type":"overloaded_error"}\n\n',
    ],
    ids=["Anthropic", "llama-server", "OpenAI", "without its event", "older llama-server"],
)
def test_an_error_in_a_stream_is_the_replys_and_keeps_what_came_before(error: bytes) -> None:
    turn = said(start() + begin(0, TEXT) + delta(0, "text_delta", text="so") + error)
    assert turn.reply.error == "overloaded_error: Overloaded"
    assert turn.reply.error_in_stream
    assert turn.reply.message.text == "so"
    assert not turn.reply.complete
    assert turn.faults == ()


def test_an_error_body_is_the_replys_error() -> None:
    body = {"type": "error", "error": {"type": "not_found_error", "message": "no"}, "request_id": 1}
    turn = said(body, status=404)
    assert turn.reply.error == "not_found_error: no"
    assert (turn.reply.complete, turn.reply.error_in_stream) == (True, False)
    assert turn.faults == ()


def test_an_error_page_and_an_empty_answer_are_errors_by_their_status() -> None:
    assert said(b"<h1>Bad gateway</h1>", status=502).reply.error == "<h1>Bad gateway</h1>"
    assert said(b"", status=502).reply.error == "502"
    nothing = said(b"", outcome=Outcome.SERVER_CUT)
    assert (nothing.reply.error, nothing.reply.complete) == ("", False)


def test_a_body_that_was_cut_has_a_fault_and_an_answer_under_way_has_none() -> None:
    half = b'{"id":"msg_1","content":[{"type":"te'
    cut = said(half, outcome=Outcome.SERVER_CUT)
    assert [fault.where for fault in cut.faults] == ["response"]
    assert not cut.reply.complete
    assert said(half, outcome=Outcome.IN_FLIGHT).faults == ()


def test_a_stream_that_ends_within_an_event_says_so_and_keeps_the_rest() -> None:
    whole = start() + begin(0, TEXT) + delta(0, "text_delta", text="so")
    turn = said(whole + delta(0, "text_delta", text="mewhere")[:-30], outcome=Outcome.SERVER_CUT)
    assert turn.reply.message.text == "so"
    assert [(f.where, f.what) for f in turn.faults] == [
        ("response.event[3]", "the stream ends in this event")
    ]


def test_a_stream_is_known_by_its_events_whatever_its_content_type() -> None:
    made = exchange(request(user("x")), stream_of(BODY))
    plain = replace(made, response_headers=(("Content-Type", "text/plain"),))
    turn = decode(plain)
    assert turn is not None
    assert turn.reply.message == said(BODY).reply.message


@pytest.mark.parametrize(
    "events, where, what",
    [
        (event("message_start", message=3), "[1].message", "a message is an object, not a number"),
        (begin("0", TEXT), "[1].index", "an index is a number, not a string"),
        (begin(0, "x"), "[1].content_block", "a block is an object, not a string"),
        (begin(0, TEXT) + begin(0, TEXT), "[2].index", "index 0 was already a block"),
        (delta(0, "text_delta", text="x"), "[1].delta", "a text_delta for a block that nothing"),
        (begin(0, use("t", "f")) + delta(0, "text_delta", text="x"), "[2].delta", "of the type"),
        (begin(0, TEXT) + delta(0, "text_delta", text=4), "[2].delta.text", "a string, not a"),
        (begin(0, TEXT) + delta(0, "strange_delta"), "[2].delta.type", "'strange_delta'"),
        (event("content_block_delta", index=0), "[1].delta", "a delta is an object, not null"),
        (event("message_delta", delta=[]), "[1].delta", "a delta is an object, not a list"),
        (event("message_delta", delta={"stop_reason": 1}), "[1].delta.stop_reason", "a string"),
        (b'data: {"x":1}\n\n', "[1].type", "an event without a type"),
        (b"data: [1]\n\n", "[1]", "an event is an object, not a list"),
        (b"data: {\n\n", "[1]", "no JSON"),
        (begin(0, {"type": "tool_use"}), "[1].content_block.name", "name is missing"),
    ],
)
def test_what_an_event_should_not_hold_is_a_fault(events: bytes, where: str, what: str) -> None:
    faults = streamed(events).faults
    assert (f"response.event{where}", True) in [(f.where, what in f.what) for f in faults]


def test_text_for_a_block_of_another_kind_is_a_block_of_its_own() -> None:
    turn = streamed(begin(0, use("t", "f")), delta(0, "text_delta", text="so"))
    assert turn.reply.message.parts == (ToolCall("f", "{}", "t"), Text("so"))


def test_a_second_block_at_one_index_is_another_block() -> None:
    turn = streamed(
        begin(0, TEXT), delta(0, "text_delta", text="a"), stop(0),
        begin(0, TEXT), delta(0, "text_delta", text="b"), stop(0),
    )  # fmt: skip
    assert turn.reply.message.parts == (Text("a"), Text("b"))


@pytest.mark.parametrize(
    "answer, where",
    [
        ({"id": "x"}, "response.content"),
        (reply() | {"content": 3}, "response.content"),
        (reply(text("x"), stop=None) | {"stop_reason": 3}, "response.stop_reason"),
        (reply(text("x")) | {"role": 3}, "response.role"),
    ],
)
def test_what_a_body_should_not_hold_is_a_fault(answer: Any, where: str) -> None:
    assert [fault.where for fault in said(answer).faults] == [where]
