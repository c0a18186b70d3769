"""Requests that name the reply they follow instead of repeating the history: the server keeps it.

OpenAI's Responses API: `previous_response_id` is the id of an earlier reply, `conversation` that of
all that was said, to which each request and its reply are added. What the parent is needs no guess;
the request's own messages come after all that was said before.
"""

from kimitap.conversation import ToolCall, Turn
from kimitap.lineage import CallEcho, Echo, EchoKind, Fate, Link, Mark, Relation, kept_in, named_by
from kimitap.weave.align import pair
from kimitap.weave.echo import superseded
from kimitap.weave.keys import Keys
from kimitap.weave.kin import odd_one
from kimitap.weave.link import link_by_prefix, system_pairs
from kimitap.weave.strand import Strand

Found = tuple[Link, Strand] | None


class Stored:
    """The turns woven so far by the ids of their replies, and of their conversations."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._named: dict[tuple[str, str], list[Strand]] = {}
        self._kept: dict[tuple[str, str], list[Strand]] = {}

    def add(self, strand: Strand) -> None:
        """Make a woven turn known. Ids that come twice mean the latest turn."""
        name = strand.turn.reply.id
        if name:
            strand.append(self._named.setdefault((strand.turn.dialect, name), []))
        kept = kept_in(strand.turn)
        if kept and strand.turn.succeeded:
            strand.append(self._kept.setdefault((strand.turn.dialect, kept), []))

    def follows(self, child: Strand) -> Found:
        """The link to the turn whose reply the request names; None where nobody saw that turn."""
        known = self._named.get((child.turn.dialect, named_by(child.turn)))
        if not known:
            return None
        return self._after(known[-1], child)

    def goes_on(self, child: Strand) -> Found:
        """The link to the last turn of the conversation that the request names.

        None where nobody saw one, and where the request repeats what was said: then the server
        does not keep it.
        """
        known = self._kept.get((child.turn.dialect, kept_in(child.turn)))
        if not known or self._repeats(known[-1], child):
            return None
        return self._after(known[-1], child)

    def _repeats(self, parent: Strand, child: Strand) -> bool:
        told = parent.story
        return child.length > len(told) and self._keys.same(child.messages[: len(told)], told)

    def _after(self, parent: Strand, child: Strand) -> Found:
        self._carry(parent, child)
        if parent.is_tip:
            return self._link(parent, child, Relation.CONTINUES), parent
        tip = parent.thread.tip
        strands = parent.thread.strands
        if strands[-2] is parent and _names(tip.turn) == _names(child.turn):
            again = self._keys.same(tip.messages, child.messages)
            if again:
                why = f"names what exchange {tip.turn.exchange} names, again"
                return link_by_prefix(tip, child, Relation.RETRY, self._keys, why), tip
            if not tip.turn.succeeded:
                return self._link(tip, child, Relation.RETRY), tip
            if odd_one(parent.turn, tip.turn, child.turn):
                return self._link(parent, child, Relation.CONTINUES), parent
        return self._link(parent, child, Relation.FORK), parent

    def _carry(self, parent: Strand, child: Strand) -> None:
        reply = parent.turn.reply.message
        child.carried = parent.story if reply.blank else (*parent.story, reply)
        child.base = parent.end if reply.blank or not parent.replies else parent.replies[0]

    def _link(self, parent: Strand, child: Strand, relation: Relation) -> Link:
        """The link of a request that holds only what is new: no pair has an old message of it."""
        stored = relation is Relation.CONTINUES
        told = _stored(parent.turn, child) if stored else superseded(child.start)
        what = "reply" if named_by(child.turn) else "conversation"
        why = f"names the {what} of exchange {parent.turn.exchange}"
        if relation is Relation.RETRY:
            why = f"names the {what} that exchange {parent.turn.exchange} names, with other words"
        prefix, systems = system_pairs(parent, child, self._keys)
        new = [pair(Mark.NEW, None, i) for i in range(child.start, len(child.turn.messages))]
        return Link(parent.turn, child.turn, relation, prefix, (*systems, *new), told, why)


def _names(turn: Turn) -> tuple[str, str]:
    return named_by(turn), kept_in(turn)


def _stored(parent: Turn, child: Strand) -> Echo:
    reply = parent.reply.message
    ids = {result.call_id for message in child.messages for result in message.tool_results}
    calls = tuple(
        CallEcho(part, i, Fate.SAME, answered=part.id in ids)
        for i, part in enumerate(reply.parts)
        if isinstance(part, ToolCall)
    )
    return Echo(
        EchoKind.STORED,
        child.start,
        text=Fate.SAME if reply.text.strip() else Fate.NONE,
        reasoning=Fate.SAME if reply.reasoning.strip() else Fate.NONE,
        calls=calls,
    )
