"""What `/` finds, and what `&` and `f` let through."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice

from kimitap.conversation import ToolCall
from kimitap.transcript import Key, Kind, Row
from kimitap.transcript.query import Query
from kimitap.transcript.search import find

_AT_ONCE = 500
"""So many rows are looked into at once for words."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Filter:
    """What a row must hold: the same language as the search over all sessions.

    Rows without it are hidden where `hides`, else only what is found is lit. A turn's header stays
    where any row of the turn does.
    """

    query: Query = field(default_factory=Query)
    only_findings: bool = False
    hides: bool = False
    _known: dict[int, tuple[Row, bool]] = field(default_factory=dict, compare=False, repr=False)
    """Rows that were looked into, by their identity: a thread that grows keeps its rows."""

    @classmethod
    def parse(cls, typed: str, only_findings: bool = False, hides: bool = False) -> "Filter":
        return cls(Query.parse(typed), only_findings, hides)

    def __str__(self) -> str:
        only = "ONLY FINDINGS  " if self.only_findings else ""
        asked = f"{'&' if self.hides else '/'}{self.query}" if self.searches else ""
        return f"{only}{asked}".strip()

    @property
    def searches(self) -> bool:
        """True where something is searched for."""
        return not self.query.empty

    @property
    def active(self) -> bool:
        """True where it may hide rows."""
        return (self.searches and self.hides) or self.only_findings

    @property
    def hit(self) -> re.Pattern[str] | None:
        """What to show in reverse where it is found."""
        return self.query.hit

    def hits(self, rows: Sequence[Row], stopped: Callable[[], bool] = _never) -> list[int]:
        """The indexes of the rows that hold what is searched for; none where nothing is.

        With patterns it may take long: then it runs in a worker, which may be `stopped`.
        """
        if not self.searches:
            return []
        return [i for i, row in enumerate(rows) if not stopped() and self._is_hit(row, stopped)]

    def hits_at_once(self, rows: Sequence[Row]) -> list[int]:
        """The hits, where to look for them is no matter of time; else those already known of."""
        if self.is_slow(rows):
            return [i for i, row in enumerate(rows) if (here := self._seen(row)) and here[1]]
        return self.hits(rows)

    def is_slow(self, rows: Sequence[Row]) -> bool:
        """True where to look into what was not looked into yet may hold a key up."""
        if not self.searches:
            return False
        most = 0 if self.query.patterns else _AT_ONCE
        unseen = (row for row in rows if self._seen(row) is None)
        return sum(1 for _ in islice(unseen, most + 1)) > most

    def _seen(self, row: Row) -> tuple[Row, bool] | None:
        """What is known of a row that was looked into."""
        known = self._known.get(id(row))
        return known if known is not None and known[0] is row else None

    def _is_hit(self, row: Row, stopped: Callable[[], bool]) -> bool:
        known = self._seen(row)
        if known is None:
            known = (row, _holds(self.query, row, stopped))
            if not stopped():
                self._known[id(row)] = known
        return known[1]

    def choose(
        self, rows: Sequence[Row], opened: Collection[Key], hits: Collection[int]
    ) -> list[int]:
        """The indexes of the rows to show, `hits` being those that hold what is searched for.

        Where nothing is hidden, none of those that are folded into another.
        """
        if not self.active:
            return [i for i, row in enumerate(rows) if row.inside is None or row.inside in opened]
        wanted = set(hits) if self.searches and self.hides else None
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


def _holds(query: Query, row: Row, stopped: Callable[[], bool]) -> bool:
    severities = () if row.severity is None else (row.severity.value,)
    if not query.lets(row.role, _tool(row), severities):
        return False
    if not query.words and not query.patterns:
        return True
    echo = row.echo.short if row.echo else ""
    said = (
        row.text,
        row.word,
        row.title,
        row.note,
        echo,
        *(finding.rule for finding in row.findings),
    )
    found = find(query, (*said, row.body), stopped)
    return found is not None and not stopped()


def _tool(row: Row) -> str:
    """The tool that a row calls or answers for, or whose call is lost."""
    match row.kind:
        case Kind.RESULT:
            return row.title
        case Kind.CALL | Kind.GHOST:
            call = row.content
            return call.name if isinstance(call, ToolCall) else row.text.partition("(")[0]
        case _:
            return ""


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
