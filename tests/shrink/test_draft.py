"""Exchanges taken apart and put together again."""

import gzip
from dataclasses import replace

import orjson
import pytest

from kimitap.dialects import decode
from kimitap.exchange import Body, Exchange, Segment, header
from kimitap.shrink.draft import Draft, Element, Part
from kimitap.shrink.streams import merged
from kimitap.store.cut import cut
from tests.support import chat
from tests.support.recorded import lost
from tests.support.wire import IK, MAINLINE, load, names

SAMPLES = [
    pytest.param(load(name, folder), id=f"{folder.name}/{name}")
    for folder in (MAINLINE, IK)
    for name in names(folder)
]
EVERY = pytest.mark.parametrize("exchange", SAMPLES)


def retouched(exchange: Exchange) -> Exchange:
    """The exchange with every part of it put in the place of itself."""
    draft = Draft(exchange)
    return replace(draft, changed=replace(draft.inside, asked=True, answered=True)).exchange


@EVERY
def test_what_was_taken_apart_is_the_same_bytes_again(exchange: Exchange) -> None:
    made = retouched(exchange)
    if header(exchange.response_headers, "content-encoding"):
        return
    assert made.request.content == exchange.request.content
    assert made.response == exchange.response
    assert sum(s.length for s in made.segments) == len(made.response)


@EVERY
def test_a_merged_stream_says_the_same(exchange: Exchange) -> None:
    draft = Draft(exchange)
    made = draft.with_parts(merged(draft.parts)).exchange
    was, now = decode(exchange), decode(made)
    if was is None or now is None:
        assert was is now
        return
    assert now.reply.message == was.reply.message
    assert now.reply.others == was.reply.others
    assert (now.reply.finish_reason, now.reply.complete) == (
        was.reply.finish_reason,
        was.reply.complete,
    )
    assert now.reply.usage == was.reply.usage
    assert len(made.response) <= len(exchange.response)


def test_streams_do_shrink() -> None:
    before, after = 0, 0
    for sample in SAMPLES:
        (exchange,) = sample.values
        assert isinstance(exchange, Exchange)
        draft = Draft(exchange)
        before += len(draft.parts)
        after += len(merged(draft.parts))
    assert after < before / 2


def test_an_exchange_that_nobody_touched_is_the_same_object() -> None:
    (first, *_) = lost()
    draft = Draft(first)
    assert draft.exchange is first
    assert draft.with_run("messages", draft.run("messages")) is draft
    assert draft.with_skeleton(draft.skeleton) is draft
    assert draft.with_parts(draft.parts) is draft


@pytest.mark.parametrize("whole", [True, False])
def test_the_first_message_can_go_and_the_comma_of_the_next_with_it(whole: bool) -> None:
    sent = (
        b'{ "messages" : [ {"role":"system","content":"' + b"x" * 80 + b'"} ,\n {"role":"user"} ] }'
    )
    body = Body.whole(sent) if whole else cut(sent)
    made = chat.exchange(1, {"model": "m", "messages": []}, None)
    draft = Draft(replace(made, request=body))
    assert retouched(draft.original).request.content == sent
    (_, second) = draft.run("messages")
    left = draft.with_run("messages", [second]).exchange
    assert left.request.content == b'{ "messages" : [{"role":"user"} ] }'
    assert orjson.loads(left.request.content)


def test_a_message_in_front_of_another_keeps_its_place_in_the_count() -> None:
    draft = Draft(lost()[2])
    run = draft.run("messages")
    assert [e.index for e in draft.with_run("messages", run[2:]).run("messages")] == [2, 3, 4, 5]


def test_an_array_that_loses_all_is_empty() -> None:
    draft = Draft(lost()[0])
    made = draft.with_run("tools", []).exchange
    assert orjson.loads(made.request.content)["tools"] == []


def test_a_compressed_body_is_plain_once_it_was_touched() -> None:
    (first, *_) = lost()
    packed = replace(
        first,
        request=Body.whole(gzip.compress(first.request.content)),
        request_headers=(
            *first.request_headers,
            ("Content-Encoding", "gzip"),
            ("content-length", "9"),
        ),
        response=gzip.compress(first.response),
        response_headers=(("Content-Type", "text/event-stream"), ("Content-Encoding", "gzip")),
        segments=(Segment(0.5, 9),),
    )
    draft = Draft(packed)
    made = (
        draft.with_run("messages", draft.run("messages")[1:]).with_parts(draft.parts[1:]).exchange
    )
    length = len(made.request.content)
    assert header(made.request_headers, "content-length") == str(length)
    assert not header(made.request_headers, "content-encoding")
    assert not header(made.response_headers, "content-encoding")
    turn = decode(made)
    assert turn is not None and turn.faults == () and len(turn.messages) == 1
    assert turn.reply.message.tool_calls


@pytest.mark.parametrize(
    "body", [b"", b"not json", b'{"messages":[{"a":1}],"messages":[]}', b"[1,2]", b'{"a":NaN}']
)
def test_a_request_that_cannot_be_taken_apart_stays_whole(body: bytes) -> None:
    made = replace(lost()[0], request=Body.whole(body))
    draft = Draft(made)
    assert draft.run("messages") == ()
    assert retouched(made).request.content == body


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html>502</html>", b"data: {cut", b"data: {}\r\n\r\ndata: [DONE]\r\n\r\n", b": hi\n\n"],
)
def test_an_answer_of_any_kind_comes_together_again(answer: bytes) -> None:
    segments = (Segment(0.5, len(answer)),) if answer else ()
    made = replace(lost()[0], response=answer, segments=segments)
    assert retouched(made).response == answer


def test_two_lines_of_data_are_no_single_json() -> None:
    block = b'data: {"a":\ndata: 1}\n\n'
    made = replace(lost()[0], response=block, segments=(Segment(0.5, len(block)),))
    assert all(not part.data for part in Draft(made).parts)


def test_the_times_at_which_a_merged_event_came_stay() -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
    parts = [
        Part(b"data: ", event[6:-2].replace(b"%s", b"x"), b"\n\n", (i / 10,)) for i in range(5)
    ]
    (one,) = merged(parts)
    assert b'"xxxxx"' in one.data
    assert one.times == (0.0, 0.1, 0.2, 0.3, 0.4)
    made = Draft(lost()[0]).with_parts([one]).exchange
    assert [s.at_s for s in made.segments] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert sum(s.length for s in made.segments) == len(made.response)


def test_an_element_is_itself_without_its_comma() -> None:
    assert Element(b' ,\n {"a":1}', 3).bare == b'{"a":1}'
    assert Element(b'{"a":1}', 0).bare == b'{"a":1}'
