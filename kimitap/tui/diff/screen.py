"""Two sides against each other: a reply and the next request, two turns, threads or sessions."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segment
from textual.app import ComposeResult
from textual.worker import Worker, WorkerState

from kimitap.diff import Comparison, TurnPair
from kimitap.errors import KimitapError
from kimitap.lineage import Mark
from kimitap.places import PlaceWord
from kimitap.rules.finding import Place
from kimitap.tui.conversation.reading import is_there
from kimitap.tui.diff.blocks import diff_entries
from kimitap.tui.diff.course import course_entries, thread_of
from kimitap.tui.diff.entries import Entry, Head, Note
from kimitap.tui.diff.list import DiffList
from kimitap.tui.diff.title import side_segments, title_segments
from kimitap.tui.keys import DIFF_KEYS, bindings
from kimitap.tui.source import View
from kimitap.tui.widgets.bars import Bar
from kimitap.tui.widgets.view_screen import ViewScreen
from kimitap.tui.widgets.virtual_list import VirtualList
from kimitap.tui.wishes import Copy, WriteComparison, WriteReport
from kimitap.visible import visible


@dataclass(frozen=True)
class _Made:
    """What a worker made of one pair."""

    comparison: Comparison
    at: int
    entries: tuple[Entry, ...]


class DiffScreen(ViewScreen):
    """The pairs of a comparison, one at a time; `]` and `[` step through them.

    `compare` makes the comparison; it and all that is laid out of it run in workers, and a
    `KimitapError` of it is shown instead. It opens at pair `at`, else at the first that differs.
    `places` are what was asked to be compared, for the report on both; without them the report is
    that on the pair's first exchange.
    """

    KEYS = DIFF_KEYS
    NAME = "Diff"
    BINDINGS = bindings(DIFF_KEYS)
    AUTO_FOCUS = "#diff"

    def __init__(
        self,
        view: View,
        compare: Callable[[], Comparison],
        at: int | None = None,
        places: tuple[PlaceWord, PlaceWord] | None = None,
    ) -> None:
        super().__init__(view)
        self._compare = compare
        self._asked = at
        self._places = places
        self._made: _Made | None = None
        self._wanted = 0
        self._known: set[PlaceWord] = set()
        """The sides that the view had: one that was just recorded comes with the next."""

    def compose(self) -> ComposeResult:
        yield Bar(id="title")
        yield Bar(id="sides")
        yield DiffList(id="diff")
        yield Bar(id="foot")

    def begin(self) -> None:
        super().begin()
        self.set_title([Segment(" comparing …")])
        self._load(None)

    def shown(self) -> None:
        """It stays as it was made: two sides at one moment."""

    def lost(self) -> str:
        pair = self.pair
        sides = [turn.exchange for turn in (pair.old, pair.new) if turn] if pair else []
        places = self._places or tuple(PlaceWord("", number) for number in sides)
        there = {place for place in places if is_there(self.view, place)}
        self._known |= there
        gone = next((place for place in places if place in self._known - there), None)
        return "" if gone is None else f"{gone} was taken out of the recording."

    @property
    def diff_list(self) -> DiffList:
        return self.query_one(DiffList)

    @property
    def pair(self) -> TurnPair | None:
        """The pair that is shown; None while the first is made, or where there is none."""
        return self._made.comparison.turns[self._made.at] if self._made else None

    # --- what is shown

    def _load(self, at: int | None) -> None:
        """Make a pair in a worker; what was asked for before is dropped."""
        known = self._made.comparison if self._made else None
        self.run_worker(lambda: self._make(known, at), thread=True, exclusive=True)

    def _make(self, known: Comparison | None, at: int | None) -> _Made | str:
        try:
            comparison = known or self._compare()
            turns = comparison.turns
            if not turns:
                return "There is nothing to compare."
            if at is None:
                at = self._first(comparison)
            course = course_entries(comparison, at)
            return _Made(comparison, at, (*course, *diff_entries(turns[at].diff())))
        except KimitapError as error:
            return visible(str(error))

    def _first(self, comparison: Comparison) -> int:
        """The pair asked for, else the first that differs."""
        if self._asked is not None:
            return max(0, min(self._asked, len(comparison.turns) - 1))
        turns = enumerate(comparison.turns)
        return next((i for i, turn in turns if turn.mark is not Mark.SAME), 0)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is not WorkerState.SUCCESS:
            return
        made = event.worker.result
        if isinstance(made, str):
            self.set_title([Segment(" diff")])
            self.diff_list.show_entries((Note(made),))
        elif isinstance(made, _Made):
            self._made, self._wanted = made, made.at
            self.diff_list.show_entries(made.entries)
            self._show_title()

    def _show_title(self) -> None:
        made, pair = self._made, self.pair
        if made is None or pair is None:
            return
        thread = thread_of(made.comparison, made.at)
        heads = [entry for entry in made.entries if isinstance(entry, Head)]
        title = title_segments(thread, made.at, len(made.comparison.turns), heads)
        self.set_title(title)
        half = self.diff_list.half if self.diff_list.split else None
        self.query_one("#sides", Bar).set_segments(side_segments(pair, half))

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_title)

    # --- what the reader asks for

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        step = self.diff_list.step_at(event.index)
        if step is None:
            self.diff_list.toggle(event.index)
        else:
            self._wanted = step
            self._load(step)

    def action_change(self, way: int) -> None:
        if not self.diff_list.to_change(way):
            step = "next" if way > 0 else "previous"
            more = self._made is not None and self._can_step(way)
            key = f": {']' if way > 0 else '['} goes to the {step} pair" if more else ""
            self.notify(f"No {step} change here{key}.", markup=False)

    def _can_step(self, way: int) -> bool:
        made = self._made
        return made is not None and 0 <= self._wanted + way < len(made.comparison.turns)

    def action_turn(self, way: int) -> None:
        if self._can_step(way):
            self._wanted += way
            self._load(self._wanted)
        else:
            end = "last" if way > 0 else "first"
            self.notify(f"This is the {end} pair.", markup=False)

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.diff_list.wrap = not self.diff_list.wrap
        self.diff_list.lay_out()

    def action_split(self) -> None:
        """Side by side or unified, whatever the width."""
        self.diff_list.asked_split = not self.diff_list.split
        self.diff_list.lay_out()
        self._show_title()

    def here(self) -> Place | None:
        """The second side's exchange: the request in which something is missing."""
        pair = self.pair
        turn = (pair.new or pair.old) if pair else None
        return None if turn is None else Place(turn.exchange)

    def action_copy(self) -> None:
        hunk = self.diff_list.hunk()
        if hunk:
            self.post_message(Copy(hunk, "change"))
        else:
            self.notify("There is no change here to copy.", markup=False)

    def action_export(self) -> None:
        pair = self.pair
        turn = (pair.old or pair.new) if pair is not None else None
        if turn is None:
            self.notify("There is no pair here to report on.", markup=False)
        elif self._places is None:
            self.post_message(WriteReport(turn.exchange))
        elif pair is not None and pair.link is not None:  # in the order in which they are shown
            numbers = pair.link.parent.exchange, pair.link.child.exchange
            self.post_message(WriteComparison(*(PlaceWord("", n) for n in numbers)))
        else:
            self.post_message(WriteComparison(*self._places))
