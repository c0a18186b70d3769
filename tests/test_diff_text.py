"""Texts compared line by line and word by word: exact, and bounded whatever they hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimitap.diff import LineRow, diff_text, laid_out, only_spelling
from kimitap.diff.sequence import Effort, blocks
from kimitap.lineage import Mark

LINES = st.lists(st.sampled_from(["", "a", "b", "a b", "a b c d", "x y"]), max_size=14)
TEXTS = LINES.map("\n".join)


def marks(rows: tuple[LineRow, ...]) -> str:
    return "".join(row.mark for row in rows)


def changed(text: str, row: LineRow, side: str) -> list[str]:
    spans = row.old_spans if side == "old" else row.new_spans
    return [text[span.start : span.stop] for span in spans]


@given(TEXTS, TEXTS, st.integers(0, 300))
def test_the_rows_hold_both_texts_whatever_the_effort(old: str, new: str, left: int) -> None:
    rows = diff_text(old, new, Effort(left)).rows
    assert "\n".join(row.old for row in rows if row.old is not None) == old
    assert "\n".join(row.new for row in rows if row.new is not None) == new


@given(TEXTS, TEXTS)
def test_a_row_says_where_its_lines_stand(old: str, new: str) -> None:
    rows = diff_text(old, new).rows
    for lines, number, line in (
        (old.split("\n"), "old_number", "old"),
        (new.split("\n"), "new_number", "new"),
    ):
        told = [(getattr(r, number), getattr(r, line)) for r in rows if getattr(r, number)]
        assert told == list(enumerate(lines, 1))
    assert all((row.old == row.new) is (row.mark is Mark.SAME) for row in rows)


@given(TEXTS, TEXTS)
def test_outside_its_spans_a_changed_pair_is_the_same(old: str, new: str) -> None:
    for row in diff_text(old, new).rows:
        if row.old is None or row.new is None or not (row.old_spans or row.new_spans):
            continue
        kept = [row.old, row.new]
        for i, spans in enumerate((row.old_spans, row.new_spans)):
            for span in reversed(spans):
                kept[i] = kept[i][: span.start] + kept[i][span.stop :]
        assert kept[0].split() == kept[1].split()


@given(st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), max_size=12))
def test_with_effort_enough_no_alignment_has_more_in_common(old: list[int], new: list[int]) -> None:
    longest = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, one in enumerate(old):
        for j, other in enumerate(new):
            best = max(longest[i][j + 1], longest[i + 1][j])
            longest[i + 1][j + 1] = longest[i][j] + 1 if one == other else best
    assert sum(block.size for block in blocks(old, new)) == longest[-1][-1]


def test_equal_texts_have_no_difference() -> None:
    assert diff_text("a\nb", "a\nb").same
    assert diff_text("", "").same
    assert not diff_text(None, "").same


def test_a_text_that_is_not_there_has_no_line() -> None:
    assert marks(diff_text(None, "a\nb").rows) == ">>"
    assert marks(diff_text("a", None).rows) == "<"
    assert marks(diff_text("", "a").rows) == "!"


def test_a_changed_word_is_told() -> None:
    old, new = "keep\nthe quick brown fox\nend", "keep\nthe quick red fox\nend"
    rows = diff_text(old, new).rows
    assert marks(rows) == "=!="
    assert changed(rows[1].old or "", rows[1], "old") == ["brown"]
    assert changed(rows[1].new or "", rows[1], "new") == ["red"]


def test_words_that_only_a_space_parts_are_one_span() -> None:
    [row] = diff_text("say one two now please", "say three four now please").rows
    assert changed(row.old or "", row, "old") == ["one two"]


def test_lines_with_little_in_common_are_replaced_whole() -> None:
    [row] = diff_text("alpha beta gamma", "import os, sys").rows
    assert (row.mark, row.old_spans, row.new_spans) == (Mark.CHANGED, (), ())


def test_the_likest_lines_stand_beside_each_other() -> None:
    old = "def migrate(db, to):"
    rows = diff_text(old, "import logging\nfrom os import path\ndef migrate(db, to, dry):").rows
    assert marks(rows) == ">>!"
    assert rows[2].old == old


def test_of_a_line_of_a_megabyte_the_middle_is_told() -> None:
    head, tail = "x" * 600_000, "y" * 600_000
    [row] = diff_text(f"{head}OLD{tail}", f"{head}NEWER{tail}").rows
    assert changed(row.old or "", row, "old") == ["OLD"]
    assert changed(row.new or "", row, "new") == ["NEWER"]


def test_what_was_put_into_a_long_line_is_told() -> None:
    [row] = diff_text("x" * 5000, "x" * 6000).rows
    assert row.old_spans == ()
    assert changed(row.new or "", row, "new") == ["x" * 1000]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "\n".join("ab"[i % 2] for i in range(9_000)),
            "\n".join("ab"[i % 3 % 2] for i in range(9_000)),
        ),
        ("\n".join("x" * 9_000), "\n".join("y" * 9_000)),
        ("\n".join(f"{i} a" for i in range(9_000)), "\n".join(f"{i} b" for i in range(9_000))),
        (
            "\n".join(" ".join("abcd"[(i * k) % 4] for k in range(900)) for i in range(300)),
            "\n".join(" ".join("abcd"[(i + k * k) % 4] for k in range(900)) for i in range(300)),
        ),
    ],
    ids=["repetitive", "replaced", "each line changed", "each word changed"],
)
def test_absurd_texts_take_bounded_effort(old: str, new: str) -> None:
    effort = Effort()
    given = effort.left
    rows = diff_text(old, new, effort).rows
    assert "\n".join(row.new for row in rows if row.new is not None) == new
    assert given - effort.left < 2 * given


def test_once_the_effort_is_spent_lines_are_replaced_whole() -> None:
    old, new = "a\nthe quick fox\nb", "a\nthe quick red fox\nb"
    rows = diff_text(old, new, Effort(0)).rows
    assert marks(rows) == "=!="
    assert rows[1].new_spans == ()
    assert diff_text(old, new).rows[1].new_spans != ()


def test_a_few_changes_in_a_long_text_are_found_exactly() -> None:
    old = [f"line {i % 7}" for i in range(20_000)]
    new = list(old)
    for at in range(100, 20_000, 400):
        new[at] = f"changed {at}"
    rows = diff_text("\n".join(old), "\n".join(new)).rows
    assert sum(row.mark is not Mark.SAME for row in rows) == 50


def test_json_is_laid_out_in_one_way() -> None:
    assert laid_out('{"b":1, "a":[true]}') == '{\n  "a": [\n    true\n  ],\n  "b": 1\n}'
    assert laid_out("no json") is None
    assert laid_out("41") is None
    assert laid_out('{"a": ') is None


def test_a_text_of_several_lines_in_json_is_broken_after_its_line_feeds() -> None:
    assert laid_out('{"a":"x\\ny\\\\nz\\n"}') == '{\n  "a": "x\\n\n    y\\\\nz\\n"\n}'


def test_spelling_is_told_from_meaning() -> None:
    assert only_spelling('{"a":1,"b":2}', '{"b": 2, "a": 1.0}')
    assert not only_spelling('{"a":1}', '{"a":2}')
    assert not only_spelling('{"a":1}', '{"a":1}')
