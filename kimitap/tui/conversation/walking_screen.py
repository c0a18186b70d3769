"""Where the reader goes on the main screen: findings, hits, turns, threads, the newest turn."""

from kimitap.lineage import Thread
from kimitap.tui.conversation.contents import ALONE, Contents, NodeKind
from kimitap.tui.conversation.filtering import Filter
from kimitap.tui.conversation.first_look import Listing
from kimitap.tui.conversation.reading import NO_TURN, header_key, ring, threads_from
from kimitap.tui.conversation.reading_pane import Remedies
from kimitap.tui.conversation.seeking_screen import SeekingScreen
from kimitap.tui.widgets.virtual_list import VirtualList
from kimitap.tui.wishes import ShowTurn, Tab, Visit


class WalkingScreen(SeekingScreen):
    """The main screen with the ways through it; both panes stand at the same place."""

    def __init__(self, remedies: Remedies) -> None:
        super().__init__(remedies)
        self.following = False

    def open(self, thread: Thread) -> None:
        """Show a thread."""
        self.reading.open(thread, self.view.findings)
        self.seek_on()

    def list_contents(self, select: tuple[str, int] | None = None) -> None:
        """List threads and turns anew; the cursor goes to `select`."""
        self.contents.show_view(self.view, self.thread.number if self.thread else None, select)

    def wait_for(self, exchange: int) -> None:
        """The reader wants to be at this exchange once it is read."""
        raise NotImplementedError

    def action_finding(self, way: int) -> None:
        """To the next hit, where words are searched for; else to the next finding.

        In this thread, then in the threads after it, then from the start.
        """
        if self.thread is None:
            self.notify(NO_TURN, markup=False)
            return
        self.show_pane("conversation")
        if self.awaits_hits:
            return  # it goes to the first once it is found
        searched = self.conversation.filter
        if searched.searches and not (searched.hides and self.reading.stops()):
            self.reading.to_hit(way)
            return
        if not self.reading.stops():
            self.drop_filter()
        at = ring(self.conversation.current_index, self.reading.stops(), way)
        if at is None:
            thread = next(threads_from(self.view, self.thread, way), None)
            if thread is None:
                self.notify("Nothing wrong was found.", markup=False)
                return
            self.open(thread)
            stops = self.reading.stops() or [0]
            at = stops[0] if way > 0 else stops[-1]
        self.conversation.go_to_row(at)
        self._stand()

    def visit(self, wish: Visit) -> None:
        """Open the thread of a place there, with its words lit; nothing is followed any more."""
        threads = self.view.threads
        thread = next((t for t in threads if t.place_of(wish.exchange) is not None), None)
        if thread is None:
            self.notify(f"#{wish.exchange} is in no conversation any more.", markup=False)
            return
        self.drop_filter()
        self.following = False
        self.open(thread)
        self.seek(Filter.parse(wish.words), go=False)
        if wish.finding is None or not self.reading.to_finding(wish.finding):
            self.reading.to_place(wish.exchange, wish.message, wish.part, wish.reply)
        self.list_contents(("turn", wish.exchange))
        self.show_pane("conversation")
        self.describe()

    def action_turn(self, way: int) -> None:
        """To the next turn (1), or the one before (-1); at an end that is said."""
        if self.thread is None:
            self.notify(NO_TURN, markup=False)
        elif not self.reading.to_turn(way):
            end = "last" if way > 0 else "first"
            shown = " that is shown" if self.conversation.filter.active else ""
            key = "}" if way > 0 else "{"
            said = f"This is the {end} turn of {self.thread.name}{shown}: {key} goes on."
            self.notify(said, markup=False)

    def action_thread(self, way: int) -> None:
        """To the next thread (1), or the one before (-1); at an end that is said."""
        threads = self.view.threads
        here = (i for i, thread in enumerate(threads) if thread is self.thread)
        at = next(here, -1) + way
        if self.thread is None:
            self.notify(NO_TURN, markup=False)
            return
        if 0 <= at < len(threads):
            self._open_thread(threads[at].number)
        else:
            end = "last" if way > 0 else "first"
            self.notify(f"{self.thread.name} is the {end} thread.", markup=False)

    def action_partner(self) -> None:
        """From a call to its result, and back."""
        at = self.conversation.partner
        if at is None:
            self.notify("No call or result belongs to this.", markup=False)
        else:
            self.conversation.go_to_row(at)

    def to_the_end(self) -> None:
        """To the newest turn that is no side request, whatever thread it is of."""
        threads = [thread for thread in self.view.threads if thread.kind != "side"]
        newest = max(threads, key=lambda thread: thread.turns[-1].exchange, default=None)
        if newest is not None and newest is not self.thread:
            self.open(newest)
            self.list_contents()
        self.conversation.action_end(1)

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        if event.source is self.conversation:
            self._stand()
        elif event.source is self.contents and self.focused is self.contents:
            node = self.contents.current
            if node is None:
                return
            if node.kind is NodeKind.TURN:
                self.conversation.go_to(header_key(node.number))
                self._stand()
            elif isinstance(shown := self.contents.nodes, Listing) and event.index < len(shown) - 1:
                self.wait_for(node.number)

    def _stand(self) -> None:
        """Say all there is to say of the row at the cursor, in both panes.

        A key that moves the cursor far calls it at once, and all is painted together; it is called
        again when the list tells that it moved, and has nothing left to do then.
        """
        if self.conversation.cursor < self.conversation.count - 1:
            self.following = False  # he reads elsewhere
        self.describe()
        if self.focused is not self.contents:
            self._follow_in_contents()

    def _follow_in_contents(self) -> None:
        row = self.conversation.current
        if row is not None and not self.contents.select(("turn", row.exchange)):
            self.list_contents(("turn", row.exchange))

    def on_contents_opened(self, event: Contents.Opened) -> None:
        """A thread, or a session's first: stand on its first finding or its beginning."""
        if event.node.kind is NodeKind.TURN:
            if event.node.worst is not None and self.reading.to_worst(event.node.number):
                self._stand()
            self.show_pane("conversation")
        elif event.node.kind in ALONE:
            self.post_message(ShowTurn(event.node.number, Tab.WIRE))
        else:
            self._open_thread(event.node.number)

    def _open_thread(self, number: int) -> None:
        thread = next((t for t in self.view.threads if t.number == number), None)
        if thread is None:
            return
        self.open(thread)
        stops = self.reading.stops()
        if stops:
            self.conversation.go_to_row(stops[0])
        self.list_contents()
        self.describe()

    def action_pane(self, which: int) -> None:
        """The left pane (-1), the right one (1), or the next one (0)."""
        order = ["contents", "conversation", "detail"]
        at = order.index(self.focused.id) if self.focused and self.focused.id in order else 1
        self.show_pane(order[(at + 1) % 3] if which == 0 else order[max(0, min(1, which))])

    def action_follow(self) -> None:
        self.following = not self.following
        if self.following:
            self.to_the_end()
        self.show_status()
