"""What a comparison says, as values that every format lays out: masked, visible, and bounded."""

from collections.abc import Sequence
from dataclasses import dataclass

from kimitap.export.measures import Measure
from kimitap.lineage import Mark


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a comparison is told: turns in full of each thread, lines of a field."""

    turns: int = 20
    lines: int = 80
    characters: int = 2_000
    """Of one line."""


WHOLE = Limits(10_000, 100_000, 4_000_000)


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of a line, and whether they differ from the other side."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a field on both sides, or on one."""

    mark: Mark
    old: Sequence[Run] | None
    new: Sequence[Run] | None


@dataclass(frozen=True, slots=True)
class Field:
    """A field that differs, line by line. `note` says what is not told by lines."""

    name: str
    lines: Sequence[Line]
    note: str = ""
    has_old: bool = True
    has_new: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A message of one side or both; `count` messages that are the same are one row.

    `old` and `new` are indexes in the requests, the reply's behind the last message.
    """

    mark: Mark
    old: int | None
    new: int | None
    role: str
    gist: str
    is_reply: bool = False
    count: int = 1
    fields: Sequence[Field] = ()


@dataclass(frozen=True, slots=True)
class TurnLine:
    """A pair of turns in a line; a run of pairs that are the same is one line."""

    mark: Mark
    number: int
    last: int
    old: tuple[int, int] | None
    new: tuple[int, int] | None
    what: str
    differs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TurnPart:
    """A pair of turns in full. `earlier` messages belong to turns before and are the same."""

    number: int
    mark: Mark
    old: int | None
    new: int | None
    differs: Sequence[str]
    settings: Sequence[Field]
    rows: Sequence[Row]
    measures: Sequence[Measure]


@dataclass(frozen=True, slots=True)
class ThreadPart:
    """Two threads. `parts_at` is the number of the turn at which they part, from 1."""

    old: str
    new: str
    mark: Mark
    sentence: str
    parts_at: int | None
    facts: Sequence[tuple[str, str, str]]
    measures: Sequence[Measure]
    turns: Sequence[TurnLine]
    same: int
    count: int
    details: Sequence[TurnPart]
    left_out: int
    """Pairs that differ and are not told in full."""


@dataclass(frozen=True, slots=True)
class Document:
    """The whole comparison."""

    old: str
    new: str
    threads: Sequence[ThreadPart]

    @property
    def same(self) -> bool:
        return all(thread.parts_at is None for thread in self.threads)
