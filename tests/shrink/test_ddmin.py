"""Delta debugging itself."""

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimitap.shrink.ddmin import ddmin


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_exactly_the_items_that_are_needed_stay(case: tuple[int, set[int]]) -> None:
    count, needed = case
    assert ddmin(range(count), lambda some: needed <= set(some)) == sorted(needed)


@given(st.integers(1, 12), st.sets(st.frozensets(st.integers(0, 11), max_size=4), min_size=1))
def test_without_any_one_of_what_stays_it_holds_no_more(
    count: int, ways: set[frozenset[int]]
) -> None:
    def holds(some: Sequence[int]) -> bool:
        return len(some) == count or any(way <= set(some) for way in ways)

    left = ddmin(range(count), holds)
    assert holds(left)
    assert not any(holds([x for x in left if x != one]) for one in left)


def test_few_questions_are_asked_where_few_items_matter() -> None:
    asked: list[Sequence[int]] = []

    def holds(some: Sequence[int]) -> bool:
        asked.append(some)
        return {17, 600} <= set(some)

    assert ddmin(range(1000), holds) == [17, 600]
    assert len(asked) < 120


def test_the_order_stays_and_the_answer_is_the_same_each_time() -> None:
    words = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"]

    def holds(some: Sequence[str]) -> bool:
        return "fox" in some and any(pair == ("quick", "dog") for pair in combinations(some, 2))

    assert ddmin(words, holds) == ddmin(words, holds) == ["quick", "fox", "dog"]


def test_what_the_question_raises_ends_the_search() -> None:
    def holds(some: Sequence[int]) -> bool:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        ddmin([1, 2, 3], holds)
    assert ddmin([], holds) == []
