"""The left pane: sessions, their threads, and the turns of the thread that is open."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import overload

from rich.cells import cell_len
from rich.segment import Segment
from textual.message import Message

from kimitap.conversation import Turn
from kimitap.lineage import Thread
from kimitap.rules.finding import Finding, Severity
from kimitap.transcript import SYMBOLS
from kimitap.transcript.wording import clock, plural, turn_ending
from kimitap.tui.palette import ALARM, FAINT, NAME, NORMAL, STRONG
from kimitap.tui.source import View
from kimitap.tui.widgets.virtual_list import Line, VirtualList
from kimitap.tui.widgets.wrapping import fit
from kimitap.visible import one_line

Counts = Mapping[Severity, int]


class NodeKind(StrEnum):
    SESSION = "session"
    THREAD = "thread"
    TURN = "turn"
    OTHERS = "others"
    OTHER = "other"
    EXCHANGE = "exchange"
    """Any exchange, before it was read."""
    FAILED = "failed"
    """An exchange, before it was read, that ended badly."""


ALONE = frozenset({NodeKind.OTHER, NodeKind.EXCHANGE, NodeKind.FAILED})
"""Nodes of exchanges that stand in no conversation, or not yet."""


@dataclass(frozen=True)
class Node:
    """A line of the contents. `number` is its first (or only) exchange, `thread` its thread's."""

    kind: NodeKind
    number: int
    thread: int | None
    text: str
    counts: tuple[tuple[Severity, int], ...] = ()
    worst: Severity | None = None

    @property
    def key(self) -> tuple[str, int]:
        return self.kind.value, self.number


class Nodes(Sequence[Node]):
    """All lines, top to bottom; only the open thread has its turns below it.

    Those are made when one of them is looked at: there may be thousands.
    """

    def __init__(self) -> None:
        self._heads: list[Node] = []
        self._places: dict[tuple[str, int], int] = {}
        self._turns: Sequence[Turn] = ()
        self._first = 0
        """The line of the first turn."""
        self._thread: Thread | None = None
        self._found: Mapping[int, Sequence[Finding]] = {}

    def add(self, node: Node) -> None:
        """A line below the others."""
        self._places[node.key] = len(self)
        self._heads.append(node)

    def open(self, thread: Thread, found: Sequence[Finding]) -> None:
        """The turns of a thread below the others."""
        at: dict[int, list[Finding]] = {}
        for finding in found:
            at.setdefault(finding.place.exchange, []).append(finding)
        self._thread, self._turns, self._found = thread, thread.turns, at
        self._first = len(self._heads)

    def at(self, key: tuple[str, int]) -> int | None:
        """The line of a node; None where there is none of that key."""
        if key[0] == NodeKind.TURN:
            place = self._thread.place_of(key[1]) if self._thread else None
            return None if place is None else self._first + place
        return self._places.get(key)

    def __len__(self) -> int:
        return len(self._heads) + len(self._turns)

    @overload
    def __getitem__(self, index: int) -> Node: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Node]: ...
    def __getitem__(self, index: int | slice) -> Node | Sequence[Node]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = index + len(self) if index < 0 else index
        down = index - self._first
        if self._thread is None or down < 0:
            return self._heads[index]
        if down >= len(self._turns):
            return self._heads[index - len(self._turns)]
        return self._turn(self._turns[down], self._thread.number)

    def _turn(self, turn: Turn, thread: int) -> Node:
        here = sorted(self._found.get(turn.exchange, ()), key=lambda f: -f.severity.rank)
        text = f"#{turn.exchange:<4} {clock(turn.started_at)} {_gist(turn, here)}"
        worst = here[0].severity if here else None
        return Node(NodeKind.TURN, turn.exchange, thread, text, worst=worst)


def nodes(view: View, open_thread: int | None, others_open: bool) -> Nodes:
    """The lines that a view has, with the turns of one thread."""
    out, by_thread = Nodes(), _by_thread(view.findings)
    for session in view.sessions:
        found = [f for t in session.threads for f in by_thread.get(t.name, [])]
        text = " · ".join(one_line(w, 40) for w in (session.agent, session.model) if w)
        text = f"{session.name} {text}"
        out.add(Node(NodeKind.SESSION, session.number, None, text, counted(found)))
        for thread in session.threads:
            here = by_thread.get(thread.name, [])
            text = (
                f"{thread.name} {one_line(thread.kind, 20)} · {plural(len(thread.turns), 'turn')}"
            )
            out.add(Node(NodeKind.THREAD, thread.number, thread.number, text, counted(here)))
            if thread.number == open_thread:
                out.open(thread, here)
    for other in _others(view, others_open):
        out.add(other)
    return out


