"""What weaving yields: how each turn follows from an earlier one, threads, and sessions.

Frozen values without I/O. A `Link` compares the history that a turn left behind (its messages and
its reply) with the messages of the turn that follows; the `Echo` is the verdict on that reply.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from kimitap.conversation import Message, ToolCall, Turn


class Relation(StrEnum):
    """How a turn relates to the turn before it."""

    CONTINUES = "continues"
    """It repeats that turn's messages (perhaps edited in place) and goes on."""
    RETRY = "retry"
    """It sends the same messages again."""
    FORK = "fork"
    """It keeps the beginning, then says something else: the user went back."""
    COMPACTION = "compaction"
    """Many messages gave way to a summary."""
    WINDOW = "window"
    """The middle or the oldest messages fell out; head and tail are kept."""
    REBUILT = "rebuilt"
    """The agent writes its whole prompt anew each time; some of the history is recognisable."""
    HANDOFF = "handoff"
    """Another agent goes on, with the reply as its input."""


class Mark(StrEnum):
    """What a pair of an alignment says, as printed."""

    SAME = "="
    CHANGED = "!"
    GONE = "<"
    NEW = ">"


@dataclass(frozen=True, slots=True)
class Pair:
    """One row of the alignment of `Link.history` (old) with the next request's messages (new)."""

    mark: Mark
    old: int | None
    new: int | None


class EchoKind(StrEnum):
    """How the next request gave a reply back."""

    SAME = "same"
    ALTERED = "altered"
    PARTIAL = "partial"
    """Some of its calls are gone."""
    FLATTENED = "flattened"
    """Its calls are written out as text."""
    BLANKED = "blanked"
    """An assistant message stands there, but with nothing in it."""
    MISSING = "missing"
    STORED = "stored"
    """The server keeps the history: the request names the reply instead of repeating it."""
    SUPERSEDED = "superseded"
    """A retry, fork, compaction or window stands in between: nothing can be concluded."""


class Fate(StrEnum):
    """What became of one tool call, or of the reply's text or reasoning, in the next request."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"
    AS_TEXT = "as text"
    NONE = "none"
    """There was nothing to give back."""


@dataclass(frozen=True, slots=True)
class CallEcho:
    """One call of the reply and where the next request has it.

    `part` is the call's index among the reply's parts. `message` and `new_part` point into the next
    request; `new` is the call as it stands there.
    """

    call: ToolCall
    part: int
    fate: Fate
    message: int | None = None
    new_part: int | None = None
    new: ToolCall | None = None
    answered: bool = False
    """A result for it stands in the block after the call."""


@dataclass(frozen=True, slots=True)
class Echo:
    """How request N+1 gives reply N back.

    `slot` holds the indexes of the messages that stand for the reply (several where an agent split
    it), empty where there are none. `place` is the index in the next request where the reply stands
    or should have stood.
    """

    kind: EchoKind
    place: int
    slot: tuple[int, ...] = ()
    text: Fate = Fate.NONE
    reasoning: Fate = Fate.NONE
    calls: tuple[CallEcho, ...] = ()


@dataclass(frozen=True)
class Link:
    """How `child` follows `parent`.

    `prefix` messages at the beginning are the same in both. `pairs` align the rest: `old` counts in
    `parent.messages` with the reply's message after them, `new` in `child.messages`.
    """

    parent: Turn
    child: Turn
    relation: Relation
    prefix: int
    pairs: tuple[Pair, ...]
    echo: Echo
    why: str = ""
    """What told the relation, in words (a header, a marker of compaction, the shared prefix)."""

    @cached_property
    def history(self) -> tuple[Message, ...]:
        """The parent's messages and its reply: what the next request should repeat."""
        return (*self.parent.messages, self.parent.reply.message)

    @property
    def judged(self) -> bool:
        """True where the next request owes the reply: it continues a turn that ended well.

        Rules about lost or altered replies hold only here (no retry, fork, compaction or window in
        between; the parent answered 200 and was complete).
        """
        return self.relation is Relation.CONTINUES and self.parent.succeeded


@dataclass(frozen=True)
class Thread:
    """Turns that continue one another, in the order of their requests.

    `links[i]` says how `turns[i]` follows its predecessor; `links[0]` is None, or for a fork how it
    left another thread. `number` is the first turn's exchange, so the name never changes.
    """

    number: int
    turns: tuple[Turn, ...]
    links: tuple[Link | None, ...]
    kind: str = "main"
    """main, side, sub-agent or fork."""
    resumed: bool = False
    """The first request already carried a history that this recording did not see grow."""

    @property
    def name(self) -> str:
        return f"t{self.number}"


@dataclass(frozen=True)
class Session:
    """The threads of one agent run, oldest first. `number` is its first turn's exchange."""

    number: int
    threads: tuple[Thread, ...]
    agent: str = ""
    model: str = ""

    @property
    def name(self) -> str:
        return f"s{self.number}"
