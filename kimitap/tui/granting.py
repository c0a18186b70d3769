"""What the screens ask for, granted: other screens, places, files, the clipboard, an editor.

The other screens are loaded here when they are first opened, or before that in a worker: the
conversation is painted without them.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from io import BytesIO, StringIO
from pathlib import Path

from textual import work
from textual.app import App, SuspendNotSupported
from textual.notifications import SeverityLevel
from textual.timer import Timer

from kimitap.conversation import Turn
from kimitap.errors import KimitapError
from kimitap.places import PlaceWord
from kimitap.rules.finding import Finding
from kimitap.transcript.wording import plural
from kimitap.tui.conversation.session_screen import SessionScreen
from kimitap.tui.handing_out import LONGEST_COPY, read_outside, write_new
from kimitap.tui.source import Source, Unopened, View
from kimitap.tui.widgets.confirm import ConfirmScreen
from kimitap.tui.widgets.text_screens import HelpScreen
from kimitap.tui.wishes import (
    Compare,
    Copy,
    CopyCurl,
    DeleteSession,
    OpenText,
    Replay,
    ShowDiff,
    ShowFindings,
    ShowHelp,
    ShowSearch,
    ShowSessions,
    ShowTimeline,
    ShowTurn,
    Visit,
    WriteComparison,
    WriteReport,
)
from kimitap.visible import visible

OTHERS = ("diff", "findings", "replay", "search", "sessions", "timeline", "turn")
"""The rooms of the screens that open over the conversation."""


class GrantingApp(App[None]):
    """The app's answers to `wishes`; `main` is the conversation, below all other screens."""

    def __init__(self, source: Source | Unopened, main: SessionScreen) -> None:
        super().__init__()
        self._source = source
        self.view = View()
        self.main = main
        self.searched = ""
        """The words of the last search of all sessions that led somewhere."""
        self.deleting = False
        """True while this app itself writes to the recording."""

    @property
    def source(self) -> Source:
        """The recording; nothing may be asked before it is open."""
        assert not isinstance(self._source, Unopened)
        return self._source

    def _is_open(self) -> bool:
        """True where the recording can be asked; else that is said."""
        if isinstance(self._source, Unopened):
            self.notify("The recording is still being opened: in a moment.", markup=False)
        return not isinstance(self._source, Unopened)

    @work(thread=True, group="others")
    def load_others(self) -> None:
        """Load the other screens, so that the first key that opens one need not."""
        for room in OTHERS:
            import_module(f"kimitap.tui.{room}.screen")

    def load_again(self) -> None:
        """Read anew though nobody wrote: something was learnt."""
        raise NotImplementedError

    def on_show_help(self, wish: ShowHelp) -> None:
        self.push_screen(HelpScreen(wish.title, wish.keys))

    def on_show_diff(self, wish: ShowDiff) -> None:
        from kimitap.diff import compare_links
        from kimitap.tui.diff.screen import DiffScreen

        first = wish.links[wish.at].child.exchange
        named = (t.name for t in self.view.threads if t.place_of(first) is not None)
        thread = next(named, "")
        self.push_screen(DiffScreen(self.view, lambda: compare_links(wish.links, thread), wish.at))

    def on_compare(self, wish: Compare) -> None:
        from kimitap.tui.diff.screen import DiffScreen

        places = wish.old, wish.new
        compare = partial(self.source.compare, *places)
        self.push_screen(DiffScreen(self.view, compare, places=places))

    def on_show_sessions(self, wish: ShowSessions) -> None:
        from kimitap.tui.sessions.screen import SessionsScreen

        self.push_screen(SessionsScreen(self.view))

    def on_show_findings(self, wish: ShowFindings) -> None:
        from kimitap.tui.findings.screen import FindingsScreen

        self.push_screen(FindingsScreen(self.view))

    def on_show_timeline(self, wish: ShowTimeline) -> None:
        from kimitap.tui.timeline.screen import TimelineScreen

        self.push_screen(TimelineScreen(self.view, wish.thread, wish.exchange))

    def on_show_search(self, wish: ShowSearch) -> None:
        from kimitap.tui.search.screen import SearchScreen

        self.push_screen(SearchScreen(self.view, wish.words or self.searched))

    def on_delete_session(self, wish: DeleteSession) -> None:
        """Ask first, and then delete in a worker."""
        session = next((s for s in self.view.sessions if s.number == wish.session), None)
        if session is None:
            return
        turns = sum(len(thread.turns) for thread in session.threads)
        question = f"Delete {session.name} from {self.source.where}?"
        what = f"{plural(turns, 'turn')} of {session.agent or 'an unnamed agent'}, all its threads."
        screen = ConfirmScreen(question, (what, "No byte of them stays: it cannot be undone."))

        def answered(yes: bool | None) -> None:
            if yes:
                self.delete_session(wish.session)

        self.push_screen(screen, answered)

    @work(thread=True, group="delete")
    def delete_session(self, session: int) -> None:
        self.deleting = True
        try:
            told, failed = self.source.delete([session]), False
        except KimitapError as error:
            told, failed = str(error), True
        self.call_from_thread(self.deleted)
        severity: SeverityLevel = "error" if failed else "information"
        self.call_from_thread(self.notify, visible(told), severity=severity, markup=False)

    def deleted(self) -> None:
        """Look what is left; that it changed is no recorder's doing."""
        raise NotImplementedError

    def on_visit(self, wish: Visit) -> None:
        """Close what lies over the conversation, and go there."""
        while self.screen is not self.main and len(self.screen_stack) > 1:
            self.pop_screen()
        self.searched = wish.words or self.searched
        self.main.visit(wish)

    def on_copy(self, wish: Copy) -> None:
        """Into the terminal's clipboard; what is too long for it, into a file."""
        size = len(wish.text.encode("utf-8", "replace"))
        if size > LONGEST_COPY:
            self._save("kimitap-copy", wish.text, ".txt", "Too long for a clipboard")
            return
        self.copy_to_clipboard(wish.text.encode("utf-8", "replace").decode())
        self.notify(f"Copied {visible(wish.what)}: {size:,} bytes", markup=False)

    def on_copy_curl(self, wish: CopyCurl) -> None:
        if self._is_open():
            self._copy_curl(wish)

    @work(thread=True, group="copy")
    def _copy_curl(self, wish: CopyCurl) -> None:
        from kimitap.export.curl import curl

        try:
            text = curl(self.source.exchange(wish.number))
        except KimitapError as error:
            self.call_from_thread(self.notify, str(error), severity="error", markup=False)
        else:
            copy = Copy(text, f"curl of #{wish.number}")
            self.call_from_thread(self.on_copy, copy)

    def on_replay(self, wish: Replay) -> None:
        """Ask whether a request is to be sent again; then compare both replies."""
        from kimitap.tui.replay.draft import Draft
        from kimitap.tui.replay.screen import ReplayScreen

        threads = ((s, t) for s in self.view.sessions for t in s.threads)
        session = next((s for s, t in threads if t.place_of(wish.number) is not None), None)
        if session is None:
            self.notify(f"#{wish.number} is no model call: it is not sent again.", markup=False)
            return

        def answered(number: int | None) -> None:
            if number is not None:
                self.on_compare(Compare(PlaceWord("", wish.number), PlaceWord("", number)))

        def make() -> Draft:
            return Draft(self.source.exchange(wish.number), session)

        self.push_screen(ReplayScreen(make, self.source.send), answered)

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

    def on_show_turn(self, wish: ShowTurn) -> None:
        if not self._is_open():
            return
        from kimitap.tui.turn.faces import Readers
        from kimitap.tui.turn.screen import TurnScreen

        others = (other.number for other in self.view.others)
        alone = sorted({*self.main.listed, *others})
        readers = Readers(self.source.exchange, self._prompt)
        screen = TurnScreen(self.view, wish.number, wish.tab, readers, wish.message, alone)
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
            self.notify(f"Downloaded: {stem}{suffix}", markup=False)
            return
        try:
            path = write_new(Path.cwd(), stem, text, suffix)
        except OSError as error:
            self.notify(_failed(error), severity="error", markup=False)
        else:
            self.notify(f"{said}: {path}", markup=False)

    def on_write_report(self, wish: WriteReport) -> None:
        waits = self.set_timer(1.0, partial(self.notify, "Writing the report …", markup=False))
        self.write_evidence(PlaceWord("", wish.exchange), wish.finding, waits)

    @work(thread=True, group="report")
    def write_evidence(self, place: PlaceWord, finding: Finding | None, waits: Timer) -> None:
        """Into a new folder of the current one; into the browser's, where that shows the app."""
        severity: SeverityLevel = "information"
        try:
            if self.is_web:
                name, data = self.source.report_zip(place, finding)
                self.call_from_thread(self.deliver_binary, BytesIO(data), save_filename=name)
                told = f"Downloaded: {name}"
            else:
                path = self.source.write_report(place, finding, Path.cwd())
                told = f"Report written, secrets masked: {path}/"
        except (KimitapError, OSError) as error:
            severity, told = "error", _failed(error)
        self.call_from_thread(waits.stop)
        self.call_from_thread(self.notify, visible(told), severity=severity, markup=False)

    def on_write_comparison(self, wish: WriteComparison) -> None:
        stem = f"kimitap-diff-{wish.old.kind}{wish.old.number}-{wish.new.kind}{wish.new.number}"
        self.write_report(stem, lambda: self.source.report_on_both(wish.old, wish.new))


def _failed(error: OSError | KimitapError) -> str:
    if isinstance(error, KimitapError):
        return str(error)
    return f"This folder cannot be written ({error.strerror}): start in another."
