"""Search over all sessions: which passages hold what is asked for, and where in them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kimitap.lineage import Session, Thread
from kimitap.rules.finding import Finding, Severity
from kimitap.transcript.passages import Passage, passages, told
from kimitap.transcript.query import Query

MOST_HITS = 2000
"""Hits after which a search ends: nobody reads more."""
_BREATH = 32
"""Passages without a hit after which a search lets its caller look up."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where in a passage: its text by index, the offset there, and how often the first word is."""

    text: int
    offset: int
    times: int = 1


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that holds all that was asked for."""

    session: Session
    thread: Thread
    passage: Passage
    found: Found

    @property
    def text(self) -> str:
        """The text in which it was found."""
        return self.passage.texts[self.found.text]


def search(
    sessions: Sequence[Session],
    findings: Sequence[Finding],
    query: Query,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Hit | None]:
    """Hits, the newest session first, in each the oldest first; None now and then: nothing yet.

    A message that several requests or sessions repeat is searched once. In a session it is a hit
    only where it was first said. It ends early once `stopped` says so.
    """
    if query.empty:
        return
    by_thread: dict[str, list[Finding]] = {}
    for finding in findings:
        by_thread.setdefault(finding.thread, []).append(finding)
    seen: dict[tuple[int, int | None], Found | None] = {}
    for session in sorted(sessions, key=_began, reverse=True):
        said: set[int] = set()
        for thread in session.threads:
            found = by_thread.get(thread.name, ())
            merged = _in_order(passages(thread), told(found))
            severe = _severe(found)
            here: set[int] = set()
            for n, passage in enumerate(merged):
                source = id(passage.source) if passage.source else 0
                if source in said:
                    continue
                here.add(source)
                wanted = _wanted(query, passage, severe)
                where = _once(query, passage, seen, stopped) if wanted else None
                if stopped():
                    return
                if where is not None:
                    yield Hit(session, thread, passage, where)
                elif n % _BREATH == 0:
                    yield None
            said |= here - {0}


def _began(session: Session) -> tuple[float, int]:
    return session.threads[0].turns[0].started_at.timestamp(), session.number


def _in_order(ours: Iterable[Passage], findings: Iterable[Passage]) -> Iterator[Passage]:
    """The passages with the findings of each exchange before its other passages."""
    by_exchange: dict[int, list[Passage]] = {}
    for passage in findings:
        by_exchange.setdefault(passage.place.exchange, []).append(passage)
    for passage in ours:
        yield from by_exchange.pop(passage.place.exchange, ())
        yield passage
    for rest in by_exchange.values():
        yield from rest


_Severe = Mapping[tuple[int, int | None], set[Severity]]


def _severe(findings: Iterable[Finding]) -> _Severe:
    """How bad the findings are by the message where they stand, or that they speak of."""
    out: dict[tuple[int, int | None], set[Severity]] = {}
    for finding in findings:
        for place in (finding.place, *finding.related):
            out.setdefault((place.exchange, place.message_index), set()).add(finding.severity)
    return out


def _wanted(query: Query, passage: Passage, severe: _Severe) -> bool:
    """True where the fields of the query let the passage through."""
    here = severe.get((passage.place.exchange, passage.place.message_index), set())
    if passage.severity is not None:
        here = {passage.severity}
    return query.lets(passage.role, passage.tool, here)


def _once(
    query: Query,
    passage: Passage,
    seen: dict[tuple[int, int | None], Found | None],
    stopped: Callable[[], bool],
) -> Found | None:
    """Where the passage holds what is asked for; a message is looked into once."""
    if passage.source is None:
        return find(query, passage.texts, stopped)
    key = id(passage.source), passage.place.part
    if key not in seen:
        seen[key] = find(query, passage.texts, stopped)
    return seen[key]


def find(
    query: Query, texts: Sequence[str], stopped: Callable[[], bool] = lambda: False
) -> Found | None:
    """Where the texts of one thing hold all words and patterns; None where they do not.

    The first is the text itself, the others are its names and ids. The place is that of the first
    word or pattern, in the text itself rather than in its names and ids.
    """
    lowered = [text.lower() for text in texts] if query.words else []
    places: list[tuple[int, int]] = []
    for word in query.words:
        at = _first(_offset(word, text) for text in lowered)
        if at is None:
            return None
        places.append(_unlowered(word, at, texts, lowered))
    for pattern in query.patterns:
        at = _first(pattern.find(text, stopped) for text in texts)
        if at is None:
            return None
        places.append(at)
    if not places:
        return Found(0, 0)
    text, offset = min(places)
    times = lowered[text].count(query.words[0]) if query.words else 1
    return Found(text, offset, max(1, times))


def _first(offsets: Iterable[int]) -> tuple[int, int] | None:
    """The first text with an offset in it, and that; None where there is none (-1)."""
    return next(((i, offset) for i, offset in enumerate(offsets) if offset >= 0), None)


def _offset(word: str, lowered: str) -> int:
    """Where a word or phrase stands in a text in lower case; a phrase may go over a line's end."""
    if " " not in word:
        return lowered.find(word)
    parts = word.split(" ")
    if any(part not in lowered for part in parts):
        return -1
    found = re.search(r"\s+".join(map(re.escape, parts)), lowered)
    return found.start() if found else -1


def _unlowered(
    word: str, at: tuple[int, int], texts: Sequence[str], lowered: Sequence[str]
) -> tuple[int, int]:
    """The place in the text as it was written: some letters are longer in lower case."""
    text, offset = at
    if len(texts[text]) == len(lowered[text]):
        return at
    found = re.search(re.escape(word), texts[text], re.IGNORECASE)
    return text, found.start() if found else min(offset, len(texts[text]))
