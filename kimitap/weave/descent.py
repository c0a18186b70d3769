"""Choosing the turn that a request follows, and how.

Requests that begin with all of an earlier request are found by their prefix. All others (edited,
compacted, rebuilt) are found by messages seen before, and aligned. What is too little evidence
makes no link: a new thread is a smaller error than a wrong accusation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from kimitap.conversation import Message
from kimitap.lineage import EchoKind, Link, Mark, Pair, Relation
from kimitap.weave.classify import classify, compaction_mark, fresh, matched, unmatched_old
from kimitap.weave.keys import Keys, plain
from kimitap.weave.kin import kin, same_system, same_voice, scoped
from kimitap.weave.link import align_history, history, link_by_alignment, link_by_prefix
from kimitap.weave.prefixes import Candidate, Prefixes
from kimitap.weave.sightings import Sightings
from kimitap.weave.strand import Strand

EXAMINED = 64
"""Candidates by prefix that are looked at."""
QUOTE = 40
"""Characters from which a summary is recognised in another message."""
TRIFLE = 4
"""Words up to which a message ("Ok.") proves nothing when it is found again."""
LIKENESS = 0.6


@dataclass(frozen=True, slots=True)
class Descent:
    """What is known of a request's descent: its link and parent, and whose opening it shares."""

    link: Link | None = None
    parent: Strand | None = None
    near: Strand | None = None
    """A turn with the same beginning, followed or not (a side request's)."""


Found = tuple[Link, Strand] | None


