"""The screen of one exchange: its tabs, each made in a worker and searched there."""

import re
from collections.abc import Callable, Sequence
from functools import partial

from textual.app import ComposeResult
from textual.widgets import ContentSwitcher
from textual.worker import Worker, WorkerState

from kimitap.tui.keys import TURN_KEYS
from kimitap.tui.palette import FAINT
from kimitap.tui.source import View
from kimitap.tui.turn.faces import OUTLINES, TEXTS, Place, Readers, place_in
from kimitap.tui.turn.tabs import TabLine
from kimitap.tui.turn.text import SoughtText
from kimitap.tui.turn.title import title_segments
from kimitap.tui.turn.work import Found, Prepared, Ready, Rewrapped, Shape, Whole, ready
from kimitap.tui.widgets.bars import Bar, foot_segments
from kimitap.tui.widgets.entry import Hit, Path, note
from kimitap.tui.widgets.filter_field import FilterField
from kimitap.tui.widgets.made import Made
from kimitap.tui.widgets.outline import Outline
from kimitap.tui.widgets.text_pane import Block, Laid
from kimitap.tui.widgets.view_screen import ViewScreen
from kimitap.tui.wishes import OpenText, Tab

PATIENCE_S = 0.15
"""After so long it is said that something is being made."""
_EDGES = 2
"""Cells of a text's width that its scroll bar and the cursor's bar take."""
AS_TEXT = (Tab.REQUEST, Tab.REPLY)
"""Tabs of which there is the text as it was, too."""
_FOLDS = tuple(Tab(name) for name in OUTLINES)
_ONLY_IN = {"layout": AS_TEXT, "next-absent": (Tab.PROMPT,), "unfold-all": _FOLDS}
"""Keys that are named at the bottom only where they do something."""


