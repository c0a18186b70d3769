"""What is new among findings while a recording grows, and how it is told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson

from kimitap.export.formats.checked import harmless, place_words
from kimitap.export.formats.text import headline, told_finding
from kimitap.rules.finding import Finding, Place, as_json


class Event(StrEnum):
    """What happened to a finding."""

    FOUND = "found"
    REGRADED = "regraded"
    """More was recorded, and now it is worse, or not so bad."""
    WITHDRAWN = "withdrawn"
    """More was recorded, and it is no defect any more, or part of another finding."""


@dataclass(frozen=True)
class News:
    """One thing to tell. `before` is the finding as told, `part_of` what it belongs to now."""

    event: Event
    finding: Finding
    before: Finding | None = None
    part_of: Finding | None = None


class Ledger:
    """What was told already, so that each finding is told once, wherever it moves."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, Place], Finding] = {}

    def take(self, findings: Sequence[Finding]) -> list[News]:
        """What `findings`, all that there are now, say beyond what was told; in their order."""
        now = {(f.rule, f.place): f for f in findings}
        left = {key: f for key, f in self._told.items() if key not in now}
        news: list[News] = []
        for key, finding in now.items():
            before = self._told.get(key) or _moved(left, finding)
            if before is None:
                news.append(News(Event.FOUND, finding))
            elif before.severity is not finding.severity:
                news.append(News(Event.REGRADED, finding, before))
        for finding in left.values():
            part_of = next((f for f in findings if finding.place in _places(f)), None)
            news.append(News(Event.WITHDRAWN, finding, finding, part_of))
        self._told = now
        return news


def _moved(left: dict[tuple[str, Place], Finding], finding: Finding) -> Finding | None:
    """Take out of `left` the finding that is the same one, told at another place."""
    here = _places(finding)
    for key, other in left.items():
        if other.rule == finding.rule and here & _places(other):
            return left.pop(key)
    return None


def _places(finding: Finding) -> set[Place]:
    return {finding.place, *finding.related}


def as_text(news: News, remedies: Mapping[str, str]) -> Iterator[str]:
    """Lines for people; what to do only where `remedies` say it."""
    (finding,) = harmless([news.finding])
    match news.event:
        case Event.FOUND:
            yield from told_finding(finding, remedies)
        case Event.REGRADED:
            was = f"was {news.before.severity}" if news.before else ""
            yield f"{headline(finding)}  ({place_words(finding.place)}; {was})"
        case Event.WITHDRAWN:
            where = place_words(finding.place)
            yield f"~ withdrawn: {finding.rule}  ({where}; {_why(news)})"


def _why(news: News) -> str:
    if news.part_of is None:
        return "what was recorded since explains it"
    return f"part of {news.part_of.rule} at {place_words(news.part_of.place)}"


def as_line(news: News) -> str:
    """One JSON object on one line, for programs: the finding, with what happened to it."""
    (finding,) = harmless([news.finding])
    extra: dict[str, object] = {"event": news.event.value}
    if news.event is Event.REGRADED and news.before is not None:
        extra["was"] = news.before.severity.value
    if news.event is Event.WITHDRAWN and news.part_of is not None:
        extra["part_of"] = {"rule": news.part_of.rule, "exchange": news.part_of.place.exchange}
    return orjson.dumps(extra | as_json(finding)).decode()
