"""Building the link of a turn to the turn it follows: alignment, and the echo of the reply."""

from collections.abc import Sequence

from kimitap.conversation import Message
from kimitap.lineage import Echo, EchoKind, Link, Mark, Pair, Relation
from kimitap.weave.align import align, pair
from kimitap.weave.echo import echo, superseded
from kimitap.weave.keys import Keys
from kimitap.weave.strand import Strand

JUDGED = (Relation.CONTINUES, Relation.REBUILT)
"""Relations under which the reply's echo can be told."""


def link_by_prefix(parent: Strand, child: Strand, relation: Relation, keys: Keys, why: str) -> Link:
    """The link of a request that begins with all messages of `parent`.

    If the server kept what was said before `parent`, and this request sends that too, it is new.
    """
    kept = 0 if child.carried else len(parent.carried)
    place = child.start + kept + parent.length
    length = len(parent.turn.messages)
    if relation is Relation.RETRY:
        told = superseded(len(child.turn.messages))
    else:
        told = echo(parent.turn, child.turn, place, keys)
    after = _reply_pairs(parent, told, place, length, len(child.turn.messages))
    prefix, systems = system_pairs(parent, child, keys)
    if not systems and not kept:
        prefix += parent.length
        return Link(parent.turn, child.turn, relation, prefix, tuple(after), told, why)
    at = child.start + kept
    sent = [pair(Mark.NEW, None, i) for i in range(child.start, at)]
    same = [pair(Mark.SAME, parent.start + i, at + i) for i in range(parent.length)]
    rows = (*systems, *sent, *same, *after)
    return Link(parent.turn, child.turn, relation, prefix, rows, told, why)


def link_by_alignment(
    parent: Strand, child: Strand, relation: Relation, pairs: Sequence[Pair], keys: Keys, why: str
) -> Link:
    """The link of a request that repeats only some of the history.

    `pairs` align the messages after the leading system ones, the reply included.
    """
    at = len(parent.turn.messages)
    place = _place(pairs, at, child)
    told = echo(parent.turn, child.turn, place, keys) if relation in JUDGED else superseded(place)
    rows = _with_slot(pairs, at, told) if relation in JUDGED else list(pairs)
    prefix, systems = system_pairs(parent, child, keys)
    if systems:
        return Link(parent.turn, child.turn, relation, 0, (*systems, *rows), told, why)
    while rows and rows[0].mark is Mark.SAME and rows[0].old == rows[0].new == prefix:
        rows.pop(0)
        prefix += 1
    return Link(parent.turn, child.turn, relation, prefix, tuple(rows), told, why)


def forked(parent: Strand, child: Strand, keys: Keys) -> Link:
    """The link of a request that goes back to `parent` and says something else."""
    pairs = align_history(parent, child, keys)
    why = f"goes back to exchange {parent.turn.exchange} and says something else"
    return link_by_alignment(parent, child, Relation.FORK, pairs, keys, why)


def beside(parent: Strand, child: Strand, keys: Keys) -> Link:
    """The link of a request that only asks something about the history of `parent`."""
    pairs = align_history(parent, child, keys)
    why = f"asks something beside exchange {parent.turn.exchange}"
    return link_by_alignment(parent, child, Relation.FORK, pairs, keys, why)


def history(strand: Strand) -> tuple[Message, ...]:
    """The messages after the leading system ones, and the reply where there is one."""
    reply = strand.turn.reply.message
    return (*strand.messages, reply) if reply.parts else strand.messages


def align_history(parent: Strand, child: Strand, keys: Keys) -> list[Pair]:
    """Align the parent's messages and reply with the child's messages, system messages apart.

    A reply that the child repeats as it was is found, even where an agent rebuilt all around it.
    """
    old, new = history(parent), child.messages
    pairs = align(old, new, keys, parent.start, child.start)
    at = len(parent.turn.messages)
    if len(old) == parent.length or any(row.old == at and row.new is not None for row in pairs):
        return pairs
    said = keys.key(old[-1])
    fresh = (
        row.new - child.start for row in pairs if row.new is not None and row.mark is not Mark.SAME
    )
    found = next((i for i in fresh if keys.key(new[i]) == said), None)
    if found is None:
        return pairs
    before = align(old[:-1], new[:found], keys, parent.start, child.start)
    after = [pair(Mark.NEW, None, child.start + i) for i in range(found + 1, len(new))]
    return [*before, pair(Mark.SAME, at, child.start + found), *after]


def system_pairs(parent: Strand, child: Strand, keys: Keys) -> tuple[int, list[Pair]]:
    """(how many leading system messages are the same, pairs of them where they are not all)."""
    old, new = parent.turn.messages[: parent.start], child.turn.messages[: child.start]
    if keys.same(old, new):
        return len(old), []
    both = min(len(old), len(new))
    pairs = [
        pair(Mark.SAME if keys.key(old[i]) == keys.key(new[i]) else Mark.CHANGED, i, i)
        for i in range(both)
    ]
    pairs += [pair(Mark.GONE, i, None) for i in range(both, len(old))]
    pairs += [pair(Mark.NEW, None, i) for i in range(both, len(new))]
    return 0, pairs


def _reply_pairs(parent: Strand, told: Echo, place: int, at: int, end: int) -> list[Pair]:
    """The rows after the shared messages: the reply, and what is new."""
    if not told.slot:
        gone = [pair(Mark.GONE, at, None)] if parent.turn.reply.message.parts else []
        return gone + [pair(Mark.NEW, None, i) for i in range(place, end)]
    rows = [pair(Mark.NEW, None, i) for i in range(place, end)]
    rows[told.slot[0] - place] = _slot_pair(told, at)
    return rows


def _slot_pair(told: Echo, at: int) -> Pair:
    mark = Mark.SAME if told.kind is EchoKind.SAME else Mark.CHANGED
    return pair(mark, at, told.slot[0])


def _place(pairs: Sequence[Pair], at: int, child: Strand) -> int:
    """Where the reply stands, or should: after all that stands for older messages.

    Where an agent split the reply, one of its messages was aligned; the first may stand before it.
    """
    held = {row.old: row.new for row in pairs if row.old is not None and row.new is not None}
    found = held.pop(at, None)
    if found is None:
        return max(held.values(), default=child.start - 1) + 1
    new = {row.new for row in pairs if row.mark is Mark.NEW}
    while found - 1 in new and child.turn.messages[found - 1].role == "assistant":
        found -= 1
    return found


def _with_slot(pairs: Sequence[Pair], at: int, told: Echo) -> list[Pair]:
    """The rows with the reply standing at its slot, as the echo tells."""
    if not told.slot:
        return list(pairs)
    rows: list[Pair] = []
    for row in pairs:
        if row.new == told.slot[0]:
            rows.append(_slot_pair(told, at))
        elif row.old != at:
            rows.append(row)
        elif row.new is not None:
            rows.append(pair(Mark.NEW, None, row.new))
    return rows
