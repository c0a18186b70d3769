"""A recording that answers: what comes is what was recorded, and a clear no to all else."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from kimitap.errors import UsageError
from kimitap.exchange import Body, Exchange, Outcome, Segment
from kimitap.places import PlaceWord
from kimitap.serving.canonical import canonical
from kimitap.serving.server import parse_listen
from tests.support import chat
from tests.support.playing import Played, playing
from tests.support.proxy import Client, dechunked, fetch
from tests.support.proxy import request_bytes as bytes_of
from tests.support.recorded import lost, next_turn

PATH = "/v1/chat/completions"
CHUNKED = (("Server", "llama.cpp"), ("Transfer-Encoding", "chunked"), ("X-a", "1"), ("x-A", "2"))


def request_bytes(path: str, body: bytes = b"", headers: tuple[str, ...] = ()) -> bytes:
    """A raw request that names this machine; the port is that of the scheme."""
    return bytes_of(path, body, headers=headers).replace(b"Host: server", b"Host: 127.0.0.1")


def streamed(exchange: Exchange, **changes: Any) -> Exchange:
    """The exchange with its answer in three parts, as a chunked stream."""
    size = len(exchange.response)
    cuts = (10, 25, size - 35)
    parts = tuple(Segment(0.1 * (i + 1), length) for i, length in enumerate(cuts))
    return replace(exchange, **{"response_headers": CHUNKED, "segments": parts, **changes})


def asked(played: Played, body: bytes, path: str = PATH) -> tuple[str, bytes]:
    head, answer = fetch(played.port, request_bytes(path, body))
    return head.decode(), answer


def body_of(exchange: Exchange, **changes: Any) -> bytes:
    return orjson.dumps({**orjson.loads(exchange.request.content), **changes})


def refused(played: Played, body: bytes, path: str = PATH) -> tuple[int, Mapping[str, Any]]:
    head, answer = asked(played, body, path)
    assert "x-should-retry: false" in head
    value: Mapping[str, Any] = json.loads(answer)
    return int(head.split()[1]), value


# --- what is answered


def test_head_and_body_are_the_recorded_ones_byte_for_byte(tmp_path: Path) -> None:
    turns = [streamed(one) for one in lost()]
    with playing(tmp_path / "a.db", turns) as played:
        for turn in turns:
            client = Client(played.port).send(request_bytes(PATH, turn.request.content))
            head, _, body = client.rest().partition(b"\r\n\r\n")
            assert head.decode().split("\r\n") == [
                "HTTP/1.1 200 OK",
                *(f"{name}: {value}" for name, value in CHUNKED),
            ]
            assert dechunked(body) == turn.response
    assert played.complaints == []
    assert played.said[0] == f"#1 POST {PATH} → 200, byte for byte"


def test_a_stream_comes_in_the_recorded_parts(tmp_path: Path) -> None:
    turn = streamed(lost()[0])
    with playing(tmp_path / "a.db", [turn]) as played:
        raw = Client(played.port).send(request_bytes(PATH, turn.request.content)).rest()
    sizes = [int(size, 16) for size in re.findall(rb"(?:^|\r\n)([0-9a-f]+)\r\n", raw)]
    assert sizes == [segment.length for segment in turn.segments] + [0]


def test_at_the_recorded_speed_every_part_comes_when_it_came(tmp_path: Path) -> None:
    turn = lost()[0]
    turn = streamed(turn, headers_at=turn.started_at + timedelta(seconds=0.2))
    turn = replace(turn, segments=tuple(Segment(s.at_s + 0.3, s.length) for s in turn.segments))
    with playing(tmp_path / "a.db", [turn], paced=True) as played:
        client, began = Client(played.port), time.monotonic()
        client.send(request_bytes(PATH, turn.request.content)).until(b"\r\n\r\n")
        head_s = time.monotonic() - began
        client.until(turn.response[:10])
        first_s = time.monotonic() - began
        client.rest()
        all_s = time.monotonic() - began
    assert 0.2 <= head_s < 0.4 <= first_s < 0.6 <= all_s < 2


def test_at_full_speed_nothing_is_waited_for(tmp_path: Path) -> None:
    turn = streamed(lost()[0])
    slow = replace(turn, segments=tuple(Segment(60.0, s.length) for s in turn.segments))
    with playing(tmp_path / "a.db", [slow]) as played:
        began = time.monotonic()
        asked(played, turn.request.content)
        assert time.monotonic() - began < 5


def test_the_same_request_gets_the_answers_one_after_another_and_the_last_again(
    tmp_path: Path,
) -> None:
    first = streamed(lost()[0])
    fails = replace(first, status=503, reason="Busy", outcome=Outcome.HTTP_ERROR)
    later = timedelta(seconds=5)
    again = replace(
        first, number=2, started_at=first.started_at + later, headers_at=None, ended_at=None
    )
    again = replace(again, ended_at=again.started_at + later, headers_at=again.started_at)
    with playing(tmp_path / "a.db", [fails, again]) as played:
        heads = [asked(played, first.request.content)[0].split("\r\n")[0] for _ in range(3)]
    assert heads == ["HTTP/1.1 503 Busy", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]
    assert played.said[-1].endswith("for the 2. time")


def test_another_spelling_of_the_same_request_is_no_difference(tmp_path: Path) -> None:
    turns = [streamed(one) for one in lost()]
    value = json.loads(turns[1].request.content)
    spelled = json.dumps(dict(reversed(value.items())), indent=1).encode()
    with playing(tmp_path / "a.db", turns) as played:
        assert asked(played, spelled)[1] == turns[1].response
    assert played.said == [f"#2 POST {PATH} → 200, equal but for spelling and ids"]


def test_ids_that_an_agent_makes_up_are_no_difference_but_a_torn_pair_is(tmp_path: Path) -> None:
    turns = [streamed(one) for one in lost()]
    renamed = turns[1].request.content.replace(b'"c1"', b'"call_0f3a"')
    torn = turns[1].request.content.replace(b'"tool_call_id":"c1"', b'"tool_call_id":"c9"')
    assert torn != turns[1].request.content
    with playing(tmp_path / "a.db", turns) as played:
        assert asked(played, renamed)[1] == turns[1].response
        assert refused(played, torn)[0] == 409


def test_fields_that_name_the_run_are_no_difference(tmp_path: Path) -> None:
    turn = streamed(lost()[0])
    with playing(tmp_path / "a.db", [turn]) as played:
        body = body_of(turn, prompt_cache_key="run-2", metadata={"user_id": "x"}, user="me")
        assert asked(played, body)[1] == turn.response


def test_what_is_no_conversation_is_answered_too(tmp_path: Path) -> None:
    props = replace(
        streamed(lost()[0]),
        number=1,
        method="GET",
        path="/props?model=x",
        request=Body(),
        response=b'{"n_ctx":8192}',
        segments=(Segment(0.1, 14),),
        response_headers=(("Content-Length", "14"),),
    )
    with playing(tmp_path / "a.db", [props, *lost()]) as played:
        head, body = fetch(played.port, request_bytes("/props?model=x"))
    assert head == b"HTTP/1.1 200 OK\r\nContent-Length: 14"
    assert body == b'{"n_ctx":8192}'


def test_a_compressed_request_is_found(tmp_path: Path) -> None:
    import zstandard

    plain = lost()[0]
    packed = zstandard.compress(plain.request.content)
    headers = (*plain.request_headers, ("Content-Encoding", "zstd"))
    turn = streamed(plain, request=Body.whole(packed), request_headers=headers)
    other = zstandard.compress(plain.request.content + b" ")
    with playing(tmp_path / "a.db", [turn]) as played:
        for body in (packed, other):
            raw = request_bytes(PATH, body, headers=("Content-Encoding: zstd",))
            assert fetch(played.port, raw)[1] == turn.response


# --- how it ends


@pytest.mark.parametrize("outcome", [Outcome.SERVER_CUT, Outcome.CLIENT_HUNG_UP])
def test_an_answer_that_broke_off_breaks_off_at_the_same_byte(
    tmp_path: Path, outcome: Outcome
) -> None:
    turn = streamed(lost()[0])
    cut = replace(turn, response=turn.response[:35], segments=turn.segments[:2], outcome=outcome)
    with playing(tmp_path / "a.db", [cut]) as played:
        raw = Client(played.port).send(request_bytes(PATH, turn.request.content)).rest()
    assert raw.partition(b"\r\n\r\n")[2] == b"a\r\n%s\r\n19\r\n%s\r\n" % (
        turn.response[:10],
        turn.response[10:35],
    )


def test_an_answer_with_a_length_that_broke_off_is_short_of_it(tmp_path: Path) -> None:
    turn = streamed(lost()[0], response_headers=(("Content-Length", "9999"),))
    cut = replace(turn, outcome=Outcome.SERVER_CUT)
    with playing(tmp_path / "a.db", [cut]) as played:
        raw = Client(played.port).send(request_bytes(PATH, turn.request.content)).rest()
    assert raw == b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + turn.response


def test_a_server_that_was_not_there_is_a_502_and_a_silent_one_hangs_up(tmp_path: Path) -> None:
    nothing: dict[str, Any] = {
        "status": None,
        "response": b"",
        "segments": (),
        "response_headers": (),
        "headers_at": None,
    }
    refused_, cut = (
        replace(one, **nothing, outcome=outcome, detail="Connection refused")
        for one, outcome in zip(lost(), (Outcome.REFUSED, Outcome.SERVER_CUT), strict=False)
    )
    with playing(tmp_path / "a.db", [refused_, cut]) as played:
        head, body = asked(played, refused_.request.content)
        assert head.startswith("HTTP/1.1 502 ")
        assert "Connection refused" in json.loads(body)["error"]["message"]
        assert Client(played.port).send(request_bytes(PATH, cut.request.content)).rest() == b""


def test_an_answer_without_any_end_is_told_by_the_end_of_the_connection(tmp_path: Path) -> None:
    turn = streamed(lost()[0], response_headers=(("Server", "x"),))
    with playing(tmp_path / "a.db", [turn]) as played:
        raw = request_bytes(PATH, turn.request.content).replace(b"Connection: close\r\n", b"")
        assert Client(played.port).send(raw).rest().endswith(b"\r\n\r\n" + turn.response)


def test_one_connection_serves_many_requests(tmp_path: Path) -> None:
    turns = [streamed(one) for one in lost()]
    with playing(tmp_path / "a.db", turns) as played:
        client = Client(played.port)
        for turn in turns:
            client.received = b""
            raw = request_bytes(PATH, turn.request.content).replace(b"Connection: close\r\n", b"")
            assert turn.response[-20:] in client.send(raw).until(b"\r\n0\r\n\r\n")


def test_a_client_that_hangs_up_harms_nobody(tmp_path: Path) -> None:
    turn = streamed(lost()[0])
    slow = replace(turn, segments=tuple(Segment(1.0, s.length) for s in turn.segments))
    with playing(tmp_path / "a.db", [slow, streamed(lost()[1])], paced=True) as played:
        Client(played.port).send(request_bytes(PATH, turn.request.content)).close()
        assert asked(played, lost()[1].request.content)[1] == lost()[1].response


# --- what is not


def test_a_request_that_differs_is_told_from_the_nearest_and_where(tmp_path: Path) -> None:
    turns = [streamed(one) for one in lost()]
    messages = orjson.loads(turns[1].request.content)["messages"]
    messages[3]["content"] = "Ada owned it."
    with playing(tmp_path / "a.db", turns) as played:
        status, value = refused(played, body_of(turns[1], messages=messages))
    assert status == 409
    assert value["error"]["code"] == 409
    told = value["error"]["message"]
    assert 'differs from exchange 2: message 3 (tool): text is "Ada owned it."' in told
    assert 'recorded: "Ada owns it."' in told
    assert played.complaints[0].startswith(f"409 POST {PATH}: differs from exchange 2: message 3")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"temperature": 0.5}, "temperature is new"),
        ({"model": "k9"}, 'model is "k9"; recorded:'),
        ({"messages": [chat.user("Hi")]}, "message 0 (system) is missing"),
    ],
)
def test_what_differs_is_named(tmp_path: Path, changes: Mapping[str, Any], told: str) -> None:
    turns = [streamed(one) for one in lost()]
    with playing(tmp_path / "a.db", turns) as played:
        assert told in refused(played, body_of(turns[0], **changes))[1]["error"]["message"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"\xff not json", "its body is no JSON: byte 0 is no UTF-8"),
        (b"Hello", 'its body is no JSON: expecting value at character 0, before "Hello"'),
        (b'{"model":"kimi-k2","mess', "unterminated string starting at character 19, before"),
        (b'{"model":', "its body is no JSON: expecting value at character 9, where it ends"),
        (b'{"a":1}}', 'extra data at character 7, before "}"'),
        (b"[" * 200_000, "its body is no JSON: it is nested too deep"),
    ],
)
def test_a_body_that_is_no_json_is_told_by_where_it_breaks(
    tmp_path: Path, body: bytes, told: str
) -> None:
    turns = [streamed(one) for one in lost()]
    with playing(tmp_path / "a.db", turns) as played:
        status, value = refused(played, body)
    assert status == 409
    assert value["error"]["type"] == "invalid_request_error"
    assert told in value["error"]["message"]
    assert told in played.complaints[0]


def test_another_path_is_not_found_in_the_shape_of_its_api(tmp_path: Path) -> None:
    with playing(tmp_path / "a.db", [streamed(one) for one in lost()]) as played:
        status, value = refused(played, b'{"messages":[]}', "/v1/messages?beta=true")
        assert (status, value["type"]) == (404, "error")
        assert value["error"]["type"] == "not_found_error"
        assert refused(played, b"{}", "/v1/responses")[1]["error"]["code"] == 404


def test_an_answer_that_was_not_kept_is_not_made_up(tmp_path: Path) -> None:
    turn = replace(streamed(lost()[0]), lost_bytes=70)
    with playing(tmp_path / "a.db", [turn]) as played:
        status, value = refused(played, turn.request.content)
    assert status == 500
    assert "70 bytes were not kept" in value["error"]["message"]


def test_another_name_of_this_machine_is_not_answered(tmp_path: Path) -> None:
    turn = streamed(lost()[0])
    raw = request_bytes(PATH, turn.request.content).replace(b"127.0.0.1", b"evil.example")
    with playing(tmp_path / "a.db", [turn]) as played:
        assert fetch(played.port, raw)[0].startswith(b"HTTP/1.1 403 ")


# --- loosely


def test_loosely_a_request_that_only_says_the_same_is_answered(tmp_path: Path) -> None:
    turns = [streamed(one) for one in lost()]
    messages = orjson.loads(turns[1].request.content)["messages"]
    messages[0] = chat.system("Be terse. Today is 2027-01-01.")
    body = body_of(turns[1], messages=messages)
    with playing(tmp_path / "a.db", turns) as played:
        assert refused(played, body)[0] == 409
    with playing(tmp_path / "a.db", loose=True) as played:
        assert asked(played, body)[1] == turns[1].response
        assert played.said[-1].endswith("equal in what it says")


def test_loosely_a_request_is_answered_by_its_place_in_the_thread(tmp_path: Path) -> None:
    turns = [streamed(one) for one in lost()]
    with playing(tmp_path / "a.db", turns, loose=True) as played:
        for turn in turns:
            messages = orjson.loads(turn.request.content)["messages"]
            messages[1] = chat.user("Something else altogether.")
            assert asked(played, body_of(turn, messages=messages))[1] == turn.response
        assert refused(played, body_of(turns[0], messages=[chat.user("More")]))[0] == 409


def test_loosely_no_stream_is_given_to_who_asked_for_none(tmp_path: Path) -> None:
    turn = streamed(lost()[0])
    with playing(tmp_path / "a.db", [turn], loose=True) as played:
        assert refused(played, body_of(turn, stream=False, temperature=1))[0] == 409


# --- which session


def test_replays_are_no_part_of_what_is_served(tmp_path: Path) -> None:
    turns = [streamed(one) for one in lost()]
    later = next_turn(4, "No.")
    fields = (*turns[0].request_headers, ("X-Kimitap-Replay", "1"))
    replay = replace(later, request=turns[0].request, request_headers=fields)
    with playing(tmp_path / "a.db", [*turns, replay]) as played:
        assert [take.number for take in played.script.takes] == [1, 2, 3]


def test_several_sessions_want_a_choice_and_an_exchange_is_none(tmp_path: Path) -> None:
    other = chat.request(chat.user("Write a poem about the sea."))
    poem = chat.exchange(9, other, chat.choice(chat.assistant("Sea.")), client="127.0.0.1:9")
    with (
        pytest.raises(UsageError, match="say which session"),
        playing(tmp_path / "a.db", [*lost(), poem]),
    ):
        pass
    with (
        pytest.raises(UsageError, match="no session"),
        playing(tmp_path / "a.db", place=PlaceWord("", 1)),
    ):
        pass
    with playing(tmp_path / "a.db", place=PlaceWord("s", 4)) as played:
        assert [take.number for take in played.script.takes] == [4]


@pytest.mark.parametrize("listen", ["0.0.0.0:1", "192.168.1.1:80", "[::]:1"])
def test_other_machines_are_let_in_only_where_that_was_said(listen: str) -> None:
    with pytest.raises(UsageError, match="--allow-remote"):
        parse_listen(listen)
    assert parse_listen(listen, remote=True).port


@pytest.mark.parametrize("listen", ["", "x", "127.0.0.1", "127.0.0.1:99999", "nowhere.example:1"])
def test_what_is_no_address_is_said_so(listen: str) -> None:
    with pytest.raises(UsageError, match="no address to listen on"):
        parse_listen(listen, remote=True)


@pytest.mark.parametrize("depth", [900, 5_000, 200_000])
def test_what_is_nested_too_deep_is_no_request_and_no_error(depth: int) -> None:
    nested = canonical(b'{"messages":' + b"[" * depth + b"]" * depth + b"}")
    assert nested is None or depth == 900
