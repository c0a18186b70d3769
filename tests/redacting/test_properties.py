"""What redaction holds to, whatever is recorded."""

from dataclasses import replace
from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimitap.exchange import Body, Exchange, Segment
from kimitap.redact.scan import scan
from kimitap.redact.views import json_view, lax_view, percent_view
from kimitap.redacting import Level, redacted
from tests.support import wire

BASE = wire.load("chat_stream")
LEVELS = st.sampled_from([Level.SECRETS, Level.TEXT])
SECRET = "sk-proj-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY"
# fmt: off
WORDS = st.sampled_from([
    "kim@example.org", SECRET, "/home/kim/x", "hello", "wörld", "\\", '"', "\n", "é", " ", "%41",
    "password='hunter2x'", "{", "}", "C:\\Users\\Kim\\x", "[e-mail 1]", "\U0001f600", "7",
])
# fmt: on
TEXTS = st.lists(WORDS, max_size=12).map("".join)
APART = st.lists(WORDS, max_size=12).map(" ".join)
"""Texts in which no secret begins within another."""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
FEW = settings(max_examples=150, deadline=None)


def saying(*deltas: str) -> Exchange:
    chunks = ({"choices": [{"index": 0, "delta": {"content": d}}]} for d in deltas)
    body = b"".join(b"data: " + orjson.dumps(c) + b"\n\n" for c in chunks)
    segments = tuple(Segment(i / 10, 1) for i in range(len(body)))
    return replace(BASE, request=Body(), response=body, segments=segments)


def said(exchange: Exchange) -> list[str]:
    lines = exchange.response.decode().split("\n\n")
    return [orjson.loads(line[6:])["choices"][0]["delta"]["content"] for line in lines if line]


def one(exchange: Exchange, level: Level) -> Exchange:
    ((out, _),) = redacted([exchange], level)
    return out


def shape(value: object) -> object:
    """A JSON value without its texts."""
    if isinstance(value, dict):
        return [shape(inner) for inner in value.values()]
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return "text" if isinstance(value, str) else value


@FEW
@given(TEXTS, st.lists(st.integers(0, 200), max_size=8), LEVELS)
def test_a_stream_says_the_same_wherever_it_is_split(
    text: str, cuts: list[int], level: Level
) -> None:
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    deltas = [text[a:b] for a, b in pairwise(places)] or [text]
    split, whole = said(one(saying(*deltas), level)), said(one(saying(text), level))
    assert len(split) == len(deltas)
    assert "".join(split) == "".join(whole)


@FEW
@given(VALUES)
def test_a_second_redaction_changes_nothing_more(value: object) -> None:
    exchange = replace(BASE, request=Body.whole(orjson.dumps({"x": value})))
    once = one(exchange, Level.SECRETS)
    assert one(once, Level.SECRETS) == once


@FEW
@given(st.recursive(APART, lambda inner: st.lists(inner, max_size=4), max_leaves=8))
def test_a_second_redaction_of_texts_changes_nothing_more_where_no_secrets_overlap(
    value: object,
) -> None:
    exchange = replace(BASE, request=Body.whole(orjson.dumps({"x": value})))
    once = one(exchange, Level.TEXT)
    assert one(once, Level.TEXT) == once


@FEW
@given(VALUES, LEVELS)
def test_json_keeps_its_shape(value: object, level: Level) -> None:
    exchange = replace(BASE, request=Body.whole(orjson.dumps({"x": value})))
    out = orjson.loads(one(exchange, level).request.content)
    assert shape(out) == shape({"x": value})


@FEW
@given(st.binary(max_size=300), st.binary(max_size=300), LEVELS)
def test_no_bytes_make_it_fail(request: bytes, response: bytes, level: Level) -> None:
    segments = (Segment(0.1, len(response)),) if response else ()
    for kind in ("text/event-stream", "application/json", "multipart/form-data; boundary=a"):
        headers = (("Content-Type", kind), ("Content-Encoding", "gzip"))
        exchange = replace(
            BASE,
            request=Body.whole(request),
            request_headers=headers,
            response=response,
            response_headers=headers[:1],
            segments=segments,
        )
        out = one(exchange, level)
        assert sum(s.length for s in out.segments) == len(out.response)


@FEW
@given(TEXTS)
def test_a_view_knows_where_its_characters_stood(text: str) -> None:
    for view in (json_view(orjson.dumps(text).decode()[1:-1]), lax_view(text), percent_view(text)):
        places = [view.origin(at) for at in range(len(view.text) + 1)]
        assert places == sorted(places)
        assert places[-1] == len(view.source)
        if "\\" not in view.source and "%" not in view.source:
            assert view.text == view.source


@FEW
@given(VALUES)
def test_the_strings_of_any_json_are_found(value: object) -> None:
    text = orjson.dumps([value]).decode()
    leaves = scan(text)
    assert leaves is not None
    found = sorted(orjson.loads(f'"{text[leaf.start : leaf.stop]}"') for leaf in leaves)
    assert found == sorted(_strings(value))


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [*value, *(s for inner in value.values() for s in _strings(inner))]
    return [s for inner in value for s in _strings(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("spelling", ['{"a" :  1.50,\t"b": "x\\u0041\\/ kim@example.org" }', "[]"])
def test_what_is_no_secret_keeps_its_spelling(spelling: str) -> None:
    out = one(replace(BASE, request=Body.whole(spelling.encode())), Level.SECRETS)
    assert out.request.content.decode() == spelling.replace("kim@example.org", "[e-mail 1]")
