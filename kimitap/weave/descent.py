"""Choosing the turn that a request follows, and how.

Requests that begin with all of an earlier request are found by their prefix. All others (edited,
compacted, rebuilt) are found by messages seen before, and aligned. What is too little evidence
makes no link: a new thread is a smaller error than a wrong accusation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from kimitap.conversation import Message
from kimitap.lineage import EchoKind, Link, Mark, Pair, Relation
from kimitap.weave.classify import EARLY, classify, compaction_mark, fresh, matched, unmatched_old
from kimitap.weave.keys import LIKENESS, Keys, plain
from kimitap.weave.kin import kin, like_system, same_voice, scoped
from kimitap.weave.link import align_history, forked, history, link_by_alignment, link_by_prefix
from kimitap.weave.prefixes import Candidate, Prefixes
from kimitap.weave.sightings import Sightings
from kimitap.weave.strand import LATE, SLACK, Strand

EXAMINED = 64
"""Candidates by prefix that are looked at."""
SOON = timedelta(seconds=60)
WHILE = timedelta(minutes=10)
QUOTE = 40
"""Characters from which a summary is recognised in another message."""
LONG = 200
"""Characters from which a lone message is told from any other."""
TRIFLE = 4
"""Words up to which a message ("Ok.") proves nothing when it is found again."""


@dataclass(frozen=True, slots=True)
class Descent:
    """What is known of a request's descent: its link and parent, and whose opening it shares."""

    link: Link | None = None
    parent: Strand | None = None
    near: Strand | None = None
    """A turn with the same beginning, followed or not (a side request's)."""

    @property
    def overtakes(self) -> Strand | None:
        """The turn that seemed to follow the parent, but without its reply, until this one did."""
        if self.parent is None or self.link is None or self.link.relation in LEAVING:
            return None
        return None if self.parent.is_tip else self.parent.thread.tip


