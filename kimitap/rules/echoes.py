"""Reading the weaver's verdicts: which requests owe a reply, and where it stands."""

from collections.abc import Iterator

from kimitap.lineage import Echo, EchoKind, Link, Thread

GIVEN_BACK = frozenset({EchoKind.SAME, EchoKind.ALTERED, EchoKind.PARTIAL, EchoKind.FLATTENED})
"""The echoes in which a message stands for the reply and says something."""


def judged(thread: Thread) -> Iterator[Link]:
    """The links of a thread whose request owes the reply before it."""
    return (link for link in thread.links if link is not None and link.judged)


def standing_at(echo: Echo) -> int:
    """The index of the message that stands for a reply; where it should stand if none does."""
    return echo.slot[0] if echo.slot else echo.place
