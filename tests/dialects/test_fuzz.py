"""Every decoder on broken, hostile and absurd bodies: a turn, bounded, and never an exception.

What is checked of each turn stands in `tests/fuzzing/checks.py`; `make fuzz` runs more of it.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from kimitap.dialects import DIALECTS, Dialect, Memo, decode
from kimitap.exchange import Body, Exchange, Outcome
from tests.fuzzing.cases import Cases, sources
from tests.fuzzing.checks import FAULTS, check, portions_of
from tests.fuzzing.mutations import Pairs, Written, write

SOURCES = sources()
BY_DIALECT = {d.name: [one for spoken, one in SOURCES if spoken is d] for d in DIALECTS}
FULL = [(d, one) for d, one in SOURCES if one.port == 8080]
"""The made exchanges, which hold everything."""


def short_stream(dialect: Dialect) -> Exchange:
    """The dialect's shortest stream of a real server that came to its end."""
    turns = [(one, dialect.decode(one, Memo())) for one in BY_DIALECT[dialect.name]]
    whole = [one for one, turn in turns if turn.reply.streamed and turn.succeeded]
    return min((one for one in whole if one.port != 8080), key=lambda one: len(one.response))


STREAMS = [(dialect, short_stream(dialect)) for dialect in DIALECTS]
OF_EACH = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
EACH_STREAM = pytest.mark.parametrize("dialect, one", STREAMS, ids=[d.name for d, _ in STREAMS])


def test_every_dialect_has_samples_and_a_full_exchange() -> None:
    assert {d.name for d, _ in FULL} == set(BY_DIALECT) == {d.name for d in DIALECTS}
    assert min(len(found) for found in BY_DIALECT.values()) > 8


@pytest.mark.parametrize("seed", range(8))
def test_broken_exchanges_are_turns(seed: int) -> None:
    cases, memo = Cases(seed), Memo()
    for _ in range(250):
        dialect, one = cases.draw()
        check(dialect, one, cases.chance, memo)


def test_the_same_seed_breaks_the_same_exchanges() -> None:
    first, second = ([cases.draw() for _ in range(30)] for cases in (Cases(5), Cases(5)))
    assert first == second
    assert len({one.response for _, one in first}) > 15


def values_in(value: Any) -> Iterator[tuple[Any, int]]:
    """Every place in a JSON value that can hold another: its holder, and where in that."""
    if isinstance(value, Pairs):
        for i, (_, inner) in enumerate(value):
            yield value, i
            yield from values_in(inner)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield value, i
            yield from values_in(inner)


def with_each_value(body: bytes, put: bytes) -> Iterator[bytes]:
    """The JSON body with each of its values in turn replaced by `put`."""
    value = json.loads(body, object_pairs_hook=Pairs)
    for holder, i in list(values_in(value)):
        kept = holder[i]
        holder[i] = (kept[0], Written(put)) if isinstance(holder, Pairs) else Written(put)
        yield write(value)
        holder[i] = kept


def with_each_value_of_each_event(stream: bytes, put: bytes) -> Iterator[bytes]:
    lines = stream.split(b"\n")
    for i, line in enumerate(lines):
        if line.startswith(b"data: {"):
            for changed in with_each_value(line[6:], put):
                yield b"\n".join([*lines[:i], b"data: " + changed, *lines[i + 1 :]])


def everywhere(one: Exchange, put: bytes) -> Iterator[Exchange]:
    """The exchange with each value of its two bodies replaced."""
    for sent in with_each_value(one.request.content, put):
        yield replace(one, request=Body.whole(sent))
    streamed = one.response.startswith((b"data:", b"event:"))
    replies = with_each_value_of_each_event if streamed else with_each_value
    for said in replies(one.response, put):
        yield replace(one, response=said)


PUT = {
    "null": b"null",
    "zero": b"0",
    "beyond 64 bits": b"18446744073709551617",
    "400 digits": b"9" * 400,
    "5000 digits": b"9" * 5000,
    "1e999": b"1e999",
    "NaN": b"NaN",
    "empty string": b'""',
    "string": b'"x"',
    "half a surrogate pair": b'"\\ud83d"',
    "nothing": b"",
    "invalid UTF-8": b'"\xff\xfe"',
    "NUL": b'"\\u0000"',
    "empty list": b"[]",
    "list": b'["x",1]',
    "object": b'{"type":"x","text":1}',
    "key twice": b'{"type":"text","text":"a","text":"b","type":"image_url"}',
}


@pytest.mark.parametrize("put", PUT)
def test_any_value_in_the_place_of_any_other(put: str) -> None:
    chance, memo = Random(1), Memo()
    for dialect, one in FULL:
        for broken in everywhere(one, PUT[put]):
            check(dialect, broken, chance, memo)


DEEP = [b"[" * n + b"]" * n for n in (300, 1000)] + [b'{"text":' * 1000 + b"1" + b"}" * 1000]
DEEPER = [b"[" * 100_000 + b"]" * 100_000, b"[" * 100_000, b'{"a":' * 100_000]


