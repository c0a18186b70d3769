"""Whatever the bytes at `/v1/messages`: a turn, no traceback, and the same however they are cut."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimitap.conversation import Fault, Message, Turn
from kimitap.dialects import Memo, anthropic_messages
from kimitap.dialects.anthropic_facts import Counts
from kimitap.dialects.anthropic_stream import StreamedMessage
from kimitap.dialects.chat_facts import Facts
from kimitap.dialects.fault import Faults
from kimitap.exchange import Body, Exchange, Outcome
from kimitap.sse import Decoder
from tests.support.anthropic import (
    assistant,
    begin,
    delta,
    end,
    exchange,
    reply,
    request,
    result,
    start,
    stream_of,
    text,
    thinking,
    use,
    user,
)
from tests.support.chat import body as cut_body
from tests.support.wire import IK, MAINLINE, load, names

SENT = request(user("x"), assistant(use("t", "f", a=1)), user(result("t"), text("so")))
SAID = reply(thinking("hm", "sig"), text("So it is, café."), use("t", "f", a="é"), stop="tool_use")
ORDINARY = exchange(SENT, SAID)
REAL = [load(n, f) for f in (MAINLINE, IK) for n in names(f)]
SPOKEN = [one for one in REAL if anthropic_messages.speaks(one)]
STREAMS = [one for one in SPOKEN if one.response.startswith(b"event: ")]
STREAMS.append(exchange(SENT, stream_of(SAID)))

NAMES = (
    "role content type text thinking signature data tool_use tool_result tool_use_id id name "
    "input is_error source media_type url image document redacted_thinking system messages "
    "tools metadata user_id message_start message_delta message_stop content_block_start "
    "content_block_delta content_block_stop error ping index delta content_block message "
    "text_delta input_json_delta partial_json thinking_delta signature_delta stop_reason usage "
    "input_tokens output_tokens cache_read_input_tokens timings model user assistant"
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
    turn = anthropic_messages.decode(one, Memo())
    for message in (*turn.messages, turn.reply.message):
        use_all(message)
    assert len(turn.wire_indexes) in (0, len(turn.messages))
    for told in (turn.reply.error, turn.reply.model, turn.reply.id, turn.scope.session):
        told.encode()
    for value in (*turn.tools, *turn.faults):
        str(value).encode()
    orjson.dumps(dict(turn.parameters))
    hash(turn.faults)
    return turn


def use_all(message: Message) -> None:
    hash(message)
    dataclasses.asdict(message)
    for said in (message.role, message.name, message.text, message.reasoning):
        said.encode()
    for made in message.tool_calls:
        made.canonical_arguments.encode()
        (made.name + made.arguments + (made.id or "")).encode()


def json_of(value: Any) -> bytes:
    """JSON with everything that the standard library can write and orjson cannot."""
    return json.dumps(value).encode()


@given(st.binary(), st.binary())
def test_any_bytes_at_all(sent: bytes, answered: bytes) -> None:
    read(replace(ORDINARY, request=Body.whole(sent), response=answered))
    read(replace(ORDINARY, response=b"event: message_start\ndata: " + answered + b"\n\n"))


@given(VALUES, VALUES, VALUES)
def test_any_json_in_the_place_of_messages_system_and_tools(a: Any, b: Any, c: Any) -> None:
    for sent in (
        a,
        {"messages": a, "system": b, "tools": c, "metadata": b},
        {"messages": [a, {"role": "user", "content": b}], "system": [c], "tools": [a]},
        {"messages": [{"role": "user", "content": [a, {"type": "tool_result", "content": [b]}]}]},
    ):
        read(replace(ORDINARY, request=Body.whole(json_of(sent))))


@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_a_cut_body_and_a_whole_one_say_the_same(sent: dict[str, Any]) -> None:
    try:
        cut = cut_body(sent)
    except (orjson.JSONEncodeError, TypeError):
        return
    whole = Body.whole(cut.content)
    assert read(replace(ORDINARY, request=cut)) == read(replace(ORDINARY, request=whole))


@given(VALUES, VALUES)
def test_any_json_as_a_reply(a: Any, b: Any) -> None:
    for value in (a, {"content": a, "usage": b, "stop_reason": b}, {"content": [a, b]}):
        read(replace(ORDINARY, response=json_of(value)))
        read(replace(ORDINARY, response=json_of(value), status=500))


KINDS = st.sampled_from(
    [name for name in NAMES.split() if name.startswith(("message_", "content_"))]
)


@given(st.lists(st.tuples(KINDS, VALUES, VALUES), max_size=5))
def test_any_json_as_events(values: list[tuple[str, Any, Any]]) -> None:
    chunks = [
        {"type": kind, "index": b, "delta": a, "content_block": a, "message": a, "usage": b}
        for kind, a, b in values
    ]
    for found in (chunks, [a for _, a, _ in values]):
        stream = b"".join(b"event: x\ndata: " + json_of(chunk) + b"\n\n" for chunk in found)
        read(replace(ORDINARY, response=stream))


@given(st.data())
@settings(max_examples=300)
def test_a_real_pair_with_bytes_changed(data: st.DataObject) -> None:
    one = data.draw(st.sampled_from([*SPOKEN, ORDINARY, STREAMS[-1]]))
    sent = changed(one.request.content, data)
    read(replace(one, request=Body.whole(sent), response=changed(one.response, data)))


def changed(real: bytes, data: st.DataObject) -> bytes:
    """Bytes of a recording with some of them taken out, doubled or replaced."""
    out = bytearray(real)
    for _ in range(data.draw(st.integers(0, 4))):
        start_ = data.draw(st.integers(0, len(out)))
        stop_ = min(len(out), start_ + data.draw(st.integers(0, 40)))
        put = [b"", bytes(out[start_:stop_]) * 2, b"null", b'"', b"\xff", b"9" * 30]
        out[start_:stop_] = data.draw(st.sampled_from(put))
    return bytes(out)


@given(st.sampled_from(STREAMS), st.data())
def test_a_stream_split_at_any_bytes_gives_the_same_reply(
    one: Exchange, data: st.DataObject
) -> None:
    whole = assembled([one.response])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(one.response)), max_size=5)))
    edges = [0, *cuts, len(one.response)]
    portions = [one.response[a:b] for a, b in pairwise(edges)]
    assert assembled(portions) == whole
    assert read(one).reply.message.parts == whole[0]


def assembled(portions: list[bytes]) -> tuple[Any, str | None, bool, int, tuple[Fault, ...]]:
    faults = Faults()
    stream = StreamedMessage(Facts(), Counts(), faults)
    for event in _events(portions):
        stream.add(event)
    parts = tuple(stream.parts())
    return parts, stream.stop_reason, stream.done, stream.events, faults.told()


def _events(portions: list[bytes]) -> Iterator[Any]:
    decoder = Decoder()
    for portion in portions:
        yield from decoder.feed(portion)
    yield from decoder.close()


@given(st.sampled_from(STREAMS), st.data())
def test_a_reply_cut_anywhere_is_the_beginning_of_the_whole(
    one: Exchange, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(one.response)))
    whole = read(one).reply.message
    for outcome in (Outcome.IN_FLIGHT, Outcome.SERVER_CUT):
        part = read(replace(one, response=one.response[:place], outcome=outcome)).reply.message
        assert whole.text.startswith(part.text)
        assert whole.reasoning.startswith(part.reasoning)
        assert [c.name for c in part.tool_calls] == [
            c.name for c in whole.tool_calls[: len(part.tool_calls)]
        ]


@given(st.text(), st.text(), st.text(min_size=1), st.dictionaries(st.text(), st.text()))
def test_a_streamed_reply_says_what_a_whole_one_says(
    said: str, thought: str, name: str, arguments: dict[str, str]
) -> None:
    call = {**use("t", name), "input": arguments}
    body = reply(thinking(thought, "sig"), text(said), call, stop="tool_use")
    whole, streamed = (read(exchange(SENT, answer)).reply for answer in (body, stream_of(body)))
    assert streamed.message == whole.message
    assert (streamed.message.text, streamed.message.reasoning) == (said, thought)
    assert streamed.usage == whole.usage


@pytest.mark.parametrize("line_end", [b"\r\n", b"\r"])
def test_other_line_ends_change_nothing(line_end: bytes) -> None:
    stream = stream_of(SAID)
    plain = read(exchange(SENT, stream)).reply
    assert plain.complete
    assert read(exchange(SENT, stream.replace(b"\n", line_end))).reply == plain


DEEP = [b"[" * n + b"]" * n for n in (100, 250, 600, 1000, 1100, 200_000)]
DEEP += [b'{"content":' * n + b"1" + b"}" * n for n in (250, 600, 1000, 1100, 200_000)]
PLACES = [
    b"%s",
    b'{"messages":%s,"system":%s}',
    b'{"messages":[%s],"system":[%s],"tools":[%s]}',
    b'{"messages":[{"role":"user","content":%s}],"x":%s}',
    b'{"messages":[{"role":"user","content":[%s,{"type":"x","y":%s}]}]}',
    b'{"messages":[{"role":"user","content":[{"type":"tool_result","content":[%s]}]}]}',
    b'{"messages":[{"role":"assistant","content":[{"type":"tool_use","name":"f","input":%s}]}]}',
    b'{"content":[{"type":"tool_use","name":"f","input":%s},%s],"usage":%s}',
    b'event: x\ndata: {"type":"content_block_start","index":0,"content_block":%s}\n\n',
    b'event: x\ndata: {"type":"content_block_start","index":0,"content_block":{"input":%s}}\n\n',
    b'event: error\ndata: {"error":%s}\n\n',
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("deep", DEEP, ids=lambda deep: f"{deep[:5].decode()}-{len(deep)}")
def test_nesting_of_any_depth(place: bytes, deep: bytes) -> None:
    data = place.replace(b"%s", deep)
    read(replace(ORDINARY, request=Body.whole(data), response=data))


@pytest.mark.parametrize("deep", DEEP, ids=lambda deep: f"{deep[:5].decode()}-{len(deep)}")
def test_arguments_of_any_depth_in_a_stream(deep: bytes) -> None:
    for block in (use("t", "f"), {**use("t", "f"), "type": "server_tool_use"}):
        part = delta(0, "input_json_delta", partial_json=deep.decode())
        turn = read(exchange(SENT, start() + begin(0, block) + part + end()))
        assert len(turn.reply.message.parts) == 1


@pytest.mark.parametrize("number", [b"9" * 400, b"9" * 5000, b"-1e999", b"1e-999", b"NaN"])
def test_numbers_of_any_size(number: bytes) -> None:
    usage = b'"usage":{"input_tokens":%s,"output_tokens":%s,"cache_read_input_tokens":%s}'
    for place in (
        b'{"messages":[{"role":%s,"content":%s}],"temperature":%s}',
        b'{"content":[{"type":"text","text":"a"}],"stop_reason":%s,' + usage + b"}",
        b'event: x\ndata: {"type":"content_block_start","index":%s,"content_block":{}}\n\n',
        b'event: x\ndata: {"type":"message_delta","delta":{"stop_reason":%s},' + usage + b"}\n\n",
    ):
        data = place.replace(b"%s", number)
        read(replace(ORDINARY, request=Body.whole(data), response=data))


def test_the_last_of_two_equal_keys_counts() -> None:
    sent = b'{"messages":[{"role":"user","content":"a","content":"b"}],"model":"x","model":"y"}'
    turn = read(replace(ORDINARY, request=Body.whole(sent)))
    assert (turn.messages[0].text, turn.model) == ("b", "y")


def test_faults_stay_few_however_many_events_are_broken() -> None:
    broken = b'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n' * 2000
    assert len(read(exchange(SENT, start() + broken + end())).faults) < 100
