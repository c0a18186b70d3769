"""The recorded exchanges as a script: which of them answers a request."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kimitap.analysis import Analysis
from kimitap.conversation import Turn
from kimitap.dialects.encoding import decoded
from kimitap.errors import UsageError
from kimitap.exchange import Body, Exchange, Headers
from kimitap.lineage import Thread
from kimitap.places import PlaceWord
from kimitap.serving.canonical import canonical, may_equal, target
from kimitap.weave.keys import Keys
from kimitap.weave.kin import leading_systems


class How(StrEnum):
    """By what a request was found in the recording."""

    EXACT = "byte for byte"
    EQUAL = "equal but for spelling and ids"
    ALIKE = "equal in what it says"
    PLACE = "by its place in the thread"


@dataclass(frozen=True)
class Asked:
    """A request as it came; `turn` is what it means, None where no dialect speaks it."""

    method: str
    path: str
    headers: Headers
    body: bytes
    turn: Turn | None


class Take:
    """A recorded exchange, and how often it has been the answer.

    The body's pieces are shared with those of other takes: it is never joined and kept.
    """

    def __init__(self, exchange: Exchange, turn: Turn | None) -> None:
        self.number = exchange.number
        self.method = exchange.method
        self.path = target(exchange.path)
        self.headers = exchange.request_headers
        self.turn = turn
        self.served = 0
        self.size = exchange.request.size
        self._body = Body(exchange.request.pieces, exchange.request.elements)
        self._canonical: bytes | None = None

    def is_exactly(self, body: bytes) -> bool:
        """True for the same bytes."""
        return self.size == len(body) and self.content() == body

    def equals(self, value: Mapping[str, object], wanted: bytes) -> bool:
        """True for a request that is another spelling of this one."""
        if not may_equal(self._body, value):
            return False
        if self._canonical is None:
            self._canonical = canonical(decoded(self.content(), self.headers)[0]) or b""
        return self._canonical == wanted

    def content(self) -> bytes:
        """The request's bytes."""
        return b"".join(piece.data for piece in self._body.pieces)


class Script:
    """Takes, and which of them is next for a request.

    Requests that are the same get the recorded answers one after another, and then the last again.
    With `loose`, one that is nowhere in the recording gets the next answer of its kind.
    """

    def __init__(self, takes: Iterable[Take], *, loose: bool = False) -> None:
        self.takes = tuple(takes)
        self._loose = loose
        self._keys = Keys()

    def answer(self, asked: Asked) -> tuple[Take, How] | None:
        """The take that answers a request, and how it was found; None where none does."""
        here = self.at(asked)
        ways: list[tuple[How, Callable[[], Sequence[Take]]]] = [
            (How.EXACT, lambda: [take for take in here if take.is_exactly(asked.body)]),
            (How.EQUAL, lambda: self._equal(here, asked)),
        ]
        if self._loose and asked.turn is not None:
            ways.append((How.ALIKE, lambda: self._alike(here, asked.turn)))
            ways.append((How.PLACE, lambda: self._by_place(here, asked.turn)))
        for how, look in ways:
            if found := look():
                take = next((one for one in found if not one.served), found[-1])
                take.served += 1
                return take, how
        return None

    def at(self, asked: Asked) -> Sequence[Take]:
        """The takes of a request's method and target."""
        path = target(asked.path)
        return [take for take in self.takes if (take.method, take.path) == (asked.method, path)]

    def nearest(self, asked: Asked) -> Take | None:
        """The take that says most like it: that with which it shares the longest beginning."""
        here = [take for take in self.at(asked) if take.turn is not None]
        if not here:
            return None
        if asked.turn is None:
            return here[0]
        sent = self._keys.all(asked.turn.messages)
        tools = bool(asked.turn.tools)

        def likeness(take: Take) -> tuple[bool, int, int, bool]:
            assert take.turn is not None
            kept = _shared(sent, self._keys.all(take.turn.messages))
            far = abs(len(take.turn.messages) - len(sent))
            return bool(take.turn.tools) is tools, kept, -far, not take.served

        return max(here, key=likeness)

    def _equal(self, here: Sequence[Take], asked: Asked) -> Sequence[Take]:
        data = decoded(asked.body, asked.headers)[0]
        wanted = canonical(data)
        if wanted is None:
            return ()
        value = json.loads(data)
        return [take for take in here if take.equals(value, wanted)]

    def _alike(self, here: Sequence[Take], turn: Turn | None) -> Sequence[Take]:
        """Those that say the same, volatile spans and the system prompt aside."""
        if turn is None:
            return ()
        said = self._said(turn)
        return [take for take in _fit(here, turn) if take.turn and self._said(take.turn) == said]

    def _by_place(self, here: Sequence[Take], turn: Turn | None) -> Sequence[Take]:
        """The unserved take whose history is as long, or nearly: one with tools for one with."""
        if turn is None:
            return ()
        length, tools = _length(turn), bool(turn.tools)
        waiting = [take for take in _fit(here, turn) if not take.served]

        def distance(take: Take) -> tuple[bool, int]:
            assert take.turn is not None
            return bool(take.turn.tools) is not tools, abs(_length(take.turn) - length)

        return [min(waiting, key=distance)] if waiting else ()

    def _said(self, turn: Turn) -> list[bytes]:
        return self._keys.all(turn.messages[leading_systems(turn) :])


def _fit(takes: Sequence[Take], turn: Turn) -> Sequence[Take]:
    """Those whose answer a client can read that asked as this one: a stream, or none."""
    return [take for take in takes if take.turn is not None and take.turn.stream is turn.stream]


def _length(turn: Turn) -> int:
    return len(turn.messages) - leading_systems(turn)


def _shared(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    both = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in both if a != b), min(len(one), len(other)))


def threads_to_serve(analysis: Analysis, place: PlaceWord | None) -> tuple[Thread, ...]:
    """The threads of the session that is named, or of the only one; replays are none of it.

    Raises `UsageError` where there is no such session, or a choice of several.
    """
    if place is None:
        names = [session.name for session in analysis.sessions]
        if not names:
            raise UsageError(f"{analysis.recording.where} holds no conversation to serve")
        if len(names) > 1:
            listed = ", ".join(names[:12])
            raise UsageError(f"say which session: kimitap serve-recording {names[0]} (of {listed})")
        found = analysis.sessions[0].threads
    elif not place.kind:
        raise UsageError(f"{place} is no session: say s3, or t7 for one thread of it")
    else:
        found = analysis.threads_at(place)
    served = tuple(thread for thread in found if thread.kind != "replay")
    if not served:
        raise UsageError(f"{place} holds only replays: serve the session that they repeat")
    return served


def takes_of(analysis: Analysis, threads: Sequence[Thread]) -> list[Take]:
    """The exchanges of these threads, and all that are no conversation, in the order of numbers."""
    turns = {turn.exchange: turn for thread in threads for turn in thread.turns}
    wanted = {*turns, *analysis.others}
    return [
        Take(exchange, turns.get(exchange.number))
        for exchange in analysis.recording.exchanges()
        if exchange.number in wanted
    ]
