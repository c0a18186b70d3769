"""The first line of a page on a finding: what it is, on whose side, and where."""

from kimitap.rules.finding import Finding


def heading(finding: Finding) -> str:
    """`tool-turn-lost: the agent's side, request 2`."""
    place = finding.place
    what = "exchange" if place.message_index is None else "request"
    return f"{finding.rule}: the {finding.side}'s side, {what} {place.exchange}"
