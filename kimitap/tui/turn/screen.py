"""One exchange from all sides: its messages, JSON, bytes, headers, prompt and times."""

import re
from collections.abc import Sequence

from kimitap.rules import finding
from kimitap.tui.conversation.reading import ring
from kimitap.tui.keys import TURN_KEYS, bindings
from kimitap.tui.source import View
from kimitap.tui.turn.face_screen import AS_TEXT, FaceScreen
from kimitap.tui.turn.faces import Readers, place_in
from kimitap.tui.turn.tabs import TabLine
from kimitap.tui.turn.text import SoughtText
from kimitap.tui.turn.work import Prepared, Rewrapped, Whole
from kimitap.tui.widgets.filter_field import FilterField
from kimitap.tui.widgets.outline import Outline
from kimitap.tui.widgets.text_pane import lay
from kimitap.tui.wishes import Copy, Replay, ShowTimeline, Tab, WriteReport

_MANY = 100
"""So many entries are unfolded in a worker."""


class TurnScreen(FaceScreen):
    """`]` and `[` go through the exchange's thread and keep the tab, `n` and `N` to its findings.

    An exchange that is in no thread has `alone`, all such, to go through.
    """

    BINDINGS = bindings(TURN_KEYS)

    def __init__(
        self,
        view: View,
        number: int,
        tab: Tab,
        readers: Readers,
        message: int | None = None,
        alone: Sequence[int] = (),
    ) -> None:
        super().__init__(view, number, tab, readers, message)
        self._alone = alone

    def lost(self) -> str:
        number = self.place.number
        here = self.place.turn or self.place.other or number in self._alone
        return "" if here else f"#{number} was taken out of the recording."

    # --- where the reader goes

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        self.action_tab(event.tab)

    def action_tab(self, tab: str) -> None:
        if Tab(tab) not in self.place.tabs:
            self.notify("No dialect speaks this exchange: it has no such tab.", markup=False)
            return
        self._tab = Tab(tab)
        self._show()

    def action_step(self, way: int) -> None:
        """To the next tab (1), or the one before (-1), around the end."""
        tabs = self.place.tabs
        self._tab = tabs[(tabs.index(self.tab) + way) % len(tabs)]
        self._show()

    def action_turn(self, way: int) -> None:
        """To the next turn of the thread (1), or the one before (-1); at an end that is said."""
        thread = self.place.thread
        numbers = [turn.exchange for turn in thread.turns] if thread else self._alone
        at = ring(self.place.number, numbers, way)
        if at is None:
            end = "last" if way > 0 else "first"
            where = f"turn of {thread.name}" if thread else "of the other exchanges"
            self.notify(f"#{self.place.number} is the {end} {where}.", markup=False)
            return
        self._go_to(at, None)

    def action_finding(self, way: int) -> None:
        """To the next hit, where words are searched for; else to the thread's next finding."""
        if self._pattern is not None:
            self.pane.to_hit(way)
            self._say()
        elif (found := self._next_finding(way)) is not None:
            self._go_to(found.exchange, found.message_index)
        else:
            told = "No finding" if way > 0 else "No earlier finding"
            self.notify(f"{told} of this thread is left.", markup=False)

    def _next_finding(self, way: int) -> finding.Place | None:
        """Where the next finding of the thread stands; one of this turn only if it is elsewhere."""
        thread = self.place.thread
        if thread is None:
            return None
        found = [f.place for f in self.view.findings if f.thread == thread.name]
        stops = sorted({_rank(place): place for place in found}.items())
        here = self.place.number, self._message if self._message is not None else -1
        behind = [place for rank, place in stops if (rank > here if way > 0 else rank < here)]
        return behind[0 if way > 0 else -1] if behind else None

    def _go_to(self, exchange: int, message: int | None) -> None:
        self.place = place_in(self.view, exchange)
        self._made, self._old, self._message = {}, set(), message
        self._show()

    def action_section(self, way: int) -> None:
        """To the next section of the tab (1), or the one before (-1); at an end that is said."""
        before = self.pane.cursor
        self.pane.to_stop(way)
        if self.pane.cursor == before:
            end = "last" if way > 0 else "first"
            self.notify(f"This is the {end} section.", markup=False)

    def action_absent(self, way: int) -> None:
        pane = self.pane
        if isinstance(pane, SoughtText):
            before = pane.cursor
            pane.go_ring(pane.lines_of(lambda block: block.absent), way)
            if pane.cursor != before:
                return
        there = "No other part" if self.tab is Tab.PROMPT else "Tab 6 is the prompt: no part here"
        self.notify(f"{there} is absent from it.", markup=False)

    def _outline(self) -> Outline | None:
        """What shows the tab, where it folds; else that is said."""
        if isinstance(pane := self.pane, Outline):
            return pane
        self.notify("Nothing folds here.", markup=False)
        return None

    def action_unfold(self) -> None:
        if pane := self._outline():
            pane.unfold()

    def action_fold(self) -> None:
        if pane := self._outline():
            pane.fold()

    def action_level(self, way: int) -> None:
        pane, face = self._outline(), self.face
        if pane is None:
            return
        turned = pane.level(way)
        if way < 0 and turned:
            pane.turn_level(turned)
        elif way < 0:
            self.notify("There is nothing more to fold.", markup=False)
        elif len(turned) < _MANY:
            self._turn_level(turned, bool(turned) and pane.prepare(turned))
        else:
            self._work(lambda: Prepared(face, turned, pane.prepare(turned)), "unfold")

    def action_text(self) -> None:
        if self.tab in AS_TEXT:
            self._as_text = not self._as_text
            self._show()
        else:
            self.notify("Only a request's and a reply's JSON has a text of its own.", markup=False)

    def action_wrap(self) -> None:
        self._wraps = wraps = not self._wraps
        pane = self.pane
        if isinstance(pane, SoughtText) and pane.long:
            blocks, width = pane.blocks, pane.line_width
            self._work(lambda: Rewrapped(pane, lay(blocks, width, wraps)), "wrap")
        else:
            pane.set_wrap(wraps)

    def action_back(self) -> None:
        """Drop the search; where there is none, back to where the reader came from."""
        field = self.query_one(FilterField)
        if self._pattern is None and not field.has_class("-open"):
            self.dismiss()
            return
        field.close()
        self._drop()
        self.pane.focus()

    # --- searching

    def action_find(self) -> None:
        field = self.query_one(FilterField)
        field.open()
        field.placeholder = "find in this tab"

    def on_filter_field_typed(self, event: FilterField.Typed) -> None:
        if not event.words:
            self._drop()
        elif self._pattern is None or self._pattern.pattern != re.escape(event.words):
            self._pattern = re.compile(re.escape(event.words), re.IGNORECASE)
            self._search(go=event.done)
        elif event.done and self.pane.pattern is self._pattern:
            self.action_finding(1)
        elif event.done:
            self._search(go=True)
        if event.done:
            self.pane.focus()

    # --- what the reader asks for

    def action_copy(self) -> None:
        pane = self.pane
        if isinstance(pane, Outline):
            copied = None if pane.current is None else pane.current.copied()
        else:
            copied = pane.copied()
        if copied is not None:
            self.post_message(Copy(copied.text, copied.what))
        else:
            self.notify("There is nothing to copy here.", markup=False)

    def here(self) -> finding.Place:
        return finding.Place(self.place.number)

    def action_open_text(self) -> None:
        made = self._made.get(self.face)
        if made is not None:
            self._work(lambda: Whole(made.text(), made.suffix), "open")
        else:
            self.notify("It is still being read: in a moment.", markup=False)

    def action_export(self) -> None:
        if self.place.turn is not None:
            self.post_message(WriteReport(self.place.number))
        else:
            self._say_alone("a report is written on a turn of one")

    def action_timeline(self) -> None:
        if self.place.thread is not None:
            self.post_message(ShowTimeline(self.place.thread.number, self.place.number))
        else:
            self._say_alone("it has no timeline")

    def _say_alone(self, why: str) -> None:
        self.notify(f"#{self.place.number} is in no conversation: {why}.", markup=False)

    def action_replay(self) -> None:
        self.post_message(Replay(self.place.number))


def _rank(place: finding.Place) -> tuple[int, int]:
    """Where a place stands among others: what is of no message stands at the head of its turn."""
    return place.exchange, -1 if place.message_index is None else place.message_index
