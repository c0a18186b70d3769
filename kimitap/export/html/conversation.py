"""A thread for a page: the rows of the transcript as entries, calls joined to their results."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby

from kimitap.conversation import Turn
from kimitap.export.html.page import Entry, Found, Gap, ThreadPart, TurnPart
from kimitap.export.html.texts import Budget
from kimitap.lineage import Thread
from kimitap.rules.finding import Finding
from kimitap.transcript import SYMBOLS, Key, Kind, Row, lead, partner, rows
from kimitap.transcript.wording import message_line, plural, turn_ending, turn_numbers
from kimitap.visible import one_line, visible

FULL = 40
"""Turns of a thread that are shown in full, beside the first ones and the last."""
ENDS = 3
AROUND = 2
"""Turns before and after a finding that are shown with it."""
LISTED = 300
"""Turns of a gap that get a line."""

_FOLDED = {Kind.TOOLS, Kind.RELATION, Kind.REASONING}
_LINES = {Kind.TURN, Kind.CARRIED, Kind.TROUBLE, Kind.WAITING, Kind.BLANK}
"""What is said on one line: unfolding would not show more."""
_SYSTEM = (300, 3)
"""Characters and lines of a system prompt that are seen at once: it is long, and much the same."""

Numbers = Mapping[Finding, Found]


def thread_part(
    thread: Thread,
    findings: Sequence[Finding],
    told: Numbers,
    focus: int,
    budget: Budget,
    *,
    folded: bool,
) -> ThreadPart:
    """The thread; in full the turns at its ends and around findings, the exchange `focus` first."""
    made = rows(thread, findings)
    full = _full(thread, findings, focus)
    entries = _Entries(thread.name, made, full, told, budget).by_exchange()
    parts: list[TurnPart | Gap] = []
    for shown, run in groupby(thread.turns, key=lambda turn: turn.exchange in full):
        turns = list(run)
        if shown:
            parts += (_turn(turn, entries.get(turn.exchange, ())) for turn in turns)
        else:
            parts.append(_gap(turns))
    title = f"{thread.name} · {visible(thread.kind)} · {plural(len(thread.turns), 'turn')}"
    return ThreadPart(thread.name, thread.kind, title, parts, folded)


def homes(thread: Thread, findings: Sequence[Finding], focus: int) -> dict[Finding, str]:
    """The names of the entries on which a thread's findings stand, as far as they are shown."""
    full = _full(thread, findings, focus)
    return {
        finding: _name(thread.name, i)
        for i, row in enumerate(rows(thread, findings))
        if row.exchange in full
        for finding in row.findings
    }


def _name(thread: str, row: int) -> str:
    return f"{thread}-{row}"


def _full(thread: Thread, findings: Sequence[Finding], focus: int) -> Set[int]:
    count = len(thread.turns)
    if count <= FULL:
        return {turn.exchange for turn in thread.turns}
    ends = {*range(ENDS), *range(count - ENDS, count)}
    wanted = [focus]
    for finding in sorted(findings, key=lambda f: (-f.severity.rank, f.place.exchange)):
        wanted += [finding.place.exchange, *(p.exchange for p in finding.related)]
    for exchange in wanted:
        at = thread.place_of(exchange)
        if at is None or len(ends) >= FULL:
            continue
        ends |= {i for i in range(at - AROUND, at + AROUND + 1) if 0 <= i < count}
    return {thread.turns[i].exchange for i in ends}


def _gap(turns: Sequence[Turn]) -> Gap:
    first, last = turns[0].exchange, turns[-1].exchange
    lines = [_gist(turn) for turn in turns[:LISTED]]
    title = f"{plural(len(turns), 'turn')}, #{first} to #{last}: only in recording.db"
    return Gap(title, lines, max(0, len(turns) - LISTED))


def _gist(turn: Turn) -> str:
    said = message_line(turn.reply.message, 160)
    return visible(f"#{turn.exchange}  {turn.started_at:%H:%M:%S}  {said}")


