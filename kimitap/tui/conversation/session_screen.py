"""The main screen: sessions and threads at the left, the conversation at the right."""

from bisect import bisect_left
from collections.abc import Sequence

from kimitap.lineage import Thread
from kimitap.places import PlaceWord
from kimitap.rules.finding import Finding
from kimitap.store import Glimpse
from kimitap.tui.conversation.arrival import Arrival
from kimitap.tui.conversation.contents import ALONE, Contents, NodeKind
from kimitap.tui.conversation.detail import complaint, hidden_by, nothing_yet
from kimitap.tui.conversation.filtering import Filter
from kimitap.tui.conversation.first_look import LONG, Listing, reading, still_reading
from kimitap.tui.conversation.news import News
from kimitap.tui.conversation.reader_screen import ReaderScreen
from kimitap.tui.conversation.reading import first_place, header_key, numbered, ring, threads_from
from kimitap.tui.conversation.reading_pane import Remedies
from kimitap.tui.conversation.status import Standing, status_of
from kimitap.tui.keys import MAIN_KEYS, bindings
from kimitap.tui.source import View
from kimitap.tui.widgets.bars import Bar, status_segments
from kimitap.tui.widgets.filter_field import FilterField
from kimitap.tui.widgets.text_pane import Block
from kimitap.tui.widgets.virtual_list import VirtualList
from kimitap.tui.wishes import ShowTurn, Tab