def _by_thread(findings: Sequence[Finding]) -> Mapping[str, list[Finding]]:
    out: dict[str, list[Finding]] = {}
    for finding in findings:
        out.setdefault(finding.thread, []).append(finding)
    return out


def _others(view: View, opened: bool) -> Iterator[Node]:
    if not view.others:
        return
    from kimitap.analysis import asked  # loaded by who read them: not before the first paint

    yield Node(NodeKind.OTHERS, 0, None, plural(len(view.others), "other exchange"))
    for other in view.others if opened else ():
        said = f"{one_line(asked(other), 90)} {other.status or other.outcome}"
        yield Node(NodeKind.OTHER, other.number, None, f"#{other.number} {said}")


def _gist(turn: Turn, found: Sequence[Finding]) -> str:
    """What a turn was about, in a word or two: its worst finding, its trouble, its calls."""
    if found:
        return found[0].rule
    calls = turn.reply.message.tool_calls
    if calls:
        more = f" +{len(calls) - 1}" if len(calls) > 1 else ""
        return f"{one_line(calls[0].name, 40)}{more}"
    return turn_ending(turn) or one_line(turn.reply.message.text, 40)


def counted(findings: Sequence[Finding]) -> tuple[tuple[Severity, int], ...]:
    """How many there are of each severity, the worst first, none left out that is not zero."""
    found = Counter(f.severity for f in findings)
    return tuple((s, found[s]) for s in Severity if found[s])


class Contents(VirtualList):
    """Sessions and threads, with what was found in each."""

    class Opened(Message):
        """The reader wants what stands at a line: a session, a thread, a turn, an exchange."""

        def __init__(self, node: Node) -> None:
            super().__init__()
            self.node = node

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.nodes: Sequence[Node] = []
        self._view = View()
        self._thread: int | None = None
        self._others_open = False

    def show_view(
        self, view: View, thread: int | None, select: tuple[str, int] | None = None
    ) -> None:
        """Show what `view` says, the turns of `thread` open.

        The cursor goes to `select`, or all stays where the reader sees it.
        """
        self._view, self._thread = view, thread
        here, top = self.current, self.scroll_offset.y
        wanted = select or (here.key if here else None)
        seen = self.nodes[top].key if top < len(self.nodes) else None
        self.nodes = fresh = nodes(view, thread, self._others_open)
        at = fresh.at(wanted) if wanted else None
        cursor = self.cursor if at is None else at
        first = fresh.at(seen) if seen else None
        self.show(len(fresh), cursor=cursor, top=self.top_with(cursor, first, self.down))
        if select is not None:
            self.reveal()

    def show_listing(self, listing: Sequence[Node], at: int) -> None:
        """Show nodes that need not be there yet, the cursor at one of them."""
        self.nodes = listing
        self.show(len(listing), cursor=at)

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        node = self.nodes[event.index]
        if node.kind is NodeKind.OTHERS:
            self._others_open = not self._others_open
            self.show_view(self._view, self._thread)
        else:
            self.post_message(self.Opened(node))

    @property
    def current(self) -> Node | None:
        """The node at the cursor."""
        return self.nodes[self.cursor] if 0 <= self.cursor < len(self.nodes) else None

    def select(self, key: tuple[str, int]) -> bool:
        """Put the cursor on a node; False where there is none of that key."""
        at = self.nodes.at(key) if isinstance(self.nodes, Nodes) else None
        if at is not None:
            self.cursor = at
        return at is not None

    def paint(self, index: int, width: int) -> Line:
        node = self.nodes[index]
        counts = [Segment(f" {SYMBOLS[s]}{n}", ALARM[s]) for s, n in node.counts]
        room = width - sum(cell_len(segment.text) for segment in counts)
        match node.kind:
            case NodeKind.SESSION:
                segments = [Segment(fit(node.text, room), STRONG)]
            case NodeKind.THREAD:
                segments = [Segment(fit(f"└ {node.text}", room), NAME)]
            case NodeKind.TURN:
                style = ALARM[node.worst] if node.worst else NORMAL
                mark = SYMBOLS[node.worst] if node.worst else " "
                segments = [Segment(fit(f"  {mark} {node.text}", room), style)]
            case NodeKind.EXCHANGE:
                segments = [Segment(fit(f"  {node.text}", room), NORMAL)]
            case NodeKind.FAILED:
                error = Severity.ERROR
                segments = [Segment(fit(f"{SYMBOLS[error]} {node.text}", room), ALARM[error])]
            case _:
                indent = "" if node.kind is NodeKind.OTHERS else "  "
                segments = [Segment(fit(f"{indent}{node.text}", room), FAINT)]
        gap = room - sum(cell_len(segment.text) for segment in segments)
        return Line([*segments, Segment(" " * gap), *counts])
