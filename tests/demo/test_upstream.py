"""The embedded upstream against what real llama-servers sent."""

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from kimitap.demo.speech import Call, Speech
from kimitap.demo.upstream import Upstream

WIRE = Path(__file__).parent.parent / "wire"
CHAT = "/v1/chat/completions"
HELLO = {"messages": [{"role": "user", "content": "Say hello."}]}
BOTH = Speech(
    "Two calls needed.",
    "I will do both.",
    (
        Call("get_weather", '{"city": "Paris"}', "functions.get_weather:0"),
        Call("read_file", '{"path": "a.txt"}', "functions.read_file:1"),
    ),
)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream(lambda _: BOTH) as running:
        yield running


def ask(upstream: Upstream, method: str, path: str, body: object = None) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", upstream.port, timeout=10)
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
    connection.request(method, path, data, {"Connection": "close"})
    return connection.getresponse()


def real(name: str) -> tuple[str, set[str], bytes]:
    """A recorded answer: status line, names of its header fields, and its body without framing."""
    head, _, body = (WIRE / f"{name}.resp").read_bytes().partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    if "Transfer-Encoding: chunked" in fields:
        body = b"".join(line + b"\n" for line in body.split(b"\n") if line.startswith(b"data: "))
    return first, {field.split(":")[0] for field in fields}, body


def shape(value: object) -> object:
    """A JSON value's keys in their order, and the types of what they hold."""
    if isinstance(value, dict):
        return tuple((key, shape(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return "number" if isinstance(value, int | float) else type(value).__name__


def events(body: bytes) -> list[Any]:
    lines = [line.removeprefix(b"data: ") for line in body.splitlines() if line]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


@pytest.mark.parametrize(
    ("name", "method", "path", "body"),
    [
        ("err_no_messages", "POST", CHAT, {"model": "x"}),
        ("err_tool_choice", "POST", CHAT, {**HELLO, "tool_choice": "bogus"}),
        ("get_404", "GET", "/nope", None),
        ("err_method", "GET", CHAT, None),
        ("get_health", "GET", "/health", None),
    ],
)
def test_a_fixed_answer_is_the_real_server_s_byte_for_byte(
    upstream: Upstream, name: str, method: str, path: str, body: object
) -> None:
    first, fields, expected = real(name)
    response = ask(upstream, method, path, body)
    assert response.read() == expected
    assert f"HTTP/1.1 {response.status} {response.reason}" == first
    assert set(response.headers) | {"Connection"} == fields


def test_bad_json_is_a_server_error_as_in_the_real_one(upstream: Upstream) -> None:
    first, _, expected = real("err_bad_json")
    response = ask(upstream, "POST", CHAT, b'{"messages": [}')
    assert f"HTTP/1.1 {response.status} {response.reason}" == first
    assert shape(json.loads(response.read())) == shape(json.loads(expected))


def test_a_prompt_that_does_not_fit_is_refused_with_both_counts() -> None:
    _, _, expected = real("err_context_overflow_stream")
    words = {"messages": [{"role": "user", "content": "word " * 100}], "stream": True}
    with Upstream(n_ctx=64) as small:
        response = ask(small, "POST", CHAT, words)
        body = json.loads(response.read())
    assert response.status == 400
    assert shape(body) == shape(json.loads(expected))
    assert body["error"]["n_ctx"] == 64 < body["error"]["n_prompt_tokens"]


def test_a_whole_reply_has_the_real_one_s_shape(upstream: Upstream) -> None:
    _, fields, expected = real("k2_parallel_ns")
    response = ask(upstream, "POST", CHAT, HELLO)
    ours, theirs = json.loads(response.read()), json.loads(expected)
    assert shape(ours) == shape(theirs)
    assert set(response.headers) | {"Connection"} == fields
    assert ours["choices"][0]["message"]["tool_calls"] == [
        {"type": "function", "function": {"name": c.name, "arguments": c.arguments}, "id": c.id}
        for c in BOTH.calls
    ]


def test_every_event_of_a_stream_has_a_shape_that_a_real_stream_has(upstream: Upstream) -> None:
    known = [
        shape(event)
        for name in ("k2_parallel_st", "chat_stream_usage", "chat_stream")
        for event in events(real(name)[2])
    ]
    _, fields, _ = real("k2_parallel_st")
    for options in ({}, {"stream_options": {"include_usage": True}}):
        response = ask(upstream, "POST", CHAT, {**HELLO, "stream": True, **options})
        body = response.read()
        assert set(response.headers) | {"Connection"} == fields
        assert body.endswith(b"\n\ndata: [DONE]\n\n")
        assert [event for event in events(body) if shape(event) not in known] == []


def test_a_stream_says_role_reasoning_text_and_calls_in_this_order(upstream: Upstream) -> None:
    stream = events(ask(upstream, "POST", CHAT, {**HELLO, "stream": True}).read())
    deltas = [event["choices"][0]["delta"] for event in stream]
    assert deltas[0] == {"role": "assistant", "content": None}
    kinds = [next(iter(delta)) for delta in deltas[1:-1]]
    assert list(dict.fromkeys(kinds)) == ["reasoning_content", "content", "tool_calls"]
    assert stream[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert "".join(d.get("reasoning_content", "") for d in deltas) == BOTH.reasoning
    assert "".join(d.get("content") or "" for d in deltas) == BOTH.text
    parts = [part for d in deltas for part in d.get("tool_calls", ())]
    said = ["".join(p["function"]["arguments"] for p in parts if p["index"] == i) for i in (0, 1)]
    assert said == [call.arguments for call in BOTH.calls]


def test_the_same_prompt_again_comes_from_the_cache(upstream: Upstream) -> None:
    counts = [json.loads(ask(upstream, "POST", CHAT, HELLO).read())["usage"] for _ in range(2)]
    cached = [count["prompt_tokens_details"]["cached_tokens"] for count in counts]
    assert cached == [0, counts[0]["prompt_tokens"] - 1]


def busy(upstream: Upstream) -> int:
    return sum(s["is_processing"] for s in json.loads(ask(upstream, "GET", "/slots").read()))


def test_a_hang_up_frees_the_slot_at_the_next_token() -> None:
    body = json.dumps({**HELLO, "stream": True}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with Upstream(lambda _: Speech(text="word " * 2000), tokens_per_s=100) as upstream:
        with socket.create_connection(("127.0.0.1", upstream.port)) as client:
            client.sendall(head + body)
            assert b"200 OK" in client.recv(65536)
            assert busy(upstream) == 1
        hung_up_at = time.monotonic()
        while busy(upstream):
            assert time.monotonic() - hung_up_at < 5
        assert time.monotonic() - hung_up_at < 1


def test_a_third_request_waits_until_a_slot_is_free() -> None:
    with Upstream(lambda _: Speech(text="word " * 30), tokens_per_s=100) as upstream:
        begun = time.monotonic()
        connections = [HTTPConnection("127.0.0.1", upstream.port, timeout=10) for _ in range(3)]
        for connection in connections:
            connection.request("POST", CHAT, json.dumps({**HELLO, "stream": True}))
        waits = []
        for connection in connections:
            response = connection.getresponse()  # a stream's head comes when its slot starts
            waits.append(time.monotonic() - begun)
            response.read()
    assert waits[0] < 0.25 < waits[2]


def test_one_connection_serves_many_requests(upstream: Upstream) -> None:
    connection = HTTPConnection("127.0.0.1", upstream.port, timeout=10)
    for _ in range(3):
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b'{"status":"ok"}'
        assert connection.sock is not None
    connection.close()


def test_a_port_in_use_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), Upstream(port=port):
            pass
