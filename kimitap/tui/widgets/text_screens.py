"""The keys of a screen, and what the marks say."""

from collections.abc import Iterator, Sequence

from textual.app import ComposeResult
from textual.screen import ModalScreen

from kimitap.transcript.query import LANGUAGE
from kimitap.tui.keys import HELP_KEYS, QUESTIONS, Key, bindings, with_list_keys
from kimitap.tui.palette import FAINT, NAME, NORMAL
from kimitap.tui.widgets.composed import Composed
from kimitap.tui.widgets.text_pane import Block, TextPane

SEARCHING = {"search", "edit"}
"""Keys of screens whose searches speak the language of queries."""


class HelpScreen(Composed[None], ModalScreen[None]):
    """The keys of the screen below, from the table that binds them."""

    BINDINGS = bindings(HELP_KEYS)
    AUTO_FOCUS = "#help"

    def __init__(self, name: str, keys: Sequence[Key]) -> None:
        super().__init__()
        self._name = name
        self._keys = keys

    def compose(self) -> ComposeResult:
        yield TextPane(id="help")

    def begin(self) -> None:
        self.query_one(TextPane).show_blocks(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        yield Block(f"{self._name}: keys", NAME, indent=1)
        own = {key.id for key in self._keys}
        for key in with_list_keys(self._keys):
            yield Block(f"{key.shown:<10} {key.words}", NORMAL, indent=1)
        yield Block("")
        for asked in (key for key in self._keys if key.id in QUESTIONS):
            yield Block(f"In the question that {asked.shown} asks", NAME, indent=1)
            for key in QUESTIONS[asked.id]:
                yield Block(f"{key.shown:<10} {key.words}", NORMAL, indent=1)
            yield Block("")
        if own & SEARCHING:
            yield Block("What can be searched for", NAME, indent=1)
            for typed, words in LANGUAGE:
                yield Block(f"{typed:<16} {words}", FAINT, indent=1)
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
