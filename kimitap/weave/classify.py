"""What an alignment says about how a request follows: edited, left out, compacted, rebuilt."""

from collections.abc import Iterator, Sequence

from kimitap.conversation import Message
from kimitap.lineage import Mark, Pair, Relation
from kimitap.weave.keys import Keys
from kimitap.weave.markers import COMPACTION, WINDOW, holds
from kimitap.weave.strand import Strand

HISTORY = 12
"""Messages from which a history is long enough to be a sliding window's."""
EARLY = 4
"""Messages at the beginning of a request among which a summary stands."""


def matched(pairs: Sequence[Pair]) -> Iterator[tuple[int, int, Mark]]:
    """The pairs that have both sides: index in the history, index in the request, mark."""
    for row in pairs:
        if row.old is not None and row.new is not None:
            yield row.old, row.new, row.mark


def unmatched_old(pairs: Sequence[Pair]) -> list[int]:
    """The indexes in the history of what is gone."""
    return [row.old for row in pairs if row.old is not None and row.new is None]


def fresh(child: Strand, pairs: Sequence[Pair], early: bool = False) -> list[Message]:
    """The request's messages that are new or changed; `early`: of its first few only."""
    indexes = [row.new for row in pairs if row.new is not None and row.mark is not Mark.SAME]
    limit = child.start + EARLY if early else len(child.turn.messages)
    return [child.turn.messages[index] for index in indexes if index < limit]


def compaction_mark(child: Strand, pairs: Sequence[Pair]) -> str:
    """A marker of compaction among the first messages, where it is new."""
    marks = (holds(message.text, COMPACTION) for message in fresh(child, pairs, early=True))
    return next((mark for mark in marks if mark), "")


def _went_back(parent: Strand, child: Strand, pairs: Sequence[Pair], gone: Sequence[int]) -> bool:
    """True where all from a point on is gone, the reply too, and a user's message stands there."""
    end = len(parent.turn.messages)
    tail = list(range(end - len(gone), end))
    if gone != tail or not parent.turn.succeeded or parent.turn.reply.empty:
        return False
    last = max((new for _, new, _ in matched(pairs)), default=None)
    if last is None or any(old >= tail[0] for old, _, _ in matched(pairs)):
        return False
    said = child.turn.messages[last + 1 : last + 2]
    return bool(said) and said[0].role == "user"


def _says_more(parent: Strand, child: Strand, keys: Keys) -> bool:
    """True where the user added something to the message with which the parent ends."""
    old, new = parent.messages[-1:], child.messages[-1:]
    return bool(old and new) and keys.grown(old[0], new[0])


def classify(
    parent: Strand, child: Strand, pairs: Sequence[Pair], keys: Keys
) -> tuple[Relation, str]:
    """How `child` follows `parent` (not: compacted), and what tells it."""
    number = parent.turn.exchange
    end = len(parent.turn.messages)
    gone = [old for old in unmatched_old(pairs) if old != end]
    both = list(matched(pairs))
    edited = sum(mark is Mark.CHANGED and old != end for old, _, mark in both)
    if not gone:
        if child.length == parent.length and not _says_more(parent, child, keys):
            return Relation.RETRY, f"sends the messages of exchange {number} again, {edited} edited"
        return Relation.CONTINUES, f"holds the history of exchange {number}, {edited} edited"
    marks = (holds(message.text, WINDOW) for message in fresh(child, pairs))
    note = next((mark for mark in marks if mark), "")
    if note:
        return Relation.WINDOW, f"older messages left out: marker {note!r}"
    there = {keys.key(message) for message in fresh(child, pairs)}
    moved = any(keys.key(parent.turn.messages[old]) in there for old in gone)
    if not moved and _went_back(parent, child, pairs, gone):
        return Relation.FORK, f"goes back within exchange {number} and says something else"
    if moved or len(gone) > len(both):
        return Relation.REBUILT, f"holds {len(both)} messages of exchange {number}, rearranged"
    one_run = gone[-1] - gone[0] == len(gone) - 1
    if one_run and gone[0] - parent.start <= 2 and parent.length >= HISTORY:
        return Relation.WINDOW, f"the {len(gone)} oldest messages are left out"
    return Relation.CONTINUES, f"holds the history of exchange {number} but {len(gone)} messages"
