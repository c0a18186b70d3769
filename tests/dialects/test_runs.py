"""A run of events that only add letters says what its events say one by one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimitap.conversation import Message
from kimitap.dialects import answer, decode
from kimitap.dialects.answer import read_stream
from kimitap.dialects.chat_facts import Facts
from kimitap.dialects.chat_stream import StreamedReply
from kimitap.dialects.fault import Faults
from kimitap.exchange import Exchange, Outcome
from kimitap.sse import Decoder, Event
from tests.support import wire

STREAMS = [
    pytest.param(body, id=f"{folder.name}/{name}")
    for folder in (wire.MAINLINE, wire.IK)
    for name in wire.names(folder)
    if b"chat.completion.chunk" in (body := wire.load(name, folder).response)
]


ENDED = Exchange(
    1, datetime(2026, 11, 1, tzinfo=UTC), "POST", "http", "x", 1, "/", outcome=Outcome.COMPLETE
)


def told(stream: StreamedReply, facts: Facts, faults: Faults) -> tuple[object, ...]:
    """All that a stream came to."""
    choices: list[tuple[int, Message, str | None]] = [
        (index, choice.message(), choice.finish_reason)
        for index, choice in sorted(stream.choices.items())
    ]
    facts_ = (facts.model, facts.fingerprint, facts.error, facts.usage, facts.timings)
    return choices, facts_, faults.told(), stream.done, stream.events


def thoroughly(body: bytes) -> tuple[object, ...]:
    facts, faults = Facts(), Faults()
    stream, decoder = StreamedReply(facts, faults), Decoder()
    for event in (*decoder.feed(body), *decoder.close()):
        stream.add(event)
    return told(stream, facts, faults)


def quickly(body: bytes) -> tuple[object, ...]:
    facts, faults = Facts(), Faults()
    stream = StreamedReply(facts, faults)
    read_stream(body, ENDED, stream)
    return told(stream, facts, faults)


@pytest.mark.parametrize("body", STREAMS)
def test_a_real_stream_is_read_alike(body: bytes) -> None:
    assert quickly(body) == thoroughly(body)


def test_there_are_real_streams() -> None:
    assert len(STREAMS) > 20


letters = st.sampled_from(["", "a", "ß", '"', "\\", "\n", "\U0001f600", "{", "}"])
texts = st.one_of(st.none(), letters, st.integers(0, 3), st.just([]))
calls = st.lists(
    st.fixed_dictionaries(
        {"function": st.fixed_dictionaries({}, optional={"arguments": texts, "name": texts})},
        optional={"index": st.one_of(st.integers(0, 2), st.none()), "id": texts},
    ),
    max_size=2,
)
deltas = st.fixed_dictionaries(
    {},
    optional={
        "content": texts,
        "reasoning_content": texts,
        "reasoning": texts,
        "role": texts,
        "tool_calls": st.one_of(calls, st.none()),
    },
)
choices = st.fixed_dictionaries(
    {"delta": deltas},
    optional={
        "index": st.integers(0, 1),
        "finish_reason": st.sampled_from([None, "stop", ""]),
        "logprobs": st.none(),
    },
)
counts = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        dict.fromkeys(("completion_tokens", "prompt_tokens", "total_tokens"), st.integers(0, 9)),
        optional={"cost": st.integers(0, 3)},
    ),
)
chunks = st.fixed_dictionaries(
    {"choices": st.lists(choices, max_size=2)},
    optional={
        "model": texts,
        "system_fingerprint": texts,
        "created": st.integers(0, 2**70).filter(lambda n: n < 2**64),
        "usage": counts,
        "timings": st.just({"cache_n": 1}),
        "error": st.just({"message": "failed"}),
    },
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(chunks, st.just({"choices": [{"delta": {"content": "x"}}]}))))
def test_any_chunks_are_read_alike(sent: Sequence[dict[str, Any]]) -> None:
    begin = {"choices": [{"delta": {"role": "assistant"}}], "model": "m"}
    values = [orjson.dumps(chunk) for chunk in (begin, *sent)]
    body = b"".join(b"data: " + value + b"\n\n" for value in (*values, b"[DONE]"))
    assert quickly(body) == thoroughly(body)


@pytest.mark.parametrize(
    "odd",
    [
        b'{"choices":[{"delta":{"content":"\\ud83d"}}],"model":"m"}',
        b'{"choices":[{"delta":{"content":NaN}}],"model":"m"}',
        b'{"choices":[{"delta":{"content":"a"},"delta":{"content":"b"}}],"model":"m"}',
        b'{"choices":[{"delta":{"content":"a"},"index":1e999}],"model":"m"}',
        b'{"choices":[{"delta":{"content":"a"}}],"created":1e5}',
        b"[" * 2000,
        b"",
        b"null",
    ],
)
def test_an_odd_chunk_is_read_alike(odd: bytes) -> None:
    begin = b'data: {"choices":[{"delta":{"role":"assistant"}}],"model":"m"}\n\n'
    body = begin + b"data: " + odd + b"\n\n" + begin
    assert quickly(body) == thoroughly(body)


BEGUN = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}],"model":"m"}\n\n'
CHUNK = b'data: {"choices":[{"delta":{"content":"a"}}]}'


@pytest.mark.parametrize(
    "body",
    [
        CHUNK + b"\n\n" + CHUNK + b"\n",
        CHUNK + b"\r\n\r\n" + CHUNK + b"\n\n",
        b": hello\n\n" + CHUNK + b"\n\n",
        CHUNK.replace(b": {", b":{", 1) + b"\n\n",
        b"event: error\n" + CHUNK + b"\n\n",
        CHUNK + b"\n" + CHUNK + b"\n\n",
        CHUNK.replace(b'"a"', b'"\xff"') + b"\n\n",
        CHUNK + b"\n\n\n\n",
        CHUNK + b"\n\n\n" + CHUNK + b"\n\n",
        b"id: 7\n" + CHUNK + b"\n\n",
        b"\xef\xbb\xbf" + CHUNK + b"\n\n",
    ],
)
def test_a_stream_of_anything_else_is_read_alike(body: bytes) -> None:
    whole = BEGUN + CHUNK + b"\n\n" + body + CHUNK + b"\n\n"
    assert quickly(whole) == thoroughly(whole)
    assert quickly(body) == thoroughly(body)


@pytest.mark.parametrize("number", [b"9" * 400, b"-" + b"9" * 20, b"18446744073709551616"])
@pytest.mark.parametrize("name", ["created", "index", "usage"])
def test_a_number_of_any_size_is_told_of_alike(name: str, number: bytes) -> None:
    counts = b'{"completion_tokens":%s,"prompt_tokens":1,"total_tokens":1}' % number
    field = b'"%s":%s' % (name.encode(), counts if name == "usage" else number)
    begun = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}],"model":"k"}\n\n'
    choice = b'{"delta":{"content":"a"}' + (b"," + field if name == "index" else b"") + b"}"
    beside = b"" if name == "index" else b"," + field
    body = begun + b'data: {"choices":[%s],"model":"k"%s}\n\n' % (choice, beside)
    assert quickly(body) == thoroughly(body)


FRAMES = (
    '{"choices":[{"finish_reason":null,"index":%(index)s,"delta":{"content":%(text)s}}],'
    '"created":%(time)s,"id":"a1","model":"k2","usage":{"completion_tokens":%(count)s,'
    '"prompt_tokens":180,"total_tokens":%(count)s}}',
    '{"id":"a1","created":%(time)s,"model":"k2","choices":[{"index":%(index)s,"delta":'
    '{"reasoning_content":%(text)s},"logprobs":null,"finish_reason":null}]}',
    '{"model": "k2", "choices": [{"index": %(index)s, "delta": {"tool_calls": [{"index": 0, '
    '"function": {"arguments": %(text)s}}]}}], "created": %(time)s}',
    '{"model":"k2","choices":[{"index":%(index)s,"delta":{"role":"assistant","content":%(text)s,'
    '"reasoning":null}}],"timings":{"predicted_n":%(count)s,"predicted_ms":1.5}}',
    '{"model":"k2","choices":[{"index":%(index)s,"delta":{"content":%(text)s}}],"n_index":%(count)s,'
    '"content":"%(count)s"}',
)
said = st.text('ab"\\\né\U0001f600{},:', max_size=3).map(lambda text: orjson.dumps(text).decode())
words = st.one_of(
    said, st.sampled_from(['"\\u00e9"', '"\\/"', '"a","b"', '"', '"\\"', "null", "1"])
)
counts_ = st.one_of(st.integers(0, 12).map(str), st.sampled_from(["007", "-1", "1e3", "9" * 30]))
events = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.one_of(said, said, said, words),
            "index": st.sampled_from(["0"] * 8 + ["1"]),
            "time": st.sampled_from(["1700"] * 4 + ["1701", "0170"]),
            "count": st.one_of(st.just("5"), st.integers(0, 12).map(str), counts_),
        }
    ),
    min_size=3,
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FRAMES), events, st.sampled_from(["", ": hi\n\n", "event: message\n"]))
def test_events_in_one_frame_are_read_alike(
    frame: str, sent: Sequence[dict[str, str]], before: str
) -> None:
    begun = BEGUN + b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":'
    begun += b'{"name":"f","arguments":""}}]}}],"model":"m"}\n\n'
    body = begun + "".join(f"{before}data: {frame % one}\n\n" for one in sent).encode()
    assert quickly(body) == thoroughly(body)
    assert quickly(body[:-2]) == thoroughly(body[:-2])


def test_the_last_count_of_a_run_counts() -> None:
    event = b'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"completion_tokens":%d}}\n\n'
    body = BEGUN + b"".join(event % count for count in range(1, 120))
    facts, faults = Facts(), Faults()
    stream = StreamedReply(facts, faults)
    read_stream(body, ENDED, stream)
    assert facts.usage.completion_tokens == 119
    assert (stream.choices[0].message().text, stream.events) == ("a" * 119, 120)


def test_a_count_before_a_broken_event_counts() -> None:
    event = 'data: {"choices":[{"delta":{"content":%s}}],"usage":{"completion_tokens":%d}}\n\n'
    sent = [event % one for one in (('"a"', 1), ('"b"', 5), ('"c","d"', 5))]
    body = BEGUN + "".join(sent).encode()
    facts, faults = Facts(), Faults()
    stream = StreamedReply(facts, faults)
    read_stream(body, ENDED, stream)
    assert facts.usage.completion_tokens == 5
    assert quickly(body) == thoroughly(body)


def test_only_what_is_new_in_a_run_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one: list[Event] = []
    monkeypatch.setattr(
        StreamedReply,
        "add",
        lambda self, event, add=StreamedReply.add: one_by_one.append(event) or add(self, event),
    )
    quickly(BEGUN + (CHUNK + b"\n\n") * 500)
    assert len(one_by_one) == 2


ANTHROPIC = (
    '{"type":"content_block_delta","index":%(index)s,"delta":{"type":"text_delta","text":%(text)s}}'
)
RESPONSES = (
    '{"type":"response.output_text.delta","sequence_number":%(count)s,"item_id":"m%(index)s",'
    '"output_index":%(index)s,"content_index":0,"delta":%(text)s}'
)


@settings(max_examples=150, deadline=None)
@given(events, st.booleans())
def test_events_of_the_other_dialects_are_read_alike(
    sent: Sequence[dict[str, str]], named: bool
) -> None:
    for path, frame in (("/v1/messages", ANTHROPIC), ("/v1/responses", RESPONSES)):
        before = "event: " + frame.split('"')[3] + "\n" if named else ""
        body = "".join(f"{before}data: {frame % one}\n\n" for one in sent).encode()
        both = []
        for at_once in (answer.LIMIT, -1):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(answer, "AT_ONCE", at_once)
                both.append(decode(replace(ENDED, path=path, status=200, response=body)))
        assert both[0] == both[1]
