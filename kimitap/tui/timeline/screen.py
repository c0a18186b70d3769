"""A thread's numbers, turn by turn: tokens, cache, time to first token, speed, and findings."""

from rich.segment import Segment
from textual.app import ComposeResult

from kimitap.lineage import Thread
from kimitap.rules.finding import Finding, Place, Severity
from kimitap.transcript import SYMBOLS
from kimitap.transcript.numbers import TurnNumbers, numbers_of
from kimitap.tui.conversation.contents import counted
from kimitap.tui.conversation.reading import links_of, ring, threads_from
from kimitap.tui.findings.text import worst
from kimitap.tui.keys import TIMELINE_KEYS, bindings
from kimitap.tui.palette import ALARM, FAINT, STRONG
from kimitap.tui.source import View
from kimitap.tui.timeline.plot import TimelinePlot
from kimitap.tui.timeline.words import found_segments, numbers_line, numbers_segments
from kimitap.tui.widgets.bars import Bar
from kimitap.tui.widgets.view_screen import ViewScreen
from kimitap.tui.wishes import Copy, ShowDiff, ShowTurn, Tab, Visit
from kimitap.visible import one_line


class TimelineScreen(ViewScreen):
    """One thread; it opens at the turn `exchange`, and stays at a turn while more is recorded."""

    KEYS = TIMELINE_KEYS
    NAME = "Timeline"
    BINDINGS = bindings(TIMELINE_KEYS)
    AUTO_FOCUS = "#plot"
    DEFAULT_CSS = """
    TimelineScreen #numbers { background: #1a212a; }
    TimelineScreen #found { background: #1a212a; }
    """

    def __init__(self, view: View, thread_number: int, exchange: int) -> None:
        super().__init__(view)
        self.thread: Thread | None = None
        self._number = thread_number
        self._exchange = exchange
        self._found: dict[int, list[Finding]] = {}

    def compose(self) -> ComposeResult:
        yield Bar(id="title")
        yield Bar(id="numbers")
        yield Bar(id="found")
        yield TimelinePlot(id="plot")
        yield Bar(id="foot")

    @property
    def plot(self) -> TimelinePlot:
        return self.query_one(TimelinePlot)

    @property
    def at(self) -> TurnNumbers | None:
        """The numbers of the turn at the cursor; None where the thread is gone."""
        return self.plot.numbers[self.plot.cursor] if self.plot.numbers else None

    # --- what is shown

    def apply(self, view: View) -> None:
        if self.thread is not None and self.at is not None:
            self._exchange = self.at.exchange  # a key may just have moved the cursor
        super().apply(view)

    def shown(self) -> None:
        thread = self._thread_now()
        self.thread, self._found = thread, {}
        for finding in self.view.findings:
            if thread is not None and finding.thread == thread.name:
                self._found.setdefault(finding.place.exchange, []).append(finding)
        turns = thread.turns if thread else ()
        marks = {
            i: _worst(self._found[turn.exchange])
            for i, turn in enumerate(turns)
            if turn.exchange in self._found
        }
        numbers = numbers_of(thread) if thread else ()
        place = thread.place_of(self._exchange) if thread else None
        self.plot.show(numbers, marks, place if place is not None else len(turns) - 1)

    def _thread_now(self) -> Thread | None:
        """The thread, or where it is gone the one that its turn is in now."""
        threads = self.view.threads
        same = next((t for t in threads if t.number == self._number), None)
        found = same or next((t for t in threads if t.place_of(self._exchange) is not None), None)
        self._number = found.number if found else self._number
        return found

    def lost(self) -> str:
        return "" if self.thread else f"t{self._number} was taken out of the recording."

    def on_timeline_plot_moved(self) -> None:
        """Make the lines at the top speak of the turn at the cursor."""
        thread, at = self.thread, self.at
        if thread is None or at is None:
            self.set_title([Segment(" timeline  nothing is recorded in this thread", STRONG)])
            for name in ("#numbers", "#found"):
                self.query_one(name, Bar).set_segments(())
            return
        self._exchange = at.exchange
        self.set_title(self._title(thread))
        found = self._found.get(at.exchange, [])
        self.query_one("#numbers", Bar).set_segments(numbers_segments(at, found))
        cursor, axis = self.plot.cursor, self.plot.axis
        shared = len(axis.things(axis.column(cursor)))
        said = found_segments(thread.turns[cursor], thread.links[cursor], found, shared)
        self.query_one("#found", Bar).set_segments(said)

    def _title(self, thread: Thread) -> list[Segment]:
        each = self.plot.axis.each
        turns = f"turn {self.plot.cursor + 1:,} of {len(thread.turns):,}"
        shared = f" · {each} turns a column" if each > 1 else ""
        name = one_line(f"{thread.name} {thread.kind}", 40)
        found = [finding for here in self._found.values() for finding in here]
        counts = [Segment(f" {SYMBOLS[s]} {n}", ALARM[s]) for s, n in counted(found)]
        return [
            Segment(f" timeline  {name} · {turns}{shared} ", STRONG),
            *(counts or [Segment(" nothing wrong found", FAINT)]),
        ]

    # --- where the reader goes

    def action_move(self, by: int) -> None:
        self.plot.cursor += by

    def action_page(self, way: int) -> None:
        self.plot.cursor += way * self.plot.page

    def action_end(self, way: int) -> None:
        self.plot.cursor = 0 if way < 0 else len(self.plot.numbers) - 1

    def action_finding(self, way: int) -> None:
        """To the next turn with a finding; behind the last, into the next thread that has one."""
        at = ring(self.plot.cursor, sorted(self.plot.marks), way)
        if at is not None:
            self.plot.cursor = at
            return
        thread = next(threads_from(self.view, self.thread, way), None) if self.thread else None
        if thread is None:
            self.notify("Nothing wrong was found.", markup=False)
            return
        places = {f.place.exchange for f in self.view.findings if f.thread == thread.name}
        stops = [turn.exchange for turn in thread.turns if turn.exchange in places]
        if stops:
            self._open(thread, stops[0] if way > 0 else stops[-1])

    def action_thread(self, way: int) -> None:
        threads = self.view.threads
        at = next((i for i, t in enumerate(threads) if t.number == self._number), None)
        if at is not None and 0 <= at + way < len(threads):
            self._open(threads[at + way], threads[at + way].turns[-1].exchange)
        elif self.thread is not None:
            end = "last" if way > 0 else "first"
            self.notify(f"{self.thread.name} is the {end} thread.", markup=False)

    def _open(self, thread: Thread, exchange: int) -> None:
        self._number, self._exchange = thread.number, exchange
        self.shown()

    # --- what the reader asks for

    def action_visit(self) -> None:
        """To the turn in the conversation; to the worst that was found in it."""
        if self._place() and self.at is not None:
            found = worst(self._found.get(self.at.exchange, []))
            self.post_message(Visit(self.at.exchange, finding=found))

    def on_timeline_plot_chosen(self) -> None:
        self.action_visit()

    def action_open(self, tab: str) -> None:
        if place := self._place():
            self.post_message(ShowTurn(place.exchange, Tab(tab)))

    def action_diff(self) -> None:
        """The turn and its reply against the next request; of the last turn, the pair before it."""
        if self.thread is None or self.at is None:
            self._place()  # which says so
            return
        place = self.plot.cursor
        link = self.thread.link_after(self.at.exchange) or self.thread.links[place]
        links = links_of(self.thread)
        if link is None:
            self.notify("No later request continues this turn.", markup=False)
        else:
            self.post_message(ShowDiff(links, links.index(link)))

    def here(self) -> Place | None:
        return None if self.at is None else Place(self.at.exchange)

    def action_copy(self) -> None:
        if self._place() and self.at is not None:
            self.post_message(Copy(f"#{self.at.exchange} {numbers_line(self.at)}", "the numbers"))


def _worst(found: list[Finding]) -> Severity:
    return max((finding.severity for finding in found), key=lambda severity: severity.rank)
