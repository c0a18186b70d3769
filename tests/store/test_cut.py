import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kimitap.exchange import Body, digest
from kimitap.store.cut import LARGE, Familiar, cut
from tests.support.requests_made import conversation, dumped


def elements_of(body: Body, name: str) -> list[bytes]:
    run = next(run for run in body.elements if run.name == name)
    return [piece.data for piece in body.pieces[run.start : run.stop]]


def put_together(body: Body) -> object:
    """The value that the skeleton and the elements say, parsed one by one."""
    value = json.loads(body.skeleton)
    for run in body.elements:
        parts = [piece.data for piece in body.pieces[run.start : run.stop]]
        assert value[run.name] == []
        value[run.name] = [json.loads(part.lstrip(b" \t\r\n,")) for part in parts]
    return value


def test_each_message_and_each_tool_is_a_piece():
    body = cut(b'{"messages": [ {"a":1} ,\n {"b":[2]}],"tools":[{"c":3}]}')
    assert elements_of(body, "messages") == [b'{"a":1}', b' ,\n {"b":[2]}']
    assert elements_of(body, "tools") == [b'{"c":3}']
    assert body.skeleton == b'{"messages": [ ],"tools":[]}'


def test_a_request_shares_all_but_two_pieces_with_the_next():
    first, second = (cut(body) for body in conversation(2))
    old = {piece.key for piece in first.pieces}
    assert len([piece for piece in second.pieces if piece.key not in old]) == 2


def test_a_large_text_is_a_piece_that_other_fields_do_not_touch():
    text = "x" * LARGE
    one = cut(dumped({"seed": 1, "instructions": text, "input": [{"a": 1}]}))
    two = cut(dumped({"seed": 2, "instructions": text, "input": [{"a": 1}]}))
    shared = {piece.key for piece in one.pieces} & {piece.key for piece in two.pieces}
    assert digest(dumped(text)) in shared


def test_a_prompt_that_grows_keeps_its_earlier_pieces():
    lines = [f"line {i}, of a long prompt that an agent sends as one string.\n" for i in range(900)]
    before = cut(dumped({"prompt": "".join(lines)}))
    after = cut(dumped({"prompt": "".join([*lines, "and one more line\n"])}))
    old = {piece.key for piece in before.pieces}
    new = [piece for piece in after.pieces if piece.key not in old]
    assert sum(len(piece.data) for piece in new) < 0.1 * before.size


def test_a_prompt_changed_at_its_beginning_keeps_most_pieces():
    lines = [f"line {i}, of a long prompt; an agent sends it.\n" for i in range(2000)]
    before = cut(dumped({"prompt": "".join(lines)}))
    after = cut(dumped({"prompt": "a new first line\n" + "".join(lines)}))
    old = {piece.key for piece in before.pieces}
    new = [piece for piece in after.pieces if piece.key not in old]
    assert sum(len(piece.data) for piece in new) < 0.1 * before.size


def test_half_a_surrogate_pair_does_not_prevent_the_cut():
    body = b'{"messages":[{"content":"cut \\ud83d"},{"content":"whole \\\\ud83d"}]}'
    assert elements_of(cut(body), "messages")[0] == b'{"content":"cut \\ud83d"}'
    assert cut(body).content == body


def test_numbers_are_not_a_piece_each():
    assert len(cut(dumped({"prompt": list(range(50))})).pieces) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b'\xef\xbb\xbf{"messages":[{"a":1}]}',
        b'{"messages":[{"a":NaN}]}',
        b'{"messages":[{"a":1}],"messages":[{"a":1}]}',
        b'{"messages":[{"a":1}],"messages":[{"a":2}]}',
        b'{"a":[{"b":1}],"a":[{"b":1}],"c":2}',
        b'{"messages":[{"a":1}]} and more',
        b'{"messages":[{"a":1}',
        b'[{"a":1}]',
        b"\x28\xb5\x2f\xfd compressed",
        b'{"messages":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"messages":[{"a":"\xff\xfe"}],"\xff":1}',
    ],
    ids=range(13),
)
def test_what_cannot_be_cut_with_certainty_is_one_piece(body: bytes):
    whole = cut(body)
    assert whole.content == body
    assert len(whole.pieces) == (1 if body else 0)
    assert whole.elements == ()


def test_a_familiar_piece_is_the_same_object_and_a_look_alike_is_not():
    familiar = Familiar()
    first = familiar.piece(b"a" + b"x" * 100)
    assert familiar.piece(b"a" + b"x" * 100) is first
    assert familiar.piece(b"b" + b"x" * 100).key == digest(b"b" + b"x" * 100)


@given(st.binary(max_size=400))
def test_any_bytes_come_back(body: bytes):
    assert cut(body).content == body


FRAGMENTS = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b" ",
        b"\n",
        b'"a"',
        b'"messages"',
        b"1",
        b"\\",
        b'{"a":1}',
        b'"a":[{}]',
        b"null",
        b'"\\ud800"',
        b"[1]",
        b'"[1]"',
        b"\\u005b",
    ]
)


@given(st.lists(FRAGMENTS, max_size=25).map(b"".join))
@example(b'{"a":[{}],"a":[{}]}')
@settings(max_examples=300)
def test_any_near_json_comes_back(body: bytes):
    made = cut(body)
    assert made.content == body
    if len(made.pieces) > 1:
        assert put_together(made) == json.loads(body)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=30)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=6), VALUES, min_size=1), max_size=5)
WHITE = st.sampled_from(["", " ", "\n", "\t\r\n  "])


@given(
    st.dictionaries(st.text(max_size=8), VALUES | OBJECTS | st.text(min_size=LARGE), max_size=6),
    WHITE,
    WHITE,
    st.booleans(),
)
@settings(max_examples=60)
def test_any_object_with_any_white_space_is_cut_and_comes_back(value, after_comma, around, ascii_):
    separators = (around + "," + after_comma, around + ":" + after_comma)
    text = json.dumps(value, separators=separators, ensure_ascii=ascii_)
    body = (around + text + after_comma).encode("utf-8", "surrogatepass")
    made = cut(body)
    assert made.content == body
    assert all(piece.key == digest(piece.data) for piece in made.pieces)
    assert put_together(made) == value


@given(OBJECTS.filter(bool))
@settings(max_examples=30)
def test_an_array_of_objects_is_always_cut(messages):
    body = cut(dumped({"messages": messages}))
    assert len(elements_of(body, "messages")) == len(messages)
