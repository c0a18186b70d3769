"""Kimitap's screens: what a recording says, and where the conversation broke."""

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

from textual import work
from textual.app import App, SuspendNotSupported
from textual.filter import LineFilter
from textual.worker import get_current_worker

from kimitap.conversation import Turn
from kimitap.diff import compare_links
from kimitap.errors import KimitapError
from kimitap.export.curl import curl
from kimitap.places import PlaceWord
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Place, Severity
from kimitap.tui.commands import KeyCommands
from kimitap.tui.diff_screen import DiffScreen
from kimitap.tui.filters import NoControls, WithoutColour
from kimitap.tui.handing_out import LONGEST_COPY, read_outside, write_new
from kimitap.tui.prompt_screen import PromptScreen
from kimitap.tui.session_screen import SessionScreen
from kimitap.tui.source import Source, View
from kimitap.tui.text_screens import HelpScreen, RawScreen
from kimitap.tui.themes import COLOURS, DEFAULT, Repainted, themes
from kimitap.tui.view_screen import ViewScreen
from kimitap.tui.wishes import (
    Compare,
    Copy,
    CopyCurl,
    OpenText,
    ShowDiff,
    ShowHelp,
    ShowPrompt,
    ShowRaw,
    Visit,
    WriteComparison,
    WriteReport,
)
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
    COMMANDS = {KeyCommands}  # noqa: RUF012 (as Textual declares it)
    BINDINGS = []  # noqa: RUF012 (ctrl+q of Textual stays)

    def __init__(self, source: Source, place: PlaceWord | None = None) -> None:
        super().__init__()
        self.source = source
        self.view = View()
        self.main = SessionScreen(place, source.remedies)
        self._before: tuple[LineFilter, ...] = (WithoutColour(),) if self.no_color else ()
        self._theme: tuple[LineFilter, ...] = ()
        self._after = (NoControls(),)
        self._alarmed: frozenset[tuple[str, Place]] | None = None
        self._seen: int | None = None
        self._written_at = float("-inf")
        self._loading = self._glimpsed = False
        self._asked = source.server is None
        self._complaint = ""
        self._patience_until = float("-inf")

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*self._before, *self._theme, *super().get_line_filters(), *self._after]

    def watch_theme(self, name: str) -> None:
        """Paint in the theme's colours from now on."""
        changed = {old: new for old, new in COLOURS.get(name, {}).items() if old != new}
        self._theme = (Repainted(changed),) if changed else ()

    def on_mount(self) -> None:
        others = list(self.available_themes)
        for theme in themes():
            self.register_theme(theme)
        wanted = os.environ.get("TEXTUAL_THEME", "")
        self.theme = wanted if wanted in COLOURS else DEFAULT
        for name in others:
            self.unregister_theme(name)
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
            if not self._glimpsed:
                self._glimpsed = True
                self.call_from_thread(self.main.glimpse, self.source.glimpses())
            view = self.source.load()
        except KimitapError as error:
            self.call_from_thread(self._complain, error)
        else:
            self.call_from_thread(self._loaded, view)

    def _loaded(self, view: View) -> None:
        self._loading, self._complaint = bool(view.unread), ""
        before, self.view = self.view, view
        grown = not view.unread or view.tells_more_than(before)
        for screen in self.screen_stack if grown else (self.main,):
            if isinstance(screen, SessionScreen | ViewScreen):
                screen.apply(view)
        self._say_live()
        if grown:
            self._say_news(view, told=not before.unread)
        if view.unread:
            self.load()
        elif not self._asked and view.threads:
            self._asked = True
            self.ask()

    def _say_news(self, view: View, told: bool) -> None:
        """A bell and a notice for an error that was not there before; none for what is old.

        `told`: all that is old was told before.
        """
        errors = {(f.rule, f.place): f for f in view.findings if f.severity is Severity.ERROR}
        known, self._alarmed = self._alarmed, frozenset(errors)
        fresh = [f for key, f in errors.items() if told and known is not None and key not in known]
        if fresh:
            self.bell()
            more = f", and {len(fresh) - 1} more" if len(fresh) > 1 else ""
            said = f"✗ {fresh[0].rule} in #{fresh[0].place.exchange}{more}"
            self.notify(said, severity="error", markup=False)

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
        first = wish.links[wish.at].child.exchange
        named = (t.name for t in self.view.threads if t.place_of(first) is not None)
        thread = next(named, "")
        self.push_screen(DiffScreen(lambda: compare_links(wish.links, thread), wish.at))

    def on_compare(self, wish: Compare) -> None:
        places = wish.old, wish.new
        self.push_screen(DiffScreen(lambda: self.source.compare(*places), places=places))

    def on_visit(self, wish: Visit) -> None:
        """Close what lies over the conversation, and go there."""
        while self.screen is not self.main and len(self.screen_stack) > 1:
            self.pop_screen()
        self.main.visit(wish.exchange, wish.message, wish.part, wish.reply)

    def on_copy(self, wish: Copy) -> None:
        """Into the terminal's clipboard; what is too long for it, into a file."""
        size = len(wish.text.encode("utf-8", "replace"))
        if size > LONGEST_COPY:
            self._save("kimitap-copy", wish.text, ".txt", "Too long for a clipboard")
            return
        self.copy_to_clipboard(wish.text.encode("utf-8", "replace").decode())
        self.notify(f"Copied {visible(wish.what)}: {size:,} bytes", markup=False)

    @work(thread=True, group="copy")
    def on_copy_curl(self, wish: CopyCurl) -> None:
        try:
            text = curl(self.source.exchange(wish.number))
        except KimitapError as error:
            self.call_from_thread(self.notify, str(error), severity="error", markup=False)
        else:
            copy = Copy(text, f"curl of #{wish.number}")
            self.call_from_thread(self.on_copy, copy)

    def on_open_text(self, wish: OpenText) -> None:
        """Show a copy of the text in the user's editor or pager; the screens wait."""
        try:
            with self.suspend():
                failed = read_outside(wish.text, wish.suffix)
        except SuspendNotSupported:
            failed = "No editor can be opened from here: y copies the text."
        except KimitapError as error:
            failed = str(error)
        if failed:
            self.notify(failed, severity="error", markup=False)

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
    def write_report(self, stem: str, make: Callable[[], str]) -> None:
        try:
            text = make()
        except KimitapError as error:
            self.call_from_thread(self.notify, str(error), severity="error", markup=False)
        else:
            self.call_from_thread(self._save, stem, text, ".md", "Report written")

    def _save(self, stem: str, text: str, suffix: str, said: str) -> None:
        """Into a new file of the current folder; into the browser's, where that shows the app."""
        if self.is_web:
            self.deliver_text(StringIO(text), save_filename=f"{stem}{suffix}")
            return
        try:
            path = write_new(Path.cwd(), stem, text, suffix)
        except OSError as error:
            failed = f"This folder cannot be written ({error.strerror}): start in another."
            self.notify(failed, severity="error", markup=False)
        else:
            self.notify(f"{said}: {path}", markup=False)

    def on_write_report(self, wish: WriteReport) -> None:
        place = PlaceWord("", wish.exchange)
        self.write_report(f"kimitap-report-{wish.exchange}", lambda: self.source.report(place))

    def on_write_comparison(self, wish: WriteComparison) -> None:
        stem = f"kimitap-diff-{wish.old.kind}{wish.old.number}-{wish.new.kind}{wish.new.number}"
        self.write_report(stem, lambda: self.source.report_on_both(wish.old, wish.new))


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
