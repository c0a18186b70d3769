"""The right pane: a thread's conversation, and below it what there is to say of the row."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from kimitap.lineage import Thread
from kimitap.rules.finding import Finding, Severity
from kimitap.transcript import Kind, Memo, Row, rows
from kimitap.tui.conversation.conversation_view import ConversationView
from kimitap.tui.conversation.detail import detail
from kimitap.tui.conversation.findings_map import FindingsMap
from kimitap.tui.conversation.reading import ring
from kimitap.tui.widgets.text_pane import Block, TextPane

Remedies = Callable[[], Mapping[str, str]]
"""What to do about a finding, by its rule's name; asked once there are findings."""

NO_MESSAGE = {Kind.TURN, Kind.TOOLS, Kind.RELATION, Kind.CARRIED}
"""Kinds of rows that stand for no message."""


class ReadingPane(Vertical):
    """Shows one thread at a time; the reader's place in it stays while it grows."""

    def __init__(self, remedies: Remedies, id: str | None = None) -> None:
        super().__init__(id=id)
        self.thread: Thread | None = None
        self._remedies = remedies
        self._memos: dict[int, Memo] = {}
        self._said: tuple[Row, Mapping[Finding, str]] | None = None
        """The row that the lower part speaks of, and the findings' numbers."""

    def compose(self) -> ComposeResult:
        with Horizontal(id="thread"):
            yield ConversationView(id="conversation")
            yield FindingsMap(id="map")
        yield TextPane(id="detail")

    @property
    def conversation(self) -> ConversationView:
        return self.query_one(ConversationView)

    def open(self, thread: Thread, findings: Sequence[Finding]) -> None:
        """Show a thread; if it is the one shown already, the place in it stays."""
        same = self.thread is not None and self.thread.number == thread.number
        self.thread = thread
        memo = self._memos.setdefault(thread.number, Memo())
        if not same:
            self.conversation.clear()
        self.conversation.set_rows(rows(thread, findings, memo))

    def close(self) -> None:
        """Show no thread: the last one was deleted."""
        self.thread = None
        self.conversation.clear()
        self.conversation.set_rows(())

    def describe(self, numbers: Mapping[Finding, str], nothing: Callable[[], list[Block]]) -> None:
        """Make the lower part speak of the row at the cursor; `nothing` is for where none is."""
        row = self.conversation.current
        self.conversation.join()
        self._draw_map()
        if row is not None and self._said is not None:
            before, known = self._said
            if before is row and known is numbers:
                return
        self._said = None if row is None else (row, numbers)
        pane = self.query_one(TextPane)
        said = detail(row, numbers, self._remedies()) if row is not None else nothing()
        pane.show_blocks(said, about=row and row.key)
        for severity in Severity:
            worst = row.severity if row is not None and row.findings else None
            pane.set_class(worst is severity, f"-{severity.value}")

    def _draw_map(self) -> None:
        shown = self.conversation
        self.query_one(FindingsMap).show(shown.marks, shown.count)

    def on_findings_map_clicked(self, event: FindingsMap.Clicked) -> None:
        self.conversation.cursor = event.line
        self.conversation.centre()

    def to_hit(self, way: int) -> None:
        """To the next row (1) that holds what is searched for, or the one before (-1), around."""
        hits, here = self.conversation.hits, self.conversation.current_index
        at = ring(here, hits, way)
        if at is None and hits:
            at = hits[0] if way > 0 else hits[-1]
        if at is not None:
            self.conversation.go_to_row(at)

    def to_place(self, exchange: int, message: int | None, part: int | None, reply: bool) -> bool:
        """Put the cursor on a turn, on a message of its request, or on its reply."""
        rows = self.conversation.rows
        here = [i for i, row in enumerate(rows) if row.exchange == exchange]
        if message is not None or reply:
            plain = [i for i in here if rows[i].kind not in NO_MESSAGE]
            near = [i for i in plain if rows[i].message_index == message]
            exact = [i for i in near if rows[i].part == part]
            here = exact or near or here
        if here:
            self.conversation.go_to_row(here[0])
        return bool(here)

    def to_finding(self, finding: Finding) -> bool:
        """Put the cursor on the row that carries a finding; False where none does.

        Its words may be others by now: then it is known by its rule and its place.
        """
        shown = [
            (i, found) for i, row in enumerate(self.conversation.rows) for found in row.findings
        ]
        same = (i for i, found in shown if found == finding)
        known = (finding.rule, finding.place)
        near = (i for i, found in shown if (found.rule, found.place) == known)
        at = next(chain(same, near), None)
        if at is not None:
            self.conversation.go_to_row(at)
        return at is not None

    def to_worst(self, exchange: int) -> bool:
        """Put the cursor on the first of the worst findings of a turn; False where it has none."""
        shown = self.conversation.rows
        here = [i for i, row in enumerate(shown) if row.exchange == exchange and row.findings]
        if here:
            self.conversation.go_to_row(max(here, key=lambda i: _rank(shown[i])))
        return bool(here)

    def to_turn(self, way: int) -> bool:
        """To the next turn's header (1), or the one before (-1); False where there is none."""
        shown = self.conversation
        rows = enumerate(shown.rows)
        headers = [i for i, row in rows if row.kind is Kind.TURN and shown.is_shown(i)]
        at = ring(shown.current_index, headers, way)
        if at is not None:
            self.conversation.go_to_row(at)
        return at is not None

    def stops(self) -> list[int]:
        """The rows with findings; under a filter, those of them that it lets through."""
        shown = self.conversation
        return [
            i
            for i, row in enumerate(shown.rows)
            if row.findings and (shown.is_shown(i) or row.inside is not None)
        ]


def _rank(row: Row) -> int:
    return row.severity.rank if row.severity else -1
