"""What goes together: a disjoint-set forest."""

from collections.abc import Hashable


class Groups:
    """Groups of anything hashable, made by joining two and two."""

    def __init__(self) -> None:
        self._leader: dict[Hashable, Hashable] = {}

    def __contains__(self, one: Hashable) -> bool:
        return one in self._leader

    def of(self, one: Hashable) -> Hashable:
        """The leader of the group that `one` is in; a group of its own where it was in none."""
        leader = self._leader.setdefault(one, one)
        while leader != (above := self._leader[leader]):
            self._leader[leader] = self._leader[above]
            leader = above
        self._leader[one] = leader
        return leader

    def join(self, one: Hashable, other: Hashable) -> None:
        """Make one group of two."""
        self._leader[self.of(one)] = self.of(other)

    def units(self) -> list[list[Hashable]]:
        """The groups, in the order in which their first members came."""
        return list(self.by_leader().values())

    def by_leader(self) -> dict[Hashable, list[Hashable]]:
        """The groups by their leaders."""
        found: dict[Hashable, list[Hashable]] = {}
        for one in list(self._leader):
            found.setdefault(self.of(one), []).append(one)
        return found
