"""Delta debugging: the smallest list of things with which something still holds.

This is ddmin of Zeller and Hildebrandt (https://doi.org/10.1109/32.988498, 2002), with subsets and
complements. There are libraries, and none serves: picire has had no release since 2021 and brings
setuptools, psutil and its own parallel runner; shrinkray is a program, whose inner parts are no API
and which brings a compiler's worth of dependencies (black, libcst, tree-sitter, llama-cpp-python).
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise


def ddmin[T](items: Sequence[T], holds: Callable[[Sequence[T]], bool]) -> list[T]:
    """A part of `items`, in their order, with which `holds` is true: without any one it is not.

    `holds(items)` is taken to be true. It is asked O(n²) times at the worst, and about k·log(n)
    times where k of n items matter; it may raise to end the search.
    """
    kept = list(items)
    if not kept or holds([]):
        return []
    parts = 2
    while len(kept) >= 2:
        smaller = next((some for some in _smaller(kept, parts) if holds(some)), None)
        if smaller is not None:
            fewer = len(smaller) < len(kept) / 2 or parts == 2
            parts = 2 if fewer else max(parts - 1, 2)
            kept = smaller
        elif parts < len(kept):
            parts = min(len(kept), parts * 2)
        else:
            break
    return kept


def _smaller[T](items: list[T], parts: int) -> Iterator[list[T]]:
    """Each of so many parts by itself, then all but each."""
    bounds = [len(items) * i // parts for i in range(parts + 1)]
    spans = list(pairwise(bounds))
    yield from (items[start:stop] for start, stop in spans)
    if parts > 2:
        yield from (items[:start] + items[stop:] for start, stop in reversed(spans))
