"""Kimitap's screens: what a recording says, and where the conversation broke."""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from textual import work
from textual.app import App
from textual.filter import LineFilter
from textual.worker import get_current_worker

from kimitap.conversation import Turn
from kimitap.errors import KimitapError
from kimitap.places import PlaceWord
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.tui.filters import NoControls, WithoutColour
from kimitap.tui.prompt_screen import PromptScreen
from kimitap.tui.session_screen import SessionScreen
from kimitap.tui.source import Source, View
from kimitap.tui.text_screens import DiffScreen, HelpScreen, RawScreen
from kimitap.tui.wishes import ShowDiff, ShowHelp, ShowPrompt, ShowRaw, WriteReport
from kimitap.visible import visible

POLL_S = 0.2
LIVE_S = 5.0
"""Seconds after the last write for which the recording counts as live."""
WAITING = timedelta(minutes=10)
"""How long a turn without an end counts as one that a recorder still waits for."""
AGAIN_S = 2.0
"""Seconds until a recording that could not be read is tried again."""


class Kimitap(App[None]):
    """The app over one source. `place` is where it opens: an exchange, a thread or a session."""

    CSS_PATH = "kimitap.tcss"
    TITLE = "kimitap"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = []  # noqa: RUF012 (ctrl+q of Textual stays)

    def __init__(self, source: Source, place: PlaceWord | None = None) -> None:
        super().__init__()
        self.source = source
        self.view = View()
        self.main = SessionScreen(place, source.remedies)
        self._before: tuple[LineFilter, ...] = (WithoutColour(),) if self.no_color else ()
        self._after = (NoControls(),)
        self._seen: int | None = None
        self._written_at = float("-inf")
        self._loading = False
        self._asked = source.server is None
        self._complaint = ""
        self._patience_until = float("-inf")

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*self._before, *super().get_line_filters(), *self._after]

    def on_mount(self) -> None:
        self.push_screen(self.main)
        self.set_interval(POLL_S, self.poll)
        self.call_after_refresh(self.poll)

    def poll(self) -> None:
        """Look whether somebody wrote; if so, and no reader is at work, read in a worker."""
        now = time.monotonic()
        if self._loading or now < self._patience_until:
            return
        try:
            version = self.source.version()
        except KimitapError as error:
            self._complain(error)
            return
        if version != self._seen:
            if self._seen is not None:
                self._written_at = now
            self._seen, self._loading = version, True
            self.load()
        self._say_live()

    def _say_live(self) -> None:
        recent = time.monotonic() - self._written_at < LIVE_S
        self.main.set_live(recent or self.view.waits_since(datetime.now(UTC) - WAITING))

    @work(thread=True, group="load")
    def load(self) -> None:
        try:
            view = self.source.load()
        except KimitapError as error:
            self.call_from_thread(self._complain, error)
        else:
            self.call_from_thread(self._loaded, view)

    def _loaded(self, view: View) -> None:
        self._loading = False
        self._complaint = ""
        self.view = view
        self.main.apply(view)
        self._say_live()
        if not self._asked and view.threads:
            self._asked = True
            self.ask()

    @work(thread=True, group="ask")
    def ask(self) -> None:
        """Have the server render the prompts that matter most, once, and show what they tell."""
        try:
            told, failed = self.source.ask(), False
        except KimitapError as error:
            told, failed = visible(str(error)), True
        if not get_current_worker().is_cancelled:
            self.call_from_thread(self._asked_about, told, failed)

    def _asked_about(self, told: str, failed: bool) -> None:
        if told:
            self.notify(told, severity="error" if failed else "information", markup=False)
        self.load_again()

    def load_again(self) -> None:
        """Read anew though nobody wrote: something was learnt."""
        self._seen = None
        self.poll()

    def on_unmount(self) -> None:
        self.source.stop()

    def _complain(self, error: KimitapError) -> None:
        """Say once what is wrong, and try again in a while: a lock may go, a file come back."""
        self._loading, self._seen = False, None
        self._patience_until = time.monotonic() + AGAIN_S
        if str(error) != self._complaint:
            self._complaint = str(error)
            self.notify(str(error), severity="error", markup=False)
            self.main.refuse(str(error))

    def on_show_help(self, wish: ShowHelp) -> None:
        self.push_screen(HelpScreen(wish.title, wish.keys))

    def on_show_diff(self, wish: ShowDiff) -> None:
        self.push_screen(DiffScreen(wish.links, wish.at))

    def on_show_raw(self, wish: ShowRaw) -> None:
        turns = (turn.exchange for thread in self.view.threads for turn in thread.turns)
        numbers = sorted({*turns, *(other.number for other in self.view.others), wish.number})
        at = numbers.index(wish.number)
        self.push_screen(RawScreen(numbers, at, self.source.exchange))

    def on_show_prompt(self, wish: ShowPrompt) -> None:
        screen = PromptScreen(wish.numbers, wish.at, self._prompt, wish.message)
        self.push_screen(screen)

    def _prompt(self, number: int) -> Turn:
        """A turn with its prompt; runs in a worker. What a server told is shown everywhere."""
        turn = self.source.prompt(number)
        if not any(turn is known for thread in self.view.threads for known in thread.turns):
            self.call_from_thread(self.load_again)
        return turn

    @work(thread=True, group="report")
    def write_report(self, exchange: int) -> None:
        try:
            text = self.source.report(PlaceWord("", exchange))
            path = write_new(Path.cwd(), f"kimitap-report-{exchange}", text)
        except KimitapError as error:
            self.call_from_thread(self.notify, str(error), severity="error", markup=False)
        except OSError as error:
            said = f"No report: this folder cannot be written ({error.strerror}). Start in another."
            self.call_from_thread(self.notify, said, severity="error", markup=False)
        else:
            self.call_from_thread(self.notify, f"Report written: {path}", markup=False)

    def on_write_report(self, wish: WriteReport) -> None:
        self.write_report(wish.exchange)


def write_new(folder: Path, stem: str, text: str) -> Path:
    """Write a file that only its owner can read, under a name that is free."""
    for n in range(1, 1000):
        path = folder / (f"{stem}.md" if n == 1 else f"{stem}-{n}.md")
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        return path
    raise FileExistsError(f"{folder / stem}.md and 998 more exist already")


def run(
    where: str,
    place: PlaceWord | None = None,
    choice: Choice = EVERYTHING,
    server: str | None = None,
) -> None:
    """Open the screens on a recording; raises a `RecordingError` where it cannot be read.

    `server` is the llama-server that is asked for prompts.
    """
    from kimitap.tui.recording import RecordingSource

    source = RecordingSource(where, choice, server)
    try:
        Kimitap(source, place).run()
    finally:
        source.close()
