"""Choosing the turn that a request follows, and how.

Requests that begin with all of an earlier request are found by their prefix. All others (edited,
compacted, rebuilt) are found by messages seen before, and aligned. What is too little evidence
makes no link: a new thread is a smaller error than a wrong accusation.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from itertools import islice

from kimitap.conversation import Turn
from kimitap.lineage import EchoKind, Fate, Link, Relation, kept_in, named_by
from kimitap.weave import prompts
from kimitap.weave.classify import EARLY, classify
from kimitap.weave.delegation import delegated
from kimitap.weave.evidence import Evidence
from kimitap.weave.keys import Keys
from kimitap.weave.kin import asks_aside, asks_for_summary, kin, like_system, odd_one, scoped
from kimitap.weave.link import align_history, beside, forked, link_by_alignment, link_by_prefix
from kimitap.weave.opening import goes_on, waiting
from kimitap.weave.prefixes import Candidate, Prefixes
from kimitap.weave.prompts import Prompts
from kimitap.weave.sightings import Sightings
from kimitap.weave.stored import Stored
from kimitap.weave.strand import LATE, SLACK, Strand

EXAMINED = 64
"""Candidates by prefix that are looked at."""
WHILE = timedelta(minutes=10)
FASTEST = timedelta(seconds=1)
"""Time in which no user reads a reply, goes back, and writes something else."""
QUOTE = 40
"""Characters from which an answer is recognised as another agent's prompt."""


LEAVING = (Relation.FORK, Relation.HANDOFF)
"""Relations by which a turn begins a thread of its own."""
Found = tuple[Link, Strand] | None


class Standing(IntEnum):
    """How likely a descent is by itself, the least likely first.

    Among equals, that is likelier which gives more of the reply's calls back, then its text.
    """

    UNLIKELY = 0
    """A fork, or a good reply asked for once more: two runs may have one prompt."""
    LIKELY = 1
    """It goes on, though the reply comes back rewritten or not at all."""
    CERTAIN = 2
    """It goes on with the reply as it was: no other is looked for."""


@dataclass(frozen=True, slots=True)
class Descent:
    """What is known of a request's descent: its link and parent, and whose opening it shares."""

    link: Link | None = None
    parent: Strand | None = None
    near: Strand | None = None
    """A turn with the same beginning that it does not follow, being another kind of request."""
    aside: bool = False
    """It only asks something about the parent's history."""

    @property
    def overtakes(self) -> Strand | None:
        """The turn that seemed to follow the parent, but without its reply, until this one did."""
        if self.parent is None or self.link is None or self.link.relation in LEAVING:
            return None
        return None if self.parent.is_tip else self.parent.thread.tip


