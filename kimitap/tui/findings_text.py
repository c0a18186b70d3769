"""Findings in words: where one stands, what is quoted of it, and what a report is made on."""

from collections.abc import Sequence

from kimitap.rules.finding import Finding, Place
from kimitap.tui.source import View
from kimitap.visible import one_line

_QUOTED = 4000
"""Characters of a piece of evidence that are copied."""


def where(place: Place) -> str:
    """`#41 message 3`, `#41 reply`: the place in a word or two."""
    if place.message_index is None:
        return f"#{place.exchange} reply"
    return f"#{place.exchange} message {place.message_index}"


def worst(findings: Sequence[Finding]) -> Finding | None:
    """The first of the most severe; None of none."""
    return max(findings, key=lambda finding: finding.severity.rank, default=None)


def reported(view: View, finding: Finding) -> int:
    """The exchange that a report on a finding is made on: the one whose reply was not given back.

    That is the turn before the request in which the finding stands, if there is one.
    """
    exchange = finding.place.exchange
    if finding.place.message_index is None:
        return exchange
    for thread in view.threads:
        at = thread.place_of(exchange) if thread.name == finding.thread else None
        link = thread.links[at] if at is not None else None
        if link is not None:
            return link.parent.exchange
    return exchange


def as_text(finding: Finding) -> str:
    """The finding for the clipboard: a line of facts, the sentence, and a line for each proof."""
    facts = f"{finding.severity}: {finding.rule} at {where(finding.place)}, {finding.thread}"
    quotes = (f"  #{e.exchange}: {one_line(e.quote, _QUOTED)}" for e in finding.evidence)
    return "\n".join((f"{facts} ({finding.side})", finding.sentence, *quotes))
