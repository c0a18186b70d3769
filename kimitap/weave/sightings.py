"""Where messages and replies were seen before: how a request is found that begins with neither."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from kimitap.conversation import Message
from kimitap.lineage import Mark
from kimitap.weave.keys import Keys, message_key
from kimitap.weave.kin import asks_for_summary
from kimitap.weave.markers import SUMMARISE, holds
from kimitap.weave.strand import GrowingSession, GrowingThread, Strand

HEAD, TAIL = 16, 32
"""Messages at the beginning and the end of a request that are looked up."""
TIPS = 4
"""Threads that are tried."""
RECENT = 16
"""Threads of a session, or mentions of a message, that are looked at."""


class Sightings:
    """The threads in which each message and each reply was seen first."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._seen: defaultdict[bytes, list[Strand]] = defaultdict(list)
        self._said: defaultdict[bytes, list[Strand]] = defaultdict(list)
        self._scopes: defaultdict[str, list[Strand]] = defaultdict(list)
        self._summaries: list[Strand] = []
        self._failed: list[Strand] = []

    def add(self, strand: Strand) -> None:
        """Make a woven turn known: what its link does not know already."""
        for message in _fresh(strand):
            if not message.blank:
                strand.append(self._seen[self._keys.key(message)])
        if not strand.turn.in_flight or strand.turn.reply.complete:
            for reply in (strand.turn.reply.message, *strand.turn.reply.others):
                if not reply.blank:
                    strand.append(self._said[self._keys.key(reply)])
        if strand.turn.scope.session and strand.is_first:
            strand.append(self._scopes[strand.turn.scope.session])
        if _summary_asked(strand):
            strand.append(self._summaries)
        if strand.is_first and not strand.turn.succeeded:
            strand.append(self._failed)

    def said(self, message: Message, thread: GrowingThread) -> bool:
        """True where `message` is a reply that a turn of `thread` brought."""
        return any(s.thread is thread for s in self._said.get(self._keys.key(message), ()))

    def answered_by(self, message: Message) -> list[Strand]:
        """The latest turns whose whole reply is the text of a user's message."""
        said = Message("assistant", message.parts)
        return self._said.get(message_key(said), [])[-RECENT:][::-1]

    def tips(self, child: Strand) -> Iterator[Strand]:
        """The latest turns of the threads that share most messages with the request, best first.

        One that asks for a summary comes last: what goes on is the thread that was summarised.
        """
        votes: Counter[GrowingThread] = Counter()
        sessions: dict[GrowingSession, None] = {}
        messages = child.messages
        for key in dict.fromkeys(self._keys.all([*messages[-TAIL:], *messages[:HEAD]])):
            for strand in self._seen.get(key, [])[-RECENT:]:
                votes[strand.thread] += 1
            for strand in self._said.get(key, [])[-RECENT:]:
                votes[strand.thread] += 2
                sessions[strand.thread.session] = None
        summarised = self._summaries[-TIPS:]
        for strand in self._scopes.get(child.turn.scope.session, [])[-RECENT:] + summarised:
            sessions[strand.thread.session] = None
        votes.update({strand.thread: 0 for strand in self._failed[-TIPS:]})
        for session in sessions:
            votes.update(session.threads[-RECENT:])
        ranked = sorted(votes, key=lambda t: (votes[t], t.tip.turn.started_at), reverse=True)
        yield from sorted((thread.tip for thread in ranked[:TIPS]), key=_summarises)

    def asides(self, tip: Strand) -> Iterator[Strand]:
        """Last turns of the session's other threads since `tip`: perhaps it was summarised."""
        for thread in tip.thread.session.threads[-RECENT:]:
            last = thread.tip
            later = last.turn.started_at >= tip.turn.started_at
            if thread is not tip.thread and later and not last.turn.tools:
                yield last
        if asks_for_summary(tip.turn):
            yield tip


def _summary_asked(strand: Strand) -> bool:
    """True where a turn asks for a summary, be it as a thread of its own or within the history.

    Of requests with a history only what the user said last is read: their prompt is the thread's.
    """
    turn = strand.turn
    if strand.is_first and not turn.tools:
        return asks_for_summary(turn)
    asked = turn.messages[-1:]
    return any(m.role == "user" and holds(m.text, SUMMARISE) for m in asked)


def _summarises(tip: Strand) -> bool:
    return not tip.turn.tools and asks_for_summary(tip.turn)


def _fresh(strand: Strand) -> Iterator[Message]:
    """The messages that no earlier turn of the thread had."""
    if strand.link is None:
        yield from strand.messages
        return
    for row in strand.link.pairs:
        if row.new is not None and row.mark is not Mark.SAME:
            yield strand.turn.messages[row.new]
