"""Each message that the client holds, and what became of it on the wire; and the other way round.

What the client holds before the thread's last reply is aligned with the request that led to it, and
what has no partner there is looked for in the thread's other requests and replies.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kimitap.belief.history import Entry, History
from kimitap.conversation import Message
from kimitap.lineage import Mark, Pair, Relation, Thread
from kimitap.weave.align import align
from kimitap.weave.keys import Keys, plain


class Fate(StrEnum):
    """What became on the wire of a message that the client holds."""

    SENT = "sent"
    OTHERWISE = "sent otherwise"
    """In another form: other words, or as a part of another message."""
    CALLS_LOST = "sent without its calls"
    NEVER_GIVEN_BACK = "never given back"
    """The model said it, and no later request repeats it."""
    NO_LONGER_SENT = "no longer sent"
    """An earlier request had it, the last one has not."""
    NEVER_SENT = "never sent"
    NOT_YET = "not sent yet"
    """It stands behind all that the last request and its reply hold."""
    PUT_AWAY = "put away"
    """The client itself condensed or truncated it."""


_ON_PURPOSE = frozenset({Relation.COMPACTION, Relation.WINDOW, Relation.REBUILT, Relation.FORK})
_A_PART = 20
"""Characters from which on a text within another one is no chance."""

LOST = frozenset({Fate.CALLS_LOST, Fate.NEVER_GIVEN_BACK, Fate.NO_LONGER_SENT, Fate.NEVER_SENT})


@dataclass(frozen=True, slots=True)
class Believed:
    """A message that the client holds. `exchange` is where the wire had it: the last request, the
    reply that it was, or the last request that carried it; None where nowhere."""

    entry: Entry
    fate: Fate
    exchange: int | None = None


@dataclass(frozen=True, slots=True)
class OnWire:
    """A message that the client does not hold: of the last request (its index there), or a reply
    (None)."""

    exchange: int
    index: int | None
    message: Message


@dataclass(frozen=True)
class Compared:
    """A client's history against one thread."""

    thread: Thread
    believed: tuple[Believed, ...]
    unheld: tuple[OnWire, ...]
    """What the wire has and the client has not. Its system prompt it keeps elsewhere."""

    @property
    def lost(self) -> tuple[Believed, ...]:
        """What the client holds and the model will not see again, without the client's intent."""
        return tuple(one for one in self.believed if one.fate in LOST)

    @property
    def forgotten(self) -> tuple[OnWire, ...]:
        """Replies with something in them that the client does not hold."""
        return tuple(one for one in self.unheld if one.index is None)

    @property
    def agrees(self) -> bool:
        return not self.lost and not self.forgotten


def best_thread(history: History, threads: Sequence[Thread]) -> Thread | None:
    """The thread that has most of the history; None where none has a word of it."""
    keys = Keys()
    held = {keys.key(entry.message) for entry in history.entries}

    def common(thread: Thread) -> int:
        seen = {keys.key(m) for turn in thread.turns for m in (*turn.messages, turn.reply.message)}
        return len(held & seen)

    best = max(threads, key=common, default=None)
    return best if best is not None and common(best) else None


def compare(history: History, thread: Thread) -> Compared:
    """What the client holds against what the thread's requests and replies hold."""
    keys = Keys()
    wire = _Wire(thread, keys)
    active = [entry for entry in history.entries if not entry.put_away]
    held = [entry.message for entry in active]
    replies, forgotten = wire.replies_of(held)
    end = next((i for i, exchange in replies.items() if exchange == wire.last.exchange), len(held))
    pairs = align(held[:end], wire.story, keys)
    partners = {p.old: p for p in pairs if p.old is not None and p.new is not None}
    behind = max(partners, default=-1)
    fates = [
        Believed(entry, Fate.NOT_YET)
        if i > end
        else wire.fate(entry, partners.get(i), replies.get(i), i > behind)
        for i, entry in enumerate(active)
    ]
    told = iter(fates)
    believed = tuple(
        Believed(entry, Fate.PUT_AWAY) if entry.put_away else next(told)
        for entry in history.entries
    )
    taken = {p.new for p in partners.values()}
    return Compared(thread, believed, (*wire.unheld(taken, held), *forgotten))


