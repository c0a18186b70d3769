"""Screens that are one long text: the raw exchange, the keys."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.segment import Segment
from textual.app import ComposeResult
from textual.screen import ModalScreen, Screen
from textual.worker import Worker, WorkerState

from kimitap.errors import KimitapError
from kimitap.exchange import Exchange
from kimitap.rules.finding import Severity
from kimitap.tui.bars import Bar, foot_segments
from kimitap.tui.keys import HELP_KEYS, LIST_KEYS, RAW_KEYS, Key, bindings
from kimitap.tui.palette import ALARM, FAINT, NAME, NORMAL, STRONG
from kimitap.tui.raw_blocks import raw_blocks
from kimitap.tui.reading import ring
from kimitap.tui.text_pane import Block, TextPane
from kimitap.tui.wishes import ShowHelp
from kimitap.visible import visible


class TextScreen(Screen[None]):
    """A title, a text made in a worker, and the keys. `n` stops at the text's headings."""

    KEYS: Sequence[Key] = ()
    NAME = ""
    AUTO_FOCUS = "#text"

    def compose(self) -> ComposeResult:
        yield Bar(id="title")
        yield TextPane(id="text")
        yield Bar(id="foot")

    def on_mount(self) -> None:
        self.query_one("#foot", Bar).set_segments(foot_segments(self.KEYS))
        self.reload()

    def reload(self) -> None:
        """Make the text anew, off the loop; what was asked for before is dropped."""
        self.query_one("#title", Bar).set_segments([Segment(f" {self.title_text()}", STRONG)])
        self.run_worker(self._make, thread=True, exclusive=True)

    def _make(self) -> tuple[Block, ...]:
        try:
            return tuple(self.make())
        except KimitapError as error:
            return (Block(visible(str(error)), ALARM[Severity.ERROR]),)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.SUCCESS:
            self.query_one(TextPane).show_blocks(event.worker.result or ())
            self.made()

    def title_text(self) -> str:
        raise NotImplementedError

    def make(self) -> Iterable[Block]:
        """The text's blocks; runs in a worker's thread."""
        raise NotImplementedError

    def made(self) -> None:
        """The text is there."""

    def to_heading(self, way: int) -> None:
        pane = self.query_one(TextPane)
        at = ring(pane.cursor, pane.headings, way)
        if at is not None:
            pane.cursor = at
            pane.centre()

    def action_back(self) -> None:
        self.dismiss()

    def action_help(self) -> None:
        self.post_message(ShowHelp(self.NAME, self.KEYS))


class RawScreen(TextScreen):
    """An exchange as it was on the wire; `]` and `[` step through the recording."""

    KEYS = RAW_KEYS
    NAME = "Raw exchange"
    BINDINGS = bindings(RAW_KEYS)

    def __init__(self, numbers: Sequence[int], at: int, read: Callable[[int], Exchange]) -> None:
        super().__init__()
        self._numbers = numbers
        self._at = at
        self._read = read

    def title_text(self) -> str:
        return f"raw  exchange #{self._numbers[self._at]}"

    def make(self) -> Iterator[Block]:
        yield from raw_blocks(self._read(self._numbers[self._at]))

    def action_section(self, way: int) -> None:
        self.to_heading(way)

    def action_exchange(self, way: int) -> None:
        if 0 <= self._at + way < len(self._numbers):
            self._at += way
            self.reload()


class HelpScreen(ModalScreen[None]):
    """The keys of the screen below, from the table that binds them."""

    BINDINGS = bindings(HELP_KEYS)
    AUTO_FOCUS = "#help"

    def __init__(self, name: str, keys: Sequence[Key]) -> None:
        super().__init__()
        self._name = name
        self._keys = keys

    def compose(self) -> ComposeResult:
        yield TextPane(id="help")

    def on_mount(self) -> None:
        self.query_one(TextPane).show_blocks(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        yield Block(f"{self._name}: keys", NAME, indent=1)
        own = {key.id for key in self._keys}
        for key in (*self._keys, *(key for key in LIST_KEYS if key.id not in own)):
            yield Block(f"{key.shown:<10} {key.words}", NORMAL, indent=1)
        yield Block("")
        yield Block("What the marks say", NAME, indent=1)
        for mark, words in MARKS:
            yield Block(f"{mark:<10} {words}", FAINT, indent=1)

    def action_back(self) -> None:
        self.dismiss()


MARKS = (
    ("✗ ! i", "error, warning, note"),
    ("╎ ┄┄◀", "should stand here, and does not"),
    ("└─▸", "the model calls a tool"),
    ("◂──", "what the tool answered"),
    ("▸ ▾", "folded, unfolded"),
    ("REC", "somebody is recording now"),
)
