"""A turn sent again: what goes where is shown and asked, and the answer is waited for."""

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.app import ComposeResult, SuspendNotSupported
from textual.screen import ModalScreen
from textual.worker import Worker, WorkerState

from kimitap.errors import KimitapError
from kimitap.replay.outgoing import Outgoing
from kimitap.replay.sending import Hangup
from kimitap.rules.finding import Severity
from kimitap.tui.handing_out import editor, write_new
from kimitap.tui.keys import REPLAY_KEYS, bindings
from kimitap.tui.palette import ALARM, FAINT, STRONG
from kimitap.tui.replay.draft import Draft, blocks
from kimitap.tui.widgets.bars import Bar, foot_segments
from kimitap.tui.widgets.composed import Composed
from kimitap.tui.widgets.text_pane import Block, TextPane
from kimitap.visible import visible

Send = Callable[[Outgoing, Hangup], int]
"""Sends and records; the number of the new exchange."""
WAITS = "esc hangs up, and keeps what came"


class ReplayScreen(Composed[int | None], ModalScreen[int | None]):
    """The number of the answer's exchange; None where nothing was sent.

    `make` gives the draft, in a worker. Only `y` sends; enter, a habit, does not.
    """

    BINDINGS = bindings(REPLAY_KEYS)
    KEYS = REPLAY_KEYS
    AUTO_FOCUS = "#question"
    DEFAULT_CSS = """
    ReplayScreen #question {
        width: 76; max-width: 100%; height: 1fr; max-height: 15;
        background: #1a212a; border: heavy #3d6e94;
    }
    ReplayScreen #foot { width: 76; max-width: 100%; }
    """

    def __init__(self, make: Callable[[], Draft], send: Send) -> None:
        super().__init__()
        self._make = make
        self._send = send
        self._draft: Draft | None = None
        self._hangup: Hangup | None = None
        self._began = 0.0
        self._answer: int | None = None
        """The exchange of the answer, when it has come."""

    def compose(self) -> ComposeResult:
        yield TextPane(id="question")
        yield Bar(id="foot")

    def begin(self) -> None:
        self.query_one("#foot", Bar).set_segments(foot_segments(self.KEYS))
        self._say(Block("reading …", FAINT, indent=1))
        self._change(self._make)
        self.set_interval(1.0, self._tick)

    def _say(self, *said: Block) -> None:
        for pane in self.query(TextPane):  # none any more while the screen closes
            pane.show_blocks(said)

    def _change(self, change: Callable[[], Draft]) -> None:
        """Make another draft in a worker: a body may be long."""

        def work() -> tuple[Draft, object]:
            draft = change()
            return draft, blocks(draft)

        self.run_worker(work, thread=True, exclusive=True, group="draft", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR:
            self._failed(event.worker.error)
        elif event.state is WorkerState.SUCCESS and event.worker.group == "draft":
            self._draft, said = event.worker.result or (None, ())
            self._say(*said)
        elif event.state is WorkerState.SUCCESS and event.worker.group == "send":
            self._answer = event.worker.result
            self._leave_with_answer()

    def on_screen_resume(self) -> None:
        """What lay over it was closed."""
        self._leave_with_answer()

    def _leave_with_answer(self) -> None:
        """Once this is on top: else whatever lies over it would be closed in its place."""
        if self._answer is not None and self.app.screen is self:
            self.dismiss(self._answer)

    def _failed(self, error: BaseException | None) -> None:
        """A draft that cannot be made leaves the one before; without one nothing can be asked."""
        if not isinstance(error, KimitapError):
            raise error or RuntimeError("the worker failed")
        if self._draft is None or self._hangup is not None:
            self._hangup = None
            alarm = Block(visible(str(error)), ALARM[Severity.ERROR], indent=1)
            self._say(alarm, Block(""), Block("esc back", FAINT, indent=1))
            self._draft = None
        else:
            self.notify(visible(str(error)), severity="error", markup=False)

    # --- what the reader asks for

    def action_send(self) -> None:
        draft = self._draft
        if draft is None or self._hangup is not None:
            return
        self._hangup = hangup = Hangup()
        self._began = time.monotonic()
        request = draft.request
        self.run_worker(
            lambda: self._send(request, hangup), thread=True, group="send", exit_on_error=False
        )
        self._tick()

    def _tick(self) -> None:
        """Say how long the answer is waited for."""
        if self._hangup is None or self._draft is None or not self.app.is_running:
            return
        waited = f"sent; waiting for the answer … {time.monotonic() - self._began:.0f} s"
        request = self._draft.request
        self._say(
            Block(visible(f"{request.method} {request.url}"), STRONG, indent=1, words=False),
            Block(""),
            Block("hanging up …" if self._hangup.asked else waited, FAINT, indent=1),
            Block(""),
            Block(WAITS, FAINT, indent=1),
        )

    def action_leave(self) -> None:
        """No; or, while the answer comes, hang up."""
        if self._hangup is not None:
            self._hangup()
            self._tick()
        else:
            self.dismiss(None)

    def on_unmount(self) -> None:
        if self._hangup is not None:
            self._hangup()

    def action_repair(self) -> None:
        self._redraft(lambda draft: draft.put_back())

    def action_stream(self) -> None:
        self._redraft(lambda draft: draft.other_stream())

    def _redraft(self, change: Callable[[Draft], Draft]) -> None:
        draft = self._draft
        if draft is not None and self._hangup is None:
            self._change(lambda: change(draft))

    def action_edit(self) -> None:
        """Let the reader write the body in his editor; what is no JSON is kept for him."""
        draft = self._draft
        if draft is None or self._hangup is not None:
            return
        try:
            with self.app.suspend():
                text = edited(draft.text())
        except SuspendNotSupported:
            self.notify("No editor can be opened from here.", severity="error", markup=False)
        except KimitapError as error:
            self.notify(visible(str(error)), severity="error", markup=False)
        except OSError as error:
            failed = f"The editor cannot be started ({error.strerror}): set $EDITOR"
            self.notify(failed, severity="error", markup=False)
        else:
            self._take(draft, text)

    def _take(self, draft: Draft, text: str) -> None:
        try:
            changed = draft.after(text)
        except KimitapError as error:
            path = write_new(Path.cwd(), f"kimitap-edited-{draft.exchange.number}", text, ".json")
            said = visible(f"{error}; your text is in {path.name}")
            self.notify(said, severity="error", markup=False)
        else:
            self._change(lambda: changed)


def edited(text: str) -> str:
    """What the reader's editor makes of a text, in a file that only he can read."""
    with tempfile.TemporaryDirectory(prefix="kimitap-") as folder:
        path = Path(folder) / "request.json"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        subprocess.run([*editor(), str(path)], check=False)
        return path.read_text(encoding="utf-8", errors="surrogatepass")
