"""The search for fewer exchanges, and less in them: what was tried, and the best so far."""

import time
from collections.abc import Callable, Sequence

from kimitap.exchange import Exchange, digest
from kimitap.rules.finding import Finding
from kimitap.shrink.ddmin import ddmin
from kimitap.shrink.sameness import Drafts, Reader, Seen, Sought

Interesting = Callable[[Sequence[Exchange]], bool]
"""A further test of exchanges that show the finding offline, such as a server's live answer."""


SILENCE_S = 3.0
"""After so long a sign of life."""


class OutOfTime(Exception):
    """The patience is used up; the best so far stands."""


class Search:
    """Candidates are offered; one that shows the finding and no new error becomes the `best`.

    `tried` counts those that were read. `offer` raises OutOfTime once `patience_s` are over.
    """

    def __init__(
        self,
        drafts: Drafts,
        seen: Seen,
        sought: Sought,
        reader: Reader,
        patience_s: float,
        also: Interesting | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.best, self.seen = drafts, seen
        self.tried = 0
        self._sought = sought
        self._reader = reader
        self._also = also
        self._say = say
        self._said_at = time.monotonic()
        self._deadline = time.monotonic() + patience_s
        self._refused: dict[bytes, str] = {}

    @property
    def finding(self) -> Finding:
        """The finding as the best candidate shows it."""
        found = self._sought.find(self.seen, self.best)
        assert found is not None
        return found

    def offer(self, drafts: Drafts) -> bool:
        """True where the candidate will do; it is the best from now on."""
        return not self.objection(drafts, take=True)

    def objection(self, drafts: Drafts, take: bool = False) -> str:
        """Why a candidate will not do, in words; `""` where it will. `take` makes it the best."""
        if time.monotonic() > self._deadline:
            raise OutOfTime
        if drafts == self.best:
            return ""
        key = digest(b"".join(draft.key for draft in drafts))
        if key in self._refused:
            return self._refused[key]
        self.tried += 1
        if time.monotonic() - self._said_at > SILENCE_S:
            self.say("still at it", f"{len(self.best):,} exchanges left")
        seen = self._reader.read(drafts)
        said = self._judge(seen, drafts)
        if said:
            self._refused[key] = said
        elif take:
            self.best, self.seen = drafts, seen
        return said

    def say(self, what: str, how: str) -> None:
        """Tell the user how it goes."""
        self._said_at = time.monotonic()
        if self._say is not None:
            self._say(f"{what}: {how} ({self.tried:,} tried)")

    def _judge(self, seen: Seen, drafts: Drafts) -> str:
        if self._sought.find(seen, drafts) is None:
            return "the finding is gone"
        new = sorted(seen.defects - self.seen.defects, key=lambda one: (-one[0].rank, one[1]))
        if new:
            severity, rule = new[0]
            return f"there is a new {severity}: {rule}"
        if self._also is not None and not self._also([draft.exchange for draft in drafts]):
            return "the server's answer does not show it"
        return ""

    def narrow[U](
        self, units: Sequence[U], drop: Callable[[Drafts, Sequence[U]], Drafts | None]
    ) -> list[U]:
        """Take out of the best all `units` that can go, by delta debugging; those that stay.

        `drop` gives the drafts without some of them, or None where that cannot be.
        """
        self._reader.keep(self.best)
        base, every = self.best, range(len(units))

        def holds(kept: Sequence[int]) -> bool:
            there = set(kept)
            left = drop(base, [units[i] for i in every if i not in there])
            return left is not None and self.offer(left)

        return [units[i] for i in ddmin(every, holds)]
