"""The main screen: sessions and threads at the left, the conversation at the right."""

from bisect import bisect_left
from collections.abc import Sequence

from kimitap.places import PlaceWord
from kimitap.rules.finding import Finding
from kimitap.store import Glimpse
from kimitap.tui.conversation.arrival import Arrival
from kimitap.tui.conversation.detail import complaint, hidden_by, nothing_yet
from kimitap.tui.conversation.first_look import LONG, Listing, reading, still_reading
from kimitap.tui.conversation.news import News
from kimitap.tui.conversation.reading import first_place, header_key, is_there, numbered
from kimitap.tui.conversation.reading_pane import Remedies
from kimitap.tui.conversation.status import Standing, status_of
from kimitap.tui.conversation.walking_screen import WalkingScreen
from kimitap.tui.keys import MAIN_KEYS, bindings
from kimitap.tui.source import View
from kimitap.tui.widgets.bars import Bar, status_segments
from kimitap.tui.widgets.text_pane import Block
from kimitap.tui.wishes import ShowTurn, Tab


class SessionScreen(WalkingScreen):
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
        self._arrival = Arrival(place)
        self._asked = place
        """The place that the command named, until it is known whether it is there."""
        self._total = 0
        """How many exchanges there are, as far as known before they are read."""
        self._numbers: dict[Finding, str] = {}
        self._news = News()
        self._complaint = ""

    # --- what is shown

    def wait_for(self, exchange: int) -> None:
        self._arrival.place = PlaceWord("", exchange)

    def glimpse(self, seen: Sequence[Glimpse]) -> None:
        """Before anything is read: list the exchanges, if they are many."""
        self._total = len(seen)
        if self.thread is None and self._total >= LONG:
            numbers, place = [glimpse.number for glimpse in seen], self._arrival.place
            at = bisect_left(numbers, place.number) if place else self._total - 1
            self.contents.show_listing(Listing(seen), at)
            self.show_pane("contents")
        self.describe()

    @property
    def listed(self) -> Sequence[int]:
        """The numbers of the exchanges that are listed while nothing else is shown."""
        shown = self.contents.nodes
        return [one.number for one in shown.seen] if isinstance(shown, Listing) else ()

    def apply(self, view: View) -> None:
        """Show a fresh view. The first goes to the place asked for, or to the worst finding."""
        if view.unread and not view.tells_more_than(self.view):
            self.view = view
            (self.show_status if self.thread is not None else self.describe)()
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
            self.list_contents()
        if self.following and self.conversation.astray:
            self.following = False  # he scrolled away
        if self.following:
            self.to_the_end()
        self.describe()
        self._look_for_asked(view)

    def _look_for_asked(self, view: View) -> None:
        """Show the exchange that was asked for where it is in no conversation; say so where the
        place is not there."""
        asked, there = self._asked, self._asked is not None and is_there(view, self._asked)
        if asked is None or not (there or self.loaded):
            return
        self._asked = None
        if not there:
            self.notify(f"{asked} is not in this recording.", severity="error", markup=False)
        elif not asked.kind and any(other.number == asked.number for other in view.others):
            self.post_message(ShowTurn(asked.number, Tab.WIRE))

    def _open_again(self, view: View, number: int) -> None:
        """The thread that is open, as it is now; where it was deleted, the best of those left."""
        fresh = next((t for t in view.threads if t.number == number), None)
        if fresh is not None:
            self.open(fresh)
        elif view.threads:
            self.open(first_place(view, None)[0])
        else:
            self.reading.close()

    def _arrive(self, view: View) -> None:
        if self.thread is None and isinstance(self.contents.nodes, Listing):
            self.show_pane("conversation")
        thread, finding, exchange = first_place(view, self._arrival.place)
        self.open(thread)
        if finding is not None:
            self.reading.to_finding(finding)
        elif exchange is not None:
            self.conversation.go_to(header_key(exchange))
        else:
            self.conversation.action_end(1)
        self._arrival.arrived(view, self._standing())

    def _standing(self) -> tuple[int, object] | None:
        spot, astray = self.conversation.spot(), self.conversation.astray
        if self.thread is None:
            return None
        return self.thread.number, (spot and spot.key, self.following, astray)

    def refuse(self, complaint: str) -> None:
        """Say why there is nothing to show; what was shown before stays."""
        self.loaded, self._complaint = True, complaint
        self.describe()

    def set_live(self, live: bool) -> None:
        """Say whether somebody is recording now."""
        if live != self.live:
            self.live = live
            self.show_status()

    def describe(self) -> None:
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
            self.filter_words(),
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
