"""A question before something is done that cannot be undone."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.screen import ModalScreen

from kimitap.tui.keys import CONFIRM_KEYS, bindings
from kimitap.tui.palette import FAINT, NORMAL, STRONG
from kimitap.tui.widgets.composed import Composed
from kimitap.tui.widgets.text_pane import Block, TextPane
from kimitap.visible import visible


class ConfirmScreen(Composed[bool], ModalScreen[bool]):
    """True where the reader said yes. Only `y` does; enter, a habit, does not."""

    BINDINGS = bindings(CONFIRM_KEYS)
    KEYS = CONFIRM_KEYS
    AUTO_FOCUS = "#question"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-wide")]  # noqa: RUF012 (as Textual declares it)
    DEFAULT_CSS = """
    ConfirmScreen #question {
        width: 66; max-width: 100%; height: 8; background: #1a212a; border: heavy #ff7a45;
    }
    ConfirmScreen.-narrow #question { height: 12; }
    """

    def __init__(self, question: str, consequences: Sequence[str]) -> None:
        super().__init__()
        self._question = question
        self._consequences = consequences

    def compose(self) -> ComposeResult:
        yield TextPane(id="question")

    def begin(self) -> None:
        blocks = [Block(visible(self._question), STRONG, indent=1), Block("")]
        blocks += [Block(visible(text), NORMAL, indent=1) for text in self._consequences]
        blocks += [Block(""), Block("y yes   n esc no", FAINT, indent=1)]
        self.query_one(TextPane).show_blocks(blocks)

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
