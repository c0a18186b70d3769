from hypothesis import given
from hypothesis import strategies as st

from kimitap.conversation import Message, Text
from kimitap.lineage import Mark, Pair
from kimitap.weave.align import CELLS, align
from kimitap.weave.keys import Keys


def messages(*texts: str) -> list[Message]:
    """One message a text; its first letter is the role."""
    roles = {"u": "user", "a": "assistant", "t": "tool"}
    return [Message(roles[text[0]], (Text(text[1:]),)) for text in texts]


def rows(old: list[Message], new: list[Message]) -> list[str]:
    pairs = align(old, new, Keys())
    return [
        f"{p.mark}{'' if p.old is None else p.old}/{'' if p.new is None else p.new}" for p in pairs
    ]


def test_equal_histories_align_one_to_one() -> None:
    old = messages("u hello", "a world", "t 1")
    assert rows(old, messages("u hello", "a world", "t 1")) == ["=0/0", "=1/1", "=2/2"]


def test_a_message_gone_from_the_middle_is_found() -> None:
    old = messages("u hello", "a look", "t one", "a again", "t two")
    new = messages("u hello", "a look", "a again", "t two")
    assert rows(old, new) == ["=0/0", "=1/1", "<2/", "=3/2", "=4/3"]


def test_an_edited_message_is_paired_with_what_it_was() -> None:
    old = messages("u read the notes and write the summary", "a Now")
    new = messages("u read the notes and write a summary", "a Now", "u more")
    assert rows(old, new) == ["!0/0", "=1/1", ">/2"]


def test_messages_that_share_nothing_are_gone_and_new() -> None:
    assert rows(messages("u apples and pears"), messages("u seven wild geese")) == ["<0/", ">/0"]


def test_messages_of_different_roles_are_never_paired() -> None:
    assert rows(messages("u the same words"), messages("a the same words")) == ["<0/", ">/0"]


def test_an_empty_side_is_all_gone_or_all_new() -> None:
    assert rows(messages("u a", "u b"), []) == ["<0/", "<1/"]
    assert rows([], messages("u a")) == [">/0"]


def test_long_histories_without_anything_in_common_stay_cheap() -> None:
    old = messages(*(f"u old {i}" for i in range(CELLS)))
    new = messages(*(f"u new {i}" for i in range(CELLS)))
    assert len(align(old, new, Keys())) == 2 * CELLS


def test_offsets_are_added_to_both_sides() -> None:
    pairs = align(messages("u a"), messages("u a", "u b"), Keys(), 5, 7)
    assert pairs == [Pair(Mark.SAME, 5, 7), Pair(Mark.NEW, None, 8)]


words = st.lists(
    st.sampled_from(["u one", "u two", "a three", "a four", "t five", "t"]), max_size=20
)


@given(words, words)
def test_every_message_stands_in_exactly_one_row_and_in_order(
    old: list[str], new: list[str]
) -> None:
    pairs = align(messages(*old), messages(*new), Keys())
    assert [p.old for p in pairs if p.old is not None] == list(range(len(old)))
    assert [p.new for p in pairs if p.new is not None] == list(range(len(new)))
    for p in pairs:
        if p.mark is Mark.SAME:
            assert p.old is not None and p.new is not None and old[p.old] == new[p.new]
        assert (p.mark is Mark.GONE) == (p.new is None)
        assert (p.mark is Mark.NEW) == (p.old is None)
