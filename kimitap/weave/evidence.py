"""How much has to be in common before one request is held to follow another."""

import re
from collections.abc import Sequence
from datetime import timedelta

from kimitap.conversation import Message
from kimitap.lineage import EchoKind, Link, Mark, Pair
from kimitap.weave.classify import compaction_mark, fresh, matched, unmatched_old
from kimitap.weave.keys import LIKENESS, Keys, plain
from kimitap.weave.kin import same_system, same_voice, tools_alike
from kimitap.weave.link import history
from kimitap.weave.prefixes import Candidate
from kimitap.weave.sightings import Sightings
from kimitap.weave.strand import Strand

SOON = timedelta(seconds=60)
WHILE = timedelta(minutes=10)
QUOTE = 40
"""Characters from which a summary is recognised in another message."""
LONG = 200
"""Characters from which a lone message is told from any other."""
HARDLY = 0.9
"""Likeness from which a message changed in hardly a word."""
COUNT = re.compile(r"\D*\d{1,4}")
"""An id that counts calls; one that was made at random has figures elsewhere too."""
REPLIES = 3
"""Replies that prove by themselves whose history it is, though nothing that a user said is left."""
TRIFLE = 4
"""Words up to which a message ("Ok.") proves nothing when it is found again."""


class Evidence:
    """Weighs what a request has in common with an earlier turn."""

    def __init__(self, keys: Keys, sightings: Sightings) -> None:
        self._keys = keys
        self._sightings = sightings

    def proven(self, candidate: Candidate, child: Strand) -> bool:
        """A user message in common, and the reply, a second message or a session's name.

        A lone message is enough where it is long, or where prompt and tools are the same.
        """
        messages = candidate.strand.story
        if not any(m.role == "user" for m in messages):
            return False
        if candidate.covered or len(messages) > 1 or len(messages[0].text) >= LONG:
            return True
        return self._claimed(candidate.strand, child)

    def _claimed(self, parent: Strand, child: Strand) -> bool:
        """True where both name the same session, or speak with the same prompt and tools."""
        return _named(parent, child) or same_voice(parent.turn, child.turn, self._keys)

    def _asks_on(self, parent: Strand, child: Strand) -> bool:
        """True where an agent that got nothing may ask again: it may have gained a tool by then."""
        return self._claimed(parent, child) or (
            same_system(parent.turn, child.turn, self._keys)
            and tools_alike(parent.turn, child.turn)
        )

    def plausible(self, link: Link, candidate: Candidate, child: Strand) -> bool:
        """False where the answer to a lone first message is followed by somebody else's answer."""
        parent = candidate.strand
        if candidate.covered or parent.depth > 1 or not link.echo.slot:
            return True
        reply = parent.turn.reply.message
        if _named(parent, child) or reply.tool_calls:
            return True
        slot = child.turn.messages[link.echo.slot[0]]
        return (
            slot.blank
            or link.echo.kind is EchoKind.SAME
            or self._keys.likeness(slot, reply) >= LIKENESS
        )

    def again(self, parent: Strand, child: Strand) -> bool:
        """True where a first request is repeated because its reply was of no use.

        A short prompt with a good reply is more likely sent by another run.
        """
        turn = parent.turn
        since = child.turn.started_at - (turn.ended_at or turn.started_at)
        if not turn.succeeded or turn.reply.empty:
            return since <= WHILE and self._asks_on(parent, child)
        told = parent.length > 1 or len(parent.messages[0].text) >= LONG
        return (
            told
            and self._claimed(parent, child)
            and bool(turn.reply.message.tool_calls)
            and since <= SOON
        )

    def evident(
        self, tip: Strand, child: Strand, pairs: Sequence[Pair], beyond: int | None
    ) -> bool:
        """True where an alignment shows that the request goes on with the history of `tip`.

        `beyond`: older turns share that many messages of the history, so that something after them
        must be found again, after the point where the two part. None: a reply of the thread must.
        """
        if self._repeated(tip, child, pairs):
            return True
        old = history(tip)
        both = [(old[i - tip.start], i - tip.start, mark) for i, _, mark in matched(pairs)]
        if beyond is not None:
            parted = next((i for i, row in enumerate(pairs) if row.mark is not Mark.SAME), 0)
            return any(
                at >= max(beyond, parted)
                and (mark is Mark.SAME or message.role != "user")
                and not _trifle(message)
                for message, at, mark in both
            )
        users = any(message.role == "user" for message, _, _ in both)
        replies = sum(
            message.role == "assistant" and self._sightings.said(message, tip.thread)
            for message, _, _ in both
        )
        if users and replies:
            return len(both) > 1
        last = both[-1][1:] == (len(old) - 1, Mark.SAME) if both else False
        proven = replies >= REPLIES or (replies and _answered(tip, child))
        return bool(proven) and last and self._claimed(tip, child)

    def _repeated(self, tip: Strand, child: Strand, pairs: Sequence[Pair]) -> bool:
        """True where a failed request comes again with hardly a word changed, such as a clock."""
        if tip.turn.succeeded or tip.length != child.length or _lost(tip, pairs):
            return False
        if tip.is_first and not self.again(tip, child):
            return False
        old, new = tip.turn.messages, child.turn.messages
        return all(
            mark is Mark.SAME or self._keys.likeness(old[i], new[j]) >= HARDLY
            for i, j, mark in matched(pairs)
            if i < len(old)
        )

    def reworded(self, tip: Strand, child: Strand) -> bool:
        """True where a request that failed comes again with another last message of the user's.

        A thread's first request must say at least what it said before.
        """
        if tip.turn.succeeded or tip.turn.in_flight or not tip.length == child.length > 0:
            return False
        old, new = tip.messages, child.messages
        if old[-1].role != "user" or new[-1].role != "user":
            return False
        if not self._keys.same(old[:-1], new[:-1]):
            return False
        if not tip.is_first:
            return True
        said = plain(old[-1].text)
        return self.again(tip, child) and bool(said) and said in plain(new[-1].text)

    def compacted(self, tip: Strand, child: Strand, pairs: Sequence[Pair]) -> str:
        """What tells that the history was compacted: a marker, or a summary that was asked for."""
        if not unmatched_old(pairs):
            return ""
        if _new_window(tip, child):
            return f"context window {child.turn.scope.window}"
        mark = compaction_mark(child, pairs)
        if mark and (_named(tip, child) or self._keeps(child, pairs)):
            return f"marker {mark!r}"
        early = [plain(message.text) for message in fresh(child, pairs, early=True)]
        for aside in self._sightings.asides(tip):
            summary = plain(aside.turn.reply.message.text)
            if len(summary) >= QUOTE and any(summary in text for text in early):
                return f"the summary of exchange {aside.turn.exchange}"
        return ""

    def _keeps(self, child: Strand, pairs: Sequence[Pair]) -> bool:
        return any(
            mark is Mark.SAME and not _trifle(child.turn.messages[new])
            for _, new, mark in matched(pairs)
        )


