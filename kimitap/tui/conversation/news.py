"""Which turns came while the reader looked elsewhere."""

from collections.abc import Iterable

from kimitap.lineage import Thread


class News:
    """Knows what was there when all had been read, and how far each thread was looked at since."""

    def __init__(self) -> None:
        self._known = 0
        self._seen: dict[int, int] = {}

    def know(self, threads: Iterable[Thread]) -> None:
        """All of this was there before the reader began: none of it is new."""
        self._known = max([self._known, *(thread.turns[-1].exchange for thread in threads)])

    def see(self, thread: Thread, exchange: int | None) -> None:
        """The turn `exchange` of a thread stands at the end of the screen."""
        if exchange is not None:
            self._seen[thread.number] = max(exchange, self._seen.get(thread.number, 0))

    def of(self, thread: Thread) -> int:
        """How many turns of a thread came and were not seen yet."""
        read = max(self._known, self._seen.get(thread.number, 0))
        at = len(thread.turns)
        while at and thread.turns[at - 1].exchange > read:
            at -= 1
        return len(thread.turns) - at

    def elsewhere(self, threads: Iterable[Thread], here: Thread) -> int:
        """The same of all other threads."""
        return sum(self.of(thread) for thread in threads if thread.number != here.number)
