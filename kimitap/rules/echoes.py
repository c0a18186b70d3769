"""Reading the weaver's verdicts: which requests owe a reply, and which replies came back at all."""

from collections.abc import Iterator

from kimitap.conversation import Message
from kimitap.lineage import Echo, EchoKind, Link, Session, Thread

GIVEN_BACK = frozenset({EchoKind.SAME, EchoKind.ALTERED, EchoKind.PARTIAL, EchoKind.FLATTENED})
"""The echoes in which a message stands for the reply and says something."""


def judged(thread: Thread) -> Iterator[Link]:
    """The links of a thread whose request owes the reply before it."""
    return (link for link in thread.links if link is not None and link.judged)


class Siblings:
    """The requests that give a reply back beside the one that is suspected of losing it.

    A turn may have two children: a side request with the same history, and the one that goes on.
    The first proves no drop, unless the second also knows what the first was answered: then it is
    the same conversation, whose history came back later.
    """

    def __init__(self, session: Session) -> None:
        self._holding: dict[int, list[Link]] = {}
        for link in (link for thread in session.threads for link in thread.links):
            if link is not None and _holds(link):
                self._holding.setdefault(link.parent.exchange, []).append(link)

    def acquit(self, suspect: Link) -> bool:
        """True where another request gives the parent's reply back and knows nothing of `suspect`'s
        own reply."""
        said = _said(suspect.child.reply.message)
        return any(
            said not in (_said(m) for m in other.child.messages[standing_at(other.echo) :])
            for other in self._holding.get(suspect.parent.exchange, ())
            if other.child.exchange != suspect.child.exchange
        )


def _holds(link: Link) -> bool:
    """True where the link's request has the calls of its parent's reply, or at least its text."""
    if not link.judged:
        return link.prefix > len(link.parent.messages)
    if link.echo.kind not in GIVEN_BACK:
        return False
    return not link.echo.calls or any(call.message is not None for call in link.echo.calls)


def _said(message: Message) -> tuple[str, tuple[tuple[str, str], ...]]:
    return message.text.strip(), tuple(call.stands_for for call in message.tool_calls)


def standing_at(echo: Echo) -> int:
    """The index of the message that stands for a reply; where it should stand if none does."""
    return echo.slot[0] if echo.slot else echo.place
