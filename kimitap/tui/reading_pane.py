"""The right pane: a thread's conversation, and below it what there is to say of the row."""

from collections.abc import Callable, Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from kimitap.lineage import Thread
from kimitap.rules.finding import Finding, Severity
from kimitap.transcript import Kind, Memo, rows
from kimitap.tui.conversation_view import ConversationView
from kimitap.tui.detail import detail
from kimitap.tui.reading import ring
from kimitap.tui.text_pane import Block, TextPane


class ReadingPane(Vertical):
    """Shows one thread at a time; the reader's place in it stays while it grows."""

    def __init__(self, remedies: Mapping[str, str], id: str | None = None) -> None:
        super().__init__(id=id)
        self.thread: Thread | None = None
        self._remedies = remedies
        self._memos: dict[int, Memo] = {}

    def compose(self) -> ComposeResult:
        yield ConversationView(id="conversation")
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

    def describe(self, numbers: Mapping[Finding, str], nothing: Callable[[], list[Block]]) -> None:
        """Make the lower part speak of the row at the cursor; `nothing` is for where none is."""
        row = self.conversation.current
        pane = self.query_one(TextPane)
        pane.show_blocks(detail(row, numbers, self._remedies) if row is not None else nothing())
        for severity in Severity:
            worst = row.severity if row is not None and row.findings else None
            pane.set_class(worst is severity, f"-{severity.value}")

    def to_finding(self, finding: Finding) -> None:
        """Put the cursor on the row of a finding, if it stands in this thread."""
        shown = enumerate(self.conversation.rows)
        at = next((i for i, row in shown if finding in row.findings), None)
        if at is not None:
            self.conversation.go_to_row(at)

    def to_turn(self, way: int) -> None:
        """To the next turn's header (1), or the one before (-1)."""
        shown = enumerate(self.conversation.rows)
        headers = [i for i, row in shown if row.kind is Kind.TURN]
        at = ring(self.conversation.current_index, headers, way)
        if at is not None and self.conversation.is_shown(at):
            self.conversation.go_to_row(at)

    def stops(self) -> list[int]:
        """The rows with findings; under a filter, those of them that it lets through."""
        shown = self.conversation
        return [
            i
            for i, row in enumerate(shown.rows)
            if row.findings and (shown.is_shown(i) or row.inside is not None)
        ]
