"""Hits as rows: those of one thread below its name, each with the text around the place."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from kimitap.rules.finding import Place
from kimitap.transcript.passages import PassageKind
from kimitap.transcript.plain import SYMBOLS
from kimitap.transcript.row import ROLE_WORDS
from kimitap.transcript.search import Hit
from kimitap.visible import one_line, visible

_BEFORE = 200
_AFTER = 20_000
"""Characters before and behind a hit that the lower pane shows."""


@dataclass(frozen=True, slots=True)
class HitRow:
    """One row: a hit, or a thread's name (`hit` is then its first) with the number of its hits."""

    hit: Hit
    thread: bool = False
    count: int = 0
    opened: bool = True

    @property
    def key(self) -> tuple[str, Place | None, str]:
        """What a row stays known by while more is found."""
        passage = self.hit.passage
        if self.thread:
            return self.hit.thread.name, None, ""
        told = passage.texts[0] if passage.kind is PassageKind.FINDING else ""
        return self.hit.thread.name, passage.place, f"{passage.kind} {told}"


def hit_rows(hits: Sequence[Hit], folded: Collection[str] = ()) -> Iterator[HitRow]:
    """The rows, thread by thread; the hits of threads that are `folded` (names) are left out."""
    for name, group in groupby(hits, key=lambda hit: hit.thread.name):
        among = list(group)
        opened = name not in folded
        yield HitRow(among[0], thread=True, count=len(among), opened=opened)
        for hit in among if opened else ():
            yield HitRow(hit)


def thread_words(hit: Hit) -> str:
    """What a thread's row says besides its name: its kind, agent and model."""
    words = (hit.thread.kind, hit.session.name, hit.session.agent, hit.session.model)
    return " · ".join(one_line(word, 60) for word in words if word)


def label(hit: Hit) -> str:
    """What a hit is, in a word or three: `ASST call bash`, `TOOL read_file`, `ASST thinks`."""
    passage = hit.passage
    role = ROLE_WORDS.get(passage.role, one_line(passage.role, 8).upper())
    tool = one_line(passage.tool, 24)
    match passage.kind:
        case PassageKind.FINDING:
            symbol = SYMBOLS[passage.severity] if passage.severity else ""
            return f"{symbol} {one_line(passage.texts[1], 40)}"
        case PassageKind.ERROR:
            return "ERROR"
        case PassageKind.CALL:
            return f"{role} call {tool}".rstrip()
        case PassageKind.RESULT:
            return f"{role} {tool}".rstrip()
        case PassageKind.REASONING:
            return f"{role} thinks"
        case PassageKind.OTHER:
            return f"{role} {one_line(passage.texts[1], 24)}"
        case _:
            return role


def excerpt(hit: Hit, width: int) -> str:
    """The text around the hit, on one line of about `width` characters, clean.

    Of a finding, or where it is a name or an id that was found, the text itself is told as well.
    """
    text, offset = hit.text, hit.found.offset
    lead = 0 if offset <= width // 3 else min(width // 3, 30)
    start = offset - lead if lead else 0
    words = one_line(text[start : offset + 2 * width], 2 * width)
    if lead:
        words = f"…{words}"
    main = hit.passage.texts[0]
    if hit.found.text and main:
        words = f"{words}  {one_line(main, width)}"
    return words


def around(hit: Hit) -> tuple[str, str, str]:
    """The text before the hit's line, that line, and what follows: clean, as it was written."""
    text, offset = hit.text, hit.found.offset
    start = text.rfind("\n", 0, offset) + 1
    start = max(start, offset - _BEFORE)
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    end = min(end, offset + _AFTER)
    before = text[max(0, start - _BEFORE) : start].removesuffix("\n")
    after = text[end : end + _AFTER].removeprefix("\n")
    return _clean(before), _clean(text[start:end]), _clean(after)


def _clean(text: str) -> str:
    return visible(text).expandtabs(4)


def lit(text: str, pattern: re.Pattern[str] | None) -> Iterator[tuple[str, bool]]:
    """The text in runs, True for those that were searched for."""
    at = 0
    for found in pattern.finditer(text) if pattern else ():
        if found.end() > found.start():
            yield text[at : found.start()], False
            yield found[0], True
            at = found.end()
    yield text[at:], False