class _Wire:
    """A thread's last request with its reply, and where else in it a message stood."""

    def __init__(self, thread: Thread, keys: Keys) -> None:
        self.thread, self.keys, self.last = thread, keys, thread.turns[-1]
        told = thread.story_of(self.last.exchange)
        self.systems = sum(message.role == "system" for message in told)
        self.story = [message for message in told if message.role != "system"]
        self.texts = [plain(message.text) for message in self.story]
        self.requests = {
            keys.key(message): turn.exchange for turn in thread.turns for message in turn.messages
        }

    def replies_of(self, held: Sequence[Message]) -> tuple[dict[int, int], list[OnWire]]:
        """Which reply each held message was, by its index; and the replies that nobody holds."""
        said = [i for i, message in enumerate(held) if message.role == "assistant"]
        turns = [turn for turn in self.thread.turns if turn.reply.message.parts]
        spoken = [turn.reply.message for turn in turns]
        pairs = align([held[i] for i in said], spoken, self.keys)
        known = {
            said[p.old]: turns[p.new].exchange
            for p in pairs
            if p.old is not None and p.new is not None
        }
        latest = max(known.values(), default=0)
        fresh = [turns[p.new] for p in pairs if p.mark is Mark.NEW and p.new is not None]
        return known, [
            OnWire(turn.exchange, None, turn.reply.message)
            for turn in fresh
            if turn.exchange < latest and turn.succeeded and not turn.reply.empty
        ]

    def fate(self, entry: Entry, partner: Pair | None, reply: int | None, behind: bool) -> Believed:
        """What became of one message; `behind`: no later one stands in the last request."""
        message = entry.message
        if partner is not None and partner.new is not None:
            return self._sent(entry, partner.new, partner.mark)
        if reply == self.last.exchange:
            return Believed(entry, Fate.SENT, reply)
        once = self.requests.get(self.keys.key(message))
        if once is not None:
            gone = Fate.PUT_AWAY if self._let_go(once) else Fate.NO_LONGER_SENT
            return Believed(entry, gone, once)
        if self._within(message):
            lost = Fate.CALLS_LOST if message.tool_calls else Fate.OTHERWISE
            return Believed(entry, lost, self.last.exchange)
        if reply is not None:
            gone = Fate.PUT_AWAY if self._let_go(reply) else Fate.NEVER_GIVEN_BACK
            return Believed(entry, gone, reply)
        return Believed(entry, Fate.NOT_YET if behind else Fate.NEVER_SENT)

    def _sent(self, entry: Entry, new: int, mark: Mark) -> Believed:
        if mark is Mark.SAME:
            return Believed(entry, Fate.SENT, self.last.exchange)
        there = {call.stands_for for call in self.story[new].tool_calls}
        lost = any(call.stands_for not in there for call in entry.message.tool_calls)
        return Believed(entry, Fate.CALLS_LOST if lost else Fate.OTHERWISE, self.last.exchange)

    def _within(self, message: Message) -> bool:
        """True where the message's text is a part of one that was sent."""
        text = plain(message.text)
        return bool(text) and any(text in sent for sent in self.texts)

    def _let_go(self, exchange: int) -> bool:
        """True where a later request left older messages out on purpose."""
        return any(
            link is not None and link.child.exchange > exchange and link.relation in _ON_PURPOSE
            for link in self.thread.links
        )

    def unheld(self, taken: Collection[int | None], held: Sequence[Message]) -> Iterator[OnWire]:
        """The last request's messages that the client does not hold, not even in parts."""
        texts = [plain(message.text) for message in held if message.text]
        for i, message in enumerate(self.story):
            text = plain(message.text)
            if i in taken or any(len(part) > _A_PART and part in text for part in texts):
                continue
            yield OnWire(self.last.exchange, i + self.systems, message)
