"""A JSON text that grows is whole exactly where it is JSON."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimitap.dialects.growing import Growing

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(alphabet='a"\\{}[]é\n', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('"\\}a'), inner, max_size=3)
    ),
)
PIECES = st.lists(st.text(alphabet='{}[]"\\,: 1ae', max_size=3), max_size=12)


def is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def whole_after_each(pieces: list[str]) -> list[bool]:
    growing, said = Growing(), []
    for piece in pieces:
        growing.parts.append(piece)
        said.append(growing.whole)
    return said


@given(PIECES)
def test_it_says_of_each_beginning_whether_it_is_json(pieces: list[str]) -> None:
    texts = ["".join(pieces[: i + 1]) for i in range(len(pieces))]
    assert whole_after_each(pieces) == [is_json(text) for text in texts]


@given(JSON, st.integers(1, 5))
def test_any_json_is_whole_with_its_last_letter(value: object, step: int) -> None:
    text = orjson.dumps(value).decode()
    pieces = [text[i : i + step] for i in range(0, len(text), step)]
    assert whole_after_each(pieces) == [
        is_json(text[: i + step]) for i in range(0, len(text), step)
    ]


@given(JSON)
def test_it_may_be_asked_seldom(value: object) -> None:
    growing = Growing()
    growing.parts += list(orjson.dumps(value).decode())
    assert growing.whole
    assert growing.whole
    growing.parts.append("}")
    assert not growing.whole


@pytest.mark.parametrize("piece", ["xxxxx", '{"a":1}', "[", "]", '"', "\\", "1", " ", ",{}"])
def test_what_is_no_json_is_not_read_again_and_again(piece: str) -> None:
    growing = Growing()
    for _ in range(20_000):
        growing.parts.append(piece)
        growing.whole  # noqa: B018 # asking is the test: a minute if each asked all anew
    assert growing.text == piece * 20_000
