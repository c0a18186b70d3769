"""A thread as rows, with its findings where they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kimitap.conversation import Turn
from kimitap.lineage import Link, Thread
from kimitap.rules.finding import Finding, Severity
from kimitap.transcript.ghosts import LOST_REASONING, lost_reasoning, stray
from kimitap.transcript.row import Kind, Row
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

_Seen = tuple[Turn, Link | None, Link | None, tuple[Finding, ...]]


@dataclass
class Memo:
    """Rows of turns that did not change since they were last asked for, by exchange."""

    turns: dict[int, tuple[_Seen, tuple[Row, ...]]] = field(default_factory=dict)


def rows(thread: Thread, findings: Sequence[Finding], memo: Memo | None = None) -> list[Row]:
    """The rows of a thread, oldest first; `findings` of other threads are passed over.

    With the same `memo` again, only turns that changed are worked out anew.
    """
    memo = memo if memo is not None else Memo()
    found: dict[int, list[Finding]] = {}
    for finding in findings:
        if finding.thread in {thread.name, ""}:
            found.setdefault(finding.place.exchange, []).append(finding)
    out: list[Row] = []
    for i, turn in enumerate(thread.turns):
        after = thread.links[i + 1] if i + 1 < len(thread.links) else None
        seen = (turn, thread.links[i], after, tuple(found.get(turn.exchange, ())))
        known = memo.turns.get(turn.exchange)
        if known is None or not _same(known[0], seen):
            before = thread.turns[i - 1] if i else None
            made = _turn_rows(thread, turn, before, seen)
            memo.turns[turn.exchange] = known = (seen, made)
        out.extend(known[1])
    return out


def _same(old: _Seen, new: _Seen) -> bool:
    return all(a is b for a, b in zip(old[:3], new[:3], strict=True)) and old[3] == new[3]


def _turn_rows(thread: Thread, turn: Turn, before: Turn | None, seen: _Seen) -> tuple[Row, ...]:
    _, link, after, findings = seen
    resumed = thread.resumed and before is None
    made = [
        header(turn),
        *request_rows(turn, link, resumed=resumed),
        *reply_rows(turn, after, before),
    ]
    if not any(f.rule == "reasoning-dropped" for f in findings):
        made = [row for row in made if row.title != LOST_REASONING]
    for finding in findings:
        _put(made, finding, turn, link)
    return tuple(_shaded(made, findings))


def _put(made: list[Row], finding: Finding, turn: Turn, link: Link | None) -> None:
    """Hang the finding on its row; make the row where there is none."""
    at = _home(made, finding)
    if at is None:
        at = _make_home(made, finding, turn, link)
    row = made[at]
    made[at] = replace(row, findings=(*row.findings, finding))


def _home(made: Sequence[Row], finding: Finding) -> int | None:
    """The index of the row that the finding stands on, the best match first."""
    place, absent = finding.place, ABSENCES.get(finding.rule)
    ranked = [
        (score, -i) for i, row in enumerate(made) if (score := _fit(row, finding, absent)) > 0
    ]
    if ranked:
        return -max(ranked)[1]
    return 0 if place.message_index is None else None


def _fit(row: Row, finding: Finding, absent: str | None) -> int:
    """How well a row suits a finding; 0 for not at all."""
    place = finding.place
    if row.kind is Kind.GHOST:
        if absent is None or place.message_index is None:
            return 0
        near = row.message_index == place.message_index
        origin = row.origin is not None and row.origin in finding.related and row.part is not None
        named = row.title == absent
        return (
            8 * origin * named + 4 * named + 2 * near + (not row.findings) if named or near else 0
        )
    if row.message_index != place.message_index or row.kind in {Kind.TURN, Kind.TOOLS}:
        return 0
    if place.message_index is None:
        return _fit_of_reply(row, finding)
    if absent is not None and row.kind not in {Kind.BLANK, Kind.TEXT}:
        return 0
    return 3 if row.part == place.part else 1


def _fit_of_reply(row: Row, finding: Finding) -> int:
    if finding.place.part is not None:
        return 3 if row.part == finding.place.part else 0
    if row.kind in {Kind.TROUBLE, Kind.RELATION, Kind.WAITING}:
        return 3
    return 1 if row.role else 0


def _make_home(made: list[Row], finding: Finding, turn: Turn, link: Link | None) -> int:
    """Insert a row for a finding at a message that the delta does not show, or that is absent."""
    index = finding.place.message_index or 0
    title = ABSENCES.get(finding.rule)
    if title == LOST_REASONING and link is not None:
        fresh = [replace(lost_reasoning(link), message_index=index)]
    elif title is not None or index >= len(turn.messages):
        fresh = [stray(turn.exchange, finding.place, title or "MISSING", finding.message)]
    else:
        message = turn.messages[index]
        fresh = list(message_rows(turn, index, message, note="sent again in this request"))
    at = _position(made, index)
    made[at:at] = fresh
    wanted = [i for i, row in enumerate(fresh) if row.part == finding.place.part]
    return at + (wanted[0] if wanted else 0)


def _position(made: Sequence[Row], index: int) -> int:
    """Before the first row of a later message, else before the reply."""
    for i, row in enumerate(made):
        if row.kind in {Kind.TURN, Kind.RELATION, Kind.TOOLS, Kind.CARRIED}:
            continue
        if row.message_index is None or row.message_index >= index:
            return i
    return len(made)


def _shaded(made: Sequence[Row], findings: Sequence[Finding]) -> list[Row]:
    """Every row with the severity that it is drawn in; a ghost is as bad as its turn's loss."""
    losses = [f.severity for f in findings if f.rule in ABSENCES]
    worst = max(losses, key=lambda s: s.rank, default=None)
    return [
        replace(row, severity=severity) if (severity := _shade(row, worst)) else row for row in made
    ]


def _shade(row: Row, worst: Severity | None) -> Severity | None:
    if row.findings:
        return max((f.severity for f in row.findings), key=lambda s: s.rank)
    return worst if row.kind is Kind.GHOST else None
