"""What the agents of a soak ask for, how each of it goes, and what both ends saw of it.

An ask is one HTTP request. Client and server are one process, so that each knows what the other did
and a delay is measured by one clock.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from itertools import count

import orjson

from bench.sessions import Session, Turn

HEADER = "X-Request-Id"
"""Names an ask; the recorder keeps it, so that what was recorded can be found again."""

_TURNS = 40
"""Of a session, before its agent begins another."""
_names = count(1)


class Way(StrEnum):
    """How an ask goes."""

    STREAM = "stream"
    WHOLE = "one JSON answer"
    BUSY = "503, then again"
    """The server refuses; the agent asks the same once more."""
    HANG_UP = "client hangs up"
    CUT = "server cuts"
    SLOW = "slow reader"
    BIG = "big body"


_WEIGHTS = {
    Way.STREAM: 60,
    Way.WHOLE: 8,
    Way.BUSY: 8,
    Way.HANG_UP: 8,
    Way.CUT: 4,
    Way.SLOW: 8,
    Way.BIG: 4,
}


def digest(data: bytes) -> bytes:
    """By which bytes are compared that are not kept."""
    return blake2b(data, digest_size=16).digest()


@dataclass
class Ask:
    """One request, the parts of its answer, and what became of it."""

    way: Way
    body: bytes
    parts: Sequence[bytes]
    """What the server writes, one after another, `interval_s` apart."""
    status: int = 200
    interval_s: float = 0.02
    think_s: float = 0.1
    stop_after: int | None = None
    """So many parts pass before one end breaks off."""
    name: str = field(default_factory=lambda: str(next(_names)))
    heard: bytes = b""
    """The digest of the body that the server got."""
    written_ns: list[int] = field(default_factory=list)
    """When the server wrote each part."""
    got: bytearray = field(default_factory=bytearray)
    """What the client got of the answer's body."""
    got_status: int = 0
    delays_s: list[float] = field(default_factory=list)
    """Of each part that arrived, from its writing to its arrival."""
    _ends: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        total = 0
        for part in self.parts:
            total += len(part)
            self._ends.append(total)

    def arrived(self, data: bytes, now_ns: int) -> None:
        """The client read more of the answer's body."""
        self.got += data
        while (at := len(self.delays_s)) < len(self.written_ns) and self._ends[at] <= len(self.got):
            self.delays_s.append((now_ns - self.written_ns[at]) / 1e9)


@dataclass(frozen=True)
class Record:
    """What is kept of an ask that is over: enough to compare the recording with it."""

    way: Way
    request: bytes
    """Its digest."""
    status: int
    got: int
    """Bytes that the client got."""
    answer: bytes
    """What the server had to say: the digest where all of it was said, the bytes elsewhere."""
    whole: bool


def record_of(ask: Ask) -> Record:
    """The record of an ask that is over."""
    answer = b"".join(ask.parts)
    whole = ask.stop_after is None
    return Record(
        ask.way,
        digest(ask.body),
        ask.got_status,
        len(ask.got),
        digest(answer) if whole else answer,
        whole,
    )


def fault_of(ask: Ask) -> str:
    """What the two ends saw differently; empty where nothing was lost or altered between them."""
    answer = b"".join(ask.parts)
    if ask.heard != digest(ask.body):
        return "the server got another request"
    if ask.got_status != ask.status:
        return f"status {ask.got_status} instead of {ask.status}"
    if not answer.startswith(bytes(ask.got)):
        return "the client got other bytes"
    if ask.stop_after is None and len(ask.got) != len(answer):
        return f"the client got {len(ask.got)} of {len(answer)} bytes"
    return ""


def asks(seed: int) -> Iterator[Ask]:
    """What one agent asks for, without end; sessions follow one another."""
    rng = random.Random(seed)
    for number in count():
        for turn in Session(seed=seed * 1000 + number).turns(_TURNS):
            yield from _asks_of(turn, rng)


def _asks_of(turn: Turn, rng: random.Random) -> Iterator[Ask]:
    (way,) = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
    think_s = rng.uniform(0.02, 0.3)
    match way:
        case Way.BUSY:
            said = orjson.dumps({"error": {"code": 503, "message": "Loading model"}})
            yield Ask(way, turn.request, (said,), 503, think_s=0.01)
            yield Ask(Way.STREAM, turn.request, turn.events, think_s=think_s)
        case Way.WHOLE:
            yield Ask(way, turn.request, (_whole(turn),), think_s=think_s)
        case Way.HANG_UP | Way.CUT:
            stop = rng.randint(1, len(turn.events) - 2)
            yield Ask(way, turn.request, turn.events, think_s=think_s, stop_after=stop)
        case Way.BIG:
            yield _big(rng, think_s)
        case _:
            yield Ask(way, turn.request, turn.events, think_s=think_s)


def _whole(turn: Turn) -> bytes:
    chunks = [event[len(b"data: ") :].strip() for event in turn.events[:-1]]
    return b'{"object":"chat.completion","choices":[%b]}' % b",".join(chunks)


def _big(rng: random.Random, think_s: float) -> Ask:
    """An image as base64 goes there, a long answer comes back in large parts."""
    image = rng.randbytes(rng.randint(500_000, 1_500_000)).hex()
    content = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}]
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": content}]})
    parts = [rng.randbytes(150_000).hex().encode() for _ in range(rng.randint(2, 6))]
    return Ask(Way.BIG, body, parts, think_s=think_s, interval_s=0.005)
