"""JSON as bytes with places."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimitap.shrink.spans import Node, literal, parse, spliced, strings, text_at, without

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)
WRITTEN = st.builds(
    lambda value, ascii, indent: (value, json.dumps(value, ensure_ascii=ascii, indent=indent)),
    VALUES,
    st.booleans(),
    st.sampled_from([None, 0, 3]),
)


def value_at(data: bytes, node: Node) -> Any:
    return json.loads(data[node.start : node.stop])


@given(WRITTEN)
def test_every_value_is_where_its_node_says(case: tuple[Any, str]) -> None:
    value, text = case
    data = text.encode()
    open_ = [(value, parse(data))]
    while open_:
        expected, node = open_.pop()
        assert value_at(data, node) == expected
        if isinstance(expected, dict):
            assert [item.name for item in node.items] == list(expected)
            open_ += zip(expected.values(), node.items, strict=True)
        elif isinstance(expected, list):
            open_ += zip(expected, node.items, strict=True)
        else:
            assert not node.items


@given(WRITTEN, st.sets(st.integers(0, 5)))
def test_items_go_with_a_comma_each_and_the_rest_stays(
    case: tuple[Any, str], drop: set[int]
) -> None:
    value, text = case
    data = text.encode()
    node = parse(data)
    if not node.items:
        return
    gone = {i for i in drop if i < len(node.items)}
    left = json.loads(spliced(data, [without(data, node, gone)]))
    if isinstance(value, dict):
        assert left == {k: v for i, (k, v) in enumerate(value.items()) if i not in gone}
    else:
        assert left == [v for i, v in enumerate(value) if i not in gone]


@given(st.text(), st.text())
def test_a_text_is_written_so_that_it_is_read_again(text: str, like: str) -> None:
    for escaped in (True, False):
        model = json.dumps(like, ensure_ascii=escaped).encode()
        assert json.loads(literal(text, model)) == text


def test_a_text_is_escaped_as_the_one_was_whose_place_it_takes() -> None:
    assert literal("café", rb'"na\u00efve"') == rb'"caf\u00e9"'
    assert literal("café", b'"plain"') == '"café"'.encode()


def test_half_a_pair_of_surrogates_stays_half() -> None:
    data = rb'{"a":"cut \ud83d"}'
    (member,) = parse(data).items
    assert text_at(data, member) == "cut \ud83d"
    assert json.loads(literal("cut \ud83d", b'""')) == "cut \ud83d"


def test_strings_come_with_the_name_that_they_stand_under() -> None:
    data = b'{"role":"user","content":[{"type":"text","text":"a"},"b"],"n":[["c"]]}'
    found = [
        (name, text_at(data, node)) for name, node in strings(parse(data), {"role"}.__contains__)
    ]
    assert found == [("type", "text"), ("text", "a"), ("content", "b"), ("n", "c")]


@pytest.mark.parametrize("data", [b"", b"{", b'{"a":1} x', b"[1,]", b"nul"])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse(data)
