"""The main screen: sessions and threads at the left, the conversation at the right."""

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import Screen

from kimitap.lineage import Thread
from kimitap.places import PlaceWord
from kimitap.rules.finding import Finding
from kimitap.transcript import Row
from kimitap.tui.bars import Bar, foot_segments, status_segments
from kimitap.tui.contents import Contents, NodeKind, nodes
from kimitap.tui.conversation_view import ConversationView
from kimitap.tui.detail import complaint, hidden_by, nothing_yet
from kimitap.tui.filter_field import FilterField
from kimitap.tui.filtering import Filter
from kimitap.tui.keys import MAIN_KEYS, bindings
from kimitap.tui.reading import (
    first_place,
    header_key,
    link_for,
    links_of,
    numbered,
    ring,
    threads_from,
)
from kimitap.tui.reading_pane import ReadingPane
from kimitap.tui.source import View
from kimitap.tui.status import Standing, status_of
from kimitap.tui.text_pane import Block
from kimitap.tui.virtual_list import VirtualList
from kimitap.tui.wishes import ShowDiff, ShowHelp, ShowPrompt, ShowRaw, WriteReport


class SessionScreen(Screen[None]):
    """`apply` hands it a fresh view; the reader's place stays unless he follows."""

    BINDINGS = bindings(MAIN_KEYS)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (120, "-broad")]  # noqa: RUF012 (as Textual declares it)
    VERTICAL_BREAKPOINTS = [(0, "-low"), (22, "-high")]  # noqa: RUF012
    AUTO_FOCUS = "#conversation"

    def __init__(self, place: PlaceWord | None, remedies: Mapping[str, str]) -> None:
        super().__init__()
        self.view = View()
        self.live = False
        self.loaded = False
        self.following = False
        self._place = place
        self._remedies = remedies
        self._numbers: dict[Finding, str] = {}
        self._others_open = False
        self._arrived = False
        self._complaint = ""

    def compose(self) -> ComposeResult:
        yield Bar(id="status")
        with Horizontal(id="panes"):
            yield Contents(id="contents")
            yield ReadingPane(self._remedies, id="reading")
        yield FilterField(id="filter")
        yield Bar(id="foot")

    def on_mount(self) -> None:
        self.query_one("#foot", Bar).set_segments(foot_segments(MAIN_KEYS))
        self._show_status()

    @property
    def contents(self) -> Contents:
        return self.query_one(Contents)

    @property
    def reading(self) -> ReadingPane:
        return self.query_one(ReadingPane)

    @property
    def conversation(self) -> ConversationView:
        return self.reading.conversation

    @property
    def thread(self) -> Thread | None:
        """The thread that is shown."""
        return self.reading.thread

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
            self.reading.to_finding(finding)
        elif exchange is not None:
            self.conversation.go_to(header_key(exchange))
        else:
            self.conversation.action_end(1)

    def _open(self, thread: Thread) -> None:
        self.reading.open(thread, self.view.findings)

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
        self.reading.describe(self._numbers, self._nothing)
        self._show_status()

    def _nothing(self) -> list[Block]:
        """What to say where there is no row: nothing is recorded, or the filter hides all."""
        if self._arrived:
            return hidden_by(str(self.conversation.filter))
        if self._complaint:
            return complaint(self._complaint)
        return nothing_yet(bool(self.view.others)) if self.loaded else []

    def _show_status(self) -> None:
        at = Standing(self.view, self.thread, self.conversation.current, self._numbers)
        status = status_of(
            at,
            self.conversation.filter,
            live=self.live,
            following=self.following,
            loading=not self.loaded,
        )
        self.query_one("#status", Bar).set_segments(status_segments(status))

    # --- where the reader goes

    def action_finding(self, way: int) -> None:
        """To the next finding in this thread, then in the threads after it, then from the start."""
        if self.thread is None:
            return
        self._show_pane("conversation")
        if not self.reading.stops():
            self._drop_filter()
        at = ring(self.conversation.current_index, self.reading.stops(), way)
        if at is None:
            thread = next(threads_from(self.view, self.thread, way), None)
            if thread is None:
                self.notify("Nothing wrong was found.", markup=False)
                return
            self._open(thread)
            stops = self.reading.stops() or [0]
            at = stops[0] if way > 0 else stops[-1]
        self.conversation.go_to_row(at)

    def action_turn(self, way: int) -> None:
        self.reading.to_turn(way)

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
        stops = self.reading.stops()
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
        self.query_one(FilterField).open()

    def on_filter_field_typed(self, event: FilterField.Typed) -> None:
        wanted = Filter.parse(event.words, self.conversation.filter.only_findings)
        if wanted != self.conversation.filter:
            self.conversation.set_filter(wanted)
            self._describe()
        if event.done:
            self._show_pane("conversation")

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
        self.query_one(FilterField).close()
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

    def action_prompt(self) -> None:
        if pair := self._pair():
            thread, row = pair
            numbers = [turn.exchange for turn in thread.turns]
            at = numbers.index(row.exchange)
            self.post_message(ShowPrompt(numbers, at, row.message_index))

    def action_export(self) -> None:
        if pair := self._pair():
            link = link_for(*pair)
            self.post_message(WriteReport(link.parent.exchange if link else pair[1].exchange))

    def action_help(self) -> None:
        self.post_message(ShowHelp("Conversation", MAIN_KEYS))
