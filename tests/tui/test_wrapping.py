"""Texts cut into display lines, whatever their size and alphabet."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from kimitap.tui.widgets.wrapping import Wrapped, fit

CLEAN = st.text(st.sampled_from("ab c\nжж漢字é\u0301👩 "), max_size=200)


@given(CLEAN, st.integers(1, 30))
def test_nothing_but_spaces_and_line_feeds_is_lost(text: str, width: int) -> None:
    lines = Wrapped(text, width)
    shown = "".join(lines[i] for i in range(len(lines)))
    assert shown.replace(" ", "") == text.replace("\n", "").replace(" ", "")


@given(CLEAN, st.integers(2, 30))
def test_no_line_is_wider_than_asked(text: str, width: int) -> None:
    for words in (True, False):
        lines = Wrapped(text, width, words=words)
        assert all(cell_len(lines[i]) <= width for i in range(len(lines)))


@given(CLEAN, st.integers(1, 30))
def test_a_text_that_fits_is_left_alone_and_another_ends_in_an_ellipsis(
    text: str, width: int
) -> None:
    cut = fit(text, width)
    assert cell_len(cut) <= width
    assert cut == text or cut.endswith("…")


def test_words_stay_whole_where_they_can() -> None:
    lines = Wrapped("the model never sees it", 10)
    assert [lines[i] for i in range(len(lines))] == ["the model", "never sees", "it"]


def test_an_empty_text_is_one_empty_line_and_a_line_feed_ends_one() -> None:
    assert len(Wrapped("", 10)) == 1
    assert len(Wrapped("a\n\nb\n", 10)) == 4


@pytest.mark.parametrize("text", ["x" * 999_999 + "é", "漢" * 300_000, "word " * 200_000])
def test_a_line_of_a_megabyte_is_wrapped_in_no_time(text: str) -> None:
    began = time.process_time()
    lines = Wrapped(text, 80)
    assert lines[len(lines) - 1]
    assert time.process_time() - began < 2


def test_a_mark_without_a_cell_stays_with_its_letter_at_the_end_of_a_line() -> None:
    shown = Wrapped("a" * 20 + "\u0301" + "b", 10, words=False)
    assert [*shown] == ["a" * 10, "a" * 10 + "\u0301", "b"]
