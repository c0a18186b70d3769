"""A finding: one defect, at one place, with the bytes that prove it."""

from dataclasses import dataclass, field
from enum import StrEnum

from kimitap.visible import one_line

LONGEST = 2000
"""Characters of a finding's sentence; one that names longer things is cut and ends in `…`."""


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
    exchange as a whole. For something missing it is the index where it should have stood. Where a
    reply has several choices (n > 1) its parts are counted through: those of the second choice
    follow those of the first.
    """

    exchange: int
    message_index: int | None = None
    part: int | None = None


class Proof(StrEnum):
    """What a finding's evidence is."""

    QUOTE = "quote"
    """Words of the exchange: a text; fields; a call as `name(arguments)`; an id, a role or a
    field's name with `: ` and what belongs to it. `…` marks where it is cut, and a remark in
    brackets what the message lacks: `(blank)`, `(no name)`, `(no id)`, `(unsigned)`."""
    FACT = "fact"
    """What was counted, measured, read wrongly, or is not there, in Kimitap's words."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proves a finding: of one exchange, its words or a fact about it."""

    exchange: int
    quote: str
    kind: Proof = Proof.QUOTE


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

    @property
    def sentence(self) -> str:
        """The message on one line: the names that it quotes may hold line feeds and escapes."""
        return one_line(self.message, LONGEST)


def by_place(finding: Finding) -> tuple[int, bool, int, int, str]:
    """What findings are sorted by: the exchange; there its request before its reply; the worst."""
    place = finding.place
    index = place.message_index
    return place.exchange, index is None, index or 0, -finding.severity.rank, finding.rule


def as_json(finding: Finding) -> dict[str, object]:
    """The finding as plain values for programs: its own place flat, related ones as objects."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "side": finding.side.value,
        "message": finding.message,
        "session": finding.session,
        "thread": finding.thread,
        "exchange": finding.place.exchange,
        "message_index": finding.place.message_index,
        "part": finding.place.part,
        "related": [_known(place) for place in finding.related],
        "evidence": [
            {"exchange": e.exchange, "quote": e.quote, "kind": e.kind.value}
            for e in finding.evidence
        ],
    }


def _known(place: Place) -> dict[str, int]:
    """What is known of a related place; `{"exchange": 2}` is the reply of exchange 2."""
    steps = {"message_index": place.message_index, "part": place.part}
    return {"exchange": place.exchange} | {k: v for k, v in steps.items() if v is not None}
