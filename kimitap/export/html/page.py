"""What a report's page says, as values: the template only lays them out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kimitap.export.html.texts import Shown


@dataclass(frozen=True, slots=True)
class Found:
    """A finding: its words, what is quoted, what to do, and the entry of the page where it is.

    `id` is its name on the page, `at` that of the entry it stands on; `""` where the page has it
    not.
    """

    id: str
    symbol: str
    severity: str
    rule: str
    side: str
    sentence: str
    place: str
    at: str
    remedy: Sequence[tuple[str, bool]]
    """What to do: runs of text, and whether they are code."""
    quotes: Sequence[tuple[int, str]]
    subject: bool = False
    """True for the finding that the report is about."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a turn. `kind` is `transcript.Kind`'s value, `severity` one of findings or `""`.

    `partner` is the entry that belongs to it (a call's result), `joined` says what that is.
    """

    id: str
    kind: str
    lead: str
    title: str
    note: str
    severity: str
    symbol: str
    text: Shown
    line: str = ""
    """What is said on one line before the text, or seen of one that is `folded`."""
    folded: bool = False
    echo: str = ""
    kept: bool = True
    partner: str = ""
    joined: str = ""
    findings: Sequence[Found] = ()
    inside: Sequence["Entry"] = ()


@dataclass(frozen=True, slots=True)
class TurnPart:
    """A turn: its header's words, its facts, its entries."""

    id: str
    title: str
    numbers: str
    ending: str
    severity: str
    facts: Sequence[tuple[str, str]]
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Gap:
    """Turns in a row that are not shown in full: a line each, as far as they are listed."""

    title: str
    lines: Sequence[str]
    more: int


@dataclass(frozen=True, slots=True)
class ThreadPart:
    """A thread; `folded` where the report is not about it."""

    name: str
    kind: str
    title: str
    parts: Sequence[TurnPart | Gap]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a row of the comparison: where the message stands, and what it says.

    `pieces` are runs of its text and whether they differ from the other side.
    """

    at: str
    role: str
    text: Shown
    pieces: Sequence[tuple[str, bool]] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the comparison; `folded` counts the messages of a run that is the same."""

    mark: str
    word: str
    old: Side | None
    new: Side | None
    note: str = ""
    folded: int = 0
    gist: str = ""
    """The beginning of a message that is the same on both sides; `""` for any other."""

    @property
    def alike(self) -> bool:
        return bool(self.gist)

    @property
    def note_parts(self) -> Sequence[str]:
        """The note in parts between which a narrow column may break it: a field has no spaces."""
        return re.split(r"(?<=[._\]])", self.note)


@dataclass(frozen=True, slots=True)
class Difference:
    """Request N and its reply against request N+1. `settings` are (field, before, after)."""

    old: int
    new: int
    sentence: str
    lines: Sequence[Line]
    more: int
    settings: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Page:
    """All that a page says, from top to bottom."""

    title: str
    severity: str
    symbol: str
    verdict: str
    side: str
    about: Sequence[str]
    """Paragraphs: where the exchanges come from, what is not shown."""
    facts: Sequence[tuple[str, str]]
    findings: Sequence[Found]
    more_findings: int
    difference: Difference | None
    threads: Sequence[ThreadPart]
    more_threads: int
    unpacked: str
    """Where the commands are to be typed."""
    commands: str
    contents: Sequence[tuple[str, str]]
    masking: str
    footer: str
