"""What the reader looks for on the main screen: words lit in a thread, other rows hidden."""

from collections.abc import Sequence
from dataclasses import replace

from textual.worker import Worker, WorkerState, get_current_worker

from kimitap.transcript import Row
from kimitap.tui.conversation.filtering import Filter
from kimitap.tui.conversation.reader_screen import ReaderScreen
from kimitap.tui.widgets.filter_field import FilterField


class SeekingScreen(ReaderScreen):
    """The main screen with its search and its filters."""

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
        if wanted != now:
            self.seek(wanted)
        if event.done:
            self.show_pane("conversation")

    def seek(self, wanted: Filter, *, go: bool = True) -> None:
        """Light what is searched for; with patterns a worker looks for it before.

        `go`: where the reader stands on no hit, he is taken to the next.
        """
        self.workers.cancel_group(self, "seek")
        if not wanted.query.patterns:
            self._sought(wanted, go)
            return
        rows = self.conversation.rows
        self.run_worker(lambda: _looked(wanted, rows, go), thread=True, group="seek")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.group == "seek" and event.state is WorkerState.SUCCESS:
            found = event.worker.result
            if found is not None:
                self._sought(*found)

    def _sought(self, wanted: Filter, go: bool) -> None:
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
        self.drop_filter()
        self.show_pane("conversation")
        self.describe()

    def drop_filter(self) -> None:
        """Neither search nor filter any more."""
        self.workers.cancel_group(self, "seek")
        self.query_one(FilterField).close()
        self.conversation.set_filter(Filter())

    def filter_words(self) -> str:
        """What is searched for, what the filter hides, and where the reader is among the hits."""
        shown, words = self.conversation, [str(self.conversation.filter)]
        if shown.filter.query.complaint:
            words.append(shown.filter.query.complaint)
        elif shown.filter.searches:
            at = shown.hits.index(i) + 1 if (i := shown.current_index) in shown.hits else 0
            words.append(f"hit {at or '·'}/{len(shown.hits)}" if shown.hits else "no hit")
        if self.marked is not None:
            words.append(f"MARKED {self.marked}")
        return "  ".join(word for word in words if word)


def _looked(wanted: Filter, rows: Sequence[Row], go: bool) -> tuple[Filter, bool] | None:
    """Have the filter look at the rows, and keep what it sees; None where it was broken off."""
    worker = get_current_worker()
    wanted.hits(rows, lambda: worker.is_cancelled)
    return None if worker.is_cancelled else (wanted, go)
