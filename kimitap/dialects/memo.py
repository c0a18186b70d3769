"""What has been decoded already, by the identity of its bytes."""

from dataclasses import dataclass, field
from typing import Any

from kimitap.conversation import Fault, Message, Tool
from kimitap.exchange import Piece


@dataclass(slots=True)
class Memo:
    """Lets each unique piece of many bodies be decoded once, and be one object ever after.

    Keys are `Piece.key`; the faults' paths are relative to the element. `skeletons` has the keys of
    a body's other pieces, joined. A memo belongs to one recording; since two dialects read the same
    bytes as different things, a dialect beside the first keeps its own under `known`.
    """

    messages: dict[bytes, tuple[Message, tuple[Fault, ...]]] = field(default_factory=dict)
    tools: dict[bytes, tuple[Tool, tuple[Fault, ...]]] = field(default_factory=dict)
    skeletons: dict[bytes, tuple[Any, str]] = field(default_factory=dict)
    begun: dict[bytes, tuple[tuple[Piece, ...], list[Message]]] = field(default_factory=dict)
    """The messages of each conversation's last request, with their pieces, by its second piece."""
    others: dict[str, dict[bytes, tuple[Any, tuple[Fault, ...]]]] = field(default_factory=dict)

    def known(self, kind: str) -> dict[bytes, tuple[Any, tuple[Fault, ...]]]:
        """What has been decoded of one kind of element, named by its dialect and field."""
        return self.others.setdefault(kind, {})
