"""What a screen asks of the app: another screen, a place, a file, the clipboard."""

from collections.abc import Sequence
from enum import StrEnum

from textual.message import Message

from kimitap.lineage import Link
from kimitap.places import PlaceWord
from kimitap.rules.finding import Finding
from kimitap.tui.keys import Key


class Tab(StrEnum):
    """What the turn's screen shows of an exchange."""

    MESSAGES = "messages"
    REQUEST = "request"
    REPLY = "reply"
    WIRE = "wire"
    HEADERS = "headers"
    PROMPT = "prompt"
    TIMINGS = "timings"


class ShowTurn(Message):
    """The exchange `number` at one of its tabs, and there at a `message` of the request."""

    def __init__(self, number: int, tab: Tab, message: int | None = None) -> None:
        super().__init__()
        self.number = number
        self.tab = tab
        self.message = message


class ShowDiff(Message):
    """One pair of `links`, with the others to step to."""

    def __init__(self, links: Sequence[Link], at: int) -> None:
        super().__init__()
        self.links = links
        self.at = at


class Compare(Message):
    """Two exchanges, two threads or two sessions against each other."""

    def __init__(self, old: PlaceWord, new: PlaceWord) -> None:
        super().__init__()
        self.old = old
        self.new = new


class ShowSessions(Message):
    """All sessions and their threads."""


class ShowFindings(Message):
    """All findings, by rule."""


class ShowTimeline(Message):
    """A thread's numbers turn by turn, the turn `exchange` first."""

    def __init__(self, thread: int, exchange: int) -> None:
        super().__init__()
        self.thread = thread
        self.exchange = exchange


class ShowSearch(Message):
    """Search all sessions, at first for `words`."""

    def __init__(self, words: str = "") -> None:
        super().__init__()
        self.words = words


class Visit(Message):
    """Back to the conversation, at this place: a turn, or in it a message (and part) or its reply.

    `message` None is the turn as a whole, `reply` its reply; `words` were searched for. A `finding`
    stands on a row of its own: that is gone to where it is there.
    """

    def __init__(
        self,
        exchange: int,
        message: int | None = None,
        part: int | None = None,
        *,
        reply: bool = False,
        words: str = "",
        finding: Finding | None = None,
    ) -> None:
        super().__init__()
        self.words = words
        self.finding = finding
        self.exchange = exchange
        self.message = message
        self.part = part
        self.reply = reply


class ShowHelp(Message):
    """The keys of a screen."""

    def __init__(self, title: str, keys: Sequence[Key]) -> None:
        super().__init__()
        self.title = title
        self.keys = keys


class Copy(Message):
    """A text for the clipboard; `what` says in a word or two what it is."""

    def __init__(self, text: str, what: str) -> None:
        super().__init__()
        self.text = text
        self.what = what


class CopyCurl(Message):
    """The command that sends an exchange's request again, for the clipboard."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Replay(Message):
    """Send an exchange's request again, and compare the replies; the app asks first."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class OpenText(Message):
    """A text in the user's editor or pager, as a file that ends in `suffix`."""

    def __init__(self, text: str, suffix: str = ".md") -> None:
        super().__init__()
        self.text = text
        self.suffix = suffix


class DeleteSession(Message):
    """Take a session out of the recording; the app asks first."""

    def __init__(self, session: int) -> None:
        super().__init__()
        self.session = session


class WriteComparison(Message):
    """The report on two places against each other, as a file."""

    def __init__(self, old: PlaceWord, new: PlaceWord) -> None:
        super().__init__()
        self.old = old
        self.new = new


class WriteReport(Message):
    """The report on an exchange and the request after it, as a folder; on a `finding`, if given."""

    def __init__(self, exchange: int, finding: Finding | None = None) -> None:
        super().__init__()
        self.exchange = exchange
        self.finding = finding
