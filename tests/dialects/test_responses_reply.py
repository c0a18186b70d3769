"""Replies of the Responses API: whole ones, streams, and how they ended."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from kimitap.conversation import Message, Other, Reasoning, Reply, Text, ToolCall, Usage
from kimitap.dialects import Memo, openai_responses
from kimitap.exchange import Outcome
from tests.support.responses import (
    call,
    event,
    events,
    exchange,
    response,
    said,
    streamed,
    thought,
    turn,
)

OUTPUT = [thought("I look."), said("Reading."), call("f", '{"a": 1}'), call("g", "{}", "c2")]
PARTS = (
    Reasoning("I look.", "reasoning_text"),
    Text("Reading."),
    ToolCall("f", '{"a": 1}', "call_1"),
    ToolCall("g", "{}", "c2"),
)


def reply_to(answer: Any, **changes: Any) -> Reply:
    one = replace(exchange("x", answer), **changes)
    return openai_responses.decode(one, Memo()).reply


def of_events(*values: dict[str, Any], **changes: Any) -> Reply:
    return reply_to(events(*values), **changes)


def test_a_whole_reply_is_one_message() -> None:
    reply = reply_to(response(*OUTPUT))
    assert reply.message == Message("assistant", PARTS, "assistant")
    assert (reply.finish_reason, reply.complete, reply.id) == ("tool_calls", True, "resp_1")
    assert (reply.model, reply.streamed) == ("kimi-k2", False)


@pytest.mark.parametrize("indexes", [True, False])
def test_a_stream_says_what_the_whole_reply_says(indexes: bool) -> None:
    reply = reply_to(streamed(OUTPUT, indexes=indexes))
    assert reply.message.parts == PARTS
    assert (reply.finish_reason, reply.complete, reply.id) == ("tool_calls", True, "resp_1")
    assert (reply.streamed, reply.events) == (True, 17)


@pytest.mark.parametrize("indexes", [True, False])
def test_a_stream_without_its_last_event_says_it_too_but_did_not_end(indexes: bool) -> None:
    cut = streamed(OUTPUT, indexes=indexes).rpartition(b"event: response.completed")[0]
    reply = reply_to(cut, outcome=Outcome.SERVER_CUT)
    assert reply.message.parts == PARTS
    assert (reply.finish_reason, reply.complete) == (None, False)


@pytest.mark.parametrize(
    "status, fields, reason, complete",
    [
        ("completed", {}, "stop", True),
        ("incomplete", {"incomplete_details": {"reason": "max_output_tokens"}}, "length", True),
        (
            "incomplete",
            {"incomplete_details": {"reason": "content_filter"}},
            "content_filter",
            True,
        ),
        ("incomplete", {}, "incomplete", True),
        ("cancelled", {}, "cancelled", True),
        ("failed", {"error": {"code": "server_error", "message": "no"}}, None, True),
        ("queued", {}, None, False),
        ("in_progress", {}, None, False),
    ],
)
def test_how_a_reply_ended(status: str, fields: Any, reason: str | None, complete: bool) -> None:
    answer = response(said("so"), status=status, **fields)
    reply = reply_to(answer)
    assert (reply.finish_reason, reply.complete) == (reason, complete)
    assert reply.error == ("server_error: no" if status == "failed" else "")
    if complete:
        end = of_events(event("created", response={"id": "r"}), event(status, response=answer))
        assert (end.finish_reason, end.complete, end.message) == (reason, True, reply.message)
        assert end.error == reply.error
        assert end.error_in_stream == (status == "failed")


def test_the_counts_are_in_the_words_of_chat() -> None:
    usage = {
        "input_tokens": 100,
        "output_tokens": 20,
        "total_tokens": 120,
        "input_tokens_details": {"cached_tokens": 64},
        "output_tokens_details": {"reasoning_tokens": 12},
    }
    whole = reply_to(response(said("so"), usage=usage))
    assert whole.usage == Usage(100, 20, 64, 12)
    end = {**event("completed", response=response(usage=usage)), "timings": {"cache_n": 64}}
    streamed_ = of_events(end)
    assert streamed_.usage == Usage(100, 20, 64, 12)
    assert streamed_.timings.cache_n == 64


def test_events_of_several_items_may_interleave_and_end_in_any_order() -> None:
    """llama-server's order: calls have no id but their call_id, and all items are done at last."""
    first, second = call("f", '{"a": 1}', "fc_f:0"), call("g", '{"b": 2}', "fc_g:1")
    began = [event("output_item.added", item={**c, "arguments": ""}) for c in (first, second)]
    deltas = [
        event("function_call_arguments.delta", item_id=c["call_id"], delta=letters)
        for c in (first, second)
        for letters in (c["arguments"][:3], c["arguments"][3:])
    ]
    done = [event("output_item.done", item=item) for item in (first, thought("hm"), second)]
    thinks = event("output_item.added", item=thought(""))
    hm = event("reasoning_text.delta", item_id="rs_1", delta="hm")
    parts = (
        Reasoning("hm", "reasoning_text"),
        ToolCall("f", '{"a": 1}', "fc_f:0"),
        ToolCall("g", '{"b": 2}', "fc_g:1"),
    )
    for order in itertools.permutations(range(4)):
        if order.index(0) > order.index(1) or order.index(2) > order.index(3):
            continue
        told = [thinks, hm, *began, *(deltas[i] for i in order)]
        assert of_events(*told).message.parts == parts
        assert of_events(*told, *done).message.parts == parts


