"""The prompt that the model read, with the place of each message and what is absent."""

from collections.abc import Callable, Iterator, Sequence

from rich.segment import Segment

from kimitap.conversation import Turn
from kimitap.prompt import seen
from kimitap.rules.finding import Severity
from kimitap.tui.bars import Bar
from kimitap.tui.keys import PROMPT_KEYS, bindings
from kimitap.tui.palette import BADGE, PLUS, STRONG
from kimitap.tui.prompt_blocks import prompt_blocks
from kimitap.tui.reading import ring
from kimitap.tui.text_pane import Block, TextPane
from kimitap.tui.text_screens import TextScreen


class PromptScreen(TextScreen):
    """One turn's prompt; `]` and `[` step through its thread, `a` and `A` through what is absent.

    `read` gives a turn with its prompt, in a worker; it raises a `KimitapError` where there is
    none, which is shown instead. It opens at `message`, if that is asked for.
    """

    KEYS = PROMPT_KEYS
    NAME = "Prompt"
    BINDINGS = bindings(PROMPT_KEYS)

    def __init__(
        self,
        numbers: Sequence[int],
        at: int,
        read: Callable[[int], Turn],
        message: int | None = None,
    ) -> None:
        super().__init__()
        self._numbers = numbers
        self._at = at
        self._read = read
        self._message = message
        self._told: Sequence[Segment] = ()

    def title_text(self) -> str:
        return f"prompt  request #{self._numbers[self._at]}"

    def make(self) -> Iterator[Block]:
        self._told = ()
        turn = self._read(self._numbers[self._at])
        found = seen(turn, turn.reply.prompt)
        hidden = len(found.hidden)
        mark = Segment(f" ✗ {hidden} ABSENT ", BADGE[Severity.ERROR])
        size = Segment(f"  {len(turn.reply.prompt):,} characters", STRONG)
        self._told = (mark if hidden else Segment("✓ nothing absent", PLUS), size)
        yield from prompt_blocks(turn, found)

    def made(self) -> None:
        if self._told:
            title = Segment(f" {self.title_text()}  ", STRONG)
            self.query_one("#title", Bar).set_segments((title, *self._told))
        pane, wanted = self.query_one(TextPane), self._message
        self._message = None
        at = next(iter(pane.lines_of(lambda b: b.message == wanted)), None)
        if wanted is not None and at is not None:
            pane.cursor = at
            pane.centre()

    def action_section(self, way: int) -> None:
        self.to_heading(way)

    def action_absent(self, way: int) -> None:
        pane = self.query_one(TextPane)
        at = ring(pane.cursor, pane.lines_of(lambda block: block.absent), way)
        if at is not None:
            pane.cursor = at
            pane.centre()

    def action_turn(self, way: int) -> None:
        if 0 <= self._at + way < len(self._numbers):
            self._at += way
            self.reload()
