"""Where a request no longer repeats the history: messages that came back otherwise, or not at all.

Read from the weaver's alignment, beyond what both share: what is the same is not looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kimitap.conversation import Image, Message, Other, ToolCall, Turn
from kimitap.lineage import EchoKind, Link, Mark, Pair
from kimitap.rewrites import CLEARED, mask


@dataclass(frozen=True, slots=True)
class Edit:
    """A message of the history, and the one that stands in its place in the next request."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages of the history (`gone`) that are missing before the next request's message `at`.

    Something of the history is kept after them.
    """

    at: int
    gone: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    """How a request differs from the history that it goes on with, system prompt and reply apart.

    `fresh` are the messages of the request that the history does not have.
    """

    edits: tuple[Edit, ...] = ()
    gaps: tuple[Gap, ...] = ()
    fresh: tuple[int, ...] = ()


NONE = Differences()


def differences(link: Link) -> Differences:
    """What the child's messages say otherwise than the parent's, where they were to repeat them."""
    end = len(link.parent.messages)
    if link.echo.kind is EchoKind.STORED or not _differ(link, end):
        return NONE
    edits: list[Edit] = []
    gaps: list[Gap] = []
    fresh: list[int] = []
    for start, gone, new, kept in _groups(link, end):
        held = _replaced(link, gone, new)
        edits += held
        left = tuple(i for i in gone if i not in {edit.old for edit in held})
        if left and kept is not None:
            gaps.append(Gap(start + sum(edit.old < left[0] for edit in held), left))
        taken = {edit.new for edit in held}
        fresh += (i for i in new if i not in taken)
        if kept is not None and kept.mark is Mark.CHANGED and kept.old != end:
            assert kept.old is not None and kept.new is not None
            edit = Edit(kept.old, kept.new)
            edits += [] if _only_grew(edit, link) else [edit]
    return Differences(tuple(edits), tuple(gaps), tuple(fresh))


def _only_grew(edit: Edit, link: Link) -> bool:
    """True where the user spoke again, and no reply stands between: neighbours of one role are one
    message in Anthropic's API."""
    if edit.old != len(link.parent.messages) - 1 or link.echo.slot:
        return False
    old, new = link.parent.messages[edit.old], link.child.messages[edit.new]
    own = len(old.parts)
    return old.role == new.role == "user" and own < len(new.parts) and old.parts == new.parts[:own]


def _differ(link: Link, end: int) -> bool:
    """True where a message beyond the leading system ones is not the same."""
    other = [row.old for row in link.pairs if row.mark is not Mark.SAME and row.old is not None]
    lead = _leading(link.parent) if other else 0
    return any(lead <= old < end for old in other)


Group = tuple[int, list[int], list[int], Pair | None]
"""Where it begins in the request; what is gone; what is new; the kept message after it, if any."""


def _groups(link: Link, end: int) -> Iterator[Group]:
    """The runs of gone and new messages, each with the kept message that follows it."""
    lead_old, lead_new = _leading(link.parent), _leading(link.child)
    at, gone, new = max(link.prefix, lead_new), list[int](), list[int]()
    for row in link.pairs:
        if row.old is not None and row.new is not None and not _unlike(row, link, end):
            if row.old >= lead_old or row.new >= lead_new:
                yield at, gone, new, row
                at, gone, new = row.new + 1, [], []
            continue
        if row.old is not None and lead_old <= row.old < end:
            gone.append(row.old)
        if row.new is not None and row.new >= lead_new:
            new.append(row.new)
    if gone or new:
        yield at, gone, new, None


def _unlike(row: Pair, link: Link, end: int) -> bool:
    """True where the weaver paired two turns for their words that are two turns by their ids."""
    if row.mark is not Mark.CHANGED or row.old is None or row.new is None or row.old >= end:
        return False
    return not _stands_for(link.parent.messages[row.old], link.child.messages[row.new])


def _leading(turn: Turn) -> int:
    """How many system messages a request begins with."""
    messages = turn.messages
    return next((i for i, m in enumerate(messages) if m.role != "system"), len(messages))


def _replaced(link: Link, gone: Sequence[int], new: Sequence[int]) -> list[Edit]:
    """What of a run stands for one another: results by their ids, others by role and order."""
    edits: list[Edit] = []
    after = -1
    for i in gone:
        old = link.parent.messages[i]
        for j in new:
            if j > after and _stands_for(old, link.child.messages[j]):
                edits.append(Edit(i, j))
                after = j
                break
    return edits


def _stands_for(old: Message, new: Message) -> bool:
    if old.role != new.role:
        return False
    ids, given = _ids(old), _ids(new)
    return not (ids and given) or bool(ids & given)


def _ids(message: Message) -> set[str]:
    made = {call.id for call in message.tool_calls if call.id}
    return made | {result.call_id for result in message.tool_results if result.call_id}


def is_cleared(new: Message) -> bool:
    """True where a result was emptied to make room, and says so."""
    return any(mark in new.text[:20_000] for mark in CLEARED)


def bare(text: str) -> str:
    """`text` without what changes by itself, and without white space."""
    return "".join(mask(text).split())


def lost_calls(old: Message, link: Link, others: Sequence[int]) -> list[ToolCall]:
    """The calls of a message that none of the request's messages `others` makes."""
    if not old.tool_calls:
        return []
    made = {c.stands_for for i in others for c in link.child.messages[i].tool_calls}
    return [call for call in old.tool_calls if call.stands_for not in made]


def says_nothing(message: Message) -> bool:
    """True where a message may go without a loss: it is blank, or tells only what changes."""
    if any(isinstance(part, ToolCall | Image | Other) for part in message.parts):
        return False
    return not bare(message.text)
