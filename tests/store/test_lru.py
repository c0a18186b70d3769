"""What is remembered stays within its bound."""

from kimitap.store.lru import LRU
from kimitap.store.merging import _MOST, Small


def test_the_one_used_longest_ago_is_forgotten_first() -> None:
    known: LRU[int, str] = LRU(3)
    for key in (1, 2, 3):
        known.put(key, f"value {key}")
    assert known.get(1) == "value 1"
    known.put(4, "value 4")
    assert [known.get(key) for key in (1, 2, 3, 4)] == ["value 1", None, "value 3", "value 4"]
    assert known.newest_first() == ["value 4", "value 3", "value 1"]


def test_what_is_weighed_is_never_more_than_the_limit_but_for_the_newest_alone() -> None:
    known: LRU[int, bytes] = LRU(100, len)
    for key in range(50):
        known.put(key % 20, bytes(key * 7 % 60))
        assert sum(map(len, known.newest_first())) <= 100
    known.put(7, bytes(500))
    assert known.newest_first() == [bytes(500)]
    known.put(8, bytes(10))
    assert known.newest_first() == [bytes(10)]


def test_a_value_that_is_put_again_weighs_once() -> None:
    known: LRU[int, bytes] = LRU(100, len)
    for _ in range(10):
        known.put(1, bytes(60))
    known.put(2, bytes(40))
    assert len(known.newest_first()) == 2
    known.clear()
    known.put(3, bytes(100))
    known.put(4, b"")
    assert len(known.newest_first()) == 2


def test_a_recorder_that_is_never_at_rest_remembers_only_so_many_small_packs() -> None:
    small = Small()
    for pack in range(2 * _MOST + 10):
        small.add(1, pack, 1, (pack,))
    assert sum(map(len, small._packs.values())) == small._count <= _MOST
    assert small._sizes[1] == small._count
