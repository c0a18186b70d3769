"""How far two sequences are the same."""

from collections.abc import Sequence


def shared_prefix[T](one: Sequence[T], other: Sequence[T]) -> int:
    """How many elements, or characters, are equal from the beginning on.

    Halves are compared as slices, which the interpreter does far faster than a loop.
    """
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
