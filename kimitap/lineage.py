"""What weaving yields: how each turn follows from an earlier one, threads, and sessions.

Frozen values without I/O. A `Link` compares the history that a turn left behind (its messages and
its reply) with the messages of the turn that follows; the `Echo` is the verdict on that reply.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from kimitap.conversation import Message, ToolCall, Turn


def named_by(turn: Turn) -> str:
    """The id of the reply that a request follows and does not repeat, since the server keeps it.

    `""` where it names none. OpenAI's Responses API: `previous_response_id`.
    """
    name = turn.parameters.get("previous_response_id")
    return name if isinstance(name, str) else ""


def kept_in(turn: Turn) -> str:
    """The id of the conversation that the server keeps, and that a request goes on with.

    `""` where it names none. OpenAI's Responses API: `conversation`, an id or an object with one.
    """
    named = turn.parameters.get("conversation")
    name = named.get("id") if isinstance(named, Mapping) else named
    return name if isinstance(name, str) else ""


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

    @property
    def changes(self) -> tuple[str, ...]:
        """Which of `name`, `arguments` and `id` differ in the call that stands for it.

        Another spelling of the same arguments is no difference. Ids are rewritten by many agents,
        on both sides: that alone leaves the fate SAME.
        """
        if self.new is None:
            return ()
        changed = self.fate is Fate.CHANGED
        differ = {
            "name": changed and self.call.name != self.new.name,
            "arguments": changed and self.call.canonical_arguments != self.new.canonical_arguments,
            "id": self.call.id != self.new.id,
        }
        return tuple(field for field, differs in differ.items() if differs)


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

    @property
    def altered(self) -> tuple[str, ...]:
        """The fields of the reply that came back changed or not at all.

        `text`, `reasoning`, `tool_calls[1]` (gone, or written as text), `tool_calls[1].arguments`.
        """
        lost = (Fate.CHANGED, Fate.GONE, Fate.AS_TEXT)
        fields = [n for n in ("text", "reasoning") if getattr(self, n) in lost]
        for i, call in enumerate(self.calls):
            if call.fate is Fate.CHANGED:
                fields += [f"tool_calls[{i}].{name}" for name in call.changes]
            elif call.fate in lost:
                fields.append(f"tool_calls[{i}]")
        return tuple(fields)


@dataclass(frozen=True)
class Link:
    """How `child` follows `parent`.

    `prefix` messages at the beginning are the same in both. `pairs` align the rest: `old` counts in
    `parent.messages` with the reply's message after them, `new` in `child.messages`. Where the echo
    is STORED the request holds only what is new: old messages, the system's aside, have no pair.
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
        between; the parent answered 200 and was complete; the server does not keep the history).
        """
        stored = self.echo.kind is EchoKind.STORED
        return self.relation is Relation.CONTINUES and self.parent.succeeded and not stored


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
    """main, side, sub-agent, fork, or replay: a turn that Kimitap itself sent again."""
    resumed: bool = False
    """The first request already carried a history that this recording did not see grow."""
    notes: dict[Hashable, object] = field(default_factory=dict, compare=False, repr=False)
    """What readers worked out turn by turn, handed on to the thread that this one grows into.

    Each has a key of its own, and checks that the turns it knows are still the same objects.
    """

    @property
    def name(self) -> str:
        return f"t{self.number}"

    @cached_property
    def _places(self) -> dict[int, int]:
        return {turn.exchange: i for i, turn in enumerate(self.turns)}

    def place_of(self, exchange: int) -> int | None:
        """The index of the exchange's turn in `turns`; None where it is none of them."""
        return self._places.get(exchange)

    def link_after(self, exchange: int) -> Link | None:
        """How the next request of the thread follows the exchange; None where there is none."""
        at = self._places.get(exchange)
        return None if at is None or at + 1 == len(self.links) else self.links[at + 1]

    def echo_of(self, exchange: int) -> Echo | None:
        """How the reply of the exchange came back; None where nothing followed in the thread."""
        link = self.link_after(exchange)
        return None if link is None else link.echo

    def story_of(self, exchange: int) -> tuple[Message, ...]:
        """All that the model was told at the exchange: what the server kept, then the request.

        That is the request's own messages, except where it names an earlier reply of the thread,
        or the conversation that the server keeps.
        """
        at = self._places[exchange]
        told = [self.turns[at].messages]
        while (before := self._named_before(at)) is not None:
            at = before
            turn = self.turns[at]
            kept = tuple(m for m in turn.messages if m.role != "system")
            told.append((*kept, turn.reply.message) if turn.reply.message.parts else kept)
        return tuple(message for part in reversed(told) for message in part)

    def _named_before(self, at: int) -> int | None:
        name = named_by(self.turns[at])
        if not name and kept_in(self.turns[at]):
            return self._kept_before(at)
        earlier = range(at - 1, -1, -1) if name else ()
        return next((i for i in earlier if self.turns[i].reply.id == name), None)

    def _kept_before(self, at: int) -> int | None:
        """The turn whose conversation goes on; for one sent again, that of the first attempt."""
        link = self.links[at]
        parent = None if link is None else self._places.get(link.parent.exchange)
        if link is None or parent is None or parent >= at:
            return None
        if link.relation is Relation.RETRY:
            return self._kept_before(parent)
        return parent if link.echo.kind is EchoKind.STORED else None


@dataclass(frozen=True)
class Session:
    """The threads of one agent run, oldest first. `number` is its first turn's exchange."""

    number: int
    threads: tuple[Thread, ...]
    agent: str = ""
    """The agent's name and version, as far as its main thread tells."""
    model: str = ""

    @property
    def name(self) -> str:
        return f"s{self.number}"
