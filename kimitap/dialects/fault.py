"""A dialect's list of what it could not read, bounded: a broken stream breaks in every event."""

from kimitap.conversation import Fault

MOST = 50
"""How many faults of one exchange are told one by one."""


class Faults:
    """Collects faults; equal ones are told once, and beyond `MOST` they are only counted."""

    def __init__(self) -> None:
        self._told: dict[Fault, None] = {}
        self._more = 0

    def add(self, where: str, what: str) -> None:
        """`where` is a path such as `request.messages[3].content`."""
        if len(self._told) < MOST:
            self._told[Fault(where, what)] = None
        else:
            self._more += 1

    def add_under(self, where: str, faults: tuple[Fault, ...]) -> None:
        """Takes over faults whose own paths are relative to `where`."""
        for fault in faults:
            self.add(where + fault.where, fault.what)

    def told(self) -> tuple[Fault, ...]:
        """All of them, in the order in which they were met."""
        if not self._more:
            return tuple(self._told)
        return (*self._told, Fault("exchange", f"{self._more} more faults of these kinds"))
