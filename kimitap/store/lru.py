"""A dictionary that forgets what was not used for longest, so that its weight stays bounded."""

from collections import OrderedDict
from collections.abc import Callable, Hashable


class LRU[K: Hashable, V]:
    """At most `limit` of what `weigh` says of each value (1 each by default).

    The newest value stays even where it alone is heavier than the limit.
    """

    def __init__(self, limit: int, weigh: Callable[[V], int] = lambda _: 1) -> None:
        self._limit = limit
        self._weigh = weigh
        self._weight = 0
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value of `key`, which now counts as used."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep `value`, and forget others if need be."""
        old = self._values.pop(key, None)
        self._weight += self._weigh(value) - (self._weigh(old) if old is not None else 0)
        self._values[key] = value
        while self._weight > self._limit and len(self._values) > 1:
            self._weight -= self._weigh(self._values.popitem(last=False)[1])

    def newest_first(self) -> list[V]:
        """All values, the one used last first."""
        return list(reversed(self._values.values()))

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self._weight = 0