def test_two_calls_of_one_id_are_two_calls() -> None:
    """Kimi's ids repeat within one reply."""
    told = []
    for letters in ('{"a":1}', '{"a":2}'):
        item = call("f", "", "functions.f:0")
        told.append(event("output_item.added", item=item))
        told.append(event("function_call_arguments.delta", item_id="functions.f:0", delta=letters))
    made = of_events(*told)
    assert [c.arguments for c in made.message.tool_calls] == ['{"a":1}', '{"a":2}']
    done = [
        event("output_item.done", item=call("f", a, "functions.f:0")) for a in ('{"a":1}', "{}")
    ]
    made = of_events(*told, *done)
    assert [c.arguments for c in made.message.tool_calls] == ['{"a":1}', "{}"]


def test_items_stand_in_the_order_of_their_indexes() -> None:
    made = of_events(
        event("output_item.added", output_index=1, item=call("g", "{}", "c2")),
        event("output_item.added", output_index=0, item=call("f")),
        event("function_call_arguments.delta", output_index=1, item_id="other", delta="{}"),
    )
    assert [c.name for c in made.message.tool_calls] == ["f", "g"]


def test_deltas_of_an_item_that_was_never_announced_begin_it() -> None:
    made = of_events(
        event("output_text.delta", item_id="m", delta="so "),
        event("output_text.delta", item_id="m", delta="it is"),
        event("reasoning_summary_text.delta", delta="hm"),
        event("reasoning_summary_text.delta", delta="!"),
    )
    assert made.message.parts == (Text("so it is"), Reasoning("hm!", "summary_text"))


def test_what_is_done_counts_more_than_its_deltas() -> None:
    begun = event("output_item.added", item=said(""))
    delta = event("output_text.delta", item_id="msg_1", delta="half")
    text = event("output_text.done", item_id="msg_1", text="whole")
    part = event("content_part.done", item_id="msg_1", part={"type": "output_text", "text": "w."})
    assert of_events(begun, delta).message.text == "half"
    assert of_events(begun, delta, text).message.text == "whole"
    assert of_events(begun, delta, part).message.text == "w."
    done = event("output_item.done", item={**said("x"), "content": []})
    assert of_events(begun, delta, done).message.text == "half"


def test_several_parts_and_a_refusal_of_one_message() -> None:
    told = [event("output_item.added", item={**said(""), "content": []})]
    for i, letters in ((0, "one"), (1, "two")):
        told.append(event("output_text.delta", item_id="msg_1", content_index=i, delta=letters))
    told.append(event("refusal.delta", item_id="msg_1", content_index=2, delta="No."))
    made = of_events(*told)
    assert made.message.parts == (Text("one"), Text("two"), Other("refusal", '"No."'))