@pytest.mark.parametrize("deep", DEEP, ids=lambda deep: f"{deep[:5].decode()}-{len(deep)}")
def test_nesting_in_the_place_of_any_value(deep: bytes) -> None:
    chance = Random(1)
    for dialect, one in FULL:
        for broken in everywhere(one, deep):
            if chance.random() < 0.3:
                check(dialect, broken, chance, Memo())


@pytest.mark.parametrize("deep", DEEPER, ids=lambda deep: f"{deep[:5].decode()}-{len(deep)}")
def test_a_hundred_thousand_brackets(deep: bytes) -> None:
    for dialect, one in FULL:
        for n, broken in enumerate(everywhere(one, deep)):
            if n % 5 == 0:
                dialect.decode(broken, Memo())
        told = dialect.decode(replace(one, request=Body.whole(deep), response=deep), Memo())
        assert {fault.where for fault in told.faults} <= {
            "request",
            "response",
            "response.event[0]",
        }
        assert told.faults


@EACH_STREAM
def test_a_stream_split_anywhere_is_the_same_turn(dialect: Dialect, one: Exchange) -> None:
    whole = dialect.decode(one, Memo())
    assert whole.reply.streamed
    assert whole.reply.events > 2
    for size in range(1, len(one.response) + 1):
        with portions_of(size):
            assert dialect.decode(one, Memo()) == whole


@EACH_STREAM
def test_a_stream_cut_anywhere_is_the_beginning_of_the_whole(
    dialect: Dialect, one: Exchange
) -> None:
    whole = dialect.decode(one, Memo()).reply.message
    for place in range(len(one.response)):
        for outcome in (Outcome.IN_FLIGHT, Outcome.SERVER_CUT):
            part = replace(one, response=one.response[:place], outcome=outcome)
            message = dialect.decode(part, Memo()).reply.message
            assert whole.text.startswith(message.text)
            assert whole.reasoning.startswith(message.reasoning)


@OF_EACH
def test_what_is_unusual_in_json_is_read_and_said(dialect: Dialect) -> None:
    found = BY_DIALECT[dialect.name]
    one = next(one for one in found if one.response.startswith(b"{") and one.status == 200)
    plain = dialect.decode(one, Memo())
    body, said = one.request.content, one.response
    for change, what in (
        (lambda data: b"\xef\xbb\xbf" + data, "a byte order mark"),
        (lambda data: data[:-1] + b',"zz":NaN}', "not strict JSON"),
        (lambda data: data[:-1] + b',"zz":1e999}', "not strict JSON"),
        (lambda data: data[:-1] + b',"zz":"\\ud83d"}', "a lone surrogate"),
        (lambda data: data[:-1] + b',"zz":"\xff"}', "invalid UTF-8"),
    ):
        broken = replace(one, request=Body.whole(change(body)), response=change(said))
        turn = dialect.decode(broken, Memo())
        assert (turn.messages, turn.reply) == (plain.messages, plain.reply)
        assert [(f.where, f.what.startswith(what)) for f in turn.faults] == [
            ("request", True),
            ("response", True),
        ]


@OF_EACH
def test_a_hundred_megabytes(dialect: Dialect) -> None:
    """One string of a request, one event of a stream: as long as it is, and read once."""
    one = next(one for d, one in FULL if d is dialect)
    size = 100_000_000
    long = b"x" * size
    name = {"openai-responses": "input", "completion": "prompt"}.get(dialect.name, "messages")
    text = b'"%s"' % long if name != "messages" else b'[{"role":"user","content":"%s"}]' % long
    answered = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\ndata: {}\n\n' % long
    sent = Body.whole(b'{"%s":%s}' % (name.encode(), text))
    turn = dialect.decode(replace(one, request=sent, response=answered), Memo())
    assert len(turn.messages[-1].text) == size
    told = [(fault.where, fault.what) for fault in turn.faults]
    assert ("response.event[0]", "longer than 67108864 bytes") in told
    assert turn.reply.events == 2


@OF_EACH
def test_many_thousand_broken_events_tell_a_bounded_number_of_faults(
    dialect: Dialect,
) -> None:
    one = next(one for d, one in STREAMS if d is dialect)
    stream = b"".join(b'data: {"choices":%d,"type":%d,"x":\n\n' % (n, n) for n in range(20_000))
    turn = dialect.decode(replace(one, response=stream), Memo())
    assert turn.reply.events == 20_000
    assert len(turn.faults) == FAULTS
    assert turn.faults[-1].what == "19950 more faults of these kinds"


def test_no_decoder_needs_the_net_for_its_own_mistakes() -> None:
    cases = Cases(99)
    for _ in range(500):
        _, one = cases.draw()
        turn = decode(one)
        assert turn is not None
        assert not any(fault.what.startswith("the decoder failed") for fault in turn.faults)
