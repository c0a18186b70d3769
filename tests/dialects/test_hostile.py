"""Whatever the bytes, a dialect gives a turn: no traceback, no text that a file cannot hold."""

import dataclasses
import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimitap.conversation import Message, Turn
from kimitap.dialects import Memo, decode, openai_chat
from kimitap.exchange import Body, Exchange, Outcome
from tests.support.chat import (
    assistant,
    call,
    choice,
    exchange,
    request,
    result,
    stream_of,
    tool,
    user,
)
from tests.support.chat import body as cut_body
from tests.support.wire import IK, MAINLINE, load, names

SENT = request(user("x"), assistant("", call("f", {"a": 1})), result("r"), tools=[tool("f")])
SAID = choice(assistant("so", call("f", {"a": 1}), reasoning_content="hm"))
ORDINARY = exchange(1, SENT, SAID)
REAL = [load(n, f) for f in (MAINLINE, IK) for n in names(f)]
CHATS = [one for one in REAL if openai_chat.speaks(one)]
STREAMS = [one for one in CHATS if one.response.startswith(b"data: ")]

NAMES = (
    "role content tool_calls function name arguments id index type text image_url url user "
    "assistant tool system reasoning_content reasoning reasoning_details delta message choices "
    "finish_reason error usage timings prompt_n cache_n model messages tools functions stop"
)
WORDS = st.sampled_from(NAMES.split())
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(alphabet="\ud800\udfff\u0000\x1ba", max_size=3)
    | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


def read(one: Exchange) -> Turn:
    """The turn, from the dialect itself, so that nothing catches a mistake; it is also used."""
    turn = openai_chat.decode(one, Memo())
    for message in (*turn.messages, turn.reply.message, *turn.reply.others):
        use(message)
    for told in (turn.reply.error, turn.reply.model, turn.scope.session, *turn.tools, *turn.faults):
        str(told).encode()
    orjson.dumps(dict(turn.parameters))
    hash(turn.faults)
    return turn


def use(message: Message) -> None:
    hash(message)
    dataclasses.asdict(message)
    for text in (message.role, message.name, message.text, message.reasoning):
        text.encode()
    for made in message.tool_calls:
        made.canonical_arguments.encode()
        (made.name + made.arguments + (made.id or "")).encode()


def json_of(value: Any) -> bytes:
    """JSON with everything that the standard library can write and orjson cannot."""
    return json.dumps(value).encode()


@given(st.binary(), st.binary())
def test_any_bytes_at_all(sent: bytes, answered: bytes) -> None:
    read(replace(ORDINARY, request=Body.whole(sent), response=answered))
    read(replace(ORDINARY, request=Body.whole(sent), response=b"data: " + answered + b"\n\n"))


@given(st.sampled_from(["gzip", "deflate", "br", "zstd", "é"]), st.binary())
def test_any_bytes_in_any_encoding(encoding: str, data: bytes) -> None:
    headers = (("content-encoding", encoding),)
    one = replace(ORDINARY, request_headers=headers, response_headers=headers)
    read(replace(one, request=Body.whole(data), response=data))


@given(VALUES)
def test_any_json_as_a_request(value: Any) -> None:
    read(replace(ORDINARY, request=Body.whole(json_of(value))))


@given(VALUES, VALUES, VALUES)
def test_any_json_in_the_place_of_messages_tools_and_settings(a: Any, b: Any, c: Any) -> None:
    sent = {
        "messages": [{"role": "assistant", "content": a, "tool_calls": b}, c],
        "tools": b,
        "x": c,
    }
    read(replace(ORDINARY, request=Body.whole(json_of(sent))))
    sent = {"messages": a, "tools": [b, c], "metadata": c, "prompt_cache_key": b}
    read(replace(ORDINARY, request=Body.whole(json_of(sent))))


@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_a_cut_body_and_a_whole_one_say_the_same(sent: dict[str, Any]) -> None:
    try:
        cut = cut_body(sent)
    except (orjson.JSONEncodeError, TypeError):
        return
    whole = Body.whole(cut.content)
    assert read(replace(ORDINARY, request=cut)) == read(replace(ORDINARY, request=whole))


@given(VALUES)
def test_any_json_as_a_reply(value: Any) -> None:
    read(replace(ORDINARY, response=json_of(value)))
    read(replace(ORDINARY, response=json_of(value), status=500))
    read(replace(ORDINARY, response=json_of({"choices": value, "usage": value, "timings": value})))
    read(replace(ORDINARY, response=json_of({"choices": [{"message": value}]})))


@given(st.lists(VALUES, max_size=4))
def test_any_json_as_events(values: list[Any]) -> None:
    deltas = [{"choices": [{"delta": value, "index": 0}], "usage": value} for value in values]
    calls = [{"choices": [{"delta": {"tool_calls": [value]}}]} for value in values]
    for chunks in (values, deltas, calls):
        stream = b"".join(b"data: " + json_of(chunk) + b"\n\n" for chunk in chunks)
        read(replace(ORDINARY, response=b"data: {}\n\n" + stream))


