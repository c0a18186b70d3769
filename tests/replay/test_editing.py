"""Changing a body: what is named, and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimitap.errors import UsageError
from kimitap.replay.editing import assigned, changed, pretty, removed, saying, streamed, written

BODY = (
    b'{"model":"k2", "temperature" : 0.70, "messages":[ {"role":"user","content":"\\u00fc"}],'
    b'"n_probs":12345678901234567890123,"stream":true,"stream_options":{"include_usage":true}}'
)


def test_all_else_keeps_its_bytes() -> None:
    made = assigned(BODY, "model=k3")
    assert b'[ {"role":"user","content":"\\u00fc"}]' in made
    assert b"12345678901234567890123" in made
    assert b"0.70" in made
    assert json.loads(made) == {**json.loads(BODY), "model": "k3"}
    assert list(json.loads(made)) == list(json.loads(BODY))


@pytest.mark.parametrize(
    ("words", "path", "value"),
    [
        ("temperature=0", ("temperature",), 0),
        ("stop=[1,2]", ("stop",), [1, 2]),
        ("model=", ("model",), ""),
        ("model=a=b", ("model",), "a=b"),
        ('model="0"', ("model",), "0"),
        ("messages.0.content=Hello there", ("messages", 0, "content"), "Hello there"),
        ("messages.-1.name=x", ("messages", 0, "name"), "x"),
        ("chat_template_kwargs.think.on=false", ("chat_template_kwargs", "think", "on"), False),
    ],
)
def test_a_value_is_json_or_else_a_text(
    words: str, path: tuple[object, ...], value: object
) -> None:
    found = json.loads(assigned(BODY, words))
    for step in path:
        found = found[step]
    assert found == value


@pytest.mark.parametrize(
    "words",
    ["model", "=1", "a..b=1", "messages.1.x=1", "messages.x=1", "model.x=1", "model.x.y=1"],
)
def test_a_bad_path_is_one_clear_line(words: str) -> None:
    with pytest.raises(UsageError) as told:
        assigned(BODY, words)
    assert "\n" not in str(told.value)


def test_of_a_nested_value_only_what_is_set_changes() -> None:
    """Spelling, white space and numbers beside it are the user's evidence."""
    body = (
        b' {"a" :{"b": 1.0,"c":1.00, "u":"\\u00fc\\/", "big":1e400},\n'
        b'"l":[ 1.0 , {"x":0.10,"y":"\\ud83d"} ]}\n'
    )
    assert assigned(body, "a.b=2") == body.replace(b'"b": 1.0', b'"b": 2')
    assert assigned(body, "a.d=2") == body.replace(b"1e400}", b'1e400, "d": 2}')
    assert assigned(body, "l.1.x=2") == body.replace(b"0.10", b"2")
    assert assigned(body, "l.-2=null") == body.replace(b"[ 1.0", b"[ null")
    assert assigned(body, "n.m=[1]") == body.replace(b" ]}", b' ], "n": {"m": [1]}}')
    assert removed(body, "a.c") == body.replace(b',"c":1.00', b"")
    assert removed(body, "a.b") == body.replace(b'"b": 1.0,', b"")
    assert removed(body, "l.1") == body.replace(b' , {"x":0.10,"y":"\\ud83d"}', b"")
    assert removed(removed(body, "l.0"), "l.0") == body[: body.index(b"[")] + b"[  ]}\n"
    assert assigned(b'{"o":{ }}', "o.a=1") == b'{"o":{"a": 1 }}'


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    body = b'{"a":1, "a":2, "b":3}'
    assert assigned(body, "a=4") == b'{"a":1, "a":4, "b":3}'
    assert removed(body, "a") == b'{"b":3}'


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-32"])
def test_a_body_in_another_encoding_stays_in_it(encoding: str) -> None:
    body = '{"a":"ü", "b":1}'.encode(encoding)
    assert assigned(body, "b=2") == '{"a":"ü", "b":2}'.encode(encoding)


def test_what_an_editor_left_alone_keeps_its_bytes() -> None:
    made = written(pretty(BODY).replace("k2", "k3"), BODY)
    assert made == BODY.replace(b"k2", b"k3")
    text = json.dumps({**json.loads(BODY), "top_k": 1})
    more = written(text, BODY)
    assert more is not None and json.loads(more)["top_k"] == 1
    assert b"0.70" in more and b"\\u00fc" in more


def test_a_field_or_an_element_is_taken_out() -> None:
    assert "model" not in json.loads(removed(BODY, "model"))
    assert json.loads(removed(BODY, "messages.0"))["messages"] == []
    assert json.loads(removed(BODY, "stream_options.include_usage"))["stream_options"] == {}


@pytest.mark.parametrize("path", ["nope", "messages.3", "model.x", "stream_options.nope", "a..b"])
def test_what_is_not_there_cannot_be_taken_out(path: str) -> None:
    with pytest.raises(UsageError):
        removed(BODY, path)


def test_without_a_stream_its_options_go_too() -> None:
    assert streamed(BODY, True) == BODY
    whole = json.loads(streamed(BODY, False))
    assert whole["stream"] is False
    assert "stream_options" not in whole
    assert streamed(b'{"model":"k2"}', False) == b'{"model":"k2"}'
    assert json.loads(streamed(b'{"model":"k2"}', True))["stream"] is True


def test_setting_what_is_so_already_leaves_every_byte() -> None:
    assert changed(BODY, ["temperature=0.7", "stream=true"], []) == BODY
    assert changed(BODY, ["stream=1"], []) != BODY


def test_what_an_editor_leaves_is_taken_in_and_no_change_is_none() -> None:
    assert written(pretty(BODY), BODY) is None
    made = written(pretty(BODY).replace("k2", "k3"), BODY)
    assert made is not None
    assert json.loads(made)["model"] == "k3"
    assert written(pretty(b'{"a":1}').replace("1", "true"), b'{"a":1}') == b'{"a":true}'


@pytest.mark.parametrize("text", ["{", "", "[]", '"x"'])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="what you wrote is no JSON"):
        written(text, BODY)


@pytest.mark.parametrize("body", [b"", b"[1]", b"\xff\xfe", b"{"])
def test_a_body_that_is_no_object_cannot_be_changed(body: bytes) -> None:
    with pytest.raises(UsageError, match="cannot be changed"):
        assigned(body, "a=1")


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=8,
        ),
    )
)
def test_any_object_keeps_all_that_was_not_named(value: dict[str, object]) -> None:
    body = json.dumps(value).encode()
    assert json.loads(assigned(body, "kimitap=1")) == {**value, "kimitap": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON), st.dictionaries(st.text(), JSON), st.booleans())
def test_a_body_says_what_was_made_of_it(
    old: dict[str, object], new: dict[str, object], wide: bool
) -> None:
    body = json.dumps(old, indent=1 if wide else None).encode()
    assert json.loads(saying(body, new)) == new
    both = {**old, **new}
    assert json.loads(saying(body, both)) == both
    assert saying(body, old) == body
