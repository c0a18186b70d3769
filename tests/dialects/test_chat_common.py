"""The quick way of reading the common chunks says what the thorough way says."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimitap.conversation import Message
from kimitap.dialects.chat_facts import Facts
from kimitap.dialects.chat_stream import StreamedReply
from kimitap.dialects.fault import Faults
from kimitap.sse import Decoder, plain_data
from tests.support import wire

STREAMS = [
    pytest.param(body, id=f"{folder.name}/{name}")
    for folder in (wire.MAINLINE, wire.IK)
    for name in wire.names(folder)
    if b"chat.completion.chunk" in (body := wire.load(name, folder).response)
    and plain_data(body) is not None
]


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
    plain = plain_data(body)
    assert plain is not None
    stream.add_plain(plain)
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


@pytest.mark.parametrize(
    "body",
    [
        b"data: {}\n\ndata: {}\n",
        b"data: {}\r\n\r\n",
        b": hello\n\ndata: {}\n\n",
        b"data:{}\n\n",
        b"event: error\ndata: {}\n\n",
        b"data: a\ndata: b\n\n",
        b"data: \xff\n\n",
        b"data: {}\n\n\n\n",
    ],
)
def test_a_stream_of_anything_else_is_not_plain(body: bytes) -> None:
    assert plain_data(body) is None


def test_an_event_beyond_the_limit_is_not_plain() -> None:
    assert plain_data(b"data: 12345\n\n", limit=5) is None
    assert plain_data(b"data: 12345\n\n") == [b"12345"]


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
