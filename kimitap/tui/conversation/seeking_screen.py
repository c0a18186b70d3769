"""What the reader looks for on the main screen: words lit in a thread, other rows hidden."""

from collections.abc import Sequence
from dataclasses import replace

from textual.worker import Worker, WorkerState, get_current_worker

from kimitap.transcript import Row
from kimitap.tui.conversation.filtering import Filter
from kimitap.tui.conversation.reader_screen import ReaderScreen
from kimitap.tui.conversation.reading_pane import Remedies
from kimitap.tui.widgets.filter_field import FilterField


class SeekingScreen(ReaderScreen):
    """The main screen with its search and its filters."""

    def __init__(self, remedies: Remedies) -> None:
        super().__init__(remedies)
        self._awaited: tuple[Filter, bool] | None = None
        """The filter that a worker looks at the rows for, and whether to go to a hit then."""
        self._looking: Worker[None] | None = None

    def describe(self) -> None:
        """Say anew what there is to say of the row at the cursor."""
        raise NotImplementedError

    def show_pane(self, name: str) -> None:
        """Let the reader into a pane."""
        self.set_class(name == "contents", "-at-contents")
        self.query_one(f"#{name}").focus()

    def action_find(self) -> None:
        self.query_one(FilterField).open()

    def action_filter(self) -> None:
        self.query_one(FilterField).open(hides=True)

    def on_filter_field_typed(self, event: FilterField.Typed) -> None:
        now = self.conversation.filter
        wanted = Filter.parse(event.words, now.only_findings, event.hides)
        if self._awaited is not None:
            now = self._awaited[0]
        if wanted != now:
            self.seek(wanted)
        if event.done:
            self.show_pane("conversation")

    def seek(self, wanted: Filter, *, go: bool = True) -> None:
        """Light what is searched for; where it takes long to find, once a worker has.

        `go`: where the reader stands on no hit, he is taken to the next.
        """
        self.workers.cancel_group(self, "seek")
        rows = self.conversation.rows
        if not wanted.is_slow(rows):
            self._sought(wanted, go)
            return
        self._awaited = wanted, go
        self._looking = self.run_worker(lambda: _look(wanted, rows), thread=True, group="seek")
        self.show_status()

    def seek_on(self) -> None:
        """Look into rows that came, or came anew, for what is searched for, or is about to be."""
        wanted, go = self._awaited or (self.conversation.filter, False)
        if self._awaited or wanted.is_slow(self.conversation.rows):
            self.seek(wanted, go=go)

    @property
    def awaits_hits(self) -> bool:
        """True while a worker still looks for what was typed last."""
        return self._awaited is not None

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        done = event.worker is self._looking and event.state is WorkerState.SUCCESS
        if done and self._awaited is not None:
            self._sought(*self._awaited)

    def _sought(self, wanted: Filter, go: bool) -> None:
        self._awaited = None
        self.conversation.set_filter(wanted)
        hits = self.conversation.hits
        if go and not wanted.hides and hits and self.conversation.current_index not in hits:
            self.reading.to_hit(1)
        self.describe()

    def action_only_findings(self) -> None:
        now = self.conversation.filter
        self.conversation.set_filter(replace(now, only_findings=not now.only_findings))
        self.describe()

    def action_back(self) -> None:
        """Drop the search, and go to the conversation."""
        if not self._to_drop() and self.focused is self.conversation:
            self.notify("There is no search to drop: q quits.", markup=False)
        self.drop_filter()
        self.show_pane("conversation")
        self.describe()

    def _to_drop(self) -> bool:
        """True where something is searched for, hidden or typed."""
        shown = self.conversation.filter
        return self.awaits_hits or shown.searches or shown.active

    def drop_filter(self) -> None:
        """Neither search nor filter any more."""
        self.workers.cancel_group(self, "seek")
        self._awaited = None
        self.query_one(FilterField).close()
        self.conversation.set_filter(Filter())

    def filter_words(self) -> str:
        """What is searched for, what the filter hides, and where the reader is among the hits."""
        shown, words = self.conversation, [str(self.conversation.filter)]
        if self._awaited is not None:
            words = [str(self._awaited[0]), "searching …"]
        elif shown.filter.query.complaint:
            words.append(shown.filter.query.complaint)
        elif shown.filter.searches:
            at = shown.hits.index(i) + 1 if (i := shown.current_index) in shown.hits else 0
            words.append(f"hit {at or '·'}/{len(shown.hits)}" if shown.hits else "no hit")
        if self.marked is not None:
            words.append(f"MARKED {self.marked}")
        return "  ".join(word for word in words if word)


def _look(wanted: Filter, rows: Sequence[Row]) -> None:
    """Have the filter look at the rows, in a worker, and keep what it sees."""
    worker = get_current_worker()
    wanted.hits(rows, lambda: worker.is_cancelled)