class SessionScreen(ReaderScreen):
    """`apply` hands it a fresh view; the reader's place stays unless he follows."""

    KEYS = MAIN_KEYS
    BINDINGS = bindings(MAIN_KEYS)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (120, "-broad")]  # noqa: RUF012 (as Textual declares it)
    VERTICAL_BREAKPOINTS = [(0, "-low"), (22, "-high")]  # noqa: RUF012
    AUTO_FOCUS = "#conversation"

    def __init__(self, place: PlaceWord | None, remedies: Remedies) -> None:
        super().__init__(remedies)
        self.live = False
        self.loaded = False
        self.following = False
        self._arrival = Arrival(place)
        self._total = 0
        """How many exchanges there are, as far as known before they are read."""
        self._numbers: dict[Finding, str] = {}
        self._news = News()
        self._complaint = ""

    # --- what is shown

    def glimpse(self, seen: Sequence[Glimpse]) -> None:
        """Before anything is read: list the exchanges, if they are many."""
        self._total = len(seen)
        if self.thread is None and self._total >= LONG:
            numbers, place = [glimpse.number for glimpse in seen], self._arrival.place
            at = bisect_left(numbers, place.number) if place else self._total - 1
            self.contents.show_listing(Listing(seen), at)
            self._show_pane("contents")
        self._describe()

    @property
    def listed(self) -> Sequence[int]:
        """The numbers of the exchanges that are listed while nothing else is shown."""
        shown = self.contents.nodes
        return [one.number for one in shown.seen] if isinstance(shown, Listing) else ()

    def apply(self, view: View) -> None:
        """Show a fresh view. The first goes to the place asked for, or to the worst finding."""
        if view.unread and not view.tells_more_than(self.view):
            self.view = view
            (self.show_status if self.thread is not None else self._describe)()
            return
        if not self.loaded:
            self._news.know(view.threads)
        self.view, self.loaded, self._complaint = view, not view.unread, ""
        self._numbers = numbered(view)
        if self.thread is not None:
            self._open_again(view, self.thread.number)
        here = self.app.screen is self or self.thread is None
        if here and self._arrival.is_now(view, self._standing()):
            self._arrive(view)
        if self.thread is not None or self.loaded:
            self._list_contents()
        if self.following:
            self._to_the_end()
        self._describe()

    def _open_again(self, view: View, number: int) -> None:
        """The thread that is open, as it is now; where it was deleted, the best of those left."""
        fresh = next((t for t in view.threads if t.number == number), None)
        if fresh is not None:
            self._open(fresh)
        elif view.threads:
            self._open(first_place(view, None)[0])
        else:
            self.reading.close()

    def _arrive(self, view: View) -> None:
        if self.thread is None and isinstance(self.contents.nodes, Listing):
            self._show_pane("conversation")
        thread, finding, exchange = first_place(view, self._arrival.place)
        self._open(thread)
        if finding is not None:
            self.reading.to_finding(finding)
        elif exchange is not None:
            self.conversation.go_to(header_key(exchange))
        else:
            self.conversation.action_end(1)
        self._arrival.arrived(view, self._standing())

    def _standing(self) -> tuple[int, object] | None:
        spot = self.conversation.spot()
        return (self.thread.number, (spot and spot.key, self.following)) if self.thread else None

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
            self.show_status()

    def _list_contents(self, select: tuple[str, int] | None = None) -> None:
        self.contents.show_view(self.view, self.thread.number if self.thread else None, select)

    def _describe(self) -> None:
        """Make the detail pane and the status line speak of the row at the cursor."""
        self.reading.describe(self._numbers, self._nothing)
        if self.thread is not None:
            self._news.see(self.thread, self.conversation.last_seen)
        self.show_status()

    def _nothing(self) -> list[Block]:
        """What to say where there is no row: nothing is recorded, or the filter hides all."""
        if self.thread is not None and self.view.threads:
            return hidden_by(str(self.conversation.filter))
        if self._complaint:
            return complaint(self._complaint)
        if self.loaded:
            return nothing_yet(bool(self.view.others))
        return still_reading(self._progress(), isinstance(self.contents.nodes, Listing))

    def _progress(self) -> str:
        """How much is read; empty where all is."""
        total = max(self._total, self.view.unread)
        read = total - self.view.unread if self.view.unread else 0
        return "" if self.loaded else reading(read, total)

    def show_status(self) -> None:
        at = Standing(self.view, self.thread, self.conversation.current, self._numbers)
        status = status_of(
            at,
            self._filter_words(),
            fresh=self._fresh(),
            live=self.live,
            following=self.following,
            loading=self._progress(),
        )
        self.query_one("#status", Bar).set_segments(status_segments(status))

    def _fresh(self) -> tuple[int, int]:
        """Turns not seen yet: of the open thread, and of all others."""
        if self.thread is None:
            return 0, 0
        others = self._news.elsewhere(self.view.threads, self.thread)
        return self._news.of(self.thread), others

    def _filter_words(self) -> str:
        shown, words = self.conversation, [str(self.conversation.filter)]
        if shown.filter.words:
            at = shown.hits.index(i) + 1 if (i := shown.current_index) in shown.hits else 0
            words.append(f"hit {at or '·'}/{len(shown.hits)}" if shown.hits else "no hit")
        if self.marked is not None:
            words.append(f"MARKED {self.marked}")
        return "  ".join(word for word in words if word)

    # --- where the reader goes

    def action_finding(self, way: int) -> None:
        """To the next hit, where words are searched for; else to the next finding.

        In this thread, then in the threads after it, then from the start.
        """
        if self.thread is None:
            return
        self._show_pane("conversation")
        searched = self.conversation.filter
        if searched.words and not (searched.hides and self.reading.stops()):
            self.reading.to_hit(way)
            return
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

    def visit(
        self,
        exchange: int,
        message: int | None = None,
        part: int | None = None,
        reply: bool = False,
        words: str = "",
    ) -> None:
        """Open the thread of an exchange there, with `words` lit; nothing is followed any more."""
        threads = self.view.threads
        thread = next((t for t in threads if t.place_of(exchange) is not None), None)
        if thread is None:
            self.notify(f"#{exchange} is in no conversation any more.", markup=False)
            return
        self._drop_filter()
        self.following = False
        self._open(thread)
        self.conversation.set_filter(Filter.parse(words))
        self.reading.to_place(exchange, message, part, reply)
        self._list_contents(("turn", exchange))
        self._show_pane("conversation")
        self._describe()

    def action_turn(self, way: int) -> None:
        self.reading.to_turn(way)

    def action_partner(self) -> None:
        """From a call to its result, and back."""
        at = self.conversation.partner
        if at is None:
            self.notify("No call or result belongs to this.", markup=False)
        else:
            self.conversation.go_to_row(at)

    def _to_the_end(self) -> None:
        """To the newest turn that is no side request, whatever thread it is of."""
        threads = [thread for thread in self.view.threads if thread.kind != "side"]
        newest = max(threads, key=lambda thread: thread.turns[-1].exchange, default=None)
        if newest is not None and newest is not self.thread:
            self._open(newest)
            self._list_contents()
        self.conversation.action_end(1)

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        if event.source is self.conversation:
            if self.conversation.cursor < self.conversation.count - 1:
                self.following = False  # he reads elsewhere
            self._describe()
            if self.focused is not self.contents:
                self._follow_in_contents()
        elif event.source is self.contents and self.focused is self.contents:
            node = self.contents.current
            if node is None:
                return
            if node.kind is NodeKind.TURN:
                self.conversation.go_to(header_key(node.number))
            elif isinstance(self.contents.nodes, Listing) and event.index != self._total - 1:
                self._arrival.place = PlaceWord("", node.number)

    def _follow_in_contents(self) -> None:
        row = self.conversation.current
        if row is not None and not self.contents.select(("turn", row.exchange)):
            self._list_contents(("turn", row.exchange))

    def on_contents_opened(self, event: Contents.Opened) -> None:
        """A thread, or a session's first: stand on its first finding or its beginning."""
        if event.node.kind is NodeKind.TURN:
            self._show_pane("conversation")
        elif event.node.kind in ALONE:
            self.post_message(ShowTurn(event.node.number, Tab.WIRE))
        else:
            self._open_thread(event.node.number)

    def _open_thread(self, number: int) -> None:
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

    # --- what the reader looks for

    def action_find(self) -> None:
        self.query_one(FilterField).open()

    def action_filter(self) -> None:
        self.query_one(FilterField).open(hides=True)

    def on_filter_field_typed(self, event: FilterField.Typed) -> None:
        now = self.conversation.filter
        wanted = Filter.parse(event.words, now.only_findings, event.hides)
        if wanted != now:
            self.conversation.set_filter(wanted)
            hits = self.conversation.hits
            if not event.hides and hits and self.conversation.current_index not in hits:
                self.reading.to_hit(1)
            self._describe()
        if event.done:
            self._show_pane("conversation")

    def action_only_findings(self) -> None:
        now = self.conversation.filter
        self.conversation.set_filter(Filter(now.words, not now.only_findings, now.hides))
        self._describe()

    def action_back(self) -> None:
        """Drop the search, and go to the conversation."""
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
        self.show_status()
