"""A thread as rows, with its findings where they are."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from kimitap.conversation import Turn
from kimitap.lineage import Link, Thread
from kimitap.rules.finding import Finding, Place, Severity
from kimitap.transcript.ghosts import LOST_REASONING, absent_row
from kimitap.transcript.row import ORPHAN, Key, Kind, Row
from kimitap.transcript.turns import header, message_rows, reply_rows, request_rows

ABSENCES = {
    "tool-turn-lost": "LOST TURN",
    "unanswered-tool-call": "NO RESULT",
    "dropped-reply": "LOST REPLY",
    "discarded-reply": "DISCARDED REPLY",
    "partially-replayed-tool-calls": "LOST CALL",
    "reasoning-dropped": LOST_REASONING,
    "dropped-from-history": "LOST MESSAGE",
}
"""Rules that speak of something that is not there, and what its ghost is called."""

ODD_RESULTS = {
    "orphan-tool-result": ORPHAN,
    "duplicate-tool-result": "SECOND RESULT",
    "misplaced-tool-result": "MISPLACED RESULT",
    "mismatched-tool-call-id": "WRONG ID",
}
"""Rules that speak of a result that stands there, and the word for it."""

_Seen = tuple[Turn, Link | None, Link | None, tuple[Finding, ...], tuple[Finding, ...]]


@dataclass
class Memo:
    """Rows of turns that did not change since they were last asked for, by exchange."""

    turns: dict[int, tuple[_Seen, tuple[Row, ...]]] = field(default_factory=dict)


def rows(thread: Thread, findings: Sequence[Finding], memo: Memo | None = None) -> list[Row]:
    """The rows of a thread, oldest first; `findings` of other threads are passed over.

    With the same `memo` again, only turns that changed are worked out anew.
    """
    memo = memo if memo is not None else Memo()
    here, again = _by_exchange(f for f in findings if f.thread in {thread.name, ""})
    out: list[Row] = []
    for i, turn in enumerate(thread.turns):
        after = thread.links[i + 1] if i + 1 < len(thread.links) else None
        n = turn.exchange
        seen = (turn, thread.links[i], after, tuple(here.get(n, ())), tuple(again.get(n, ())))
        known = memo.turns.get(n)
        if known is None or not _same(known[0], seen):
            before = thread.turns[i - 1] if i else None
            memo.turns[n] = known = (seen, _turn_rows(thread, before, seen))
        out.extend(known[1])
    return out


def _by_exchange(
    findings: Iterable[Finding],
) -> tuple[dict[int, list[Finding]], dict[int, list[Finding]]]:
    """The findings by the exchange where they stand, and by later requests that show them again."""
    here: dict[int, list[Finding]] = {}
    again: dict[int, list[Finding]] = {}
    for finding in findings:
        here.setdefault(finding.place.exchange, []).append(finding)
        related = {p.exchange for p in finding.related if p.message_index is not None}
        for exchange in related - {finding.place.exchange}:
            again.setdefault(exchange, []).append(finding)
    return here, again


def _same(old: _Seen, new: _Seen) -> bool:
    return all(a is b for a, b in zip(old[:3], new[:3], strict=True)) and old[3:] == new[3:]


def _turn_rows(thread: Thread, before: Turn | None, seen: _Seen) -> tuple[Row, ...]:
    turn, link, after, findings, again = seen
    made = [
        header(turn),
        *request_rows(turn, link, resumed=thread.resumed and before is None),
        *reply_rows(turn, after, before),
    ]
    losses = [f for f in (*findings, *again) if f.rule in ABSENCES]
    if not any(f.rule == "reasoning-dropped" for f in losses):
        made = [row for row in made if row.title != LOST_REASONING]
    for finding in findings:
        _put(made, finding, turn, link)
    worst = max((f.severity for f in losses), key=lambda s: s.rank, default=None)
    return tuple(_counted(_shaded(row, worst, again) for row in made))


def _counted(made: Iterable[Row]) -> Iterator[Row]:
    """The rows, those of one key counted: each keeps a key of its own."""
    known: Counter[Key] = Counter()
    for row in made:
        nth, known[row.key] = known[row.key], known[row.key] + 1
        yield replace(row, nth=nth) if nth else row


def _shaded(row: Row, worst: Severity | None, again: Sequence[Finding]) -> Row:
    """The row with the severity that it is drawn in.

    A ghost is as bad as the worst loss of its turn; one that no rule minds is a plain remark. What
    a finding of an earlier turn speaks of too is marked like it, but is no stop of its own.
    """
    if row.findings:
        graver = max((f.severity for f in row.findings), key=lambda s: s.rank)
        return replace(row, severity=graver)
    if row.kind is Kind.GHOST:
        if worst is None:
            return replace(row, kind=Kind.RELATION, title="NOT REPEATED")
        return replace(row, severity=worst)
    place = Place(row.exchange, row.message_index)
    for finding in again:
        at = {(p.exchange, p.message_index) for p in finding.related}
        if (
            row.leads
            and row.message_index is not None
            and (place.exchange, row.message_index) in at
        ):
            return replace(row, severity=finding.severity)
    return row


def _put(made: list[Row], finding: Finding, turn: Turn, link: Link | None) -> None:
    """Hang the finding on its row; make the row where there is none."""
    at = _home(made, finding)
    if at is None:
        at = _make_home(made, finding, turn, link)
    row = made[at]
    whole = row.kind is Kind.GHOST and row.part is None
    title = ABSENCES.get(finding.rule, row.title) if whole else row.title
    odd = ODD_RESULTS.get(finding.rule, "") if row.kind is Kind.RESULT else ""
    word = row.word or odd
    made[at] = replace(row, findings=(*row.findings, finding), title=title, word=word)


def _home(made: Sequence[Row], finding: Finding) -> int | None:
    """The index of the row that the finding stands on, the best match first."""
    absent = ABSENCES.get(finding.rule)
    ranked = [
        (score, -i) for i, row in enumerate(made) if (score := _fit(row, finding, absent)) > 0
    ]
    if ranked:
        return -max(ranked)[1]
    return 0 if finding.place.message_index is None else None


def _fit(row: Row, finding: Finding, absent: str | None) -> int:
    """How well a row suits a finding; 0 for not at all."""
    place = finding.place
    if row.kind is Kind.GHOST:
        return _fit_of_ghost(row, finding, absent) if absent else 0
    if row.message_index != place.message_index or row.kind in _NEVER:
        return 0
    if place.message_index is None:
        return _fit_of_reply(row, finding)
    if absent is not None and (place.part is not None or row.kind is not Kind.BLANK):
        return 0
    return 3 if row.part == place.part else 1


_NEVER = {Kind.TURN, Kind.TOOLS, Kind.CARRIED}


def _fit_of_ghost(row: Row, finding: Finding, absent: str) -> int:
    near = row.message_index == finding.place.message_index
    named = row.title == absent
    if not near and not named:
        return 0
    made = row.part is not None and row.origin in finding.related
    return 8 * (made and named) + 4 * named + 2 * near + (not row.findings)


def _fit_of_reply(row: Row, finding: Finding) -> int:
    if finding.place.part is not None:
        return 3 if row.part == finding.place.part else 0
    if row.kind in {Kind.TROUBLE, Kind.WAITING}:
        return 4
    if finding.rule == "repeated-tool-call":
        return 3 if row.kind is Kind.CALL else 0
    return 1 if row.role else 0


def _make_home(made: list[Row], finding: Finding, turn: Turn, link: Link | None) -> int:
    """Insert a row for a finding at a message that the delta does not show, or that is absent."""
    place = finding.place
    index = place.message_index or 0
    if finding.rule in ABSENCES or index >= len(turn.messages):
        ghost = absent_row(turn, link, finding, ABSENCES.get(finding.rule, "MISSING"))
        at = _position(made, ghost.message_index or 0)
        made.insert(at, ghost)
        return at
    fresh = list(message_rows(turn, index, turn.messages[index], note="sent again here"))
    at = _position(made, index)
    made[at:at] = fresh
    wanted = [i for i, row in enumerate(fresh) if row.part == place.part]
    return at + (wanted[0] if wanted else 0)


def _position(made: Sequence[Row], index: int) -> int:
    """Before the first row of a later message, else before the reply."""
    for i, row in enumerate(made):
        if row.kind in _NEVER or row.kind is Kind.RELATION:
            continue
        if row.message_index is None or row.message_index >= index:
            return i
    return len(made)
