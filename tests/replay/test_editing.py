"""Changing a body: what is named, and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimitap.errors import UsageError
from kimitap.replay.editing import assigned, changed, pretty, removed, streamed, written

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
    assert written(pretty(b'{"a":1}').replace("1", "true"), b'{"a":1}') == b'{"a": true}'


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
