"""Search over all sessions, as it is typed."""

import time
from collections.abc import Iterator, Sequence

from rich.segment import Segment
from textual.app import ComposeResult
from textual.message import Message
from textual.worker import get_current_worker

from kimitap.rules.finding import Place, Severity
from kimitap.transcript.passages import PassageKind
from kimitap.transcript.query import HINT, LANGUAGE, Query
from kimitap.transcript.search import MOST_HITS, Hit, search
from kimitap.transcript.wording import plural, size_of
from kimitap.tui.conversation.reading import ring
from kimitap.tui.keys import SEARCH_KEYS, bindings
from kimitap.tui.palette import ALARM, FAINT, NAME, NORMAL, STRONG
from kimitap.tui.search.list import HitList
from kimitap.tui.search.rows import around, hit_rows, label
from kimitap.tui.source import View
from kimitap.tui.widgets.bars import Bar
from kimitap.tui.widgets.filter_field import FilterField
from kimitap.tui.widgets.text_pane import Block, TextPane
from kimitap.tui.widgets.view_screen import ViewScreen
from kimitap.tui.widgets.virtual_list import VirtualList
from kimitap.tui.wishes import Copy, ShowTurn, Tab, Visit
from kimitap.visible import visible

NO_HIT = "There is no hit: / asks for other words."
TELL_S = 0.15
"""How often a search that goes on shows what it has found."""


