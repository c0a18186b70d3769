"""What can be shown of a long recording before it is read: its exchanges, one line each."""

from collections.abc import Sequence
from typing import overload

from kimitap.exchange import Outcome
from kimitap.store import Glimpse
from kimitap.transcript.wording import clock
from kimitap.tui.conversation.contents import Node, NodeKind
from kimitap.tui.palette import FAINT, STRONG
from kimitap.tui.widgets.text_pane import Block
from kimitap.visible import one_line

LONG = 200
"""Exchanges from which on the list is shown: fewer are read before one has seen it."""

_SHORT = (
    ("/chat/completions", "chat"),
    ("/responses", "responses"),
    ("/messages", "messages"),
    ("/completions", "completion"),
    ("/completion", "completion"),
    ("/infill", "infill"),
)


class Listing(Sequence[Node]):
    """Nodes of the left pane, made when one of them is looked at: there may be 100,000."""

    def __init__(self, seen: Sequence[Glimpse]) -> None:
        self.seen = seen
        self._digits = len(str(seen[-1].number)) if seen else 0

    def __len__(self) -> int:
        return len(self.seen)

    @overload
    def __getitem__(self, index: int) -> Node: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Node]: ...
    def __getitem__(self, index: int | slice) -> Node | Sequence[Node]:
        if isinstance(index, slice):
            return [self._node(glimpse) for glimpse in self.seen[index]]
        return self._node(self.seen[index])

    def _node(self, glimpse: Glimpse) -> Node:
        number = f"#{glimpse.number:<{self._digits}}"
        text = f"{number} {clock(glimpse.started_at)} {_asked(glimpse)} {_ending(glimpse)}"
        kind = NodeKind.EXCHANGE if _ended_well(glimpse) else NodeKind.FAILED
        return Node(kind, glimpse.number, None, text)


def _asked(glimpse: Glimpse) -> str:
    """`chat` for what conversations are made of, else method and path."""
    path = glimpse.path[:2000].split("?", 1)[0]
    if glimpse.method == "POST":
        short = next((name for end, name in _SHORT if path.endswith(end)), "")
        if short:
            return short
    return one_line(f"{glimpse.method} {path}", 40)


def _ending(glimpse: Glimpse) -> str:
    """`200 · 3.1s`; an outcome in words where it was no answer."""
    answered = glimpse.outcome in {Outcome.COMPLETE, Outcome.HTTP_ERROR} and glimpse.status
    said = str(glimpse.status) if answered else glimpse.outcome
    lasted = glimpse.duration_s
    return one_line(said if lasted is None else f"{said} · {lasted:.1f}s", 60)


def _ended_well(glimpse: Glimpse) -> bool:
    """True for a good answer, and for one that is still on its way."""
    good = {Outcome.COMPLETE, Outcome.IN_FLIGHT}
    return glimpse.outcome in good and (glimpse.status or 200) < 400


def reading(read: int, total: int) -> str:
    """`reading 1,240 of 10,000 …`, as far as the numbers are known."""
    if not total:
        return "reading …"
    return f"reading {read:,} of {total:,} …" if read else f"reading {total:,} exchanges …"


def still_reading(words: str, listed: bool) -> list[Block]:
    """What to say where the conversation will stand: how much is read, and what can be done."""
    hint = "The conversation and what is wrong with it appear here as they are read."
    more = "Meanwhile ⏎ or r shows the exchange at the cursor, byte for byte."
    blocks = [Block(words, STRONG), Block(hint, FAINT)]
    return [*blocks, Block(more, FAINT)] if listed else blocks