def _named(parent: Strand, child: Strand) -> bool:
    """True where both name the same session."""
    scope = parent.turn.scope.session
    return bool(scope) and scope == child.turn.scope.session


def _new_window(parent: Strand, child: Strand) -> bool:
    """True where the agent says that it has begun a new context window of the same session."""
    before, now = parent.turn.scope.window, child.turn.scope.window
    return _named(parent, child) and before is not None and now is not None and now > before


def _answered(tip: Strand, child: Strand) -> bool:
    """True where all calls of the last reply, under its own ids, have their results.

    Ids that are only a count (`functions.ls:0`) prove nothing unless on the same connection.
    """
    ids = [call.id for call in tip.turn.reply.message.tool_calls]
    one_line = bool(tip.turn.client) and tip.turn.client == child.turn.client
    if not one_line and any(call_id is None or COUNT.fullmatch(call_id) for call_id in ids):
        return False
    given = {result.call_id for message in child.messages for result in message.tool_results}
    return bool(ids) and all(ids) and given.issuperset(ids)


def _trifle(message: Message) -> bool:
    return not message.tool_calls and len(message.text.split()) <= TRIFLE


def _lost(tip: Strand, pairs: Sequence[Pair]) -> bool:
    """True where one of the messages, the reply aside, is gone."""
    return any(old != len(tip.turn.messages) for old in unmatched_old(pairs))
