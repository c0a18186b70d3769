"""Patterns tried on a text: each only where one of its anchors stands."""

from collections.abc import Iterator, Sequence

from kimitap.redact.detector import looks_random
from kimitap.redact.kinds import REACH, Pattern


class Anchored:
    """Patterns, and which of them are to be tried where an anchor stands."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self.patterns = patterns
        self._by_anchor: dict[bool, dict[str, list[int]]] = {True: {}, False: {}}
        for number, pattern in enumerate(patterns):
            for anchor in pattern.anchors:
                self._by_anchor[pattern.exact].setdefault(anchor, []).append(number)

    def tried(self, text: str) -> Iterator[tuple[Pattern, Sequence[int]]]:
        """The patterns to try on a text, the surest first, and where."""
        places: dict[int, list[Sequence[int]]] = {}
        for exact, by_anchor in self._by_anchor.items():
            searched = text if exact else _lowered(text)
            for anchor in [anchor for anchor in by_anchor if anchor in searched]:
                found = tuple(places_of(searched, anchor))
                for number in by_anchor[anchor]:
                    places.setdefault(number, []).append(found)
        for number in sorted(places):
            yield from ((self.patterns[number], some) for some in places[number])


def matches(anchored: Anchored, text: str) -> Iterator[tuple[int, int, str]]:
    """(start, stop, kind) of what the patterns find in a text."""
    for pattern, places in anchored.tried(text):
        done = 0
        for at in places:
            found = pattern.regex.match(text, at) if at >= done else None
            if found is None:
                continue
            start, stop = found.span(pattern.group)
            if pattern.behind:
                before = pattern.behind.search(text[max(0, at - REACH) : at])
                if before is None:
                    continue
                start -= len(before[1]) if pattern.behind.groups else 0
            if start < stop and not (pattern.guess and not looks_random(text[start:stop])):
                yield start, stop, pattern.kind
                done = stop


def places_of(text: str, part: str) -> Iterator[int]:
    """Where a part stands in a text, from left to right, none within another."""
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + len(part))


def _lowered(text: str) -> str:
    """The text in lower case, of the same length."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(c.lower() if c.isascii() else c for c in text)
