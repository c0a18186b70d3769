"""Whether a finding is still there: exchanges, decoded, woven and checked in memory.

The same finding has the same rule, severity and side, gives no other reason, and stands at the
corresponding place: in the same exchange, and there at what became of the same message. No rule may
find more than it did before: a call taken away without its result would be a defect that nobody
recorded.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kimitap.conversation import Part, ToolCall, Turn
from kimitap.dialects import Memo, decode
from kimitap.lineage import Session
from kimitap.rules import RULES
from kimitap.rules.checker import Checker
from kimitap.rules.finding import Finding, Place, Severity
from kimitap.rules.rule import Rule
from kimitap.shrink.draft import Draft
from kimitap.uncollected import uncollected
from kimitap.weave import weave

Drafts = tuple[Draft, ...]

LEFT_BEHIND = frozenset({"unbacked-assistant-turn", "unusual-role-order"})
"""What is found because a reply or a message is no longer there, and hides nothing."""

_WORD = re.compile(r"\b[A-Za-z]{2,}+(?!…)")
_GRAMMAR = frozenset(
    {"i", "are", "wa", "were", "ha", "have", "it", "they", "their", "them", "an", "the", "thi"}
    | {"these", "that", "those", "one", "and", "of", "in", "to"}
)
"""Words in which one thing is told otherwise than several, without a final `s`."""


@dataclass(frozen=True)
class Seen:
    """What some exchanges say: their turns by number, sessions and findings."""

    turns: dict[int, Turn]
    sessions: tuple[Session, ...]
    findings: tuple[Finding, ...]

    @property
    def defects(self) -> Counter[tuple[Severity, str]]:
        """How many findings each rule has, but for those that exchanges left out leave behind."""
        return Counter((f.severity, f.rule) for f in self.findings if f.rule not in LEFT_BEHIND)


class Reader:
    """Reads drafts; one that it has read is not decoded again."""

    def __init__(self, rules: Sequence[Rule] = RULES) -> None:
        self._rules = rules
        self._memo = Memo()
        self._turns: dict[Draft, Turn | None] = {}

    def read(self, drafts: Drafts) -> Seen:
        """The drafts as a recording would be read."""
        with uncollected():
            turns = {d.number: turn for d in drafts if (turn := self._turn(d)) is not None}
            sessions = weave(turns.values())
            checker = Checker(self._rules)
            checker.update(sessions)
        return Seen(turns, sessions, checker.findings)

    def keep(self, drafts: Drafts) -> None:
        """Forget the turns of all other drafts."""
        self._turns = {draft: self._turns[draft] for draft in drafts if draft in self._turns}

    def _turn(self, draft: Draft) -> Turn | None:
        if draft not in self._turns:
            self._turns[draft] = decode(draft.exchange, self._memo)
        return self._turns[draft]


class Sought:
    """The finding that must stay, as it stood among the exchanges as recorded."""

    def __init__(self, finding: Finding, turn: Turn) -> None:
        self.finding = finding
        self._turn = turn

    @classmethod
    def among(cls, seen: Seen, finding: Finding) -> "Sought | None":
        """The finding as it stands among all; None where it does not, however it is graded."""
        turn = seen.turns.get(finding.place.exchange)
        wanted = finding.rule, finding.side, finding.place
        found = (f for f in seen.findings if (f.rule, f.side, f.place) == wanted)
        known = next(found, None)
        return cls(known, turn) if known and turn else None

    def at(self, number: int) -> "Sought":
        """The same, where the finding's exchange has another number."""
        place = replace(self.finding.place, exchange=number)
        return Sought(replace(self.finding, place=place), self._turn)

    def find(self, seen: Seen, drafts: Drafts) -> Finding | None:
        """The finding among what drafts say; None where it is gone."""
        here = next((d for d in drafts if d.number == self.finding.place.exchange), None)
        turn = seen.turns.get(self.finding.place.exchange)
        if here is None or turn is None:
            return None
        return next((f for f in seen.findings if self._is(f, turn, here)), None)

    def _is(self, other: Finding, turn: Turn, draft: Draft) -> bool:
        mine = self.finding
        alike = (other.rule, other.severity, other.side) == (mine.rule, mine.severity, mine.side)
        return (
            alike
            and other.place.exchange == mine.place.exchange
            and gives_no_other_reason(mine, other)
            and self._corresponds(other.place, turn, draft)
        )

    def _corresponds(self, place: Place, turn: Turn, draft: Draft) -> bool:
        mine = self.finding.place
        if (mine.message_index is None) != (place.message_index is None):
            return False
        if mine.message_index is not None and place.message_index is not None:
            kept = [element.index for element in draft.run(draft.history)]
            expected = _places(self._turn, mine.message_index, turn, kept)
            there = _standing(self._turn, mine), _standing(turn, place)
            if place.message_index not in expected or there[0] != there[1]:
                return False
        return _is_part(_part(self._turn, mine), _part(turn, place))