class Ancestors:
    """Finds the parent of each request among the turns woven before."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._prefixes = Prefixes(keys)
        self._sightings = Sightings(keys)
        self._evidence = Evidence(keys, self._sightings)
        self._stored = Stored(keys)
        self._prompts = Prompts()

    def add(self, strand: Strand) -> None:
        """Make a woven turn known."""
        self._prefixes.add(strand)
        self._sightings.add(strand)
        self._stored.add(strand)
        self._prompts.add(strand)

    def descent(self, child: Strand) -> Descent:
        """How `child` descends; its thread is not known yet."""
        if named_by(child.turn):
            return _told(self._stored.follows(child))
        if child.turn.dialect == prompts.DIALECT:
            return _told(self._prompts.follows(child))
        if kept_in(child.turn) and (found := self._stored.goes_on(child)):
            return Descent(*found)
        return self._by_content(child)

    def _by_content(self, child: Strand) -> Descent:
        """The likeliest descent, by the messages alone; `Standing` says what is likelier.

        Requests that begin with all of an earlier one are tried first, the longest first; then
        those that hold some of a history, then those that begin with another agent's answer.
        """
        near: Strand | None = None
        best: Found = None
        tried = 0
        for candidate in islice(self._prefixes.candidates(child.turn, child.start), EXAMINED):
            parent = candidate.strand
            likely = best and _standing(*best) >= Standing.LIKELY
            if best and likely and (candidate.covered or parent.depth < best[1].depth):
                break
            if not scoped(parent.turn, child.turn) or (likely and not parent.is_tip):
                continue
            if not kin(parent.turn, child.turn, candidate.covered, self._keys):
                near = near or parent
                continue
            if not _in_time(candidate, child):
                continue
            if tried and not likely and not self._rivals(candidate, child, best):
                continue
            found = self._by_prefix(candidate, child)
            if found and _beside(*found):
                return Descent(beside(parent, child, self._keys), parent, near, aside=True)
            if found and _standing(*found) is Standing.CERTAIN:
                return Descent(*found, near)
            best = _likelier(best, found)
            tried += 1
        found = best or self._by_sightings(child) or self._by_answer(child)
        found = found or self._by_opening(child)
        return Descent(*found, near) if found else Descent(near=near)

    def _rivals(self, candidate: Candidate, child: Strand, held: Found) -> bool:
        """True where a shorter candidate is better than going back, or asking once more.

        Two runs of one prompt may go the same way, word by word: what looks like a retry in the
        first run is the continuation of the second, whose last turn waits for it.
        """
        if not candidate.covered or not candidate.strand.is_tip:
            return False
        length = held[1].depth if held else child.length
        between = child.messages[candidate.strand.depth + 1 : length]
        return not any(message.role == "assistant" for message in between)

    def _by_prefix(self, candidate: Candidate, child: Strand) -> Found:
        parent = candidate.strand
        identical = parent.depth == child.length and not candidate.grown
        if not parent.is_tip:
            tip = parent.thread.tip
            further = self._by_history(tip, child, parent.depth + 1 - len(tip.carried))
            if further:
                return further
            if candidate.covered and not identical and _aside(parent, tip, child):
                return self._continues(candidate, child), parent
            if (identical and parent.is_first) or not self._evidence.proven(candidate, child):
                return None
            return forked(parent, child, self._keys), parent
        if identical:
            return self._retry(parent, child)
        if not self._evidence.proven(candidate, child):
            return None
        link = self._continues(candidate, child)
        return (link, parent) if self._evidence.plausible(link, candidate, child) else None

    def _continues(self, candidate: Candidate, child: Strand) -> Link:
        parent = candidate.strand
        why = f"begins with all {parent.depth} messages of exchange {parent.turn.exchange}"
        why += ", its reply after them" if candidate.covered else ""
        if candidate.grown:
            why += ", the last of them with more behind it"
            pairs = align_history(parent, child, self._keys)
            return link_by_alignment(parent, child, Relation.CONTINUES, pairs, self._keys, why)
        return link_by_prefix(parent, child, Relation.CONTINUES, self._keys, why)

    def _retry(self, parent: Strand, child: Strand) -> Found:
        """The same messages again: a retry, unless a conversation is begun once more."""
        begun = parent.depth == parent.thread.strands[0].depth
        if begun and not self._evidence.again(parent, child):
            return None
        why = f"sends the messages of exchange {parent.turn.exchange} again"
        return link_by_prefix(parent, child, Relation.RETRY, self._keys, why), parent

    def _by_sightings(self, child: Strand) -> Found:
        best: Found = None
        aside = not child.turn.tools and asks_for_summary(child.turn)
        for tip in () if aside else self._sightings.tips(child):
            if not kin(tip.turn, child.turn, False, self._keys) or _only_asked(tip, child):
                continue
            if (tip.turn.tools and child.turn.tools) or like_system(
                tip.turn, child.turn, self._keys
            ):
                found = self._by_history(tip, child, None)
                if found and _standing(*found) is Standing.CERTAIN:
                    return found
                best = _likelier(best, found)
        return best

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
                    why = f"begins with the answer of exchange {parent.turn.exchange}"
                    link = link_by_alignment(
                        parent, child, Relation.HANDOFF, pairs, self._keys, why
                    )
                    return link, parent
        return None

    def _by_opening(self, child: Strand) -> Found:
        """A link to the turn whose lone short message is repeated, under a prompt much the same."""
        found: Found = None
        candidates = self._prefixes.candidates(child.turn, child.start)
        for candidate in waiting(islice(candidates, EXAMINED), child):
            link = self._continues(candidate, child)
            if goes_on(link, self._keys):
                found = _likelier(found, (link, candidate.strand))
        return found

    def _by_history(self, tip: Strand, child: Strand, beyond: int | None) -> Found:
        """A link to `tip` if the request holds enough of its history.

        `beyond`: only what stands after this many messages of the history counts, and after the
        two part, since the rest belongs to older turns as well. None: a reply of the thread must be
        found again.
        """
        if not tip.over_before(child.turn) or not scoped(tip.turn, child.turn):
            return None
        pairs = align_history(tip, child, self._keys)
        mark = self._evidence.compacted(tip, child, pairs)
        if mark:
            relation, why = Relation.COMPACTION, f"compacted: {mark}"
        elif self._evidence.reworded(tip, child):
            why = f"asks again in other words, after exchange {tip.turn.exchange} failed"
            relation = Relation.RETRY
        elif self._evidence.evident(tip, child, pairs, beyond):
            relation, why = classify(tip, child, pairs, self._keys)
        else:
            return None
        link = link_by_alignment(tip, child, relation, pairs, self._keys, why)
        return self._past(link, tip, child) or (link, tip)

    def _past(self, link: Link, tip: Strand, child: Strand) -> Found:
        """A link past the thread's last turn, where that stands beside the thread."""
        if link.echo.slot or tip.is_first or link.relation is Relation.RETRY:
            return None
        parent = tip.thread.strands[-2]
        if not _aside(parent, tip, child):
            return None
        pairs = align_history(parent, child, self._keys)
        relation, why = classify(parent, child, pairs, self._keys)
        found = link_by_alignment(parent, child, relation, pairs, self._keys, why)
        kept = relation is Relation.CONTINUES and found.echo.kind is EchoKind.SAME
        return (found, parent) if kept else None


