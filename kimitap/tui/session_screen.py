"""The main screen: sessions and threads at the left, the conversation at the right."""

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from kimitap.lineage import Thread
from kimitap.places import PlaceWord
from kimitap.rules.finding import Finding, Severity
from kimitap.transcript import Kind, Memo, Row, rows
from kimitap.tui.bars import Bar, Status, foot_segments, status_segments
from kimitap.tui.contents import Contents, NodeKind, counted, nodes
from kimitap.tui.conversation_view import ConversationView
from kimitap.tui.detail import detail
from kimitap.tui.filtering import Filter
from kimitap.tui.keys import MAIN_KEYS, bindings
from kimitap.tui.palette import ALARM, FAINT, STRONG
from kimitap.tui.reading import (
    first_place,
    header_key,
    link_for,
    links_of,
    numbered,
    ring,
    threads_from,
)
from kimitap.tui.source import View
from kimitap.tui.text_pane import Block, TextPane
from kimitap.tui.virtual_list import VirtualList
from kimitap.tui.wishes import ShowDiff, ShowHelp, ShowRaw, WriteReport
from kimitap.visible import one_line, visible

FILTER_PAUSE_S = 0.15
"""How long after the last letter the filter waits."""


class SessionScreen(Screen[None]):
    """`apply` hands it a fresh view; the reader's place stays unless he follows."""

    BINDINGS = bindings(MAIN_KEYS)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (120, "-broad")]  # noqa: RUF012 (as Textual declares it)
    VERTICAL_BREAKPOINTS = [(0, "-low"), (22, "-high")]  # noqa: RUF012
    AUTO_FOCUS = "#conversation"

    def __init__(self, place: PlaceWord | None, remedies: Mapping[str, str]) -> None:
        super().__init__()
        self.view = View()
        self.thread: Thread | None = None
        self.live = False
        self.loaded = False
        self.following = False
        self._place = place
        self._remedies = remedies
        self._memos: dict[int, Memo] = {}
        self._numbers: dict[Finding, str] = {}
        self._others_open = False
        self._arrived = False
        self._complaint = ""
        self._pause: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Bar(id="status")
        with Horizontal(id="panes"):
            yield Contents(id="contents")
            with Vertical(id="reading"):
                yield ConversationView(id="conversation")
                yield TextPane(id="detail")
        yield Input(id="filter", placeholder="words, role:tool, tool:name, sev:error", compact=True)
        yield Bar(id="foot")

    def on_mount(self) -> None:
        self.query_one("#foot", Bar).set_segments(foot_segments(MAIN_KEYS))
        self._show_status()

    @property
    def contents(self) -> Contents:
        return self.query_one(Contents)

    @property
    def conversation(self) -> ConversationView:
        return self.query_one(ConversationView)

    # --- what is shown

    def apply(self, view: View) -> None:
        """Show a fresh view. The first goes to the place asked for, or to the worst finding."""
        self.view, self.loaded, self._complaint = view, True, ""
        self._numbers = numbered(view)
        if not self._arrived and view.threads:
            self._arrived = True
            self._arrive(view)
        elif self.thread is not None:
            number = self.thread.number
            fresh = next((t for t in view.threads if t.number == number), None)
            self._open(fresh or view.threads[-1])
        self._list_contents()
        if self.following:
            self._to_the_end()
        self._describe()

    def _arrive(self, view: View) -> None:
        thread, finding, exchange = first_place(view, self._place)
        self._open(thread)
        if finding is not None:
            self._to_finding(finding)
        elif exchange is not None:
            self.conversation.go_to(header_key(exchange))
        else:
            self.conversation.action_end(1)

    def _open(self, thread: Thread) -> None:
        """Show a thread; if it is the one shown already, the place in it stays."""
        same = self.thread is not None and self.thread.number == thread.number
        self.thread = thread
        memo = self._memos.setdefault(thread.number, Memo())
        if not same:
            self.conversation.clear()
        self.conversation.set_rows(rows(thread, self.view.findings, memo))

    def refuse(self, complaint: str) -> None:
        """Say why there is nothing to show; what was shown before stays."""
        self.loaded, self._complaint = True, complaint
        self._describe()

    def set_live(self, live: bool) -> None:
        """Say whether somebody is recording now."""
        if live != self.live:
            self.live = live
            self._show_status()

    def _list_contents(self, select: tuple[str, int] | None = None) -> None:
        shown = nodes(self.view, self.thread.number if self.thread else None, self._others_open)
        self.contents.set_nodes(list(shown), select)

    def _describe(self) -> None:
        """Make the detail pane and the status line speak of the row at the cursor."""
        row = self.conversation.current
        pane = self.query_one("#detail", TextPane)
        shown = detail(row, self._numbers, self._remedies) if row is not None else self._nothing()
        pane.show_blocks(shown)
        for severity in Severity:
            worst = row.severity if row is not None and row.findings else None
            pane.set_class(worst is severity, f"-{severity.value}")
        self._show_status()

    def _nothing(self) -> list[Block]:
        """What to say where there is no row: nothing is recorded, or the filter hides all."""
        if self._arrived:
            hidden = f"Nothing in this thread matches {self.conversation.filter}"
            return [Block(hidden, STRONG), Block("esc drops the filter.", FAINT)]
        if self._complaint:
            return [Block(visible(self._complaint), ALARM[Severity.ERROR])]
        if not self.loaded:
            return []
        other = "No conversation is recorded yet; what else passed is listed at the left."
        empty = "The recording is empty."
        hint = "New turns appear here as they are recorded."
        return [Block(other if self.view.others else empty, STRONG), Block(hint, FAINT)]

    def _show_status(self) -> None:
        row, thread, wanted = self.conversation.current, self.thread, self.conversation.filter
        finding = next(iter(row.findings), None) if row else None
        turns = thread.turns if thread else ()
        session = next((s for s in self.view.sessions if thread in s.threads), None)
        names = [one_line(f"{thread.name} {thread.kind}", 40)] if thread else []
        names += [one_line(w, 60) for w in (session.model, session.agent) if w] if session else []
        status = Status(
            live=self.live,
            lost=self.view.lost,
            counts=counted(self.view.findings),
            finding=f"{self._numbers.get(finding, '')} {finding.rule}" if finding else "",
            turn=f"#{row.exchange} of {turns[-1].exchange}" if row and turns else "",
            filter=f"{wanted}{'  FOLLOW' if self.following else ''}".strip(),
            names=" · ".join(names),
            loading=not self.loaded,
        )
        self.query_one("#status", Bar).set_segments(status_segments(status))

    # --- where the reader goes

    def _to_finding(self, finding: Finding) -> None:
        stops = (i for i, row in enumerate(self.conversation.rows) if finding in row.findings)
        at = next(stops, None)
        if at is not None:
            self.conversation.go_to_row(at)

    def _stops(self) -> list[int]:
        """The rows with findings; under a filter, those of them that it lets through."""
        shown = self.conversation
        return [
            i
            for i, row in enumerate(shown.rows)
            if row.findings and (shown.is_shown(i) or row.inside is not None)
        ]

    def action_finding(self, way: int) -> None:
        """To the next finding in this thread, then in the threads after it, then from the start."""
        if self.thread is None:
            return
        self._show_pane("conversation")
        if not self._stops():
            self._drop_filter()
        at = ring(self.conversation.current_index, self._stops(), way)
        if at is None:
            thread = next(threads_from(self.view, self.thread, way), None)
            if thread is None:
                self.notify("Nothing wrong was found.", markup=False)
                return
            self._open(thread)
            stops = self._stops() or [0]
            at = stops[0] if way > 0 else stops[-1]
        self.conversation.go_to_row(at)

    def action_turn(self, way: int) -> None:
        shown = self.conversation.rows
        headers = [i for i, row in enumerate(shown) if row.kind is Kind.TURN]
        at = ring(self.conversation.current_index, headers, way)
        if at is not None and self.conversation.is_shown(at):
            self.conversation.go_to_row(at)

    def _to_the_end(self) -> None:
        self.conversation.action_end(1)

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        if event.source is self.conversation:
            self._describe()
            if self.focused is not self.contents:
                self._follow_in_contents()
        elif event.source is self.contents and self.focused is self.contents:
            node = self.contents.nodes[event.index]
            if node.kind is NodeKind.TURN:
                self.conversation.go_to(header_key(node.number))

    def _follow_in_contents(self) -> None:
        row = self.conversation.current
        if row is not None and not self.contents.select(("turn", row.exchange)):
            self._list_contents(("turn", row.exchange))

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        if event.source is not self.contents:
            return
        node = self.contents.nodes[event.index]
        match node.kind:
            case NodeKind.OTHERS:
                self._others_open = not self._others_open
                self._list_contents()
            case NodeKind.OTHER:
                self.post_message(ShowRaw(node.number))
            case NodeKind.TURN:
                self._show_pane("conversation")
            case _:
                self._open_node(node.number)

    def _open_node(self, number: int) -> None:
        """Open a thread, or a session's first, and stand on its first finding or its beginning."""
        thread = next((t for t in self.view.threads if t.number == number), None)
        if thread is None:
            return
        self._open(thread)
        stops = self._stops()
        if stops:
            self.conversation.go_to_row(stops[0])
        self._list_contents()
        self._describe()

    def action_pane(self, which: int) -> None:
        """The left pane (-1), the right one (1), or the next one (0)."""
        order = ["contents", "conversation", "detail"]
        at = order.index(self.focused.id) if self.focused and self.focused.id in order else 1
        self._show_pane(order[(at + 1) % 3] if which == 0 else order[max(0, min(1, which))])

    def _show_pane(self, name: str) -> None:
        self.set_class(name == "contents", "-at-contents")
        self.query_one(f"#{name}").focus()

    # --- what the reader asks for

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.add_class("-open")
        field.focus()

    def on_input_changed(self) -> None:
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(FILTER_PAUSE_S, self._filter)

    def on_input_submitted(self) -> None:
        self._filter()
        self._show_pane("conversation")

    def _filter(self) -> None:
        typed = self.query_one("#filter", Input).value
        wanted = Filter.parse(typed, self.conversation.filter.only_findings)
        if wanted != self.conversation.filter:
            self.conversation.set_filter(wanted)
            self._describe()

    def action_only_findings(self) -> None:
        now = self.conversation.filter
        self.conversation.set_filter(Filter(now.words, not now.only_findings))
        self._describe()

    def action_back(self) -> None:
        """Drop the filter, and go to the conversation."""
        self._drop_filter()
        self._show_pane("conversation")
        self._describe()

    def _drop_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.remove_class("-open")
        field.value = ""
        self.conversation.set_filter(Filter())

    def action_follow(self) -> None:
        self.following = not self.following
        if self.following:
            self._to_the_end()
        self._show_status()

    def _pair(self) -> tuple[Thread, Row] | None:
        """The thread and the row at the cursor; where there is none, that is said."""
        row = self.conversation.current
        if self.thread is not None and row is not None:
            return self.thread, row
        self.notify("There is no turn here.", markup=False)
        return None

    def action_diff(self) -> None:
        if pair := self._pair():
            links, link = links_of(pair[0]), link_for(*pair)
            if link is None:
                self.notify("No later request continues this turn.", markup=False)
            else:
                self.post_message(ShowDiff(links, links.index(link)))

    def action_raw(self) -> None:
        node = self.contents.current if self.focused is self.contents else None
        if node is not None and node.kind is NodeKind.OTHER:
            self.post_message(ShowRaw(node.number))
        elif pair := self._pair():
            self.post_message(ShowRaw(pair[1].exchange))

    def action_export(self) -> None:
        if pair := self._pair():
            link = link_for(*pair)
            self.post_message(WriteReport(link.parent.exchange if link else pair[1].exchange))

    def action_help(self) -> None:
        self.post_message(ShowHelp("Conversation", MAIN_KEYS))