@given(st.data())
@settings(max_examples=300)
def test_a_real_pair_with_bytes_changed(data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(CHATS))
    sent = changed(one.request.content, data)
    read(replace(one, request=Body.whole(sent), response=changed(one.response, data)))


def changed(real: bytes, data: st.DataObject) -> bytes:
    """Bytes of a recording with some of them taken out, doubled or replaced."""
    out = bytearray(real)
    for _ in range(data.draw(st.integers(0, 4))):
        start = data.draw(st.integers(0, len(out)))
        stop = min(len(out), start + data.draw(st.integers(0, 40)))
        put = data.draw(
            st.sampled_from([b"", bytes(out[start:stop]) * 2, b"null", b'"', b"\xff", b"9" * 30])
        )
        out[start:stop] = put
    return bytes(out)


@given(st.sampled_from(STREAMS), st.data())
def test_a_reply_cut_anywhere_is_the_beginning_of_the_whole(
    one: Exchange, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(one.response)))
    whole = read(one).reply.message
    for outcome in (Outcome.IN_FLIGHT, Outcome.SERVER_CUT):
        part = read(replace(one, response=one.response[:place], outcome=outcome)).reply
        assert whole.text.startswith(part.message.text)
        assert whole.reasoning.startswith(part.message.reasoning)
        assert [c.name for c in part.message.tool_calls] == [
            c.name for c in whole.tool_calls[: len(part.message.tool_calls)]
        ]


@given(st.text(), st.text(), st.text(min_size=1), st.dictionaries(st.text(), st.text()))
def test_a_streamed_reply_says_what_a_whole_one_says(
    text: str, thought: str, name: str, arguments: dict[str, str]
) -> None:
    message = assistant(text, call(name, arguments), reasoning_content=thought)
    whole, streamed = (
        read(exchange(1, SENT, choice(message), stream=stream)).reply for stream in (False, True)
    )
    assert whole.message == streamed.message
    assert streamed.message.text == text
    assert streamed.message.tool_calls[0].arguments == orjson.dumps(arguments).decode()


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_other_line_ends_change_nothing(end: bytes) -> None:
    stream = stream_of(SAID)
    plain = read(replace(ORDINARY, response=stream)).reply
    assert plain.complete
    assert read(replace(ORDINARY, response=stream.replace(b"\n", end))).reply == plain


DEEP = [b"[" * n + b"]" * n for n in (100, 250, 600, 1000, 1100, 5000, 200_000)]
DEEP += [b'{"text":' * n + b"1" + b"}" * n for n in (250, 600, 1000, 1100, 200_000)]
PLACES = [
    b"%s",
    b'{"messages":%s}',
    b'{"messages":[%s],"tools":[%s]}',
    b'{"messages":[{"role":"user","content":%s}],"x":%s}',
    b'{"messages":[{"role":"user","content":[{"type":"audio","x":%s}]}]}',
    b'{"messages":[{"role":"assistant","thinking":%s,"tool_calls":[%s]}]}',
    b'{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":%s}}]}]}',
    b'{"choices":[{"message":{"content":%s,"reasoning":%s}}]}',
    b'data: {"choices":[{"delta":{"content":%s,"tool_calls":[%s]}}],"error":%s}\n\n',
    b'data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":%s}}]}}]}\n\n',
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("deep", DEEP, ids=lambda deep: f"{deep[:5].decode()}-{len(deep)}")
def test_nesting_of_any_depth(place: bytes, deep: bytes) -> None:
    data = place.replace(b"%s", deep)
    read(replace(ORDINARY, request=Body.whole(data), response=data))


@pytest.mark.parametrize("number", [b"9" * 400, b"9" * 5000, b"-1e999", b"1e-999", b"NaN"])
def test_numbers_of_any_size(number: bytes) -> None:
    usage = b'"usage":{"prompt_tokens":%s},"timings":{"cache_n":%s,"prompt_ms":%s}'
    for place in (
        b'{"messages":[{"role":%s,"content":%s}],"temperature":%s}',
        b'{"choices":[{"index":%s,"message":{"content":"a"}}],' + usage + b"}",
        b'data: {"choices":[{"index":%s,"delta":{"tool_calls":[{"index":%s}]}}],'
        + usage
        + b"}\n\n",
    ):
        data = place.replace(b"%s", number)
        read(replace(ORDINARY, request=Body.whole(data), response=data))


def test_the_last_of_two_equal_keys_counts() -> None:
    sent = b'{"messages":[{"role":"user","content":"a","content":"b"}],"model":"x","model":"y"}'
    turn = read(replace(ORDINARY, request=Body.whole(sent)))
    assert (turn.messages[0].text, turn.model) == ("b", "y")


def test_a_mistake_of_the_decoder_itself_is_a_fault_of_that_turn() -> None:
    broken: Any = None
    turn = decode(replace(ORDINARY, response_headers=broken))
    assert turn is not None
    assert (turn.exchange, turn.messages) == (1, ())
    assert [fault.where for fault in turn.faults] == ["exchange"]
    assert turn.faults[0].what.startswith("the decoder failed: TypeError")
