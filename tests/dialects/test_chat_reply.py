"""Replies of chat completions, streamed and whole, as servers really send them."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from kimitap.conversation import Message, Other, Reasoning, Reply, Text, ToolCall, Turn, Usage
from kimitap.dialects import decode
from kimitap.exchange import Outcome, Segment
from tests.support.chat import assistant, call, choice, exchange, request, stream_of, user

ASKED = request(user("x"))


def turn_of(response: bytes, **changes: Any) -> Turn:
    """The turn whose server answered these bytes."""
    turn = decode(
        replace(exchange(1, ASKED, choice(assistant("ok"))), response=response, **changes)
    )
    assert turn is not None
    return turn


def events(*chunks: Any, done: bool = True) -> bytes:
    data = [chunk if isinstance(chunk, bytes) else orjson.dumps(chunk) for chunk in chunks]
    data += [b"[DONE]"] if done else []
    return b"".join(b"data: " + one + b"\n\n" for one in data)


def delta(said: Any, reason: Any = None, **extra: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": said, "finish_reason": reason}], **extra}


def reply_of(*chunks: Any, done: bool = True) -> Reply:
    """The reply of a stream that has no fault."""
    turn = turn_of(events(*chunks, done=done))
    assert turn.faults == ()
    return turn.reply


def test_streamed_and_whole_replies_say_the_same() -> None:
    message = assistant("so", call("f", {"a": 1}), call("g", {}, "2"), reasoning_content="hm")
    extra = {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    whole = decode(exchange(1, ASKED, choice(message), extra=extra))
    streamed = decode(exchange(1, ASKED, choice(message), stream=True, extra=extra))
    assert whole is not None
    assert streamed is not None
    assert whole.reply == replace(streamed.reply, streamed=False, events=0)
    assert whole.reply.message.parts == (
        Reasoning("hm"),
        Text("so"),
        ToolCall("f", '{"a":1}', "call_1"),
        ToolCall("g", "{}", "2"),
    )
    assert whole.succeeded


def test_reasoning_stands_before_the_text_and_keeps_its_field() -> None:
    reply = reply_of(delta({"content": "so"}), delta({"reasoning": "h"}), delta({"reasoning": "m"}))
    assert reply.message.parts == (Reasoning("hm", "reasoning"), Text("so"))


def test_the_same_reasoning_streamed_under_two_names_counts_once() -> None:
    said = [
        {"reasoning": t, "reasoning_details": [{"type": "reasoning.text", "text": t}]} for t in "hm"
    ]
    reply = reply_of(*(delta(one) for one in said))
    assert reply.message.parts == (Reasoning("hm", "reasoning"),)


def test_content_in_parts_is_sorted_into_text_and_reasoning() -> None:
    reply = reply_of(
        delta({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
        delta({"content": [{"type": "text", "text": "s"}]}),
        delta({"content": "o"}),
    )
    assert reply.message.parts == (Reasoning("hm", "thinking"), Text("so"))


def test_a_refusal_is_kept() -> None:
    reply = reply_of(delta({"refusal": "I "}), delta({"refusal": "can't"}, "stop"))
    assert reply.message.parts == (Other("refusal", '"I can\'t"'),)


@pytest.mark.parametrize(
    "chunks, done, complete",
    [
        ([delta({"content": "a"})], False, False),
        ([delta({"content": "a"})], True, True),
        ([delta({"content": "a"}), delta({}, "stop")], False, True),
        ([delta({"content": "a"}, "")], False, False),
        ([], True, True),
    ],
)
def test_a_stream_is_complete_by_its_finish_reason_or_done(
    chunks: list[Any], done: bool, complete: bool
) -> None:
    assert reply_of(*chunks, done=done).complete == complete


def test_done_counts_even_where_the_stream_broke_off_behind_it() -> None:
    body = events(delta({"content": "a"}), done=False) + b"data: [DONE]"
    turn = turn_of(body, outcome=Outcome.CLIENT_HUNG_UP)
    assert turn.reply.complete
    assert turn.faults == ()


def test_a_stream_cut_within_an_event_keeps_what_came_before() -> None:
    turn = turn_of(events(delta({"content": "a"}), done=False) + b'data: {"choi')
    assert turn.reply.message.text == "a"
    assert not turn.reply.complete
    assert [(f.where, f.what) for f in turn.faults] == [
        ("response.event[1]", "the stream ends in this event")
    ]


def test_a_stream_still_in_flight_is_read_as_far_as_it_came() -> None:
    body = events(delta({"content": "a"}), done=False) + b'data: {"choi'
    turn = turn_of(body, outcome=Outcome.IN_FLIGHT, ended_at=None)
    assert turn.reply.message.text == "a"
    assert not turn.reply.complete
    assert turn.in_flight
    assert turn.faults == ()


@pytest.mark.parametrize("response", [b"", b'{"choices":[{"mess'])
def test_a_request_just_sent_is_a_turn_without_a_word(response: bytes) -> None:
    turn = turn_of(response, outcome=Outcome.IN_FLIGHT, ended_at=None, status=None, segments=())
    assert turn.messages[0].text == "x"
    assert turn.reply.message == Message("assistant", (), "assistant")
    assert not turn.reply.complete
    assert turn.first_event_s is None
    assert turn.faults == ()


def test_the_last_counts_and_the_first_names_are_told() -> None:
    reply = reply_of(
        delta({"content": "a"}, model="m", usage={"prompt_tokens": 9, "completion_tokens": 1}),
        delta({}, "stop", model="n", system_fingerprint="b1-x", usage=None),
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}},
    )
    assert reply.usage == Usage(9, 2, None)
    assert (reply.model, reply.fingerprint) == ("m", "b1-x")


@pytest.mark.parametrize(
    "facts, cached",
    [
        ({"usage": {"prompt_tokens": 9}, "timings": {"cache_n": 7, "prompt_n": 2}}, 7),
        ({"usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 5}}}, 5),
        ({"usage": {"prompt_tokens": 9}, "timings": {"prompt_n": 4}}, 5),
        ({"usage": {"prompt_tokens": 3}, "timings": {"prompt_n": 4}}, 0),
        ({"usage": {"prompt_tokens": 9, "cached_tokens": 6}}, 6),
        ({"usage": {"prompt_tokens": 9, "prompt_cache_hit_tokens": 6}}, 6),
        ({"usage": {"prompt_tokens": 9}}, None),
        ({"usage": {"prompt_tokens": 9, "prompt_tokens_details": None}}, None),
    ],
)
def test_cached_tokens_are_told_by_timings_then_usage_then_the_difference(
    facts: dict[str, Any], cached: int | None
) -> None:
    assert reply_of(delta({"content": "a"}, "stop", **facts)).usage.cached_tokens == cached


def test_moonshot_counts_within_the_choice() -> None:
    last = {"delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 9}}
    assert reply_of(delta({"content": "a"}), {"choices": [last]}).usage.prompt_tokens == 9


@pytest.mark.parametrize("role", [{}, {"role": None}, {"role": ""}])
def test_a_reply_without_a_role_is_the_assistants(role: dict[str, Any]) -> None:
    body = orjson.dumps({"choices": [{"message": {**role, "content": "so"}}]})
    turn = turn_of(body)
    assert turn.reply.message == Message("assistant", (Text("so"),), "assistant")
    assert turn.faults == ()


def test_a_long_stream_is_read_in_portions_without_a_seam() -> None:
    text = "word " * 30_000
    body = stream_of(choice(assistant(text)), step=3)
    assert len(body) > 3 << 20
    turn = turn_of(body)
    assert turn.reply.message.text == text
    assert turn.faults == ()


@pytest.mark.parametrize("odd", ["9", True, -1, 1e300, None, [], {}])
def test_a_count_that_is_none_is_not_told(odd: Any) -> None:
    reply = reply_of(delta({"content": "a"}, "stop", usage={"prompt_tokens": odd}))
    assert reply.usage.prompt_tokens is None


def test_choices_of_n_are_put_together_by_their_index() -> None:
    chunks = [
        {"choices": [{"index": i, "delta": {"content": text}, "finish_reason": None}]}
        for i, text in [(1, "b"), (0, "a"), (1, "B"), (0, "A")]
    ]
    reply = reply_of(*chunks)
    assert reply.message.text == "aA"
    assert [m.text for m in reply.others] == ["bB"]


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"error":{"code":500,"message":"boom","type":"server_error"}}\n\n',
        b'error: {"code":500,"message":"boom","type":"server_error"}\n\n',
        b'event: error\ndata: {"code":500,"message":"boom","type":"server_error"}\n\n',
        b'event: error\ndata: {"error":{"message":"boom","type":"server_error"}}\n\n',
        b'data: {"code":500,"message":"boom","type":"server_error"}\n\n',
        b'data: {"choices":[],"error":{"message":"boom","type":"server_error"}}\n\n',
    ],
)
def test_every_shape_of_an_error_in_a_stream_is_an_error(event: bytes) -> None:
    turn = turn_of(events(delta({"content": "a"}), done=False) + event)
    assert turn.reply.error == "server_error: boom"
    assert turn.reply.error_in_stream
    assert turn.reply.message.text == "a"
    assert not turn.reply.complete
    assert turn.faults == ()


def test_an_error_field_that_is_no_json_is_told_as_it_is() -> None:
    turn = turn_of(b"data: {}\n\nerror: out of memory\n\n")
    assert turn.reply.error == "out of memory"
    assert turn.reply.error_in_stream
    assert turn.faults == ()


@pytest.mark.parametrize("ping", [b": ping\n\n", b"event: ping\ndata: 2026-03-01 12:00\n\n"])
def test_a_ping_says_nothing(ping: bytes) -> None:
    turn = turn_of(ping + events(delta({"content": "a"})) + ping)
    assert turn.reply.message.text == "a"
    assert turn.faults == ()


@pytest.mark.parametrize(
    "body, error",
    [
        (b'{"error":{"message":"boom","type":"server_error","code":500}}', "server_error: boom"),
        (b'{"error":{"message":"boom","type":null,"code":"bad_key"}}', "bad_key: boom"),
        (b'{"error":"boom"}', "boom"),
        (b'{"detail":"boom"}', "boom"),
        (b'{"object":"error","message":"boom","type":"x"}', "x: boom"),
        (b'{"code":500,"message":"boom"}', "boom"),
        (b'{"strange":1}', '{"strange":1}'),
        (b"<html>boom</html>", "<html>boom</html>"),
        (b"", "500 Oops"),
        (b"{}", "500 Oops"),
        (b"null", "500 Oops"),
        (b'"boom"', "boom"),
    ],
)
def test_an_error_of_any_shape_is_told_in_words(body: bytes, error: str) -> None:
    turn = turn_of(body, status=500, reason="Oops", outcome=Outcome.HTTP_ERROR)
    assert turn.reply.error == error
    assert not turn.reply.error_in_stream
    assert turn.reply.complete
    assert not turn.succeeded


def test_a_refused_request_has_no_reply_and_no_error_of_a_server() -> None:
    turn = turn_of(b"", status=None, outcome=Outcome.REFUSED, detail="connection refused")
    assert not turn.reply.complete
    assert turn.reply.error == ""
    assert turn.detail == "connection refused"


def test_an_error_body_is_read_although_a_stream_was_asked_for() -> None:
    body = b'{"error":{"message":"boom","type":"server_error"}}'
    typed = (("Content-Type", "text/event-stream"),)
    assert turn_of(body, status=500, response_headers=typed).reply.error == "server_error: boom"


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain", ""])
def test_the_body_decides_what_it_is_whatever_its_type_says(kind: str) -> None:
    typed = (("Content-Type", kind),)
    stream = stream_of(choice(assistant("so")))
    assert turn_of(stream, response_headers=typed).reply.streamed
    whole = exchange(1, ASKED, choice(assistant("so"))).response
    reply = turn_of(whole, response_headers=typed).reply
    assert reply.message.text == "so"
    assert not reply.streamed


def test_a_cut_json_body_is_a_fault_and_not_complete() -> None:
    turn = decode(exchange(1, ASKED, choice(assistant("so")), cut=True))
    assert turn is not None
    assert [fault.where for fault in turn.faults] == ["response"]
    assert not turn.reply.complete


def test_bytes_that_were_not_kept_are_told() -> None:
    turn = turn_of(events(delta({"content": "a"})), lost_bytes=7)
    assert turn.faults[0].what == "7 bytes were not kept by the recorder"


def test_the_first_bytes_not_the_first_segment_tell_the_time() -> None:
    segments = (Segment(0.5, 0), Segment(0.75, 10), Segment(1.0, 3))
    assert turn_of(b"data: {}\n\n", segments=segments).first_event_s == 0.75


@pytest.mark.parametrize(
    "body, where",
    [
        (b"[]", "response"),
        (b"{}", "response.choices"),
        (b'{"choices":[]}', "response.choices"),
        (b'{"choices":{}}', "response.choices"),
        (b'{"choices":[3]}', "response.choices[0]"),
        (b'{"choices":[{"message":3}]}', "response.choices[0].message"),
        (
            b'{"choices":[{"message":{"content":""},"finish_reason":3}]}',
            "response.choices[0].finish_reason",
        ),
        (b"data: 3\n\n", "response.event[0]"),
        (b"data: {x\n\n", "response.event[0]"),
        (b'data: {"choices":3}\n\n', "response.event[0].choices"),
        (b'data: {"choices":[3]}\n\n', "response.event[0].choices[0]"),
        (b'data: {"choices":[{"delta":3}]}\n\n', "response.event[0].choices[0].delta"),
        (b'data: {"choices":[{"index":"x"}]}\n\n', "response.event[0].choices[0].index"),
        (
            b'data: {"choices":[{"delta":{"content":3}}]}\n\n',
            "response.event[0].choices[0].delta.content",
        ),
        (
            b'data: {"choices":[{"delta":{"role":3}}]}\n\n',
            "response.event[0].choices[0].delta.role",
        ),
        (
            b'data: {"choices":[{"delta":{"reasoning":3}}]}\n\n',
            "response.event[0].choices[0].delta.reasoning",
        ),
        (
            b'data: {"choices":[{"delta":{},"finish_reason":3}]}\n\n',
            "response.event[0].choices[0].finish_reason",
        ),
    ],
)
def test_what_a_reply_should_not_hold_is_a_fault_there(body: bytes, where: str) -> None:
    assert [fault.where for fault in turn_of(body).faults] == [where]


def test_a_broken_event_does_not_hide_the_others() -> None:
    turn = turn_of(events(delta({"content": "a"}), b"{x", b'"y"', delta({"content": "b"}, "stop")))
    assert turn.reply.message.text == "ab"
    assert turn.reply.complete
    assert [f.where for f in turn.faults] == ["response.event[1]", "response.event[2]"]


def test_faults_without_number_are_counted_not_listed() -> None:
    turn = turn_of(b"data: {x\n\n" * 5000)
    assert len(turn.faults) < 100
    assert turn.faults[-1].what.startswith("4950 more")


def test_an_emoji_split_between_two_chunks_is_shown_as_lost_not_raised() -> None:
    body = events(
        b'{"choices":[{"delta":{"content":"\\ud83d"}}]}',
        b'{"choices":[{"delta":{"content":"\\ude00"}}]}',
    )
    turn = turn_of(body)
    turn.reply.message.text.encode()
    assert [f.where for f in turn.faults] == ["response.event[0]", "response.event[1]"]
