"""What is remembered of pieces, within a bound: an old piece is read again rather than kept."""

from collections import OrderedDict
from collections.abc import Hashable


class Bounded[K: Hashable, V]:
    """Values whose weights sum up to at most `limit`: those not used for longest are forgotten.

    The newest stays even where it alone weighs more.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._weight = 0
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value of `key`, which now counts as used."""
        known = self._values.get(key)
        if known is None:
            return None
        self._values.move_to_end(key)
        return known[0]

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def put(self, key: K, value: V, weight: int) -> None:
        """Keep `value`, and forget others if need be."""
        old = self._values.pop(key, None)
        self._weight += weight - (old[1] if old else 0)
        self._values[key] = value, weight
        while self._weight > self._limit and len(self._values) > 1:
            self._weight -= self._values.popitem(last=False)[1][1]
