"""What a turn left behind against what the next request says: (request N + reply N) → request N+1.

The histories come aligned (`Link`); this room says what differs inside each pair, and in the fields
around the messages. Nothing here decides whether that is wrong.
"""

from dataclasses import dataclass, replace

from kimitap.conversation import Message, Turn
from kimitap.diff.fields import Change, changes_of, settings_of
from kimitap.lineage import Fate, Link, Mark, Pair


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One row of the aligned histories. `old_index` is None for a message that is new.

    `is_reply` marks the row of the reply that the first turn produced. A row that is the same may
    have changes: ids, reasoning and spelling make no other message.
    """

    mark: Mark
    old_index: int | None
    new_index: int | None
    old: Message | None
    new: Message | None
    changes: tuple[Change, ...] = ()
    is_reply: bool = False


@dataclass(frozen=True)
class Diff:
    """Two turns compared. `settings` are differences of model, parameters and tools."""

    link: Link
    rows: tuple[DiffRow, ...]
    settings: tuple[Change, ...]

    @property
    def old(self) -> Turn:
        return self.link.parent

    @property
    def new(self) -> Turn:
        return self.link.child

    @property
    def earlier(self) -> int:
        """How many rows at the beginning are no concern of this comparison: none."""
        return 0


def diff_link(link: Link) -> Diff:
    """Compare the history that `link.parent` left behind with the messages of `link.child`.

    A reply that came back in several messages that follow one another is compared with all of them
    together, in one row. What an agent did to it is told even where that is its way with every
    message: reasoning left out, one message made into two.
    """
    history, messages = link.history, link.child.messages
    same = [
        DiffRow(Mark.SAME, i, i, old, new, changes_of(old, new), i == len(history) - 1)
        for i, (old, new) in enumerate(zip(history, messages, strict=False))
        if i < link.prefix
    ]
    split = _split(link)
    rest = [
        _reply_row(link, pair, split)
        if pair.old == len(history) - 1 and pair.new is not None
        else DiffRow(
            pair.mark,
            pair.old,
            pair.new,
            old := history[pair.old] if pair.old is not None else None,
            new := messages[pair.new] if pair.new is not None else None,
            changes_of(old, new) if old and new else (),
            pair.old == len(history) - 1,
        )
        for pair in link.pairs
        if pair.old is not None or pair.new not in split[1:]
    ]
    return Diff(link, (*same, *rest), settings_of(link.parent, link.child))


def _split(link: Link) -> tuple[int, ...]:
    """The messages that stand for the reply and follow one another."""
    slot = link.echo.slot
    return tuple(index for i, index in enumerate(slot) if index == slot[0] + i)


def _reply_row(link: Link, pair: Pair, split: tuple[int, ...]) -> DiffRow:
    reply, messages = link.history[-1], link.child.messages
    at = pair.new if pair.new is not None else link.echo.place
    new = messages[at]
    changes: tuple[Change, ...] = ()
    if len(split) > 1 and at == split[0]:
        parts = tuple(part for index in split for part in messages[index].parts)
        new = replace(new, parts=parts)
        changes = (Change("messages", "1", f"{len(split)} ({split[0]} to {split[-1]})"),)
    changes += changes_of(reply, new)
    lost = link.echo.reasoning in (Fate.GONE, Fate.CHANGED)
    told = Mark.CHANGED if pair.mark is Mark.SAME and (lost or len(split) > 1) else pair.mark
    return DiffRow(told, pair.old, at, reply, new, changes, True)
