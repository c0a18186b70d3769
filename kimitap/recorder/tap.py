"""One exchange while it passes through mitmproxy: the tee, and what becomes of it."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from mitmproxy import http

from kimitap.exchange import Outcome
from kimitap.recorder.ending import LastWords, is_event_stream
from kimitap.recorder.flows import headers_of, outcome_of, plain, request_of
from kimitap.recorder.line import Line
from kimitap.recorder.slips import PART_BYTES, Answered, Ended
from kimitap.recorder.timeline import begun

logger = logging.getLogger("kimitap")

Stream = Callable[[bytes], bytes | Iterable[bytes]]


_LARGE = 1 << 18
"""So many bytes are handed over at once, without waiting for the next beat."""
_LONGEST = 512 << 20
"""No more of a response is recorded, however much may wait: at its end the scribe puts it together
in memory, and SQLite refuses what is larger than 1 GB."""


class Tap:
    """Hands the line what passes of one exchange; as a stream function, returns each part as is."""

    def __init__(self, flow: http.HTTPFlow, line: Line, key: bytes, body: bytes) -> None:
        self.line = line
        self._key = key
        self._started_at, self._zero = begun(flow)
        exchange = replace(request_of(flow, key), started_at=self._started_at)
        self._ticket = line.begin(exchange, body)
        self._last: LastWords | None = None
        self._parts: list[tuple[float, bytes]] = []
        self._size = 0
        self._lost = 0
        self._weight = 0
        self._why = ""
        self._streamed = False
        self._then: Stream | None = None

    def __call__(self, data: bytes) -> bytes | Iterable[bytes]:
        """mitmproxy's stream function: never raises on its own account, and returns the data.

        If it raised, mitmproxy would leave this part out of what the client gets. It is called for
        every token, so that it only puts the part aside.
        """
        try:
            if data:
                self._keep(data)
        except Exception as error:
            self.line.say_aloud(f"Kimitap: a part of a response could not be recorded: {error!r}")
            logger.debug("Kimitap: where that went wrong", exc_info=True)
        return data if self._then is None else self._then(data)

    def follow(self, stream: bool | Stream) -> None:
        """Let another addon's stream function have the data after us."""
        if callable(stream) and stream is not self:
            self._then = stream

    async def kept(self, patience_s: float) -> None:
        """Wait until the request is on disk, `patience_s` at most."""
        if self._ticket is not None:
            await self.line.kept(self._ticket, patience_s)

    def answer(self, response: http.Response) -> None:
        """The response's head is here."""
        if self._ticket is None:
            return
        headers = headers_of(response, self._key)
        self._last = LastWords() if is_event_stream(headers) else None
        reason, version = plain(response.data.reason), plain(response.data.http_version)
        status = response.status_code
        self.line.put(Answered(self._ticket, status, reason, headers, version, self._now()))

    def flush(self) -> None:
        """Hand over the parts; after the first that found no room, only count them."""
        if not self._parts:
            return
        parts, self._parts, size, self._size = self._parts, [], self._size, 0
        if self._last:
            self._last.add(b"".join([data for _, data in parts]))
        if self._lost or not self._handed_over(parts, size):
            self._lost += size

    def end(self, flow: http.HTTPFlow) -> Outcome:
        """The flow has ended, well or badly: how. Only its first end counts."""
        if flow.response and flow.response.raw_content and not self._streamed:
            self._keep(flow.response.raw_content)  # it was not streamed after all
        self.flush()
        said_all = flow.error is not None and self._last is not None and self._last.were_said
        outcome, detail = outcome_of(flow, said_all)
        self._end(outcome, detail)
        return outcome

    def interrupt(self) -> None:
        """The recorder stops before the exchange does."""
        self.flush()
        self._end(Outcome.INTERRUPTED, "the recorder was stopped")

    def _keep(self, data: bytes) -> None:
        if not self._parts:
            self._streamed = True
            self.line.soon(self)
        self._parts.append((time.monotonic() - self._zero, data))
        self._size += len(data)
        if self._size > _LARGE:
            self.flush()

    def _handed_over(self, parts: list[tuple[float, bytes]], size: int) -> bool:
        """Whether there was room for these parts: in this response, and on the line."""
        if self._ticket is None:
            return False
        self._weight += size + PART_BYTES * len(parts)
        bound = min(self.line.limit, _LONGEST)
        if self._weight > bound:
            self._why = f"a response is longer than {bound >> 20} MB (kimitap_memory)"
            self.line.say_aloud(f"Kimitap: {self._why}: the rest of it is NOT recorded")
            return False
        return self.line.arrived(self._ticket, parts, size)

    def _end(self, outcome: Outcome, detail: str) -> None:
        if self._ticket is None:
            return
        if self._lost:
            self.line.miss(self._why)
        self.line.put(Ended(self._ticket, outcome, detail, self._now(), self._lost))
        self._ticket = None

    def _elapsed(self) -> float:
        return time.monotonic() - self._zero

    def _now(self) -> datetime:
        """The time by a clock that cannot jump, so that no exchange ends before it began."""
        return self._started_at + timedelta(seconds=self._elapsed())


class Gathering:
    """The stream function of a request body that mitmproxy does not keep: copies, up to a limit."""

    def __init__(self, stream: bool | Stream, limit: int) -> None:
        self.seen = bytearray()
        self.whole = True
        """False once there was more than the limit; `seen` is the beginning then."""
        self._limit = limit
        self._then = stream if callable(stream) else None

    def __call__(self, data: bytes) -> bytes | Iterable[bytes]:
        """mitmproxy's stream function: returns the data."""
        self.whole = self.whole and len(self.seen) + len(data) <= self._limit
        if self.whole:
            self.seen += data
        return data if self._then is None else self._then(data)