class Ancestors:
    """Finds the parent of each request among the turns woven before."""

    def __init__(self, keys: Keys, prefixes: Prefixes, sightings: Sightings) -> None:
        self._keys = keys
        self._prefixes = prefixes
        self._sightings = sightings

    def descent(self, child: Strand) -> Descent:
        """How `child` descends; its thread is not known yet."""
        near: Strand | None = None
        for candidate in islice(self._prefixes.candidates(child.turn, child.start), EXAMINED):
            parent = candidate.strand
            if not scoped(parent.turn, child.turn):
                continue
            near = near or parent
            if not (candidate.covered or parent.over_before(child.turn)):
                continue
            if kin(parent.turn, child.turn, candidate.covered, self._keys):
                found = self._by_prefix(candidate, child)
                if found:
                    return Descent(*found, near)
                break
        found = self._by_sightings(child)
        return Descent(*found, near) if found else Descent(near=near)

    def _by_prefix(self, candidate: Candidate, child: Strand) -> Found:
        parent = candidate.strand
        identical = parent.length == child.length
        if not parent.is_tip:
            further = self._by_history(parent.thread.tip, child, parent.length + 1)
            if further:
                return further
            if (identical and parent.is_first) or not self._proven(candidate, child):
                return None
            return self._fork(parent, child), parent
        if identical:
            return self._retry(parent, child)
        if not self._proven(candidate, child):
            return None
        why = f"begins with all {parent.length} messages of {parent.turn.exchange}"
        why += ", its reply after them" if candidate.covered else ""
        link = link_by_prefix(parent, child, Relation.CONTINUES, self._keys, why)
        return (link, parent) if self._plausible(link, candidate, child) else None

    def _proven(self, candidate: Candidate, child: Strand) -> bool:
        """A user message in common, and a second message, a session's name or the reply."""
        messages = candidate.strand.messages
        if not any(m.role == "user" for m in messages):
            return False
        return candidate.covered or len(messages) > 1 or self._claimed(candidate.strand, child)

    def _claimed(self, parent: Strand, child: Strand) -> bool:
        """True where both name the same session, or speak with the same prompt and tools."""
        if parent.turn.scope.session and parent.turn.scope.session == child.turn.scope.session:
            return True
        return same_voice(parent.turn, child.turn, self._keys)

    def _plausible(self, link: Link, candidate: Candidate, child: Strand) -> bool:
        """False where a lone first message is followed by somebody else's answer."""
        if candidate.covered or candidate.strand.length > 1 or not link.echo.slot:
            return True
        if link.echo.kind in (EchoKind.SAME, EchoKind.BLANKED, EchoKind.FLATTENED):
            return True
        slot = child.turn.messages[link.echo.slot[0]]
        reply = candidate.strand.turn.reply.message
        held = any(one.message is not None for one in link.echo.calls)
        return held or self._keys.likeness(slot, reply) >= LIKENESS

    def _retry(self, parent: Strand, child: Strand) -> Found:
        """The same messages again: a retry, unless a finished conversation is begun once more."""
        turn = parent.turn
        lone = parent.length == 1
        if lone and not self._claimed(parent, child):
            return None
        finished = turn.succeeded and not turn.reply.empty and not turn.reply.message.tool_calls
        if parent.is_first and turn.succeeded and (finished or lone):
            return None
        why = f"sends the messages of {turn.exchange} again"
        return link_by_prefix(parent, child, Relation.RETRY, self._keys, why), parent

    def _fork(self, parent: Strand, child: Strand) -> Link:
        pairs = align_history(parent, child, self._keys)
        why = f"goes back to {parent.turn.exchange} and says something else"
        return link_by_alignment(parent, child, Relation.FORK, pairs, self._keys, why)

    def _by_sightings(self, child: Strand) -> Found:
        for tip in self._sightings.tips(child):
            if not kin(tip.turn, child.turn, False, self._keys):
                continue
            if (tip.turn.tools and child.turn.tools) or same_system(
                tip.turn, child.turn, self._keys
            ):
                found = self._by_history(tip, child, None)
                if found:
                    return found
        return None

    def _by_history(self, tip: Strand, child: Strand, beyond: int | None) -> Found:
        """A link to `tip` if the request holds enough of its history.

        `beyond`: only what stands after this many messages of the history counts, since the rest
        belongs to older turns as well. None: a reply of the thread must be found again.
        """
        if not tip.over_before(child.turn) or not scoped(tip.turn, child.turn):
            return None
        pairs = align_history(tip, child, self._keys)
        mark = self._compacted(tip, child, pairs)
        if mark:
            relation, why = Relation.COMPACTION, f"compacted: {mark}"
        elif self._evident(tip, child, pairs, beyond):
            relation, why = classify(tip, child, pairs, self._keys)
        else:
            return None
        return link_by_alignment(tip, child, relation, pairs, self._keys, why), tip

    def _evident(
        self, tip: Strand, child: Strand, pairs: Sequence[Pair], beyond: int | None
    ) -> bool:
        old = history(tip)
        both = [(old[i - tip.start], i - tip.start, mark) for i, _, mark in matched(pairs)]
        if beyond is not None:
            return any(
                at >= beyond
                and (mark is Mark.SAME or message.role != "user")
                and not _trifle(message)
                for message, at, mark in both
            )
        users = any(message.role == "user" for message, _, _ in both)
        replies = any(
            message.role == "assistant" and self._sightings.said(message, tip.thread)
            for message, _, _ in both
        )
        return users and replies and len(both) > 1

    def _compacted(self, tip: Strand, child: Strand, pairs: Sequence[Pair]) -> str:
        """What tells that the history was compacted: a marker, or a summary that was asked for."""
        if not unmatched_old(pairs):
            return ""
        mark = compaction_mark(child, pairs)
        if mark and (self._named(tip, child) or any(matched(pairs))):
            return f"marker {mark!r}"
        early = [plain(message.text) for message in fresh(child, pairs, early=True)]
        for aside in self._sightings.asides(tip):
            summary = plain(aside.turn.reply.message.text)
            if len(summary) >= QUOTE and any(summary in text for text in early):
                return f"the summary of {aside.turn.exchange}"
        return ""

    def _named(self, tip: Strand, child: Strand) -> bool:
        scope = tip.turn.scope.session
        return bool(scope) and scope == child.turn.scope.session


def _trifle(message: Message) -> bool:
    return not message.tool_calls and len(message.text.split()) <= TRIFLE