class SearchScreen(ViewScreen):
    """A field, the hits thread by thread, and below them the text of the one at the cursor."""

    KEYS = SEARCH_KEYS
    NAME = "Search"
    BINDINGS = bindings(SEARCH_KEYS)
    AUTO_FOCUS = "#words"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (22, "-high")]  # noqa: RUF012 (as Textual declares it)
    DEFAULT_CSS = """
    SearchScreen #words { height: 1; border: none; padding: 0 1; background: #24394a; }
    SearchScreen #list-of-hits { height: 1fr; }
    SearchScreen #around { height: 11; border-top: solid #3d6e94; }
    SearchScreen.-low #around { display: none; }
    """

    class Progress(Message):
        """What a search has found by now; `done` once it looked everywhere or has enough."""

        def __init__(self, query: Query, hits: Sequence[Hit], done: bool) -> None:
            super().__init__()
            self.query_asked = query
            self.hits = hits
            self.done = done

    def __init__(self, view: View, words: str = "") -> None:
        super().__init__(view)
        self.query_typed = Query.parse(words)
        self.hits: Sequence[Hit] = ()
        self.done = True
        self._words = words
        self._folded: frozenset[str] = frozenset()
        self._listed = Query()
        self._searched: View | None = None
        """The view that is being searched."""
        self._entered = False
        """Whether the reader is done with the words, and waits for their hits."""

    def compose(self) -> ComposeResult:
        yield Bar(id="title")
        yield FilterField(id="words")
        yield HitList(id="list-of-hits")
        yield TextPane(id="around")
        yield Bar(id="foot")

    @property
    def list(self) -> HitList:
        return self.query_one(HitList)

    @property
    def field(self) -> FilterField:
        return self.query_one(FilterField)

    @property
    def current(self) -> Hit | None:
        """The hit at the cursor; of a thread's row its first."""
        row = self.list.current
        return row.hit if row is not None else None

    # --- searching

    def begin(self) -> None:
        self.field.open()
        self.field.placeholder = HINT
        self.field.value = self._words
        self.field.cursor_position = len(self._words)
        super().begin()

    def shown(self) -> None:
        """Search a fresh view for the same words, once the search under way has ended.

        The hits stay until it has looked everywhere.
        """
        if self._searched is None:
            self._start(self.query_typed, anew=not self.hits)

    def on_filter_field_typed(self, event: FilterField.Typed) -> None:
        query = Query.parse(event.words)
        if query != self.query_typed:
            self._start(query, anew=True)
        self._entered = event.done
        self._go_to_hits()

    def _go_to_hits(self) -> None:
        """To the list, once the words are entered and something was found for them."""
        if self._entered and self.hits and self._listed == self.query_typed:
            self._entered = False
            self.list.focus()
        elif self._entered and self.done and self._listed == self.query_typed:
            self._entered = False
            self.notify(NO_HIT, markup=False)

    def _start(self, query: Query, *, anew: bool) -> None:
        self.query_typed, self.done = query, query.empty
        if anew:
            self._folded = frozenset()
        self.workers.cancel_group(self, "search")
        self._searched = None if query.empty else self.view
        if query.empty:
            self._show(())
            return
        self._say()
        view = self.view
        self.run_worker(
            lambda: self._search(query, view, anew), thread=True, exclusive=True, group="search"
        )

    def _search(self, query: Query, view: View, anew: bool) -> None:
        """Search in a worker's thread, and tell now and then; breaks off when others are typed."""
        worker = get_current_worker()
        found: list[Hit] = []
        told, at = 0, time.monotonic()
        steps = search(view.sessions, view.findings, query, lambda: worker.is_cancelled)
        for hit in steps:
            if hit is not None:
                found.append(hit)
            if len(found) > MOST_HITS:
                break
            if anew and len(found) > told and time.monotonic() - at > TELL_S:
                told, at = len(found), time.monotonic()
                self.post_message(self.Progress(query, tuple(found), done=False))
        if not worker.is_cancelled:
            self.post_message(self.Progress(query, tuple(found), done=True))

    def on_search_screen_progress(self, event: Progress) -> None:
        if event.query_asked != self.query_typed:
            return
        self.done = event.done
        self._show(event.hits)
        self._go_to_hits()
        if event.done:
            searched, self._searched = self._searched, None
            if searched is not self.view:
                self.shown()

    def _show(self, hits: Sequence[Hit]) -> None:
        """List the hits; while the words are the same, the cursor stays on its hit."""
        same = self.query_typed == self._listed
        self.hits, self._listed = hits, self.query_typed
        self.list.pattern = self.query_typed.hit
        self._list(stay=same)
        self._say()

    def _list(self, *, stay: bool = True) -> None:
        self.list.set_rows([*hit_rows(self.hits[:MOST_HITS], self._folded)], stay=stay)
        self._say_text()

    # --- what is shown

    def _say(self) -> None:
        self.set_title(self._title())

    def _title(self) -> Iterator[Segment]:
        yield Segment(" search all sessions", STRONG)
        if self.query_typed.complaint:
            yield Segment(f"   {visible(self.query_typed.complaint)}", ALARM[Severity.WARNING])
        elif self.query_typed.empty:
            yield Segment(f"   {HINT}", FAINT)
        elif len(self.hits) > MOST_HITS:
            yield Segment(
                f"   more than {MOST_HITS:,} hits: say more words", ALARM[Severity.WARNING]
            )
        else:
            threads = len({hit.thread.name for hit in self.hits})
            yield Segment(f"   {plural(len(self.hits), 'hit')}", STRONG)
            yield Segment(f" in {plural(threads, 'thread')}" if threads else "", NORMAL)
            yield Segment("" if self.done else "   searching …", FAINT)

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        if event.source is self.list:
            self._say_text()

    def _say_text(self) -> None:
        hit = self.current
        row = self.list.current
        blocks = _blocks(hit) if hit else _how(nothing=self.done and not self.query_typed.empty)
        self.query_one(TextPane).show_blocks(blocks, about=row and (row.key, self.query_typed))

    # --- where the reader goes

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        if event.source is not self.list:
            return
        row = self.list.rows[event.index]
        if row.thread:
            self._folded ^= {row.hit.thread.name}
            self._list()
        else:
            self.post_message(visit(self.view, row.hit, str(self._listed)))

    def action_choose(self) -> None:
        self.list.action_choose()

    def action_head(self, way: int) -> None:
        """To the next thread with hits."""
        self._go_ring([i for i, row in enumerate(self.list.rows) if row.thread], way)

    def action_found(self, way: int) -> None:
        """To the next hit; of a thread that is folded, to the thread."""
        rows = enumerate(self.list.rows)
        self._go_ring([i for i, row in rows if not (row.thread and row.opened)], way)

    def _go_ring(self, stops: Sequence[int], way: int) -> None:
        at = ring(self.list.cursor, stops, way)
        if at is not None:
            self.list.cursor = at
        else:
            end = "last" if way > 0 else "first"
            self.notify(f"This is the {end} one." if self.current else NO_HIT, markup=False)

    def action_hits(self) -> None:
        """To the hits of what was typed last, once they are listed."""
        if self.field.flush():
            return
        if self._listed == self.query_typed:
            self.list.focus()
        else:
            self._entered = True

    def action_edit(self) -> None:
        self.field.focus()

    def action_pane(self) -> None:
        if self.focused is self.field:
            self.action_hits()
            return
        order = [self.field, self.list, self.query_one(TextPane)]
        shown = [widget for widget in order if widget.display]
        at = shown.index(self.focused) if self.focused in shown else 0
        shown[(at + 1) % len(shown)].focus()

    def action_open(self) -> None:
        if hit := self._hit_here():
            place = hit.passage.place
            self.post_message(ShowTurn(place.exchange, Tab.MESSAGES, place.message_index))

    def _hit_here(self) -> Hit | None:
        """The hit at the cursor; where there is none, that is said."""
        if self.current is None:
            self.notify(NO_HIT, markup=False)
        return self.current

    def here(self) -> Place | None:
        return self.current.passage.place if self.current else None

    def action_copy(self) -> None:
        if hit := self._hit_here():
            self.post_message(Copy(hit.text, "the text of this hit"))


def _how(*, nothing: bool) -> Iterator[Block]:
    if nothing:
        yield Block("No text of any session holds all of this.", STRONG)
    for typed, words in LANGUAGE:
        yield Block(f"{typed:<16} {words}", FAINT, indent=1)


def visit(view: View, hit: Hit, words: str = "") -> Visit:
    """The way to a hit in its conversation, where `words` are lit; to a finding's mark."""
    passage = hit.passage
    place = passage.place
    reply = place.message_index is None and place.part is not None
    finding = None
    if passage.kind is PassageKind.FINDING:
        here = (f for f in view.findings if f.place == place and f.thread == hit.thread.name)
        finding = next((f for f in here if (f.message, f.rule) == passage.texts[:2]), None)
    found = (place.exchange, place.message_index, place.part)
    return Visit(*found, reply=reply, words=words, finding=finding)


def _blocks(hit: Hit) -> Iterator[Block]:
    place = hit.passage.place
    where = f"message {place.message_index}" if place.message_index is not None else "reply"
    facts = (f"#{place.exchange}", label(hit), where, size_of(hit.text))
    yield Block(" · ".join(facts), NAME, single=True)
    before, line, after = around(hit)
    if before:
        yield Block(before, FAINT, indent=2)
    yield Block(line, STRONG, sign="▸ ")
    if after:
        yield Block(after, NORMAL, indent=2)
