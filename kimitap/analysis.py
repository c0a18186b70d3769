"""A recording, read, woven and checked: what every screen and command shows.

`refresh()` reads only what is new, so a live view costs what arrived and not what is there.
"""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from kimitap.conversation import Turn
from kimitap.dialects import Memo, decode
from kimitap.dialects.encoding import decoded
from kimitap.dialects.endpoints import named
from kimitap.errors import UsageError
from kimitap.exchange import Body, Exchange
from kimitap.lineage import Link, Session, Thread
from kimitap.places import PlaceWord
from kimitap.rules import RULES
from kimitap.rules.checker import Checker
from kimitap.rules.choice import EVERYTHING, Choice
from kimitap.rules.finding import Finding
from kimitap.rules.rule import Rule
from kimitap.store import Recording
from kimitap.uncollected import uncollected
from kimitap.weave import Weaver, Whereabouts, relate

MOST_PROMPTS = 64 << 20
"""Characters of prompts that are kept from verbose answers; later ones are not looked into."""


class Analysis:
    """What a recording says, as of the last `refresh()`.

    `turns` holds every decoded exchange by number, `others` the number, method, path and status of
    those that no dialect speaks (`GET /props`), bodies left out; `asked` says in a word or two what
    such a one is. `findings` are those that `choice` wants, in the order of their places.
    """

    def __init__(
        self, recording: Recording, rules: Sequence[Rule] = RULES, choice: Choice = EVERYTHING
    ) -> None:
        self.recording = recording
        self.turns: dict[int, Turn] = {}
        self.others: dict[int, Exchange] = {}
        self.sessions: tuple[Session, ...] = ()
        self.findings: tuple[Finding, ...] = ()
        self._memo = Memo()
        self._weaver = Weaver()
        self._last = 0
        self._unwoven = False
        self._generation = recording.generation()
        self._prompts = 0
        self._left: set[int] = set()
        """The exchanges whose prompts are recorded and were not kept."""
        self._learnt: dict[int, str] = {}
        self._open: set[int] = set()
        self._whereabouts = Whereabouts()
        self._checker = Checker(rules, choice)

    def refresh(self) -> frozenset[int]:
        """Take up what was added, has ended or was deleted since the last call; the numbers that
        changed. Raises a `RecordingError` where the database cannot be read.
        """
        changed = self.read()
        self.weave()
        return changed

    def read(self, within_s: float = math.inf) -> frozenset[int]:
        """The first half of `refresh`, as much as can be done in about so many seconds.

        The rest, `unread`, is for the next call. Sessions and findings stay until `weave`.
        """
        deadline = time.monotonic() + within_s
        changed = self._drop_deleted()
        with uncollected():
            for number in sorted(self._open):
                with suppress(UsageError):  # deleted since: told the next time
                    changed.add(self._take(self.recording.exchange(number, late=True)))
            for exchange in self.recording.exchanges(after=self._last, late=True):
                changed.add(self._take(exchange))
                if time.monotonic() > deadline:
                    break
        self._unwoven |= bool(changed)
        return frozenset(changed)

    def weave(self) -> None:
        """The second half of `refresh`: the sessions and findings of what is read.

        It costs something for every thread that grew: a long recording is not woven often while it
        is read.
        """
        if self._unwoven:
            self._unwoven = False
            with uncollected():
                self._update()

    def _drop_deleted(self) -> set[int]:
        """Forget the exchanges that were deleted, and weave the others anew; their numbers."""
        generation = self.recording.generation()
        if generation == self._generation:
            return set()
        self._generation = generation
        there = set(self.recording.numbers())
        gone = {number for number in (*self.turns, *self.others) if number not in there}
        if not gone:
            return gone
        for number in gone:
            self.turns.pop(number, None)
            self.others.pop(number, None)
            self._learnt.pop(number, None)
        self._open -= gone
        self._weaver = Weaver()
        for turn in self.turns.values():
            self._weaver.add(turn)
        return gone

    @property
    def count(self) -> int:
        """How many exchanges were read."""
        return len(self.turns) + len(self.others)

    @property
    def unread(self) -> int:
        """How many exchanges the recording has behind the last that was read."""
        return self.recording.count(after=self._last)

    def _update(self) -> None:
        self.sessions = self._weaver.sessions()
        self._whereabouts.update(self.sessions)
        self._checker.update(self.sessions)
        self.findings = self._checker.findings

    def learn(self, prompts: Mapping[int, str]) -> None:
        """Take in what a server rendered from these exchanges' requests, and check again."""
        self._learnt.update(prompts)
        for number, prompt in prompts.items():
            self.turns[number] = _prompted(self.turns[number], prompt)
            self._weaver.add(self.turns[number])
        if prompts:
            self._update()

    def with_prompt(self, turn: Turn) -> Turn:
        """The turn with the prompt that its answer holds, also where too many were to be kept."""
        if turn.reply.prompt or turn.exchange not in self._left:
            return turn
        again = decode(self.recording.exchange(turn.exchange, late=True), self._memo)
        return turn if again is None else _prompted(turn, again.reply.prompt)

    def body(self, exchange: int) -> bytes:
        """The request's body as its agent wrote it, a `Content-Encoding` undone."""
        found = self.recording.exchange(exchange)
        return decoded(found.request.content, found.request_headers)[0]

    def _take(self, exchange: Exchange) -> int:
        turn = decode(exchange, self._memo)
        if turn is not None and exchange.number in self._learnt:
            turn = _prompted(turn, turn.reply.prompt or self._learnt[exchange.number])
        elif turn is not None and turn.reply.prompt:
            turn = self._bounded(turn)
        if turn is None:
            self.others[exchange.number] = _without_bodies(exchange)
        else:
            self.turns[exchange.number] = turn
            self._weaver.add(turn)
        (self._open.discard if exchange.ended_at else self._open.add)(exchange.number)
        self._last = max(self._last, exchange.number)
        return exchange.number

    def _bounded(self, turn: Turn) -> Turn:
        """The turn without its prompt once too many are held: each repeats the one before it."""
        self._prompts += len(turn.reply.prompt)
        if self._prompts <= MOST_PROMPTS:
            return turn
        self._left.add(turn.exchange)
        return _prompted(turn, "")

    @property
    def counts(self) -> dict[str, int]:
        """How many sessions, threads and turns there are, by these words."""
        return {
            "sessions": len(self.sessions),
            "threads": len(self.threads),
            "turns": len(self.turns),
        }

    @property
    def threads(self) -> tuple[Thread, ...]:
        """All threads of all sessions, oldest session first."""
        return tuple(thread for session in self.sessions for thread in session.threads)

    def thread_of(self, exchange: int) -> Thread | None:
        """The thread that the exchange's turn belongs to; None where it is no turn."""
        return self._whereabouts.thread_of(exchange)

    def link_after(self, exchange: int) -> Link | None:
        """How the next request of its thread follows the exchange; None where there is none."""
        return self._whereabouts.link_after(exchange)

    def link_before(self, exchange: int) -> Link | None:
        """How the exchange follows the one before it in its thread; None for a thread's first."""
        return self._whereabouts.link_before(exchange)

    def link_at(self, place: PlaceWord) -> Link | None:
        """What a diff of one place compares; None where no later request follows.

        An exchange is compared with the request after it. In a thread or session it is the place
        of its first finding, the worst kind first; without a finding, its last two turns.
        """
        if not place.kind:
            return self.link_after(self.turn_at(place).exchange)
        threads = self.threads_at(place)
        names = {thread.name for thread in threads}
        found = sorted(
            (f for f in self.findings if f.thread in names), key=lambda f: -f.severity.rank
        )
        if found:
            at = found[0].place
            whole = at.message_index is None
            return self.link_after(at.exchange) if whole else self.link_before(at.exchange)
        links = [link for thread in threads for link in thread.links if link is not None]
        return links[-1] if links else None

    def link_between(self, old: PlaceWord, new: PlaceWord) -> Link:
        """The comparison of one exchange's turn with another's, whether they follow or not."""
        first, second = self.turn_at(old), self.turn_at(new)
        known = self.link_before(second.exchange)
        return known if known and known.parent is first else relate(first, second)

    def turn_at(self, place: PlaceWord) -> Turn:
        """The turn that a place names: an exchange's, or a thread's or session's last.

        Raises `UsageError` where there is none.
        """
        if place.kind:
            return self.threads_at(place)[-1].turns[-1]
        if place.number not in self.turns:
            known = place.number in self.others
            why = "is no conversation that Kimitap decodes" if known else "is not in it"
            raise UsageError(f"{self.recording.where}: {place} {why}")
        return self.turns[place.number]

    def threads_at(self, place: PlaceWord) -> tuple[Thread, ...]:
        """The threads that a place names: a session's, one, or the one of an exchange.

        Raises `UsageError` where the recording has no such place.
        """
        match place.kind:
            case "s":
                session = self._whereabouts.session(place.number)
                found = session.threads if session else ()
            case "t":
                thread = self._whereabouts.threads.get(place.number)
                found = (thread,) if thread else ()
            case _:
                thread = self.thread_of(place.number)
                found = (thread,) if thread else ()
        if not found:
            raise UsageError(f"{self.recording.where} has no {place}{self._names(place.kind)}")
        return found

    def _names(self, kind: str) -> str:
        names = {
            "s": [s.name for s in self.sessions],
            "t": [t.name for t in self.threads],
        }.get(kind, [])
        return f"; it has {', '.join(names[:12])}" if names else ""


def asked(other: Exchange) -> str:
    """What an exchange asked for that is no conversation: `properties: GET /props`."""
    name = named(other)
    said = f"{other.method} {other.path}"
    return f"{name}: {said}" if name else said


def _prompted(turn: Turn, prompt: str) -> Turn:
    return replace(turn, reply=replace(turn.reply, prompt=prompt))


def _without_bodies(exchange: Exchange) -> Exchange:
    """The exchange's facts without its bytes, which would be kept in memory for nothing."""
    return replace(
        exchange,
        request=Body(),
        response=b"",
        segments=(),
        request_headers=(),
        response_headers=(),
    )
