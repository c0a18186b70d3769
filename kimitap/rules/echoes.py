"""Reading the weaver's verdicts: which requests owe a reply, and where it stands."""

from collections.abc import Iterator

from kimitap.lineage import Echo, EchoKind, Link, Thread
from kimitap.rules.each import each

GIVEN_BACK = frozenset({EchoKind.SAME, EchoKind.ALTERED, EchoKind.PARTIAL, EchoKind.FLATTENED})
"""The echoes in which a message stands for the reply and says something."""


def judged(thread: Thread) -> Iterator[Link]:
    """The links of a thread whose request owes the reply before it."""
    return (link for link in each(thread, _owing) if link is not None)


def _owing(thread: Thread, position: int) -> Link | None:
    link = thread.links[position]
    return link if link is not None and link.judged else None


def standing_at(echo: Echo) -> int:
    """The index of the message that stands for a reply; where it should stand if none does."""
    return echo.slot[0] if echo.slot else echo.place
