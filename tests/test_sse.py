"""The parser of server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

import re
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimitap.sse import Decoder, Event


def events_of(*portions: bytes, limit: int = 1 << 20) -> list[Event]:
    decoder = Decoder(limit)
    events = [event for portion in portions for event in decoder.feed(portion)]
    return events + decoder.close()


def data_of(*portions: bytes) -> list[str]:
    return [event.data for event in events_of(*portions)]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_kind_of_line_end_ends_a_line(end: bytes) -> None:
    assert data_of(b"data: a" + end + end + b"data: b" + end + end) == ["a", "b"]


def test_lines_of_data_are_joined_by_line_feeds() -> None:
    assert data_of(b"data: YHOO\ndata: +2\ndata: 10\n\n") == ["YHOO\n+2\n10"]


def test_one_space_after_the_colon_is_dropped_and_no_more() -> None:
    assert data_of(b"data:test\n\ndata: test\n\ndata:  test\n\n") == ["test", "test", " test"]


def test_a_field_without_a_colon_is_an_empty_value() -> None:
    assert data_of(b"data\n\ndata\ndata\n\n") == ["", "\n"]


def test_comments_and_unknown_fields_say_nothing() -> None:
    assert data_of(b": ping\n\n:\n\nfoo: bar\ndata: x\n\n") == ["x"]


def test_an_event_without_data_is_none() -> None:
    assert events_of(b"event: ping\n\n") == []
    assert events_of(b"event: ping\n\ndata: x\n\n") == [Event("message", "x")]


def test_event_names_its_kind_and_only_its_own() -> None:
    events = events_of(b"event: add\ndata: 1\n\ndata: 2\n\nevent:\ndata: 3\n\n")
    assert [event.kind for event in events] == ["add", "message", "message"]


def test_an_id_holds_until_the_next_one() -> None:
    events = events_of(b"data: 1\nid: 7\n\ndata: 2\n\nid\ndata: 3\n\nid: a\0b\ndata: 4\n\n")
    assert [event.id for event in events] == ["7", "7", "", ""]


def test_retry_takes_digits_only() -> None:
    events = events_of(b"retry: 250\ndata: 1\n\nretry: soon\ndata: 2\n\n")
    assert [event.retry for event in events] == [250, None]


def test_retry_that_came_alone_in_a_portion_belongs_to_the_event_that_follows() -> None:
    assert events_of(b"retry: 250\n", b"data: 1\n\n") == [Event("message", "1", retry=250)]


def test_a_byte_order_mark_stands_only_at_the_beginning() -> None:
    bom = "\ufeff".encode()
    assert data_of(bom + b"data: x\n\n" + bom + b"data: y\n\n") == ["x"]
    assert data_of(bom[:1], bom[1:] + b"data: x\n\n") == ["x"]


def test_a_line_feed_after_a_carriage_return_is_one_line_end_across_portions() -> None:
    assert data_of(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == ["a\nb"]


def test_an_event_is_given_as_soon_as_its_end_is_there() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\n") == [Event("message", "a")]


def test_old_llama_servers_error_field_is_an_error_event() -> None:
    events = events_of(b'data: {"content":"a"}\n\nerror: {"code":500}\n\n')
    assert events[1] == Event("error", '{"code":500}')


def test_what_the_stream_ended_in_is_given_at_the_close_unfinished() -> None:
    assert events_of(b"data: [DONE]\n") == [Event("message", "[DONE]", finished=False)]
    assert events_of(b"data: a\n\ndata: {hal") == [
        Event("message", "a"),
        Event("message", "{hal", finished=False),
    ]


def test_invalid_utf8_is_replaced_and_said() -> None:
    assert events_of(b"data: a\xff\n\n") == [Event("message", "a\ufffd", fault="invalid UTF-8")]


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_an_event_longer_than_the_limit_is_cut_off_and_said(step: int) -> None:
    stream = b"data: " + b"x" * 200 + b"\n\ndata: ok\n\n"
    portions = [stream[i : i + step] for i in range(0, len(stream), step)]
    events = events_of(*portions, limit=100)
    assert [event.data for event in events] == ["x" * 100, "ok"]
    assert [event.fault for event in events] == ["longer than 100 bytes", ""]


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_a_long_line_that_is_no_data_takes_nothing_from_its_event(step: int) -> None:
    stream = b": " + b"x" * 300 + b"\ndata: ok\n\n"
    portions = [stream[i : i + step] for i in range(0, len(stream), step)]
    assert events_of(*portions, limit=100) == [Event("message", "ok")]


def test_many_lines_of_one_event_count_against_the_limit_together() -> None:
    (event,) = events_of(b"data: 12345678\n" * 50 + b"\n", limit=100)
    assert len(event.data) <= 100
    assert event.fault


def test_a_line_without_end_holds_no_more_than_the_limit() -> None:
    decoder, portion = Decoder(limit=1000), b"x" * 1000
    tracemalloc.start()
    for _ in range(1000):
        decoder.feed(portion)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000


LINES = st.sampled_from(
    (b"data: a|data:b|data|event: e|id: 1|id|retry: 5|: c|error: x|dat||||").split(b"|")
    + "data: é|\ufeff".encode().split(b"|")
    + [b"data: \xff", b"data: " + b"y" * 40]
)
STREAMS = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n", b""]))).map(
    lambda pairs: b"".join(line + end for line, end in pairs)
)


@given(STREAMS, st.lists(st.integers(0, 400), max_size=8), st.sampled_from([20, 1 << 20]))
def test_events_do_not_depend_on_where_the_bytes_were_split(
    stream: bytes, places: list[int], limit: int
) -> None:
    cuts = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
    portions = [stream[a:b] for a, b in pairwise(cuts)]
    whole = events_of(stream, limit=limit)
    assert events_of(*portions, limit=limit) == whole
    assert events_of(*(stream[i : i + 1] for i in range(len(stream))), limit=limit) == whole


@given(STREAMS)
def test_it_agrees_with_the_specification_written_plainly(stream: bytes) -> None:
    finished = [(e.kind, e.data, e.id) for e in events_of(stream) if e.finished]
    assert [e for e in finished if e[0] != "error"] == plainly(stream)


def plainly(stream: bytes) -> list[tuple[str, str, str]]:
    """Section 9.2.6, step by step: an end of line is CRLF, LF or CR; the rest is dropped."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = re.split("\r\n|\n|\r", text)[:-1]
    found, data, kind, last_id = [], "", "", ""
    for line in lines:
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if not line:
            if data:
                found.append((kind or "message", data[:-1], last_id))
            data = kind = ""
        elif name == "event":
            kind = value
        elif name == "data":
            data += value + "\n"
        elif name == "id":
            last_id = value
    return found
