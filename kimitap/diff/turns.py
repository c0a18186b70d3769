"""Two turns that do not follow one another: request against request, reply against reply."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kimitap.conversation import Message, Turn
from kimitap.diff.fields import Change, changes_of, settings_of
from kimitap.diff.link import DiffRow
from kimitap.lineage import Mark
from kimitap.weave.align import align
from kimitap.weave.keys import Keys
from kimitap.weave.kin import leading_systems


@dataclass(frozen=True)
class TurnDiff:
    """Two turns side by side, or one that has no counterpart.

    The first `earlier` rows belong to earlier turns of the two threads. The last row is that of the
    replies, which count as the message after the request's last.
    """

    old: Turn | None
    new: Turn | None
    rows: tuple[DiffRow, ...]
    settings: tuple[Change, ...] = ()
    earlier: int = 0


def diff_turns(
    old: Turn | None, new: Turn | None, old_from: int = 0, new_from: int = 0
) -> TurnDiff:
    """Compare two turns; their own messages begin at `old_from` and `new_from`."""
    if old is None or new is None:
        return _lone(old, new, old_from if new is None else new_from)
    keys = Keys()
    starts = min(leading_systems(old), old_from), min(leading_systems(new), new_from)
    rows = [
        *_systems(old.messages[: starts[0]], new.messages[: starts[1]], keys),
        *_aligned(old, new, (starts[0], old_from), (starts[1], new_from), keys),
    ]
    earlier = len(rows)
    at = old_from, new_from
    if not earlier:
        at = leading_systems(old), leading_systems(new)
        rows = list(_systems(old.messages[: at[0]], new.messages[: at[1]], keys))
    ends = len(old.messages), len(new.messages)
    rows += _aligned(old, new, (at[0], ends[0]), (at[1], ends[1]), keys)
    return TurnDiff(old, new, (*rows, _replies(old, new, keys)), settings_of(old, new), earlier)


def diff_own(old: Turn | None, new: Turn | None, old_from: int = 0, new_from: int = 0) -> TurnDiff:
    """The same without what earlier turns said, at the cost of what is new in the two.

    The first `earlier` rows are the leading system messages, which every request repeats.
    """
    one, old_at, old_gap = _own(old, old_from)
    other, new_at, new_gap = _own(new, new_from)
    found = diff_turns(one, other, old_at, new_at)
    rows = (
        replace(
            row,
            old_index=_moved(row.old_index, old_at, old_gap),
            new_index=_moved(row.new_index, new_at, new_gap),
        )
        for row in found.rows
    )
    return replace(found, old=old, new=new, rows=tuple(rows))


def _own(turn: Turn | None, begin: int) -> tuple[Turn | None, int, int]:
    """The turn without earlier turns' messages, where its own begin, and how many are left out."""
    if turn is None:
        return None, 0, 0
    systems = min(leading_systems(turn), begin)
    messages = (*turn.messages[:systems], *turn.messages[begin:])
    return replace(turn, messages=messages, wire_indexes=()), systems, begin - systems


def _moved(index: int | None, begin: int, gap: int) -> int | None:
    return index if index is None or index < begin else index + gap


def _lone(old: Turn | None, new: Turn | None, begin: int) -> TurnDiff:
    turn, mark = (old, Mark.GONE) if old is not None else (new, Mark.NEW)
    assert turn is not None
    said = (*turn.messages, turn.reply.message)
    rows = (_one(mark, i, message, i == len(said) - 1) for i, message in enumerate(said))
    return TurnDiff(old, new, tuple(rows), earlier=begin)


def _one(mark: Mark, at: int, message: Message, is_reply: bool = False) -> DiffRow:
    if mark is Mark.GONE:
        return DiffRow(mark, at, None, message, None, is_reply=is_reply)
    return DiffRow(mark, None, at, None, message, is_reply=is_reply)


def _systems(old: tuple[Message, ...], new: tuple[Message, ...], keys: Keys) -> Iterator[DiffRow]:
    """The leading system messages, which stand for one another by their places."""
    for i, (one, other) in enumerate(zip(old, new, strict=False)):
        mark = Mark.SAME if keys.key(one) == keys.key(other) else Mark.CHANGED
        yield DiffRow(mark, i, i, one, other, changes_of(one, other))
    both = min(len(old), len(new))
    yield from (_one(Mark.GONE, i, old[i]) for i in range(both, len(old)))
    yield from (_one(Mark.NEW, i, new[i]) for i in range(both, len(new)))


def _aligned(
    old: Turn, new: Turn, here: tuple[int, int], there: tuple[int, int], keys: Keys
) -> Iterator[DiffRow]:
    one, other = old.messages[slice(*here)], new.messages[slice(*there)]
    for pair in align(one, other, keys, here[0], there[0]):
        before = old.messages[pair.old] if pair.old is not None else None
        after = new.messages[pair.new] if pair.new is not None else None
        changes = changes_of(before, after) if before and after else ()
        yield DiffRow(pair.mark, pair.old, pair.new, before, after, changes)


def _replies(old: Turn, new: Turn, keys: Keys) -> DiffRow:
    one, other = old.reply.message, new.reply.message
    at = len(old.messages), len(new.messages)
    if one.parts and not other.parts:
        return _one(Mark.GONE, at[0], one, True)
    if other.parts and not one.parts:
        return _one(Mark.NEW, at[1], other, True)
    mark = Mark.SAME if keys.key(one) == keys.key(other) else Mark.CHANGED
    return DiffRow(mark, *at, one, other, changes_of(one, other), True)
