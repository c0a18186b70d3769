"""Recorded text cannot act on a terminal or a page."""

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from kimitap.visible import one_line, visible

EMBEDDING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def test_no_character_that_acts_is_left() -> None:
    left = [
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(char) in EMBEDDING
        if visible(char) == char
    ]
    assert left == ["\t", "\n"]


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@given(st.text(), st.integers(min_value=1, max_value=80))
def test_one_line_is_one_line_of_the_length(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert "\n" not in line
    assert len(line) <= limit


def test_an_escape_sequence_is_written_out() -> None:
    assert visible("a\x1b]52;c;aGk=\x07b\u202e") == "a\\u001b]52;c;aGk=\\u0007b\\u202e"
