"""A response's bytes as events with their times, and bodies without their encoding."""

import gzip
from dataclasses import replace

import pytest

from kimitap.exchange import Body, Outcome, Segment
from kimitap.wire import events, request_body, response_body
from tests.support.still import exchange

STREAM = b'data: {"a":1}\n\nevent: ping\ndata: {}\n\ndata: [DONE]\n\n'


def test_an_event_has_the_time_of_its_last_byte() -> None:
    found = list(events(exchange(1, b"{}", STREAM, (4, 11, len(STREAM) - 15))))
    assert [event.data for event in found] == ['{"a":1}', "{}", "[DONE]"]
    assert [event.at_s for event in found] == pytest.approx([0.2, 0.3, 0.3])
    assert [event.kind for event in found] == ["message", "ping", "message"]


def test_an_event_that_the_stream_ended_in_is_unfinished_unless_it_may_go_on() -> None:
    cut = replace(exchange(1, b"{}", STREAM[:9], (9,)), outcome=Outcome.SERVER_CUT)
    (event,) = events(cut)
    assert (event.data, event.finished, event.at_s) == ('{"a', False, pytest.approx(0.1))
    assert list(events(replace(cut, outcome=Outcome.IN_FLIGHT))) == []


def test_bytes_that_no_segment_covers_are_events_without_a_time() -> None:
    made = replace(exchange(1, b"{}", STREAM), segments=(Segment(0.5, 16),))
    assert [event.at_s for event in events(made)] == [0.5, None, None]


def test_a_compressed_stream_is_read_but_its_times_are_not_known() -> None:
    packed = replace(
        exchange(1, b"{}", gzip.compress(STREAM)), response_headers=(("Content-Encoding", "gzip"),)
    )
    assert [event.at_s for event in events(packed)] == [None, None, None]
    assert response_body(packed) == (STREAM, "gzip", "")


def test_a_body_whose_encoding_is_wrong_says_what_hindered() -> None:
    wrong = replace(
        exchange(1, b"{}", b""),
        request=Body.whole(b"plain"),
        request_headers=(("content-encoding", "gzip"),),
    )
    assert request_body(wrong).data == b"plain"
    assert "not gzip" in request_body(wrong).trouble
