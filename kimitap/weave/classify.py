"""What an alignment says about how a request follows: edited, left out, compacted, rebuilt."""

from collections.abc import Iterator, Sequence

from kimitap.conversation import Message, Other
from kimitap.lineage import Mark, Pair, Relation
from kimitap.weave.keys import Keys
from kimitap.weave.markers import COMPACTED, COMPACTION, WINDOW, holds
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
    """A marker of compaction among the first messages, where it is new, or an item that is one."""
    marks = (holds(message.text, COMPACTION) for message in fresh(child, pairs, early=True))
    items = (
        part.kind
        for message in fresh(child, pairs)
        for part in message.parts
        if isinstance(part, Other) and part.kind in COMPACTED
    )
    return next((mark for mark in (*marks, *items) if mark), "")


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


def _only_text_left(
    parent: Strand, child: Strand, pairs: Sequence[Pair], gone: Sequence[int]
) -> bool:
    """True where the request leaves out the calls and results that the last answer came of.

    All before and the answer itself are kept as they were, and nothing stands between.
    """
    messages, end = parent.turn.messages, len(parent.turn.messages)
    if parent.turn.reply.message.tool_calls or list(gone) != list(range(end - len(gone), end)):
        return False
    kept = [row for row in pairs if row.old is None or row.old not in gone]
    head, rest = kept[: parent.length - len(gone) + 1], kept[parent.length - len(gone) + 1 :]
    return (
        any(messages[old].role == "user" for old in range(parent.start, gone[0]))
        and all(messages[old].role == "assistant" or messages[old].tool_results for old in gone)
        and any(messages[old].tool_calls for old in gone)
        and len(head) == parent.length - len(gone) + 1
        and all(row.mark is Mark.SAME for row in head)
        and head[-1].old == end
        and all(row.mark is Mark.NEW for row in rest)
    )


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
    if not moved and _only_text_left(parent, child, pairs, gone):
        return Relation.CONTINUES, f"leaves out all tool turns of exchange {number}"
    if moved or len(gone) > len(both):
        return Relation.REBUILT, f"holds {len(both)} messages of exchange {number}, rearranged"
    one_run = gone[-1] - gone[0] == len(gone) - 1
    if one_run and gone[0] - parent.start <= 2 and parent.length >= HISTORY:
        return Relation.WINDOW, f"the {len(gone)} oldest messages are left out"
    return Relation.CONTINUES, f"holds the history of exchange {number} but {len(gone)} messages"
