"""The report on a place of a recording, for the command line and the screens alike."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from kimitap.analysis import Analysis
from kimitap.comparison import compare, standing
from kimitap.conversation import Turn
from kimitap.diff import diff_link
from kimitap.export import markdown
from kimitap.export.comparison import comparison_report
from kimitap.export.facts import Fact
from kimitap.lineage import Link
from kimitap.places import PlaceWord
from kimitap.rules import RULES
from kimitap.rules.finding import Finding


def remedies() -> dict[str, str]:
    """What to do about each rule's finding, by the rule's name."""
    return {rule.name: rule.remedy for rule in RULES}


def report_on(
    analysis: Analysis,
    places: Sequence[PlaceWord],
    first: Finding | None = None,
    database: str = "",
) -> str:
    """The Markdown report on one place, or on two compared with each other.

    Two exchanges, two threads, or two sessions. Findings come the worst first, `first` before all.
    `database` is what the recording is called on the page; without it, it is not named.
    Raises `UsageError` for a place that the recording
    does not have, and for two of different kinds.
    """
    if len(places) == 2 and any(place.kind for place in places):
        return comparison_report(compare(analysis, *places))
    link = _link(analysis, places)
    if link is None:
        turn = analysis.with_prompt(analysis.turn_at(places[0]))
        found = [f for f in analysis.findings if f.place.exchange == turn.exchange]
        return markdown.reply_report(turn, _worst_first(found, first), remedies())
    follows = analysis.link_before(link.child.exchange) is link
    found = _worst_first(_found_at(analysis, link), first) if follows else []
    parent, child = (analysis.with_prompt(turn) for turn in (link.parent, link.child))
    diff = diff_link(replace(link, parent=parent, child=child))
    stands = list(_places(analysis, link, database))
    return markdown.report(diff, found, remedies(), follows=follows, places=stands)


def _places(analysis: Analysis, link: Link, database: str) -> Iterator[Fact]:
    """Where the two turns of a link stand."""
    if database:
        yield "database", database, database
    old, new = (turn.exchange for turn in (link.parent, link.child))
    yield "exchange", str(old), str(new)
    yield from (
        (name, one, other)
        for name, one, other in zip(
            ("session", "thread", "turn"),
            standing(analysis, old),
            standing(analysis, new),
            strict=True,
        )
    )


def turns_of(analysis: Analysis, places: Sequence[PlaceWord]) -> tuple[Turn, ...]:
    """The turns whose prompts the report on these places quotes: a pair, one that nothing follows;
    none of two threads or sessions."""
    if len(places) == 2 and any(place.kind for place in places):
        return ()
    link = _link(analysis, places)
    return (link.parent, link.child) if link else (analysis.turn_at(places[0]),)


def _link(analysis: Analysis, places: Sequence[PlaceWord]) -> Link | None:
    return analysis.link_between(*places) if len(places) == 2 else analysis.link_at(places[0])


def _found_at(analysis: Analysis, link: Link) -> Iterable[Finding]:
    """What was found at the reply of the first turn or in the request of the second.

    What is told once a thread, at the first request that shows it, belongs to the later ones too.
    """
    reply, request = link.parent.exchange, link.child.exchange
    for finding in analysis.findings:
        shown = {p.exchange for p in finding.related if p.message_index is not None}
        about_reply = finding.place.message_index is None
        if finding.place.exchange == (reply if about_reply else request) or request in shown:
            yield finding


def _worst_first(findings: Iterable[Finding], first: Finding | None) -> list[Finding]:
    return sorted(findings, key=lambda f: (f != first, -f.severity.rank))
