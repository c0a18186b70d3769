"""What `/` finds, and what `&` and `f` let through."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from kimitap.transcript import Key, Kind, Row

_FIELDS = ("role:", "tool:", "sev:")


@dataclass(frozen=True)
class Filter:
    """Words that a row must all hold, letter case ignored; `role:tool`, `tool:bash`, `sev:error`.

    Rows without them are hidden where `hides`, else only what is found is lit. A turn's header
    stays where any row of the turn does.
    """

    words: tuple[str, ...] = ()
    only_findings: bool = False
    hides: bool = False

    @classmethod
    def parse(cls, typed: str, only_findings: bool = False, hides: bool = False) -> "Filter":
        return cls(tuple(typed.lower().split()), only_findings, hides)

    def __str__(self) -> str:
        only = "ONLY FINDINGS  " if self.only_findings else ""
        return (
            f"{only}{'&' if self.hides else '/'}{' '.join(self.words)}"
            if self.words
            else (only.strip())
        )

    @property
    def active(self) -> bool:
        """True where it may hide rows."""
        return (bool(self.words) and self.hides) or self.only_findings

    @cached_property
    def hit(self) -> re.Pattern[str] | None:
        """What to show in reverse where it is found."""
        plain = [re.escape(word) for word in self.words if not word.startswith(_FIELDS)]
        return re.compile("|".join(plain), re.IGNORECASE) if plain else None

    def hits(self, rows: Sequence[Row]) -> list[int]:
        """The indexes of the rows that hold all words; none where there are no words."""
        tests = [_test(word) for word in self.words]
        if not tests:
            return []
        return [i for i, row in enumerate(rows) if all(test(row) for test in tests)]

    def choose(
        self, rows: Sequence[Row], opened: Collection[Key], hits: Collection[int]
    ) -> list[int]:
        """The indexes of the rows to show, `hits` being those that hold the words.

        Where nothing is hidden, none of those that are folded into another.
        """
        if not self.active:
            return [i for i, row in enumerate(rows) if row.inside is None or row.inside in opened]
        wanted = set(hits) if self.words and self.hides else None
        shown: list[int] = []
        header: int | None = None
        for i, row in enumerate(rows):
            if row.kind is Kind.TURN:
                header = i
            if self.only_findings and row.severity is None:
                continue
            if wanted is not None and i not in wanted:
                continue
            if header is not None and header != i:
                shown.append(header)
            header = None
            shown.append(i)
        return shown


def _test(word: str) -> Callable[[Row], bool]:
    name, _, value = word.partition(":")
    match name if value else "":
        case "role":
            return lambda row: row.role.lower().startswith(value)
        case "tool":
            return lambda row: (
                row.kind in {Kind.CALL, Kind.RESULT, Kind.GHOST}
                and value in f"{row.title} {row.text}".lower()
            )
        case "sev":
            return lambda row: row.severity is not None and row.severity.value.startswith(value)
        case _:
            return lambda row: _holds(row, word)


def _holds(row: Row, word: str) -> bool:
    echo = row.echo.short if row.echo else ""
    said = (row.title, row.text, row.note, echo, *(finding.rule for finding in row.findings))
    return any(word in text.lower() for text in said) or word in row.body.lower()


_BEFORE = 24
_QUOTED = 400


def excerpt(row: Row, hit: re.Pattern[str] | None, room: int) -> str:
    """The row's text; where a hit does not show in `room` characters of it, the place of the hit.

    That may stand in the text that is folded below the row.
    """
    if hit is None or row.kind is Kind.TURN:
        return row.text
    shown = hit.search(row.text)
    if shown is not None and shown.end() < room:
        return row.text
    found = hit.search(row.body) or shown
    if found is None:
        return row.text
    start = max(0, found.start() - _BEFORE)
    cut = " ".join(found.string[start : start + _QUOTED].split())
    return f"… {cut}" if start else cut
