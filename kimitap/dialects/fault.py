"""A dialect's list of what it could not read, bounded: a broken stream breaks in every event."""

from typing import Any

from kimitap.conversation import Fault
from kimitap.dialects.jsonread import dumps, kind_of

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

    def string(self, value: dict[str, Any], name: str, where: str, needed: bool = False) -> str:
        """The string that an object holds under `name`; `""`, and a fault, where it is none."""
        found = value.get(name)
        if isinstance(found, str):
            return found
        if found is not None or needed:
            what = "is missing" if name not in value else f"is a string, not {kind_of(found)}"
            self.add(f"{where}.{name}", f"{name} {what}")
        return ""

    def id(self, value: dict[str, Any], name: str, where: str) -> str | None:
        """The id that an object holds under `name`; None where it has none."""
        found = value.get(name)
        if found is None or isinstance(found, str):
            return found
        self.add(f"{where}.{name}", f"an id is a string, not {kind_of(found)}")
        return dumps(found)

    @property
    def count(self) -> int:
        """How many there are, those that are only counted among them."""
        return len(self._told) + self._more

    def told(self) -> tuple[Fault, ...]:
        """All of them, in the order in which they were met."""
        if not self._more:
            return tuple(self._told)
        return (*self._told, Fault("exchange", f"{self._more} more faults of these kinds"))
