"""Bodies: encodings, binary data, segments, and time in proportion to the bytes."""

import gzip
import time
from dataclasses import replace

import orjson
import pytest

from kimitap.exchange import Body, Exchange, Segment, header
from kimitap.redacting import Level, redacted
from tests.support import wire

SECRET = "sk-proj-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY"


def one(exchange: Exchange, level: Level = Level.SECRETS) -> Exchange:
    ((out, _),) = redacted([exchange], level)
    return out


def zipped(content: bytes) -> Exchange:
    data = gzip.compress(content)
    return replace(
        wire.load("chat_nonstream"),
        response=data,
        response_headers=(
            ("Content-Type", "application/json"),
            ("Content-Encoding", "gzip"),
            ("Content-Length", str(len(data))),
        ),
        segments=(Segment(0.1, 5), Segment(0.2, len(data) - 5)),
    )


def test_a_compressed_body_with_a_secret_is_sent_on_plain() -> None:
    out = one(zipped(orjson.dumps({"content": f"use {SECRET}"})))
    assert out.response == b'{"content":"use [API key 1]"}'
    assert header(out.response_headers, "content-encoding") == ""
    assert header(out.response_headers, "content-length") == str(len(out.response))
    assert [segment.at_s for segment in out.segments] == [0.1, 0.2]
    assert sum(segment.length for segment in out.segments) == len(out.response)


def test_a_compressed_body_without_one_keeps_its_bytes() -> None:
    exchange = zipped(b'{"content":"nothing"}')
    assert one(exchange) == exchange


@pytest.mark.parametrize("level", [Level.SECRETS, Level.TEXT])
def test_what_cannot_be_decoded_gives_way_to_a_filler_of_its_length(level: Level) -> None:
    exchange = replace(
        wire.load("chat_nonstream"),
        response=SECRET.encode(),
        response_headers=(("Content-Encoding", "aes-of-ours"),),
        segments=(Segment(0.1, len(SECRET)),),
    )
    assert one(exchange, level).response == b"." * len(SECRET)


def test_binary_data_gives_way_to_a_filler_of_its_length() -> None:
    data = bytes(range(256)) * 3
    exchange = replace(wire.load("chat_nonstream"), request=Body.whole(data))
    assert one(exchange).request.content == b"." * len(data)
    assert one(exchange, Level.NONE).request.content == data


def test_a_segment_keeps_the_events_that_it_had() -> None:
    events = [
        b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}) + b"\n\n"
        for text in ("mail kim@exa", "mple.org", " or wörld", " end")
    ]
    exchange = replace(
        wire.load("chat_stream"),
        response=b"".join(events),
        segments=tuple(Segment(i / 10, len(event)) for i, event in enumerate(events)),
    )
    out = one(exchange)
    at = 0
    for segment in out.segments:
        part = out.response[at : at + segment.length]
        assert part.startswith(b"data: {")
        assert part.endswith(b"}\n\n")
        at += segment.length
    assert at == len(out.response)


def test_what_was_masked_is_told_with_its_place() -> None:
    events = [{"choices": [{"index": 0, "delta": {"content": t}}]} for t in ("kim@exa", "mple.org")]
    body = b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)
    exchange = replace(wire.load("chat_stream"), response=body, segments=(Segment(0.1, len(body)),))
    ((_, masked),) = redacted([exchange])
    places = [(m.where, m.kind, m.count) for m in masked]
    where = "response events 1 … 2: $.choices[0].delta.content"
    assert (where, "e-mail address", 1) in places


HOSTILE = {
    "backslashes": "\\",
    "passwords": "password=",
    "addresses": "a@a.",
    "keys": "sk-a-",
    "tokens": "eyJaaaaaaaa.",
    "percents": "%41%42\n",
    "begins": "-----BEGIN PRIVATE KEY-----",
    "blanks": " key ",
    "homes": "/home/",
    "base64": "QUJDREVGR0hJSktM ",
    "braces": '{"a":"',
    "letters": "a",
    "capitals": "aA1",
    "escapes": "\\u0041",
}


@pytest.mark.parametrize("level", [Level.SECRETS, Level.TEXT])
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_takes_time_in_proportion(unit: str, level: Level) -> None:
    def taken_s(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        body = orjson.dumps({"messages": [{"role": "user", "content": text}]})
        exchange = replace(wire.load("get_health"), request=Body.whole(body))
        start = time.process_time()
        one(exchange, level)
        return time.process_time() - start

    assert taken_s(160_000) < 60 * max(taken_s(8_000), 0.002)  # 400 times if quadratic
