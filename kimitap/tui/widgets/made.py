"""What a tab of the turn's screen shows, made in a worker."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.segment import Segment

from kimitap.tui.widgets.entry import Entry, Path
from kimitap.tui.widgets.text_pane import Block


def _nothing() -> str:
    return ""


@dataclass(frozen=True)
class Made:
    """Entries for an outline, or blocks for a text.

    `text` gives the whole of it as a file that ends in `suffix`, clean. `told` stands in the title.
    It opens at the entry `at`, if there is one.
    """

    entries: Sequence[Entry] = ()
    blocks: Sequence[Block] = ()
    told: Sequence[Segment] = ()
    at: Path | None = None
    text: Callable[[], str] = _nothing
    suffix: str = ".txt"
