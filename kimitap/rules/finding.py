"""A finding: one defect, at one place, with the bytes that prove it."""

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is; `rank` orders them."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """3 for an error, 2 for a warning, 1 for a note."""
        return {"error": 3, "warning": 2, "info": 1}[self.value]


class Side(StrEnum):
    """Who lost it."""

    AGENT = "agent"
    SERVER = "server"
    TEMPLATE = "template"
    MODEL = "model"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a user sees it: an exchange; a message of its request; a part of that message.

    `message_index` counts in the request's messages from 0; None means the exchange's reply or the
    exchange as a whole. For something missing it is the index where it should have stood.
    """

    exchange: int
    message_index: int | None = None
    part: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Text quoted from one exchange."""

    exchange: int
    quote: str


@dataclass(frozen=True)
class Finding:
    """One defect. `message` is a sentence for people; `session` and `thread` are names (s1, t1)."""

    rule: str
    severity: Severity
    side: Side
    message: str
    place: Place
    session: str = ""
    thread: str = ""
    related: tuple[Place, ...] = ()
    evidence: tuple[Evidence, ...] = field(default_factory=tuple)
