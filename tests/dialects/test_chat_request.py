"""Requests of chat completions: whole bodies, and bodies cut into pieces."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
import zstandard

from kimitap.conversation import Fault, Turn
from kimitap.dialects import Memo, decode, speaks
from kimitap.exchange import Body, Elements, Exchange, Piece, digest
from tests.support.chat import (
    assistant,
    call,
    choice,
    exchange,
    request,
    result,
    system,
    tool,
    user,
)

OK = choice(assistant("ok"))


def turn_of(sent: dict[str, Any], **options: Any) -> Turn:
    turn = decode(exchange(1, sent, OK, **options))
    assert turn is not None
    return turn


def with_body(data: bytes, **changes: Any) -> Turn:
    turn = decode(replace(exchange(1, request(), OK), request=Body.whole(data), **changes))
    assert turn is not None
    return turn


@pytest.mark.parametrize(
    "method, path, name",
    [
        ("POST", "/v1/chat/completions", "openai-chat"),
        ("POST", "/chat/completions", "openai-chat"),
        ("POST", "/openai/deployments/kimi/chat/completions?api-version=1", "openai-chat"),
        ("POST", "/v1/chat/completions/", "openai-chat"),
        ("GET", "/v1/chat/completions", None),
        ("POST", "/v1/chat/completions/input_tokens", None),
        ("POST", "/v1/completions", "completion"),
        ("POST", "/v1/completions/chat", None),
    ],
)
def test_the_dialect_is_known_by_method_and_path(method: str, path: str, name: str | None) -> None:
    one = replace(exchange(1, request(), OK), method=method, path=path)
    assert speaks(one) == name
    assert (decode(one) is None) == (name is None)


def test_tools_are_read_in_order_and_canonical() -> None:
    turn = turn_of(request(user("x"), tools=[tool("b"), tool("a")]))
    assert [t.name for t in turn.tools] == ["b", "a"]
    assert turn.tools[0].json.startswith('{"function":{"name":"b"')


def test_older_functions_and_built_in_tools_have_names_too() -> None:
    turn = turn_of(
        {"messages": [], "functions": [{"name": "f"}], "tools": [{"type": "web_search"}]}
    )
    assert {t.name for t in turn.tools} == {"f", "web_search"}
    assert turn.faults == ()


@pytest.mark.parametrize("broken", [3, {}, {"type": "function"}, {"function": {"name": 3}}])
def test_a_tool_without_a_name_is_a_fault(broken: Any) -> None:
    turn = turn_of({"messages": [], "tools": [broken]})
    assert [f.where for f in turn.faults] == ["request.tools[0]"]


def test_the_remaining_fields_are_the_parameters() -> None:
    sent = request(
        user("x"), temperature=0.5, stop=["a", "b"], stream_options={"include_usage": True}
    )
    turn = turn_of(sent, stream=True)
    assert turn.parameters == {
        "temperature": 0.5,
        "stop": ["a", "b"],
        "stream_options": {"include_usage": True},
    }
    assert (turn.model, turn.stream) == ("kimi-k2", True)


def history(turns: int) -> list[dict[str, Any]]:
    said = [system("s"), user("go")]
    for i in range(turns):
        said += [assistant("", call("f", {"i": i}, f"c{i}")), result(f"r{i}", f"c{i}")]
    return said


def test_a_cut_body_and_a_whole_one_give_the_same_turn() -> None:
    cut = exchange(1, request(*history(3), tools=[tool("f")], stop=["x"]), OK)
    assert cut.request.elements
    whole = replace(cut, request=Body.whole(cut.request.content))
    assert decode(cut) == decode(whole)


def test_equal_pieces_are_decoded_once() -> None:
    memo = Memo()
    first, second = (
        decode(exchange(n, request(*history(n), tools=[tool("f")]), OK), memo) for n in (3, 4)
    )
    assert first
    assert second
    assert len(memo.messages) == 2 + 2 * 4
    assert all(a is b for a, b in zip(first.messages, second.messages, strict=False))
    assert first.tools[0] is second.tools[0]


def test_a_memo_does_not_change_what_is_read_nor_where_it_was_faulty() -> None:
    memo = Memo()
    odd = {"role": "user", "content": 5}
    for sent in (request(odd), request(user("x"), odd, user("y"), odd)):
        one = exchange(1, sent, OK)
        assert decode(one, memo) == decode(one)
    turn = decode(exchange(1, request(user("x"), odd), OK), memo)
    assert turn is not None
    assert turn.faults[0].where == "request.messages[1].content"


def test_the_same_bytes_may_be_a_message_and_a_tool() -> None:
    same = {"role": "user", "content": "x", "name": "f"}
    turn = decode(exchange(1, {"messages": [same], "tools": [same]}, OK), Memo())
    assert turn is not None
    assert turn.messages[0].text == "x"
    assert turn.tools[0].name == "f"


@pytest.mark.parametrize(
    "marked, elements",
    [
        # one name twice: the last one counts, as in JSON
        (
            b'{"messages":[|{"role":"user","content":"a"}|],'
            b'"messages":[|{"role":"user","content":"b"}|]}',
            (Elements("messages", 1, 2), Elements("messages", 3, 4)),
        ),
        # an element that is no JSON by itself
        (
            b'{"messages":[|{"role":"user",|"content":"b"}|]}',
            (Elements("messages", 1, 3),),
        ),
        # the array is not where the elements say
        (
            b'{"n":[|{"role":"user","content":"a"}|],"messages":[|{"role":"user","content":"b"}|]}',
            (Elements("messages", 1, 2),),
        ),
    ],
)
def test_a_body_cut_in_an_unexpected_way_is_read_whole(
    marked: bytes, elements: tuple[Elements, ...]
) -> None:
    body = Body(tuple(Piece(digest(data), data) for data in marked.split(b"|")), elements)
    turn = decode(replace(exchange(1, request(), OK), request=body))
    assert turn is not None
    assert [m.text for m in turn.messages] == ["b"]


@pytest.mark.parametrize(
    "data, what",
    [
        (b"", "no JSON: Expecting value at character 0"),
        (b"<html>", "no JSON: Expecting value at character 0"),
        (b'{"messages":[', "no JSON: Expecting value at character 13"),
        (b"[]", "a request is an object, not a list"),
        (b"null", "a request is an object, not null"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_a_body_that_is_no_request_is_a_fault(data: bytes, what: str) -> None:
    turn = with_body(data)
    assert turn.faults == (Fault("request", what),)
    assert turn.messages == ()
    assert turn.reply.message.text == "ok"


@pytest.mark.parametrize(
    "sent, where",
    [
        ({}, "request.messages"),
        ({"messages": "x"}, "request.messages"),
        ({"messages": None}, "request.messages"),
        ({"messages": [], "tools": "x"}, "request.tools"),
    ],
)
def test_a_field_of_the_wrong_kind_is_a_fault(sent: dict[str, Any], where: str) -> None:
    assert [f.where for f in turn_of(sent).faults] == [where]
    assert [f.where for f in with_body(orjson.dumps(sent)).faults] == [where]


@pytest.mark.parametrize(
    "data, what",
    [
        (b'\xef\xbb\xbf{"messages":[]}', "a byte order mark"),
        (b'{"messages":[],"temperature":NaN}', "not strict JSON"),
        (b'{"messages":[],"temperature":1e999}', "not strict JSON"),
        (b'{"messages":[{"role":"user","content":"\\ud83d"}]}', "a lone surrogate"),
        (b'{"messages":[{"role":"user","content":"\xff"}]}', "invalid UTF-8"),
    ],
)
def test_json_that_servers_accept_is_read_with_a_note(data: bytes, what: str) -> None:
    turn = with_body(data)
    assert [f.where for f in turn.faults] == ["request"]
    assert turn.faults[0].what.startswith(what)
    for message in turn.messages:
        assert message.text == "\ufffd"
        message.text.encode()


def test_what_is_unusual_between_the_pieces_is_told_too() -> None:
    marked = b'{"temperature":NaN,"messages":[|{"role":"user","content":"a"}|]}'
    pieces = tuple(Piece(digest(data), data) for data in marked.split(b"|"))
    body = Body(pieces, (Elements("messages", 1, 2),))
    turn = decode(replace(exchange(1, request(), OK), request=body))
    assert turn is not None
    assert turn.messages[0].text == "a"
    assert turn.faults[0].what.startswith("not strict JSON")


def test_histories_that_begin_alike_are_read_from_one_memo_as_they_are() -> None:
    begun = [system("You are a coding agent."), user("Read notes.txt.")]
    longer = [*begun, assistant("Which one?"), user("The last."), assistant("I read it.")]
    other = [*begun, assistant("I see none."), user("Look again.")]
    bad = [*begun, {"role": "user", "content": 7}, user("Well?")]
    memo = Memo()
    for sent in (begun, longer, other, bad, begun, [*bad, user("And?")], bad[2:], longer, other):
        one = exchange(1, request(*sent), OK)
        turn, alone = decode(one, memo), decode(one)
        assert turn is not None
        assert alone is not None
        assert (turn.messages, turn.faults) == (alone.messages, alone.faults)
        assert bool(turn.faults) is any(message["content"] == 7 for message in sent)


def test_a_parameter_nested_too_deep_is_kept_as_text() -> None:
    deep = b"[" * 600 + b"]" * 600
    turn = with_body(b'{"messages":[],"x":' + deep + b"}")
    assert [f.where for f in turn.faults] == ["request.x"]
    assert isinstance(turn.parameters["x"], str)


def test_a_compressed_request_is_read() -> None:
    data = zstandard.compress(orjson.dumps(request(user("x"))))
    turn = with_body(data, request_headers=(("Content-Encoding", "zstd"),))
    assert turn.messages[0].text == "x"
    assert turn.faults == ()


def test_an_sdks_retries_are_counted() -> None:
    def retries(value: str) -> int:
        return turn_of(request(), headers=(("x-stainless-retry-count", value),)).retry_count

    assert [retries(v) for v in ("0", "2", "", "-1", "many", "9" * 30, "²")] == [
        0,
        2,
        0,
        0,
        0,
        0,
        0,
    ]


def test_facts_of_the_exchange_are_the_turns() -> None:
    one: Exchange = exchange(7, request(user("x")), OK, headers=(("user-agent", "Roo/1"),))
    turn = decode(one)
    assert turn is not None
    assert (turn.exchange, turn.dialect, turn.agent) == (7, "openai-chat", "Roo/1")
    assert (turn.started_at, turn.ended_at, turn.status) == (one.started_at, one.ended_at, 200)
    assert (turn.client, turn.path) == (one.client, "/v1/chat/completions")