def gives_no_other_reason(was: Finding, now: Finding) -> bool:
    """True where the second finding's sentence has no word that the first has not, names and quotes
    of what was recorded aside: “end in mid-JSON” must not become “are no valid JSON”.
    """
    quoted = " ".join(evidence.quote for evidence in now.evidence)
    return not _words(now.message) - _words(was.message) - _words(quoted) - _GRAMMAR


def _words(text: str) -> set[str]:
    """The words of a text, in the singular; one that was cut (`wor…`) is none."""
    return {word.lower().removesuffix("s") for word in _WORD.findall(text)}


def _places(was: Turn, index: int, now: Turn, kept: Sequence[int]) -> range:
    """Where the message at `index` of a request may stand, once only elements `kept` are left.

    An index behind the last message is where one is missing.
    """
    if not was.wire_indexes and not now.wire_indexes and kept:
        at = bisect_left(kept, index)
        return range(at, at + 1)
    old, new = _wire(was), _wire(now)
    if not kept or not old or not new:  # the body could not be taken apart: nothing was left out
        return range(index, index + 1)
    if index >= len(old):
        return range(len(new), len(new) + 1)
    wire = old[index]
    if wire < 0:
        return range(index + 1)
    first = bisect_left(kept, wire)
    start = max(bisect_left(new, first + 1) - 1, 0) if first < len(kept) else len(new)
    start = bisect_left(new, new[start]) if start < len(new) else start
    offset = index - bisect_left(old, wire)
    return range(start, start + offset + 1)


def _wire(turn: Turn) -> Sequence[int]:
    return turn.wire_indexes or range(len(turn.messages))


def _standing(turn: Turn, place: Place) -> tuple[str, bool] | None:
    """What kind of message stands at the place: its role, and whether it is blank."""
    index = place.message_index
    if index is None or index >= len(turn.messages):
        return None
    return turn.messages[index].role, turn.messages[index].blank


def _part(turn: Turn, place: Place) -> Part | None:
    parts = _parts(turn, place.message_index)
    return parts[place.part] if place.part is not None and place.part < len(parts) else None


def _parts(turn: Turn, index: int | None) -> tuple[Part, ...]:
    if index is None:
        messages = (turn.reply.message, *turn.reply.others)
        return tuple(part for message in messages for part in message.parts)
    return turn.messages[index].parts if index < len(turn.messages) else ()


def _is_part(was: Part | None, now: Part | None) -> bool:
    """True where one part may be what became of the other: texts are shortened, others go."""
    if isinstance(was, ToolCall) and isinstance(now, ToolCall):
        return (was.name, was.id) == (now.name, now.id)
    return type(was) is type(now)


def about(finding: Finding) -> Iterator[int]:
    """The exchanges that the finding speaks of, its own first."""
    places = (finding.place, *finding.related)
    yield from dict.fromkeys(
        [*(p.exchange for p in places), *(e.exchange for e in finding.evidence)]
    )