LEAVING = (Relation.FORK, Relation.HANDOFF)
"""Relations by which a turn begins a thread of its own."""
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
        held: Found = None
        tried = 0
        for candidate in islice(self._prefixes.candidates(child.turn, child.start), EXAMINED):
            parent = candidate.strand
            if not scoped(parent.turn, child.turn):
                continue
            near = near or parent
            if not self._eligible(candidate, child):
                continue
            if tried and not self._rivals(candidate, child, held):
                continue
            found = self._by_prefix(candidate, child)
            if found and _sure(*found):
                return Descent(*found, near)
            held = held or found
            tried += 1
        found = held or self._by_sightings(child) or self._by_answer(child)
        return Descent(*found, near) if found else Descent(near=near)

    def _eligible(self, candidate: Candidate, child: Strand) -> bool:
        parent = candidate.strand
        late = parent.turn.reply.complete and parent.length < child.length
        if not candidate.covered and not parent.over_before(child.turn, LATE if late else SLACK):
            return False
        return kin(parent.turn, child.turn, candidate.covered, self._keys)

    def _rivals(self, candidate: Candidate, child: Strand, held: Found) -> bool:
        """True where a shorter candidate is better than going back, or asking once more.

        Two runs of one prompt may go the same way, word by word: what looks like a retry in the
        first run is the continuation of the second, whose last turn waits for it.
        """
        if not candidate.covered or not candidate.strand.is_tip:
            return False
        length = held[1].length if held else child.length
        between = child.messages[candidate.strand.length + 1 : length]
        return not any(message.role == "assistant" for message in between)

    def _by_prefix(self, candidate: Candidate, child: Strand) -> Found:
        parent = candidate.strand
        identical = parent.length == child.length
        if not parent.is_tip:
            further = self._by_history(parent.thread.tip, child, parent.length + 1)
            if further:
                return further
            if candidate.covered and not identical and _aside(parent, parent.thread.tip):
                return self._continues(candidate, child), parent
            if (identical and parent.is_first) or not self._proven(candidate, child):
                return None
            return forked(parent, child, self._keys), parent
        if identical:
            return self._retry(parent, child)
        if not self._proven(candidate, child):
            return None
        link = self._continues(candidate, child)
        return (link, parent) if self._plausible(link, candidate, child) else None

    def _continues(self, candidate: Candidate, child: Strand) -> Link:
        parent = candidate.strand
        why = f"begins with all {parent.length} messages of {parent.turn.exchange}"
        why += ", its reply after them" if candidate.covered else ""
        return link_by_prefix(parent, child, Relation.CONTINUES, self._keys, why)

    def _proven(self, candidate: Candidate, child: Strand) -> bool:
        """A user message in common, and a second message, a session's name or the reply."""
        messages = candidate.strand.messages
        if not any(m.role == "user" for m in messages):
            return False
        return candidate.covered or len(messages) > 1 or self._claimed(candidate.strand, child)

    def _claimed(self, parent: Strand, child: Strand) -> bool:
        """True where both name the same session, or speak with the same prompt and tools."""
        return _named(parent, child) or same_voice(parent.turn, child.turn, self._keys)

    def _plausible(self, link: Link, candidate: Candidate, child: Strand) -> bool:
        """False where the answer to a lone first message is followed by somebody else's answer."""
        parent = candidate.strand
        if candidate.covered or parent.length > 1 or not link.echo.slot:
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

    def _retry(self, parent: Strand, child: Strand) -> Found:
        """The same messages again: a retry, unless a conversation is begun once more."""
        if parent.is_first and not self._again(parent, child):
            return None
        why = f"sends the messages of {parent.turn.exchange} again"
        return link_by_prefix(parent, child, Relation.RETRY, self._keys, why), parent

    def _again(self, parent: Strand, child: Strand) -> bool:
        """True where a first request is repeated because its reply was of no use.

        A short prompt with a good reply is more likely sent by another run.
        """
        turn = parent.turn
        since = child.turn.started_at - (turn.ended_at or turn.started_at)
        if not turn.succeeded or turn.reply.empty:
            return since <= WHILE and self._claimed(parent, child)
        told = parent.length > 1 or len(parent.messages[0].text) >= LONG
        return (
            told
            and self._claimed(parent, child)
            and bool(turn.reply.message.tool_calls)
            and since <= SOON
        )

    def _by_sightings(self, child: Strand) -> Found:
        for tip in self._sightings.tips(child):
            if not kin(tip.turn, child.turn, False, self._keys):
                continue
            if (tip.turn.tools and child.turn.tools) or like_system(
                tip.turn, child.turn, self._keys
            ):
                found = self._by_history(tip, child, None)
                if found:
                    return found
        return None

    def _by_answer(self, child: Strand) -> Found:
        """A link to the turn of another agent whose answer is this thread's prompt."""
        for message in child.messages[:EARLY]:
            if message.role != "user" or len(message.text) < QUOTE:
                continue
            for parent in self._sightings.answered_by(message):
                since = child.turn.started_at - (parent.turn.ended_at or parent.turn.started_at)
                if (
                    scoped(parent.turn, child.turn)
                    and bool(parent.turn.tools) == bool(child.turn.tools)
                    and not like_system(parent.turn, child.turn, self._keys)
                    and timedelta() <= since <= WHILE
                ):
                    pairs = align_history(parent, child, self._keys)
                    why = f"begins with the answer of {parent.turn.exchange}"
                    link = link_by_alignment(
                        parent, child, Relation.HANDOFF, pairs, self._keys, why
                    )
                    return link, parent
        return None

    def _by_history(self, tip: Strand, child: Strand, beyond: int | None) -> Found:
        """A link to `tip` if the request holds enough of its history.

        `beyond`: only what stands after this many messages of the history counts, and after the
        two part, since the rest belongs to older turns as well. None: a reply of the thread must be
        found again.
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
        if not tip.turn.succeeded and tip.length == child.length and not _lost(tip, pairs):
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
        if mark and (_named(tip, child) or self._keeps(child, pairs)):
            return f"marker {mark!r}"
        early = [plain(message.text) for message in fresh(child, pairs, early=True)]
        for aside in self._sightings.asides(tip):
            summary = plain(aside.turn.reply.message.text)
            if len(summary) >= QUOTE and any(summary in text for text in early):
                return f"the summary of {aside.turn.exchange}"
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


def _trifle(message: Message) -> bool:
    return not message.tool_calls and len(message.text.split()) <= TRIFLE


def _lost(tip: Strand, pairs: Sequence[Pair]) -> bool:
    """True where one of the messages, the reply aside, is gone."""
    return any(old != len(tip.turn.messages) for old in unmatched_old(pairs))


def _sure(link: Link, parent: Strand) -> bool:
    """False where another descent would be more likely: a fork, or a good reply asked for again."""
    if link.relation is Relation.RETRY:
        return not parent.turn.succeeded
    return link.relation is not Relation.FORK


def _aside(parent: Strand, tip: Strand) -> bool:
    """True where `tip` took the parent's place without its good reply: it stands beside."""
    strands, link = parent.thread.strands, tip.link
    if link is None or len(strands) < 2 or strands[-2] is not parent:
        return False
    missing = link.relation is Relation.RETRY or link.echo.kind is EchoKind.MISSING
    return missing and parent.turn.succeeded
