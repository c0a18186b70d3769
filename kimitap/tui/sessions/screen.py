"""All sessions and their threads: what was recorded, how it branched, and what went wrong in it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from rich.segment import Segment
from textual.app import ComposeResult
from textual.worker import Worker, WorkerState

from kimitap.rules.finding import Severity
from kimitap.transcript import SYMBOLS
from kimitap.transcript.wording import clock, count, plural
from kimitap.tui.findings.text import reported, worst
from kimitap.tui.keys import SESSIONS_KEYS, bindings
from kimitap.tui.palette import ALARM, FAINT, KEY, NORMAL, STRONG
from kimitap.tui.sessions.columns import headings
from kimitap.tui.sessions.list import SessionsList
from kimitap.tui.sessions.overview import Entry, Memo, live_threads, overview, together
from kimitap.tui.sessions.rows import FIELDS, Look, RowKind, SessionRow, rows
from kimitap.tui.source import View
from kimitap.tui.widgets.bars import Bar
from kimitap.tui.widgets.filter_field import FilterField
from kimitap.tui.widgets.row_list import ListScreen
from kimitap.tui.widgets.virtual_list import VirtualList
from kimitap.tui.wishes import Compare, Copy, DeleteSession, ShowTurn, Tab, Visit, WriteReport
from kimitap.visible import one_line

_FADES_S = 2.0
"""How often is looked whether what was live has ended."""


class SessionsScreen(ListScreen[SessionRow]):
    """The sessions as a list that sorts, filters and folds; the cursor stays on its row."""

    KEYS = SESSIONS_KEYS
    NAME = "Sessions"
    HEAD = "session"
    HINT = 'words  "a phrase"  agent:name  model:name  sev:error  rule:name'
    BINDINGS = bindings(SESSIONS_KEYS)
    AUTO_FOCUS = "#sessions"
    DEFAULT_CSS = """
    SessionsScreen #columns { background: #171d25; }
    SessionsScreen #sessions { height: 1fr; }
    SessionsScreen #about { background: #1a212a; }
    """

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.look = Look()
        self._entries: tuple[Entry, ...] = ()
        self._memo = Memo()
        self._counted: View | None = None
        """The view that is being counted."""

    def compose(self) -> ComposeResult:
        yield Bar(id="title")
        yield Bar(id="columns")
        yield SessionsList(id="sessions")
        yield Bar(id="about")
        yield FilterField(id="filter")
        yield Bar(id="foot")

    @property
    def list(self) -> SessionsList:
        return self.query_one(SessionsList)

    @property
    def words(self) -> tuple[str, ...]:
        return self.look.words

    def keep(self, words: tuple[str, ...]) -> None:
        self._list(replace(self.look, words=words))

    def is_head(self, row: SessionRow) -> bool:
        return row.kind in {RowKind.SESSION, RowKind.OTHERS}

    # --- what is shown

    def begin(self) -> None:
        super().begin()
        self.set_interval(_FADES_S, self._say_live)

    def shown(self) -> None:
        """Count in a worker: a recording may have ten thousand turns. One view at a time."""
        if self._counted is not None:
            return
        view = self._counted = self.view
        memo = self._memo
        self.run_worker(lambda: overview(view, memo), thread=True, group="overview")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.group == "overview" and event.state is WorkerState.SUCCESS:
            counted, self._counted = self._counted, None
            self._entries = event.worker.result or ()
            self._say_live()
            self._list()
            if counted is not self.view:
                self.shown()

    def _list(self, look: Look | None = None) -> None:
        """List the rows anew, as `look` has it."""
        self.look = look or self.look
        plain = [re.escape(w) for w in self.look.words if w.partition(":")[0] not in FIELDS]
        self.list.hit = re.compile("|".join(plain), re.IGNORECASE) if plain else None
        shown = rows(self._entries, self.view.others, self.look)
        kept = [row.entry for row in shown if row.kind is RowKind.SESSION and row.entry]
        self.list.set_rows(shown, kept)
        self.set_title(self._title(kept))
        self._say_columns()
        self._say_about()

    def _say_live(self) -> None:
        live = live_threads(self.view, datetime.now(UTC))
        if self.app.is_running and live != self.list.live:
            self.list.live = live
            self.list.repaint()

    def _title(self, kept: Sequence[Entry]) -> Iterator[Segment]:
        yield Segment(f" {plural(len(kept), 'session')}", STRONG)
        if kept:
            tally = together([entry.tally for entry in kept])
            yield Segment(f"  {plural(tally.turns, 'turn')}")
            if tally.tokens is not None:
                yield Segment(f"  {count(tally.tokens)} tokens")
            yield Segment(" ")
            for severity, n in tally.counts:
                yield Segment(f" {SYMBOLS[severity]} {n}", ALARM[severity])
        yield Segment(f"   by {self.look.order}", FAINT)
        if self.look.words:
            yield Segment(f"   /{one_line(' '.join(self.look.words), 80)}", KEY)
        if self.list.marked is not None:
            yield Segment(f"   {_name(self.list.marked.kind, self.list.marked.number)} marked", KEY)

    def _say_columns(self) -> None:
        said = headings(self.list.brush.columns)
        words = one_line(" ".join(self.look.words), 80)
        if words and not self.list.rows:
            said = [f" No session matches /{words}: esc drops the filter."]
        elif not self.list.rows:
            said = [" No session is recorded yet; new ones appear here."]
        self.query_one("#columns", Bar).set_segments([Segment(text, FAINT) for text in said])

    def on_resize(self) -> None:
        self.call_after_refresh(self._say_columns)

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        self._say_about()

    def _say_about(self) -> None:
        """Say at the bottom what the row at the cursor had no room for."""
        row = self.current
        self.query_one("#about", Bar).set_segments(_about(row) if row else ())

    # --- what the reader does

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        row = self.list.rows[event.index]
        if row.folds:
            self.turn(row)
        elif row.kind is RowKind.OTHER:
            self.post_message(ShowTurn(row.exchange, Tab.WIRE))
        else:
            self.post_message(Visit(row.exchange))

    def turn(self, row: SessionRow) -> None:
        self._list(replace(self.look, turned=self.look.turned ^ {row.key}))

    def action_fold_all(self) -> None:
        """Fold all sessions; where they are, unfold them."""
        row = self.current
        entry = row.entry if row else None
        if not any(one.kind is RowKind.SESSION for one in self.list.rows):
            self.notify("There is no session to fold here.", markup=False)
            return
        folded = not self.look.all_folded
        self._list(replace(self.look, all_folded=folded, turned=frozenset()))
        here = (e for e in enumerate(self.list.rows) if e[1].kind is RowKind.SESSION)
        at = next((i for i, r in here if entry and r.entry is entry), None)
        if at is not None and folded:
            self.list.cursor = at

    def action_sort(self) -> None:
        self._list(replace(self.look, order=self.look.order.next))

    def action_found(self, way: int) -> None:
        """To the next session with findings, whatever is folded."""
        stops = [
            i
            for i, row in enumerate(self.list.rows)
            if row.kind is RowKind.SESSION and row.tally and row.tally.counts
        ]
        if not self.go_ring(stops, way):
            none = "No session behind this one has findings." if stops else "Nothing wrong found."
            self.notify(none, markup=False)

    # --- what the reader asks for

    def action_mark(self) -> None:
        """Mark the session or thread at the cursor, or take its mark away."""
        place = self.current.place if self.current else None
        if place is None:
            self.notify("A session or a thread can be marked.", markup=False)
            return
        self.list.marked = None if self.list.marked == place else place
        self._list()

    def action_compare(self) -> None:
        """The marked session or thread against the one at the cursor."""
        row, old = self.current, self.list.marked
        new = row.place if row else None
        if old is not None and old.kind == "s" and row is not None and row.entry is not None:
            new = replace(old, number=row.entry.session.number)
        if old is None:
            self.notify("Mark a session or a thread first (m).", markup=False)
        elif new is None or new.kind != old.kind:
            self.notify("A thread is compared with a thread.", markup=False)
        elif new == old:
            self.notify("This is the marked one: go to another.", markup=False)
        else:
            self.post_message(Compare(old, new))

    def action_export(self) -> None:
        """The report on the worst finding of the session or thread at the cursor."""
        row = self.current
        found = row.entry.findings if row and row.entry else ()
        if row is not None and row.branch is not None:
            names = {thread.name for thread in row.branch.threads}
            found = tuple(finding for finding in found if finding.thread in names)
        if finding := worst(found):
            self.post_message(WriteReport(reported(self.view, finding), finding))
        else:
            self.notify("Nothing wrong was found here.", markup=False)

    def action_delete(self) -> None:
        row = self.current
        if row is not None and row.entry is not None:
            self.post_message(DeleteSession(row.entry.session.number))
        else:
            said = "What is in no conversation cannot be deleted" if row else "No session is here"
            self.notify(f"{said}: go to a session.", markup=False)

    def action_copy_place(self) -> None:
        row = self.current
        if row is not None:
            name = _name(row.place.kind, row.place.number) if row.place else str(row.exchange)
            self.post_message(Copy(name, "the name of this place"))
        else:
            self.say_nothing_here()


def _name(kind: str, number: int) -> str:
    return f"{kind}{number}"


def _about(row: SessionRow) -> Iterator[Segment]:
    yield Segment(f" {row.title}", STRONG)
    entry = row.entry
    said = [one_line(row.text, 400)]
    if entry is not None and row.kind is RowKind.SESSION:
        threads = plural(len(entry.session.threads), "thread")
        said = [entry.agent, entry.model, threads, f"since {clock(entry.tally.started_at)}", *said]
    yield Segment("  " + " · ".join(word for word in said if word), NORMAL)
    for severity in Severity:
        rules = _rules(row, severity)
        if rules:
            yield Segment(f"  {SYMBOLS[severity]} {rules}", ALARM[severity])


def _rules(row: SessionRow, severity: Severity) -> str:
    """The rules that were broken at this severity."""
    found = row.entry.findings if row.entry else ()
    if row.branch is not None:
        names = {thread.name for thread in row.branch.threads}
        found = tuple(f for f in found if f.thread in names)
    rules = dict.fromkeys(f.rule for f in found if f.severity is severity)
    return one_line(", ".join(rules), 200)