def _told(found: Found) -> Descent:
    return Descent(*found) if found else Descent()


def _standing(link: Link, parent: Strand) -> Standing:
    if link.relation is Relation.FORK:
        return Standing.UNLIKELY
    if link.relation is Relation.RETRY and parent.turn.succeeded:
        return Standing.UNLIKELY
    whole = link.echo.kind in (EchoKind.SAME, EchoKind.SUPERSEDED) or parent.turn.reply.empty
    return Standing.CERTAIN if whole else Standing.LIKELY


def _likelier(one: Found, other: Found) -> Found:
    """Of two descents the likelier one; the first, where neither is."""
    if one is None or other is None:
        return one or other

    def rank(link: Link, parent: Strand) -> tuple[Standing, tuple[int, int, bool]]:
        return _standing(link, parent), _given_back(link)

    return other if rank(*other) > rank(*one) else one


def _given_back(link: Link) -> tuple[int, int, bool]:
    """How well a request gives the reply back: calls as they were, changed ones, the text."""
    fates = [call.fate for call in link.echo.calls]
    kept = fates.count(Fate.SAME)
    return kept, len(fates) - kept - fates.count(Fate.GONE), link.echo.text is Fate.SAME


def _beside(link: Link, parent: Strand) -> bool:
    """True where a request leaves a good reply out because it only asks about the history.

    Or because it is a sub-agent's that begins with the history, and with the task that the reply
    gave it.
    """
    return (
        link.relation is Relation.CONTINUES
        and link.echo.kind is EchoKind.MISSING
        and parent.turn.succeeded
        and not parent.turn.reply.empty
        and (asks_aside(parent.turn, link.child) or delegated(link))
    )


def _aside(parent: Strand, tip: Strand, child: Strand) -> bool:
    """True where `tip` stands beside the thread, now that `child` goes on with the parent's reply.

    It left the good reply out, or was asked in another way than both, or so fast after the reply,
    and `child` so fast after it, that no user can have gone back in between.
    """
    strands, link = parent.thread.strands, tip.link
    if link is None or len(strands) < 2 or strands[-2] is not parent or not parent.turn.succeeded:
        return False
    if link.relation is Relation.RETRY or link.echo.kind is EchoKind.MISSING:
        return True
    return odd_one(parent.turn, tip.turn, child.turn) or (
        not tip.turn.reply.message.tool_calls
        and _at_once(parent.turn, tip.turn)
        and _at_once(tip.turn, child.turn)
    )


def _only_asked(tip: Strand, child: Strand) -> bool:
    """True where `tip` is a question beside a thread, and `child` is more than that."""
    return bool(child.turn.tools) and tip.is_first and tip.thread.kind(has_tools=True) == "side"


def _at_once(before: Turn, after: Turn) -> bool:
    """True where a user's message follows a reply faster than any user writes."""
    if before.ended_at is None or after.messages[-1].role != "user":
        return False
    return after.started_at - before.ended_at < FASTEST


def _in_time(candidate: Candidate, child: Strand) -> bool:
    """True where the parent's reply had ended, or is repeated: it was known to whoever asks."""
    parent = candidate.strand
    further = parent.depth < child.length or candidate.grown
    late = parent.turn.reply.complete and further
    return candidate.covered or parent.over_before(child.turn, LATE if late else SLACK)
