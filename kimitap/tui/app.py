"""Kimitap's screens: what a recording says, and where the conversation broke."""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from textual import work
from textual.app import App
from textual.filter import LineFilter
from textual.worker import get_current_worker

from kimitap.errors import KimitapError, UsageError
from kimitap.places import PlaceWord
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Place, Severity
from kimitap.store import Glimpse
from kimitap.tui.commands import KeyCommands, Palette
from kimitap.tui.conversation.session_screen import SessionScreen
from kimitap.tui.filters import NoControls, WithoutColour
from kimitap.tui.granting import GrantingApp
from kimitap.tui.source import WAITING, Source, Unopened, View
from kimitap.tui.themes import COLOURS, DEFAULT, Repainted, themes
from kimitap.tui.widgets.view_screen import ViewScreen
from kimitap.visible import visible

POLL_S = 0.2
LIVE_S = 5.0
"""Seconds after the last write for which the recording counts as live."""
AGAIN_S = 2.0
"""Seconds until a recording that could not be read is tried again."""


class Kimitap(GrantingApp):
    """The app over one source. `place` is where it opens: an exchange, a thread or a session.

    A source that is not open yet is opened in a worker, once the conversation's screen is painted;
    where that fails the app ends, and `failure` says why.
    """

    CSS_PATH = "kimitap.tcss"
    TITLE = "kimitap"
    COMMANDS = {KeyCommands}  # noqa: RUF012 (as Textual declares it)
    BINDINGS = []  # noqa: RUF012 (ctrl+q of Textual stays)

    def __init__(self, source: Source | Unopened, place: PlaceWord | None = None) -> None:
        super().__init__(source, SessionScreen(place, lambda: self.source.remedies))
        self._place = place
        self.failure: KimitapError | None = None
        self._set_themes()
        self._before: tuple[LineFilter, ...] = (WithoutColour(),) if self.no_color else ()
        self._after = (NoControls(),)
        self._alarmed: frozenset[tuple[str, Place]] | None = None
        self._learnt: frozenset[int] = frozenset()
        """The exchanges of which something may just have been learnt: it is told without a bell."""
        self._quiet: frozenset[int] = frozenset()
        """Those of them that the reading under way tells of."""
        self._seen: int | None = None
        self._written_at = float("-inf")
        self._loading = self._glimpsed = self._others_asked = False
        self._asked = source.server is None
        self._complaint = ""
        self._patience_until = float("-inf")

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*self._before, *self._theme, *super().get_line_filters(), *self._after]

    def _set_themes(self) -> None:
        """Have our themes and no others; `TEXTUAL_THEME` names the one to begin with."""
        others = list(self.available_themes)
        for theme in themes():
            self.register_theme(theme)
        wanted = os.environ.get("TEXTUAL_THEME", "")
        self.set_reactive(App.theme, wanted if wanted in COLOURS else DEFAULT)
        self.watch_theme(self.theme)
        for name in others:
            self.unregister_theme(name)

    def watch_theme(self, name: str) -> None:
        """Paint in the theme's colours from now on."""
        changed = {old: new for old, new in COLOURS.get(name, {}).items() if old != new}
        self._theme: tuple[LineFilter, ...] = (Repainted(changed),) if changed else ()

    async def on_mount(self) -> None:
        await self.push_screen(self.main)  # composed, before a worker paints it
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Open what is not open yet; then look every moment whether somebody wrote."""
        if isinstance(self._source, Unopened):
            self._open(self._source)
        else:
            self.set_interval(POLL_S, self.poll)
            self.poll()

    @work(thread=True, group="open")
    def _open(self, unopened: Unopened) -> None:
        try:
            seen = unopened.glimpses()
            _demand(unopened.where, self._place, seen)
            self._glimpsed = True
            self.call_from_thread(self._glimpse, seen)
            source = unopened.open()
        except KimitapError as error:
            self.failure = error
            self.call_from_thread(self.exit, return_code=1)
            return
        if get_current_worker().is_cancelled:
            source.close()  # the reader has left
            return
        self._source = source
        self.call_from_thread(self._begin)

    def poll(self) -> None:
        """Look whether somebody wrote; if so, and no reader is at work, read in a worker."""
        now = time.monotonic()
        if not self.is_running or self._loading or now < self._patience_until:
            return  # a last beat may come while the screens close
        try:
            version = self.source.version()
        except KimitapError as error:
            self._complain(error)
            return
        if version != self._seen:
            if self._seen is not None and not self.deleting:
                self._written_at = now
            self._seen, self._loading = version, True
            self._quiet, self._learnt = self._learnt, frozenset()
            self.load()
        self._say_live()

    def deleted(self) -> None:
        self.poll()
        self.deleting = False

    def _say_live(self) -> None:
        recent = time.monotonic() - self._written_at < LIVE_S
        self.main.set_live(recent or self.view.waits_since(datetime.now(UTC) - WAITING))

    @work(thread=True, group="load")
    def load(self) -> None:
        try:
            if not self._glimpsed:
                self._glimpsed = True
                self.call_from_thread(self._glimpse, self.source.glimpses())
            view = self.source.load()
        except KimitapError as error:
            self.call_from_thread(self._complain, error)
        else:
            self.call_from_thread(self._loaded, view)

    def _glimpse(self, seen: Sequence[Glimpse]) -> None:
        if self.is_running:  # a worker may end later than the screens
            self.main.glimpse(seen)

    def _loaded(self, view: View) -> None:
        if not self.is_running:
            return
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
            return
        if not self._others_asked:
            self._others_asked = True
            self.load_others()
        if not self._asked and view.threads:
            self._asked = True
            self.ask()

    def _say_news(self, view: View, told: bool) -> None:
        """A bell and a notice for an error that was not there before; none for what is old.

        `told`: all that is old was told before.
        """
        errors = {(f.rule, f.place): f for f in view.findings if f.severity is Severity.ERROR}
        known, self._alarmed = self._alarmed, frozenset(errors)
        new = (f for key, f in errors.items() if told and known is not None and key not in known)
        fresh = [f for f in new if f.place.exchange not in self._quiet]
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
        if told and self.is_running:
            self.notify(told, severity="error" if failed else "information", markup=False)
        self.load_again()

    def load_again(self) -> None:
        """Read anew though nobody wrote: something was learnt of old turns, and rings no bell.

        What is recorded at the same time rings as ever.
        """
        ended = (t for thread in self.view.threads for t in thread.turns if t.ended_at is not None)
        self._seen, self._learnt = None, frozenset(turn.exchange for turn in ended)
        self.poll()

    def on_unmount(self) -> None:
        if not isinstance(self._source, Unopened):
            self._source.stop()

    def close(self) -> None:
        """Let go of the recording."""
        if not isinstance(self._source, Unopened):
            self._source.close()

    def _complain(self, error: KimitapError) -> None:
        """Say once what is wrong, and try again in a while: a lock may go, a file come back."""
        if not self.is_running:
            return
        self._loading, self._seen = False, None
        self._patience_until = time.monotonic() + AGAIN_S
        if str(error) != self._complaint:
            self._complaint = str(error)
            self.notify(str(error), severity="error", markup=False)
            self.main.refuse(str(error))


def _demand(where: str, place: PlaceWord | None, seen: Sequence[Glimpse]) -> None:
    """Raise a `UsageError` where no exchange has the number of the place: nor can a thread or a
    session, which are named after their first exchange."""
    if place is not None and all(glimpse.number != place.number for glimpse in seen):
        from kimitap.store import shown

        raise UsageError(f"{shown(where)}: {place} is not in it")


def glimpses_of(where: str) -> Sequence[Glimpse]:
    """All exchanges of a recording as their rows tell them."""
    from kimitap.store import Recording

    with Recording.open(where) as recording:
        return recording.glimpses()


def run(
    where: str,
    place: PlaceWord | None = None,
    choice: Choice = EVERYTHING,
    server: str | None = None,
) -> int:
    """Open the screens on a recording; raises a `RecordingError` where it cannot be read.

    `server` is the llama-server that is asked for prompts. Gives the exit status: 0, but where the
    screens broke.
    """

    def opened() -> Source:
        from kimitap.tui.recording import RecordingSource

        return RecordingSource(where, choice, server)

    app = Kimitap(Unopened(where, server, lambda: glimpses_of(where), opened), place)
    try:
        app.run()
    finally:
        app.close()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0