class FaceScreen(ViewScreen):
    """An exchange at one of its tabs, at `message` of the request if that is asked for."""

    KEYS = TURN_KEYS
    NAME = "Turn"
    AUTO_FOCUS = None

    def __init__(
        self,
        view: View,
        number: int,
        tab: Tab,
        readers: Readers,
        message: int | None = None,
    ) -> None:
        super().__init__(view)
        self.place = place_in(view, number)
        self._tab = tab
        self._readers = readers
        self._message = message
        self._as_text = False
        self._wraps = True
        self._pattern: re.Pattern[str] | None = None
        self._made: dict[str, Made] = {}
        self._old: set[str] = set()
        """The faces that show the same exchange, but less than is known now."""

    def compose(self) -> ComposeResult:
        yield Bar(id="title")
        yield TabLine(id="tabs")
        with ContentSwitcher(id="faces", initial=self.face):
            yield from (Outline(id=name) for name in OUTLINES)
            yield from (SoughtText(id=name) for name in TEXTS)
        yield FilterField(id="filter")
        yield Bar(id="foot")

    # --- what is shown

    @property
    def tab(self) -> Tab:
        """The tab that is shown: the one asked for, where this exchange has it."""
        return self._tab if self._tab in self.place.tabs else Tab.REQUEST

    @property
    def face(self) -> str:
        """The name of what shows the tab."""
        text = self._as_text and self.tab in AS_TEXT
        return f"{self.tab}-text" if text else str(self.tab)

    @property
    def pane(self) -> Outline | SoughtText:
        """What shows the tab."""
        name = self.face
        if name in OUTLINES:
            return self.query_one(f"#{name}", Outline)
        return self.query_one(f"#{name}", SoughtText)

    def shown(self) -> None:
        """Take in a fresh view: what is shown is made anew only where it says more now."""
        fresh = place_in(self.view, self.place.number)
        if not fresh.same(self.place):
            self.place = fresh
            self._old |= set(self._made)
            self._made = {}
        self._show()

    def _show(self) -> None:
        self.query_one(TabLine).show_tabs(self.place.tabs, self.tab)
        self.query_one(ContentSwitcher).current = self.face
        shown = [k for k in self.KEYS if self.tab in _ONLY_IN.get(k.id, (self.tab,))]
        self.query_one("#foot", Bar).set_segments(foot_segments(shown))
        self.call_after_refresh(self.pane.set_wrap, self._wraps)
        if not self.query_one(FilterField).has_focus:
            self.pane.focus()
        if self.face not in self._made:
            self._load()
        elif self._pattern is not self.pane.pattern:
            self._search(go=False)
        self._say()

    def _load(self) -> None:
        face, place = self.face, self.place
        message, wraps = self._message, self._wraps
        width = self.query_one(ContentSwitcher).size.width - _EDGES
        shape = Shape(width, wraps)
        self._work(lambda: ready(face, place, self._readers, message, shape), f"make {face}")
        if face not in self._old:
            self.set_timer(PATIENCE_S, partial(self._say_waiting, face, place))

    def _work(self, work: Callable[[], object], group: str) -> None:
        """In a worker. No partial: Textual would write out its arguments, a view in seconds."""
        self.run_worker(work, thread=True, exclusive=True, group=group)

    def _say_waiting(self, face: str, place: Place) -> None:
        if face not in self._made and place is self.place and face == self.face:
            self._put(face, Made([note("reading …", FAINT)], [Block("reading …", FAINT)]))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is not WorkerState.SUCCESS:
            return
        match event.worker.result:
            case Ready(place, face, made, laid) if place is self.place:
                self._take(face, made, laid)
            case Rewrapped(pane, laid):
                pane.set_wrap(laid.wraps, laid)
            case Prepared(face, turned, room) if face == self.face:
                self._turn_level(turned, room)
            case Found(face, pattern, hits, go) if face == self.face:
                if pattern is self._pattern:
                    self._light(pattern, hits, go=go)
            case Whole(text, suffix):
                self.post_message(OpenText(text, suffix))

    def _take(self, face: str, made: Made, laid: Laid | None) -> None:
        self._made[face] = made
        self._put(face, made, laid, keep=face in self._old)
        self._old.discard(face)
        if face == self.face:
            if self._pattern is not None:
                self._search(go=False)
            self._say()

    def _put(self, face: str, made: Made, laid: Laid | None = None, *, keep: bool = False) -> None:
        if face in OUTLINES:
            outline = self.query_one(f"#{face}", Outline)
            outline.show_entries(made.entries, keep=keep)
            if made.at is not None and not keep:
                outline.go_to(made.at)
            return
        text = self.query_one(f"#{face}", SoughtText)
        text.show_text(made.blocks, laid, keep=keep)
        if made.at is not None and not keep:
            text.go_to_block(made.at[0])

    def _say(self) -> None:
        """Say at the top what is shown, and what the search found."""
        made, pane = self._made.get(self.face), self.pane
        told = made.told if made is not None else ()
        sought = None if self._pattern is None else (len(pane.hits), pane.hit)
        self.set_title(title_segments(self.place, told, sought))

    def _turn_level(self, turned: frozenset[Path], room: bool) -> None:
        """Unfold these, if they are still what a level is."""
        pane = self.pane
        if room and isinstance(pane, Outline) and pane.level(1) == turned:
            pane.turn_level(turned)
        elif not room:
            said = "There is nothing more to unfold; or very much: unfold it one by one."
            self.notify(said, markup=False)

    # --- searching

    def _search(self, *, go: bool) -> None:
        if self._pattern is not None:
            face, pane, pattern = self.face, self.pane, self._pattern
            self._work(lambda: Found(face, pattern, pane.find(pattern), go), "find")

    def _light(self, pattern: re.Pattern[str], hits: Sequence[Hit], *, go: bool) -> None:
        self.pane.show_hits(pattern, hits)
        if go:
            self.pane.to_hit(1)
        self._say()

    def _drop(self) -> None:
        self._pattern = None
        for name in (*OUTLINES, *TEXTS):
            found = self.query_one(f"#{name}")
            if isinstance(found, Outline | SoughtText):
                found.drop_hits()
        self._say()
