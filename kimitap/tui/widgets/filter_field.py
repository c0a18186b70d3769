"""The field where words are typed that rows must hold."""

from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from kimitap.transcript.query import HINT

PAUSE_S = 0.15
"""How long after the last letter the filter waits."""


class FilterField(Input):
    """Hidden until it is opened. What was typed is told once the typing pauses, or at enter.

    It searches, or where it was opened with `hides`, it filters.
    """

    class Typed(Message):
        """These words are to be looked for; `done` where enter was pressed.

        `hides`: rows without them are not wanted.
        """

        def __init__(self, words: str, done: bool, hides: bool = False) -> None:
            super().__init__()
            self.words = words
            self.done = done
            self.hides = hides

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, compact=True)
        self.hides = False
        self._pause: Timer | None = None
        self._told = ""

    def open(self, hides: bool = False) -> None:
        """Show the field and type into it."""
        self.hides = hides
        verb = "only rows with" if hides else "find"
        self.placeholder = f"{verb}: {HINT}"
        self.add_class("-open")
        self.focus()

    def close(self) -> None:
        """Hide the field, empty. That tells nothing: who closes it knows."""
        self.remove_class("-open")
        self._forget()
        self._told = ""
        with self.prevent(Input.Changed):
            self.value = ""

    def flush(self) -> bool:
        """Tell what was typed last as at enter, if it is not told yet; True where it was not."""
        late = self.value != self._told
        if late:
            self._tell(done=True)
        return late

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._forget()
        if self.value != self._told:
            self._pause = self.set_timer(PAUSE_S, self._tell)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._tell(done=True)

    def _forget(self) -> None:
        """Wait for no pause any more."""
        if self._pause is not None:
            self._pause.stop()
        self._pause = None

    def _tell(self, done: bool = False) -> None:
        self._forget()
        self._told = self.value
        self.post_message(self.Typed(self.value, done, self.hides))