def test_a_custom_calls_input_is_streamed() -> None:
    item = {"type": "custom_tool_call", "id": "ctc", "call_id": "c", "name": "patch", "input": ""}
    made = of_events(
        event("output_item.added", item=item),
        event("custom_tool_call_input.delta", item_id="ctc", delta="*** "),
        event("custom_tool_call_input.delta", item_id="ctc", delta="Begin"),
    )
    assert made.message.tool_calls == (ToolCall("patch", "*** Begin", "c", free=True),)


def test_the_last_event_alone_tells_the_whole_reply() -> None:
    assert of_events(event("completed", response=response(*OUTPUT))).message.parts == PARTS


def test_a_last_event_that_holds_less_than_was_streamed_takes_nothing_away() -> None:
    told = streamed(OUTPUT).rpartition(b"event: response.completed")[0]
    end = events(event("completed", response=response()))
    assert reply_to(told + end).message.parts == PARTS
    assert reply_to(told + end).complete


@pytest.mark.parametrize(
    "told",
    [
        {"type": "error", "code": "server_error", "message": "broke", "param": None},
        {"error": {"type": "server_error", "message": "broke", "code": 500}},
        {"type": "error", "error": {"type": "server_error", "message": "broke"}},
    ],
)
def test_an_error_event_is_the_streams_error(told: dict[str, Any]) -> None:
    reply = of_events(event("output_text.delta", item_id="m", delta="so"), told)
    assert (reply.error, reply.error_in_stream) == ("server_error: broke", True)
    assert (reply.complete, reply.message.text) == (False, "so")


def test_a_done_marker_of_another_api_is_no_end_and_no_fault() -> None:
    made = turn("x", events(event("output_text.delta", delta="so")) + b"data: [DONE]\n\n")
    assert (made.reply.complete, made.faults) == (False, ())


def test_events_that_say_nothing_of_the_message_are_passed_over() -> None:
    kinds = ("web_search_call.searching", "output_text.annotation.added", "queued", "keepalive")
    made = turn("x", events(*(event(kind, response={}) for kind in kinds), {"a": 1}))
    assert (made.reply.message.parts, made.faults, made.reply.events) == ((), (), 5)


def test_an_event_without_a_type_is_known_by_its_name() -> None:
    body = b'event: response.output_text.delta\ndata: {"item_id":"m","delta":"so"}\n\n'
    assert reply_to(body).message.text == "so"


@pytest.mark.parametrize(
    "told, where",
    [
        (event("output_item.added", item=7), ".item"),
        (event("output_item.done"), ".item"),
        (event("output_text.delta", item_id="m", delta=7), ".delta"),
        (event("completed", response=7), ".response"),
        (event("output_item.added", item=said("x"), output_index="0"), ".output_index"),
    ],
)
def test_what_an_event_should_not_hold_is_a_fault(told: dict[str, Any], where: str) -> None:
    made = turn("x", events(event("created", response={}), told))
    assert [fault.where for fault in made.faults] == [f"response.event[1]{where}"]


@pytest.mark.parametrize(
    "answer, where",
    [
        (response(output=None), "response.output"),
        (response(7), "response.output[0]"),
        ({"id": "r", "status": "completed"}, "response.output"),
    ],
)
def test_what_a_whole_reply_should_not_hold_is_a_fault(answer: Any, where: str) -> None:
    made = turn("x", answer)
    assert [fault.where for fault in made.faults] == [where]


def test_an_error_body_is_a_complete_error() -> None:
    body = {"error": {"code": 400, "message": "no", "type": "invalid_request_error"}}
    reply = reply_to(body, status=400, outcome=Outcome.HTTP_ERROR)
    assert (reply.error, reply.complete) == ("invalid_request_error: no", True)
    assert not reply.error_in_stream
    assert reply_to(b"", status=502, reason="Bad Gateway").error == "502 Bad Gateway"
    assert not reply_to(response(said("x")), response=b'{"id":"resp_1","out').complete