def _turn(turn: Turn, entries: Sequence[Entry]) -> TurnPart:
    first = entries[0] if entries else None
    own = [entry for entry in entries if entry.kind != Kind.TURN.value]
    if first is not None and first.findings:  # what is wrong with the exchange as a whole
        own.insert(0, first)
    return TurnPart(
        id=f"e{turn.exchange}",
        title=f"#{turn.exchange}",
        numbers=" · ".join((f"{turn.started_at:%H:%M:%S} UTC", *turn_numbers(turn))),
        ending=visible(turn_ending(turn)),
        severity=first.severity if first else "",
        facts=[(name, one_line(value, 600)) for name, value in _facts(turn) if value],
        entries=own,
    )


def _facts(turn: Turn) -> Iterator[tuple[str, str]]:
    reply = turn.reply
    yield "started", f"{turn.started_at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
    yield (
        "request",
        f"{turn.path} ({turn.dialect}, {'streamed' if turn.stream else 'not streamed'})",
    )
    yield "messages", f"{len(turn.messages)}, and {plural(len(turn.tools), 'tool')}"
    yield "agent", turn.agent
    yield "server", turn.server
    yield "model", " → ".join(dict.fromkeys(m for m in (turn.model, reply.model) if m))
    yield "fingerprint", reply.fingerprint
    yield "outcome", f"{turn.outcome.value}{turn.detail and ': ' + turn.detail}"
    yield "first event", "" if turn.first_event_s is None else f"{turn.first_event_s:.3f} s"
    yield "finish reason", reply.finish_reason or ""
    yield "parameters", ", ".join(f"{k}={v}" for k, v in turn.parameters.items())[:2000]


@dataclass(frozen=True)
class _Entries:
    """The entries of a thread's rows; only those of the exchanges in `full` are made."""

    thread: str
    made: Sequence[Row]
    full: Set[int]
    told: Numbers
    budget: Budget

    def by_exchange(self) -> dict[int, list[Entry]]:
        """The entries by their exchange; what is folded into a row is in that row's entry."""
        inner: dict[Key, list[Entry]] = {}
        out: dict[int, list[Entry]] = {}
        kept = [i for i, row in enumerate(self.made) if row.exchange in self.full]
        for i in kept:
            if (into := self.made[i].inside) is not None:
                inner.setdefault(into, []).append(self._entry(i, ()))
        for i in kept:
            row = self.made[i]
            if row.inside is None:
                out.setdefault(row.exchange, []).append(self._entry(i, inner.get(row.key, ())))
        return out

    def _entry(self, at: int, inside: Sequence[Entry]) -> Entry:
        row = self.made[at]
        other = partner(self.made, at)
        joined = self.made[other] if other is not None else None
        if joined is not None and joined.exchange not in self.full:
            joined = None
        system = row.role == "SYS"
        text = row.text if row.kind in _LINES or not row.lines else row.body
        return Entry(
            id=_name(self.thread, at),
            kind=row.kind.value,
            lead=lead(row).strip(" ╎"),
            title=row.title,
            note=row.note,
            severity=row.severity.value if row.severity else "",
            symbol=SYMBOLS[row.severity] if row.severity else "",
            text=self.budget.shown(text, *(_SYSTEM if system else ())),
            line=_line(row),
            folded=row.kind in _FOLDED,
            echo=row.echo.long if row.echo else "",
            kept=row.echo is None or row.echo.kept,
            partner=_name(self.thread, other) if other is not None and joined else "",
            joined=_joined(row, joined) if joined else "",
            findings=[self.told[finding] for finding in row.findings if finding in self.told],
            inside=inside,
        )


def _line(row: Row) -> str:
    """The line of a folded row; of a ghost what became of it, where its text does not say so."""
    if row.kind in _FOLDED:
        return one_line(row.text, 120)
    return one_line(row.text, 200) if row.kind is Kind.GHOST and row.text != row.body else ""


def _joined(row: Row, other: Row) -> str:
    """What the partner is, in words: `its result in #4: 12 lines`."""
    where = f"in #{other.exchange}" if other.exchange != row.exchange else "here"
    match row.kind, other.kind:
        case Kind.CALL, Kind.RESULT:
            return f"↓ its result {where}: {one_line(other.text, 80)}"
        case Kind.CALL, Kind.GHOST:
            return f"↓ {other.title.lower()} {where}"
        case Kind.RESULT, _:
            return f"↑ the call {where}: {one_line(other.text, 80)}"
        case _:
            return f"↑ said {where}"
