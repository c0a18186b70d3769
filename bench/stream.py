"""One streamed reply as both ends of the bench know it, in one process and by one clock.

The upstream sends the next event when the client has had the one before (`window` events may be
under way), so that an event is a TCP piece of its own however slow the proxy between them is, as
with a real model. With an `interval_s` it sends at fixed times instead.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.sessions import DONE

_LEAST = 2
"""Events that even a stream without time left has before its last: one begins its rate."""
_STAMP = re.compile(rb'"sent_ns":(\d+)')
_CHUNK = (
    b'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":" %b"}}],'
    b'"created":1795344543,"id":"chatcmpl-7DUGUjiWxlOpeY7UR76QQ8m66EEy6z1i","model":"kimi-k2",'
    b'"system_fingerprint":"b1-571d0d5","object":"chat.completion.chunk","sent_ns":%d}\n\n'
)


@dataclass
class Stream:
    """What to stream, and how it arrived. Without `events`, stamped ones are made: `count`, the
    last of them `[DONE]`, fewer if the loop's time reaches `until`."""

    count: int = 0
    events: tuple[bytes, ...] = ()
    interval_s: float = 0
    window: int = 1
    until: float = float("inf")
    think_s: float = 0
    """Between the answer's head and its first event: the model reads the prompt."""
    asked_ns: int = 0
    """When the client began; this and the next two are of `time.monotonic_ns`."""
    heard_ns: int = 0
    """When the upstream had the whole request."""
    first_sent_ns: int = 0
    first_s: float = 0
    """From `asked_ns` to the first event's arrival, the upstream's own time taken off; seconds."""
    flow_s: float = 0
    """From the first event's arrival to the last's so far."""
    delays_s: list[float] = field(default_factory=list)
    """Of each stamped event, from its sending to its arrival."""
    received: int = 0
    sent: int = 0
    on_receipt: Callable[[], None] = lambda: None
    """The upstream's wish to know that the client had more."""
    _rest: bytes = b""
    _first_ns: int = 0

    def next_event(self, now: float) -> bytes:
        """The event to send now; `DONE` is the last."""
        self.sent += 1
        if self.sent == 1:
            self.first_sent_ns = time.monotonic_ns()
        if self.events:
            return self.events[self.sent - 1]
        if self.sent >= self.count or (now >= self.until and self.sent > _LEAST):
            return DONE
        return _CHUNK % (b"token", time.monotonic_ns())

    def arrived(self, data: bytes) -> None:
        """Take what the client read, after HTTP framing."""
        now = time.monotonic_ns()
        whole, _, self._rest = (self._rest + data).rpartition(b"\n\n")
        if not whole:
            return
        if not self.received:
            own_ns = self.first_sent_ns - self.heard_ns
            self.first_s = (now - self.asked_ns - own_ns) / 1e9
            self._first_ns = now
        self.flow_s = (now - self._first_ns) / 1e9
        self.received += whole.count(b"\n\n") + 1
        self.delays_s += [(now - int(stamp)) / 1e9 for stamp in _STAMP.findall(whole)]
        self.on_receipt()


class Streams:
    """The streams that are under way, by the name that the request carries."""

    HEADER = "X-Request-Id"

    def __init__(self) -> None:
        self._streams: dict[str, Stream] = {}
        self._last = 0

    def open(self, stream: Stream) -> str:
        """Make a stream known; its name."""
        self._last += 1
        self._streams[str(self._last)] = stream
        return str(self._last)

    def take(self, name: str) -> Stream:
        """The stream that a request asks for, once."""
        return self._streams.pop(name)
