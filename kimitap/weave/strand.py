"""Turns, threads and sessions while they are woven: the same as in `lineage`, but growing.

Everything grows at its end only and can be undone in reverse order, so that a turn that arrives
late costs the turns after it and no more.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kimitap.conversation import Message, Turn
from kimitap.lineage import Link, Relation, Session, Thread, named_by

SLACK = timedelta(seconds=0.25)
"""How much the end of a reply may seem to come after the start of the request that follows it."""
LATE = timedelta(seconds=5)
"""The same, where the reply was complete: bodies may end some time after their last event."""
LONG = 12
"""Messages without tool traffic from which a first request is held to be a resumed history."""


@dataclass(eq=False, slots=True)
class Strand:
    """A turn in its place. `start` is how many system messages it begins with."""

    turn: Turn
    start: int
    thread: "GrowingThread" = None  # type: ignore[assignment]  # set as soon as the place is known
    link: Link | None = None
    carried: tuple[Message, ...] = ()
    """What the server keeps of earlier turns, where the request names it instead of sending it."""
    base: int = 0
    """The rolling hash of what is carried."""
    end: int = 0
    """The rolling hash of the messages, carried ones before them."""
    replies: tuple[int, ...] = ()
    """The rolling hashes of the messages with each reply after them."""
    _undo: list[Callable[[], object] | list["Strand"]] = field(default_factory=list)
    """What takes the strand back, in order; of a list that it was put at the end of, the list."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages after the leading system ones."""
        return self.turn.messages[self.start :]

    @property
    def length(self) -> int:
        return len(self.turn.messages) - self.start

    @property
    def story(self) -> tuple[Message, ...]:
        """All that was said up to the reply, the leading system messages aside."""
        return (*self.carried, *self.messages) if self.carried else self.messages

    @property
    def depth(self) -> int:
        """How many messages the story has."""
        return len(self.carried) + self.length

    @property
    def is_tip(self) -> bool:
        return self.thread.strands[-1] is self

    @property
    def is_first(self) -> bool:
        return self.thread.strands[0] is self

    def over_before(self, turn: Turn, slack: timedelta = SLACK) -> bool:
        """True where this turn had ended when `turn` started."""
        if self.turn.in_flight:
            return False
        return (self.turn.ended_at or self.turn.started_at) <= turn.started_at + slack

    def append(self, items: list["Strand"]) -> None:
        """Append this strand to `items`, to be taken off again when it is undone."""
        items.append(self)
        self._undo.append(items)

    def undone_by(self, undo: Callable[[], object]) -> None:
        """Call `undo` when this strand is undone."""
        self._undo.append(undo)

    def undo(self) -> None:
        """Take back all that this strand brought, the last first."""
        for step in reversed(self._undo):
            if isinstance(step, list):
                step.pop()
            else:
                step()


@dataclass(eq=False, slots=True)
class GrowingThread:
    """A thread as it grows."""

    session: "GrowingSession"
    strands: list[Strand] = field(default_factory=list)
    side: bool = False
    """Its first request is about another thread; one that left it and goes on is a fork."""
    sub_agent: bool = False
    replay: bool = False
    """Kimitap itself sent its one turn, to see what comes of it."""
    made: Thread | None = None
    """The value last given out, as long as nothing changed."""
    notes: dict[Hashable, object] = field(default_factory=dict)
    """What readers of the values remember from one to the next."""

    @property
    def first(self) -> Strand:
        return self.strands[0]

    @property
    def tip(self) -> Strand:
        return self.strands[-1]

    def touch(self) -> None:
        """Forget the values given out: something changed."""
        self.made = None
        self.session.made = None

    def kind(self, has_tools: bool) -> str:
        """What this thread is in its session, one with tools or without, as known by now."""
        if self.replay:
            return "replay"
        link, tools = self.first.link, self.first.turn.tools
        if link is not None and link.relation is Relation.FORK:
            lone = len(self.strands) == 1
            return "side" if lone and (self.side or (link.parent.tools and not tools)) else "fork"
        if self.sub_agent:
            return "sub-agent"
        return "side" if self.side or (has_tools and not tools) else "main"

    def value(self, has_tools: bool) -> Thread:
        """The thread as a value; the same object as long as nothing changed."""
        kind = self.kind(has_tools)
        if self.made is None or self.made.kind != kind:
            first = self.first
            self.made = Thread(
                first.turn.exchange,
                tuple(strand.turn for strand in self.strands),
                tuple(strand.link for strand in self.strands),
                kind,
                first.link is None and resumed(first.turn, first.messages),
                self.notes,
            )
        return self.made


@dataclass(eq=False, slots=True)
class GrowingSession:
    """A session as it grows. `scope` is the id by which the agent names it, where it does."""

    scope: str = ""
    threads: list[GrowingThread] = field(default_factory=list)
    made: Session | None = None

    @property
    def has_tools(self) -> bool:
        return any(thread.strands and thread.first.turn.tools for thread in self.threads)

    def value(self) -> Session:
        """The session as a value; the same object as long as nothing changed."""
        if self.made is None:
            tools = self.has_tools
            threads = tuple(sorted((t.value(tools) for t in self.threads), key=_age))
            first = threads[0].turns[0]
            main = next((t.turns[0] for t in threads if t.kind == "main"), first)
            agent, model = main.program or main.agent, main.reply.model or main.model
            self.made = Session(first.exchange, threads, agent, model)
        return self.made


def resumed(turn: Turn, messages: tuple[Message, ...]) -> bool:
    """True where a first request already carries a history: tool traffic, or very many messages.

    A short one proves nothing: agents put a few made-up messages before the first prompt. One that
    names an earlier reply goes on with what nobody recorded.
    """
    if named_by(turn):
        return True
    if len(messages) >= LONG:
        return any(m.role == "assistant" for m in messages)
    return any(m.tool_calls or m.tool_results for m in messages)


def _age(thread: Thread) -> tuple[datetime, int]:
    return thread.turns[0].started_at, thread.number
