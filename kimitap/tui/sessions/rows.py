"""The list of sessions as rows: sorted, filtered, and each session's tree unfolded or not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from kimitap.analysis import asked
from kimitap.exchange import Exchange
from kimitap.places import PlaceWord
from kimitap.transcript.tree import Branch, BranchKind
from kimitap.transcript.wording import plural
from kimitap.tui.sessions.overview import Entry, Tally, together
from kimitap.visible import one_line

FIELDS = ("agent", "model", "sev", "rule")
"""What may stand before a colon in the filter."""


class Order(StrEnum):
    """What the sessions are sorted by."""

    NEWEST = "newest"
    FINDINGS = "most findings"
    TOKENS = "most tokens"
    TURNS = "most turns"

    @property
    def next(self) -> "Order":
        orders = list(Order)
        return orders[(orders.index(self) + 1) % len(orders)]


class RowKind(StrEnum):
    """What a row is."""

    SESSION = "session"
    BRANCH = "branch"
    """A line of the session's tree."""
    OTHERS = "others"
    OTHER = "other"


Key = tuple[str, int, str]
"""What a row stays known by while more is recorded."""


@dataclass(frozen=True)
class SessionRow:
    """One row. `exchange` is where it leads; `title` and `text` are one line and clean."""

    kind: RowKind
    exchange: int
    title: str = ""
    text: str = ""
    entry: Entry | None = None
    branch: Branch | None = None
    tally: Tally | None = None
    opened: bool = False
    folds: bool = False

    @property
    def key(self) -> Key:
        kind = self.branch.kind.value if self.branch else self.kind.value
        return kind, self.exchange, self.title if kind == BranchKind.EVENT else ""

    @property
    def place(self) -> PlaceWord | None:
        """The session or thread that the row stands for; None: neither."""
        if self.kind is RowKind.SESSION and self.entry:
            return PlaceWord("s", self.entry.session.number)
        if self.branch is None or self.branch.kind is BranchKind.ASIDES:
            return None
        return PlaceWord("t", self.branch.thread.number)


@dataclass(frozen=True)
class Look:
    """How the list is looked at. `turned` are the folds that the reader turned."""

    order: Order = Order.NEWEST
    words: tuple[str, ...] = ()
    turned: frozenset[Key] = frozenset()
    all_folded: bool = False


def rows(
    entries: Sequence[Entry], others: Sequence[Exchange], look: Look | None = None
) -> list[SessionRow]:
    """All rows, top to bottom. Sessions begin unfolded, side requests and other exchanges not.

    A session of one thread, of which there is nothing to draw, is a single row.
    """
    look = look or Look()
    out: list[SessionRow] = []
    tests = [_test(word) for word in look.words]
    kept = (entry for entry in entries if all(test(entry) for test in tests))
    for entry in sorted(kept, key=_by(look.order), reverse=True):
        out += _session(entry, look)
    if others and not look.words:
        out += _others(others, look)
    return out


def _by(order: Order) -> Callable[[Entry], tuple[float, ...]]:
    """What the order compares; of equals the newest comes first."""

    def newest(entry: Entry) -> tuple[float, ...]:
        return (entry.tally.started_at.timestamp(), entry.session.number)

    match order:
        case Order.FINDINGS:
            return lambda entry: (*entry.tally.badness, *newest(entry))
        case Order.TOKENS:
            return lambda entry: (entry.tally.tokens or 0, *newest(entry))
        case Order.TURNS:
            return lambda entry: (entry.tally.turns, *newest(entry))
        case _:
            return newest


def _test(word: str) -> Callable[[Entry], bool]:
    name, _, value = word.partition(":")
    if name == "sev" and value:
        return lambda entry: any(s.startswith(value) for s in entry.fields["sev"].split())
    if name in FIELDS and value:
        return lambda entry: value in entry.fields[name]
    return lambda entry: word in entry.fields[""]


def _session(entry: Entry, look: Look) -> Iterator[SessionRow]:
    row = SessionRow(
        RowKind.SESSION,
        entry.session.number,
        entry.session.name,
        entry.task,
        entry=entry,
        tally=entry.tally,
        folds=not entry.plain,
    )
    opened = not entry.plain and (row.key in look.turned) is look.all_folded
    yield replace(row, opened=opened)
    asides_open = False
    for branch in entry.tree if opened else ():
        if branch.inside and not asides_open:
            continue
        row = _branch(entry, branch)
        if row.folds:
            asides_open = row.key in look.turned
            row = replace(row, opened=asides_open)
        yield row


def _branch(entry: Entry, branch: Branch) -> SessionRow:
    words = " · ".join(text for text in (branch.text, branch.task) if text)
    tally = None
    if branch.kind is not BranchKind.EVENT:
        tally = together([entry.threads[thread.name] for thread in branch.threads])
    return SessionRow(
        RowKind.BRANCH,
        branch.exchange,
        branch.title,
        words,
        entry=entry,
        branch=branch,
        tally=tally,
        folds=branch.kind is BranchKind.ASIDES,
    )


def _others(others: Sequence[Exchange], look: Look) -> Iterator[SessionRow]:
    title = plural(len(others), "other exchange")
    row = SessionRow(RowKind.OTHERS, 0, title, "no conversation", folds=True)
    row = replace(row, opened=row.key in look.turned)
    yield row
    for other in others if row.opened else ():
        said = f"{one_line(asked(other), 120)} {other.status or other.outcome}"
        yield SessionRow(RowKind.OTHER, other.number, f"#{other.number}", said)
