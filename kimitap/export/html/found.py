"""Findings for a page."""

from collections.abc import Sequence

from kimitap.export.html.page import Found
from kimitap.rules.finding import Finding, Place
from kimitap.transcript import SYMBOLS
from kimitap.visible import one_line, visible

MOST = 200
"""Findings that a page lists."""
_QUOTED = 300


def by_weight(findings: Sequence[Finding], subject: Finding | None) -> list[Finding]:
    """The findings of a page: the subject first, then the gravest."""
    return sorted(findings, key=lambda f: (f != subject, -f.severity.rank, f.place.exchange))


def found(number: int, finding: Finding, remedy: str, at: str, *, subject: bool) -> Found:
    """One finding; `number` names it on the page, `at` is the entry where it stands."""
    return Found(
        id=f"f{number}",
        symbol=SYMBOLS[finding.severity],
        severity=finding.severity.value,
        rule=finding.rule,
        side=finding.side.value,
        sentence=visible(finding.message),
        place=place_words(finding.place),
        at=at,
        remedy=_runs(visible(remedy)),
        quotes=[(e.exchange, one_line(e.quote, _QUOTED)) for e in finding.evidence],
        subject=subject,
    )


def _runs(text: str) -> list[tuple[str, bool]]:
    """Our own words, in which code stands between backticks."""
    return [(run, bool(i % 2)) for i, run in enumerate(text.split("`")) if run]


def place_words(place: Place) -> str:
    """`request 3, message 4`; `the reply of exchange 3`."""
    if place.message_index is None:
        return f"exchange {place.exchange}, its reply"
    return f"request {place.exchange}, message {place.message_index}"
