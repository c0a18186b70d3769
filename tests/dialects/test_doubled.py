"""A key that stands twice in an object is a fault, in every dialect, wherever it stands."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimitap.conversation import Turn
from kimitap.dialects import decode
from kimitap.dialects.jsonread import DOUBLED, doubled, loads
from kimitap.exchange import Body, Exchange, Outcome
from kimitap.store.cut import cut

CHAT, ANTHROPIC, RESPONSES, COMPLETION = (
    "/v1/chat/completions",
    "/v1/messages",
    "/v1/responses",
    "/completion",
)
ASKED = {
    CHAT: b'{"model":"m","messages":[{"role":"user","content":"hi"}]}',
    ANTHROPIC: b'{"model":"m","messages":[{"role":"user","content":"hi"}]}',
    RESPONSES: b'{"model":"m","input":[{"role":"user","content":"hi"}]}',
    COMPLETION: b'{"model":"m","prompt":"hi"}',
}
ANSWERED = {
    CHAT: b'{"model":"m","choices":[{"message":{"role":"assistant","content":"yes"},'
    b'"finish_reason":"stop"}]}',
    ANTHROPIC: b'{"model":"m","role":"assistant","content":[{"type":"text","text":"yes"}],'
    b'"stop_reason":"end_turn"}',
    RESPONSES: b'{"model":"m","status":"completed","output":[{"type":"message","role":"assistant",'
    b'"content":[{"type":"output_text","text":"yes"}]}]}',
    COMPLETION: b'{"model":"m","content":"yes","stop":true,"stop_type":"eos"}',
}
STREAMED: dict[str, Sequence[bytes]] = {
    CHAT: (
        b'{"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}',
        b'{"model":"m","choices":[{"index":0,"delta":{"content":"yes"}}]}',
        b'{"model":"m","choices":[{"index":0,"delta":{"content":", "}}]}',
        b'{"model":"m","choices":[{"index":0,"delta":{"content":"no"}}]}',
        b'{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
    ),
    ANTHROPIC: (
        b'{"type":"message_start","message":{"role":"assistant","content":[]}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"yes"}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":", "}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"no"}}',
        b'{"type":"message_stop"}',
    ),
    RESPONSES: (
        b'{"type":"response.output_item.added","item":{"type":"message","role":"assistant","id":"a"}}',
        b'{"type":"response.output_text.delta","item_id":"a","delta":"yes"}',
        b'{"type":"response.output_text.delta","item_id":"a","delta":", "}',
        b'{"type":"response.output_text.delta","item_id":"a","delta":"no"}',
        b'{"type":"response.completed","response":{"status":"completed"}}',
    ),
    COMPLETION: (
        b'{"index":0,"content":"yes","stop":false}',
        b'{"index":0,"content":", ","stop":false}',
        b'{"index":0,"content":"no","stop":false}',
        b'{"index":0,"content":"","stop":true,"stop_type":"eos"}',
    ),
}
PATHS = list(ASKED)


def exchange(path: str, asked: bytes, answered: bytes, kind: str = "application/json") -> Exchange:
    return Exchange(
        1,
        datetime(2026, 11, 1, tzinfo=UTC),
        "POST",
        "http",
        "x",
        80,
        path,
        request=Body.whole(asked),
        outcome=Outcome.COMPLETE,
        status=200,
        response=answered,
        response_headers=(("content-type", kind),),
    )


def decoded(of: Exchange) -> Turn:
    turn = decode(of)
    assert turn is not None
    return turn


def faults(of: Exchange) -> list[tuple[str, str]]:
    return [(fault.where, fault.what) for fault in decoded(of).faults]


def stream(events: Sequence[bytes]) -> bytes:
    return b"".join(b"data: " + event + b"\n\n" for event in events)


def told(name: str) -> str:
    return f"{DOUBLED}: {name!r}"


@pytest.mark.parametrize("path", PATHS)
def test_a_key_once_is_no_fault(path: str) -> None:
    assert faults(exchange(path, ASKED[path], ANSWERED[path])) == []
    answer = exchange(path, ASKED[path], stream(STREAMED[path]), "text/event-stream")
    assert faults(answer) == []
    assert decoded(answer).reply.message.text == "yes, no"


@pytest.mark.parametrize("path", PATHS)
def test_a_key_twice_in_a_request_is_a_fault(path: str) -> None:
    asked = ASKED[path].replace(b'"model":"m"', b'"model":"l","model":"m"')
    whole = exchange(path, asked, ANSWERED[path])
    assert faults(whole) == [("request", told("model"))]
    assert faults(replace(whole, request=cut(asked))) == [("request", told("model"))]
    assert decoded(whole).model == "m"


@pytest.mark.parametrize("path", PATHS[:3])
def test_a_key_twice_in_a_message_is_a_fault(path: str) -> None:
    asked = ASKED[path].replace(b'"role":"user"', b'"role":"x","role":"user"')
    body = cut(asked)
    assert body.elements
    field = "input" if path == RESPONSES else "messages"
    assert faults(exchange(path, asked, ANSWERED[path])) == [("request", told("role"))]
    in_pieces = replace(exchange(path, asked, ANSWERED[path]), request=body)
    assert faults(in_pieces) == [(f"request.{field}[0]", told("role"))]


@pytest.mark.parametrize("path", PATHS)
def test_a_key_twice_in_an_answer_is_a_fault(path: str) -> None:
    answered = ANSWERED[path].replace(b'"model":"m"', b'"model":"l","model":"m"')
    assert faults(exchange(path, ASKED[path], answered)) == [("response", told("model"))]


@pytest.mark.parametrize("path", PATHS[:3])
def test_a_key_twice_deep_in_an_answer_is_a_fault(path: str) -> None:
    answered = ANSWERED[path].replace(b'"role"', b'"role":"user","role"')
    assert faults(exchange(path, ASKED[path], answered)) == [("response", told("role"))]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("at", [1, 2, -1])
def test_a_key_twice_in_an_event_is_a_fault(path: str, at: int) -> None:
    events = list(STREAMED[path])
    name = next(iter(orjson.loads(events[at])))
    value = orjson.dumps(orjson.loads(events[at])[name])
    events[at] = b'{"%b":%b,' % (name.encode(), value) + events[at][1:]
    answer = exchange(path, ASKED[path], stream(events), "text/event-stream")
    where = f"response.event[{at % len(events)}]"
    assert faults(answer) == [(where, told(name))]
    assert decoded(answer).reply.message.text == "yes, no"


@pytest.mark.parametrize(
    ("path", "field"), [(CHAT, b"content"), (ANTHROPIC, b"text"), (RESPONSES, b"delta")]
)
def test_a_key_twice_in_every_event_of_a_run_is_a_fault_in_each(path: str, field: bytes) -> None:
    twice = b'"' + field + b'":"x","' + field + b'":"'
    events = [event.replace(b'"' + field + b'":"', twice) for event in STREAMED[path]]
    answer = exchange(path, ASKED[path], stream(events), "text/event-stream")
    broken = [i for i, event in enumerate(events) if twice in event]
    assert [where for where, _ in faults(answer)] == [f"response.event[{i}]" for i in broken]
    assert decoded(answer).reply.message.text == "yes, no"


def test_arguments_are_text_in_which_a_key_may_stand_twice() -> None:
    arguments = json.dumps('{"path":"a","path":"b"}').encode()
    call = b'"tool_calls":[{"id":"a","function":{"name":"f","arguments":%b}}]' % arguments
    asked = ASKED[CHAT].replace(b'"content":"hi"', b'"content":"hi",' + call)
    answered = ANSWERED[CHAT].replace(b'"content":"yes"', call)
    assert faults(exchange(CHAT, asked, answered)) == []
    assert faults(replace(exchange(CHAT, asked, answered), request=cut(asked))) == []


def test_an_input_that_an_object_holds_may_not_have_a_key_twice() -> None:
    block = b'{"type":"tool_use","id":"a","name":"f","input":{"path":"a","path":"b"}}'
    answered = ANSWERED[ANTHROPIC].replace(b'{"type":"text","text":"yes"}', block)
    assert faults(exchange(ANTHROPIC, ASKED[ANTHROPIC], answered)) == [("response", told("path"))]


def test_streamed_input_is_text_in_which_a_key_may_stand_twice() -> None:
    events = list(STREAMED[ANTHROPIC])
    events[1] = (
        b'{"type":"content_block_start","index":0,'
        b'"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}'
    )
    for at, said in ((2, r"{\"path\":\"a\","), (3, r"\"path\":"), (4, r"\"b\"}")):
        events[at] = (
            b'{"type":"content_block_delta","index":0,"delta":'
            b'{"type":"input_json_delta","partial_json":"%b"}}' % said.encode()
        )
    answer = exchange(ANTHROPIC, ASKED[ANTHROPIC], stream(events), "text/event-stream")
    assert faults(answer) == []
    assert decoded(answer).reply.message.tool_calls[0].arguments == '{"path":"a","path":"b"}'


def test_what_is_no_strict_json_is_searched_too() -> None:
    assert loads(b'{"a":NaN,"a":1}') == ({"a": 1}, told("a"))
    assert loads(b'\xef\xbb\xbf{"a":{"b":1,"b":2}}') == ({"a": {"b": 2}}, told("b"))


def test_an_object_deeper_than_can_be_written_again_is_searched_too() -> None:
    inner = b'{"a":1,"a":2}'
    for depth in (100, 300, 900):
        text = b"[" * depth + inner + b"]" * depth
        assert loads(text)[1].startswith(DOUBLED)
        assert loads(text.replace(b'"a":1,', b""))[1] == ""


SPELT = [
    (b'{"a" : 1,\t"b":"\\u0022"}', ""),
    (b'{"a\\u0022":1,"a\\"":2}', told('a"')),
    (b'{"\\u0061":1,"a":2}', told("a")),
    (b'{"a\\\\":1,"b":"\\\\\\""}', ""),
    (b'{"a\\\\":1,"a\\\\":2}', told("a\\")),
    (b'[{"a":1},{"a":2}]', ""),
    (b'{"a":{"a":{"a":1}}}', ""),
    (b'"\\"\\\\"', ""),
    (b'{"":1,"":1}', told("")),
    (b'{"a":1.0,"b":1e2}', ""),
]


@pytest.mark.parametrize(("text", "what"), SPELT)
def test_a_key_is_known_however_it_is_spelt(text: bytes, what: str) -> None:
    assert doubled(text, orjson.loads(text)) == what
    assert doubled(text.decode(), orjson.loads(text)) == what


class Members(list[tuple[str, Any]]):
    """An object as its members, a key perhaps twice."""


names = st.text('ab"\\\n{}:,é\U0001f600', max_size=2)
objects: st.SearchStrategy[Any] = st.recursive(
    st.one_of(names, st.integers(), st.none()),
    lambda inner: st.one_of(st.lists(inner), st.lists(st.tuples(names, inner)).map(Members)),
)


def written(value: Any, ascii_: bool, space: str) -> str:
    if isinstance(value, Members):
        inner = (
            f"{json.dumps(k, ensure_ascii=ascii_)}{space}:{written(v, ascii_, space)}"
            for k, v in value
        )
        return "{" + f",{space}".join(inner) + "}"
    if isinstance(value, list):
        return "[" + f"{space},".join(written(v, ascii_, space) for v in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_)


def has_double(value: Any) -> bool:
    if isinstance(value, Members):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(has_double(v) for _, v in value)
    return isinstance(value, list) and any(map(has_double, value))


@given(objects, st.booleans(), st.sampled_from(["", " ", "\n"]))
def test_a_key_twice_is_found_in_any_json(value: Any, ascii_: bool, space: str) -> None:
    text = written(value, ascii_, space)
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:  # a number beyond 64 bits is read otherwise
        parsed = None
    if parsed is not None:
        assert bool(doubled(text, parsed)) == has_double(value)
    assert loads(text)[1].startswith(DOUBLED) == has_double(value)
