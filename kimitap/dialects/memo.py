"""What has been decoded already, by the identity of its bytes."""

from dataclasses import dataclass, field
from typing import Any

from kimitap.conversation import Fault, Message, Tool


@dataclass(slots=True)
class Memo:
    """Lets each unique piece of many bodies be decoded once, and be one object ever after.

    Keys are `Piece.key`; the faults' paths are relative to the element. `skeletons` has the keys of
    a body's other pieces, joined. A memo belongs to one dialect's reading of one recording.
    """

    messages: dict[bytes, tuple[Message, tuple[Fault, ...]]] = field(default_factory=dict)
    tools: dict[bytes, tuple[Tool, tuple[Fault, ...]]] = field(default_factory=dict)
    skeletons: dict[bytes, tuple[Any, str]] = field(default_factory=dict)
