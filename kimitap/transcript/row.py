"""One row of a conversation, as both the screens and `kimitap show` print it."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from kimitap.conversation import (
    Image,
    Other,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from kimitap.rules.finding import Finding, Place, Severity
from kimitap.transcript.echoes import EchoMark
from kimitap.transcript.wording import pretty_call, turn_facts
from kimitap.visible import visible


class Kind(StrEnum):
    """What a row is."""

    TURN = "turn"
    """The header of a turn: number, time, tokens, duration."""
    RELATION = "relation"
    """How the turn relates to an earlier one, where it does not simply continue it."""
    CARRIED = "carried"
    """History that the first request brought along; its rows are inside."""
    TOOLS = "tools"
    TEXT = "text"
    REASONING = "reasoning"
    CALL = "call"
    RESULT = "result"
    OTHER = "other"
    """An image, or a part that Kimitap does not interpret."""
    BLANK = "blank"
    """A message that stands there and says nothing."""
    GHOST = "ghost"
    """What should stand here and does not."""
    TROUBLE = "trouble"
    """An error of the server, a cut, or something that could not be read."""
    WAITING = "waiting"
    """The reply has not ended yet."""


ROLE_WORDS = {"system": "SYS", "user": "USER", "assistant": "ASST", "tool": "TOOL"}

ORPHAN = "ORPHAN RESULT"
"""The word for a result that answers no call."""

Key = tuple[int, str, int | None, int | None, str, int]
"""What a row stays known by while more is recorded."""


@dataclass(frozen=True)
class Row:
    """One row.

    `exchange` is the turn that the row stands in; `message_index` counts in its request, None is
    its reply. `title` says what it is, `text` (one line, clean) what it says, `note` what is
    remarkable about it. `content` is what unfolding shows. `origin` is, for a ghost, the place
    where the lost thing was said.
    """

    exchange: int
    kind: Kind
    text: str
    role: str = ""
    title: str = ""
    note: str = ""
    message_index: int | None = None
    part: int | None = None
    content: Part | Turn | str = ""
    leads: bool = True
    """False for the further parts of one message."""
    last: bool = False
    """True for the last of several calls."""
    findings: tuple[Finding, ...] = ()
    severity: Severity | None = None
    origin: Place | None = None
    inside: Key | None = None
    """The key of the row that this one is folded into."""
    echo: EchoMark | None = None
    """How the reply that begins here came back in the next request."""
    word: str = ""
    """What is wrong with a result that stands there, in a word or two."""
    nth: int = 0
    """Counts the rows of one place that are alike but for their texts."""

    @property
    def key(self) -> Key:
        place = self.exchange, self.kind.value, self.message_index, self.part
        return *place, self.title, self.nth

    @cached_property
    def body(self) -> str:
        """The whole text that unfolding shows, clean, with its line feeds."""
        match self.content:
            case str(text) | Text(text) | Reasoning(text):
                whole = text
            case ToolResult():
                whole = self.content.text
            case ToolCall():
                whole = pretty_call(self.content)
            case Turn():
                whole = turn_facts(self.content)
            case Other():
                whole = self.content.json
            case Image():
                whole = ""
        clean = visible(whole)
        return clean.expandtabs(4) if "\t" in clean else clean

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of `body`."""
        return tuple(self.body.split("\n")) if self.body else ()

    @property
    def unfolds(self) -> bool:
        """True where unfolding shows more than the row itself does."""
        if isinstance(self.content, ToolCall):
            return True
        return bool(self.body) and self.body != self.text
