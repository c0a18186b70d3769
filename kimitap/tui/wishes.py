"""What a screen asks of the app: another screen, or a report."""

from collections.abc import Sequence

from textual.message import Message

from kimitap.lineage import Link
from kimitap.tui.keys import Key


class ShowRaw(Message):
    """The bytes of an exchange."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class ShowPrompt(Message):
    """The rendered prompt of one of `numbers`, the turns of its thread; at `message` of it."""

    def __init__(self, numbers: Sequence[int], at: int, message: int | None) -> None:
        super().__init__()
        self.numbers = numbers
        self.at = at
        self.message = message


class ShowDiff(Message):
    """One pair of `links`, with the others to step to."""

    def __init__(self, links: Sequence[Link], at: int) -> None:
        super().__init__()
        self.links = links
        self.at = at


class ShowHelp(Message):
    """The keys of a screen."""

    def __init__(self, title: str, keys: Sequence[Key]) -> None:
        super().__init__()
        self.title = title
        self.keys = keys


class WriteReport(Message):
    """The report on an exchange, as a file."""

    def __init__(self, exchange: int) -> None:
        super().__init__()
        self.exchange = exchange
