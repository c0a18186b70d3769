"""What was handed to the scribe and is not on disk yet, so that another one can go on with it."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from kimitap.recorder.slips import AnySlip, Missed, Resumed

DEATHS = 3
"""What waited while so many scribes died, of which none wrote any of it, may be what kills them."""

Weighed = tuple[AnySlip, int]
"""A slip, and its weight in bytes."""


@dataclass(slots=True)
class _Entry:
    """An exchange, or a slip that belongs to none, and what of it is not on disk."""

    origin: str
    waits: deque[Weighed] = field(default_factory=deque)
    reached: int = 0
    """So many bytes of the response were handed over."""
    kept: bool = False
    deaths: int = 0


class Ledger:
    """The slips by ticket, oldest first. The line sees to it that they are not too many."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self.weight = 0
        """Bytes that wait, about."""

    @property
    def exchanges(self) -> int:
        """How many exchanges are not wholly on disk."""
        return sum(
            bool(entry.origin) or not isinstance(entry.waits[0][0], Missed)
            for entry in self._entries.values()
        )

    @property
    def waits(self) -> bool:
        """Whether anything is not on disk."""
        return any(entry.waits and entry.deaths < DEATHS for entry in self._entries.values())

    def open(self, ticket: int, origin: str = "") -> None:
        """Begin an exchange, which will say when it is settled; without an origin a lone slip."""
        self._entries[ticket] = _Entry(origin)

    def is_open(self, ticket: int) -> bool:
        """Whether there is still something to write of it."""
        return ticket in self._entries

    def put(self, ticket: int, slip: AnySlip, size: int) -> None:
        """Keep a slip of an open ticket until it is freed."""
        self._entries[ticket].waits.append((slip, size))
        self.weight += size

    def reach(self, ticket: int, size: int) -> int:
        """So much more of the response comes; how much came before."""
        entry = self._entries[ticket]
        start, entry.reached = entry.reached, entry.reached + size
        return start

    def keep(self, ticket: int) -> bool:
        """The request is on disk; True where that was not known."""
        entry = self._entries.get(ticket)
        if entry is None or entry.kept:
            return False
        entry.kept = True
        return True

    def free(self, ticket: int, count: int) -> None:
        """The `count` oldest slips of a ticket wait no more."""
        entry = self._entries.get(ticket)
        if entry is None:
            return
        entry.deaths = 0
        for _ in range(count):
            self.weight -= entry.waits.popleft()[1]
        if not entry.origin:
            del self._entries[ticket]

    def close(self, ticket: int) -> bool:
        """Nothing of it waits any more, or will be waited for; False where that was known."""
        entry = self._entries.pop(ticket, None)
        if entry is None:
            return False
        self.weight -= sum(size for _, size in entry.waits)
        return True

    def bereave(self) -> int:
        """A scribe died. How many exchanges are given up, having waited for too many of them."""
        for entry in self._entries.values():
            entry.deaths += bool(entry.waits)
        lost = [
            ticket
            for ticket, entry in self._entries.items()
            if entry.deaths >= DEATHS and not isinstance(entry.waits[0][0], Missed)
        ]
        for ticket in lost:
            self.close(ticket)
        return len(lost)

    def again(self) -> Iterable[Weighed]:
        """What to tell another scribe: what is under way, and all slips that wait."""
        under_way = [(key, entry.origin) for key, entry in self._entries.items() if entry.origin]
        yield Resumed(under_way), 0
        for entry in self._entries.values():
            yield from entry.waits
