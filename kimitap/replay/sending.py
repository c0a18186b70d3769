"""Sending a request and recording what comes of it, as the recorder would have.

Nothing is ever timed out: a long prompt on a slow machine takes its hours. Whoever asked may hang
up, by Ctrl-C or from another thread, and what came by then is kept.
"""

import asyncio
import os
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import NamedTuple

import aiohttp
from aiohttp import ClientResponse, ClientSession, ClientTimeout
from yarl import URL

from kimitap.errors import RecordingError
from kimitap.exchange import Body, Exchange, Outcome, Segment
from kimitap.recorder.ending import has_ended, is_event_stream
from kimitap.recorder.secret import digest_key
from kimitap.redact import mask_headers, mask_url
from kimitap.replay.outgoing import Outgoing
from kimitap.store import Ending, Head, RecordingWriter

BEAT_S = 0.4
"""How often what streamed is put on disk."""
LONGEST_FIELD = 1 << 18
"""Bytes of one header of an answer."""
_DATA = re.compile(rb"^data:", re.MULTILINE)
"""Where an event begins; one that a part of the answer cuts within this word is not counted."""
HUNG_UP = "ended by whoever replayed it"
_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""Headers that aiohttp would add: a request goes out with those that it was recorded with."""


class Progress(NamedTuple):
    """How far an answer is: seconds since it was asked for, and what came by then. `events` are
    those of a stream, 0 in an answer that is none."""

    after_s: float
    size: int
    events: int


Heard = Callable[[Progress], None]


class Hangup:
    """Ends a request, from any thread, while it is under way or before."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked = False
        self._end: Callable[[], object] | None = None

    @property
    def asked(self) -> bool:
        return self._asked

    def __call__(self) -> None:
        with self._lock:
            self._asked = True
            if self._end is not None:
                self._end()

    def ends(self, end: Callable[[], object] | None) -> None:
        """Call `end` when asked to hang up, at once where that was asked already; None: no more."""
        with self._lock:
            self._end = end
            if self._asked and end is not None:
                end()


def transmit(
    request: Outgoing,
    into: RecordingWriter | None = None,
    hangup: Hangup | None = None,
    heard: Heard | None = None,
) -> Exchange:
    """Send the request and wait for all of the answer; record both as they come.

    `heard` is told again and again how far it is.
    A request that comes to nothing is an exchange like any other (refused, cut, hung up). Its
    number is the recording's, 0 without one. Raises a `RecordingError` before anything is sent
    where the recording cannot be written, and after the answer where it could not be any more.
    """
    tape = _Tape(_begun(request), into, heard)
    return asyncio.run(_transmit(request, tape, hangup or Hangup()))


async def _transmit(request: Outgoing, tape: "_Tape", hangup: Hangup) -> Exchange:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    hangup.ends(lambda: loop.call_soon_threadsafe(task.cancel))
    beat = asyncio.create_task(tape.beat())
    try:
        await _fetch(request, tape)
    except asyncio.CancelledError:  # Ctrl-C comes as this, too
        tape.end(Outcome.CLIENT_HUNG_UP, HUNG_UP)
    finally:
        hangup.ends(None)
        beat.cancel()
        with suppress(asyncio.CancelledError):
            await beat
    return tape.close()


def _begun(request: Outgoing) -> Exchange:
    """The exchange before anything came, credentials masked as the recorder masks them."""
    key = digest_key()
    return Exchange(
        number=0,
        started_at=datetime.now(UTC),
        method=request.method,
        scheme=request.scheme,
        host=request.host,
        port=request.port,
        path=mask_url(request.path, key),
        request_headers=mask_headers(request.headers, key),
        request=Body.whole(request.body),
    )


async def _fetch(request: Outgoing, tape: "_Tape") -> None:
    """Ask, and put down on the tape what comes; never raises on the server's account."""
    session = ClientSession(
        timeout=ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        auto_decompress=False,
        max_line_size=LONGEST_FIELD,
        max_field_size=LONGEST_FIELD,
        skip_auto_headers=_AUTOMATIC,
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    try:
        async with session, _asked(session, request) as response:
            tape.head(response)
            async for data in response.content.iter_any():
                tape.put(data)
        failed = response.status >= 400
        tape.end(Outcome.HTTP_ERROR if failed else Outcome.COMPLETE)
    except (aiohttp.ClientConnectorError, aiohttp.ClientConnectorDNSError) as error:
        tape.end(Outcome.REFUSED, _why(error))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        tape.end(Outcome.COMPLETE if tape.said_all else Outcome.SERVER_CUT, _why(error))


def _asked(session: ClientSession, request: Outgoing) -> "aiohttp.client._RequestContextManager":
    return session.request(
        request.method,
        URL(request.url, encoded=True),
        data=request.body or None,
        headers=request.headers,
        allow_redirects=False,  # a key goes to the host that the user named, and to no other
    )


def _why(error: Exception) -> str:
    inner = getattr(error, "os_error", None) or error
    if isinstance(inner, socket.gaierror):
        return "its name is not known"
    if isinstance(inner, OSError) and inner.errno:
        return os.strerror(inner.errno)
    return (str(inner) or type(inner).__name__)[:500]


class _Tape:
    """The answer as it comes: in memory, and within half a second on disk."""

    def __init__(
        self, begun: Exchange, into: RecordingWriter | None, heard: Heard | None = None
    ) -> None:
        self._zero = time.monotonic()
        self._into = into
        self._heard = heard
        self._size = self._events = 0
        self._exchange = replace(begun, number=into.begin(begun)) if into else begun
        self._parts: list[tuple[float, bytes]] = []
        self._kept = 0
        """How many parts are on disk."""
        self._head: Head | None = None
        self._due: Head | None = None
        """The head, while it is not on disk."""
        self._ending: Ending | None = None
        self._trouble: RecordingError | None = None

    def head(self, response: ClientResponse) -> None:
        """The answer's head is here."""
        fields = tuple((_plain(name), _plain(value)) for name, value in response.raw_headers)
        version = response.version or aiohttp.HttpVersion11
        self._head = self._due = Head(
            response.status,
            response.reason or "",
            mask_headers(fields, digest_key()),
            f"HTTP/{version.major}.{version.minor}",
            self._now(),
        )
        if self._into is not None:
            self._write()

    def put(self, data: bytes) -> None:
        """A part of the answer."""
        if data:
            self._parts.append((time.monotonic() - self._zero, data))
            self._size += len(data)
            self._events += len(_DATA.findall(data))

    @property
    def said_all(self) -> bool:
        """True where a stream broke off after its last event."""
        if self._head is None or not is_event_stream(self._head.headers):
            return False
        return has_ended(b"".join(data for _, data in self._parts))

    def end(self, outcome: Outcome, detail: str = "") -> None:
        """Nothing more comes; only the first end counts."""
        self._ending = self._ending or Ending(outcome, detail, self._now())

    async def beat(self) -> None:
        """Put on disk what came, and tell how far it is, again and again."""
        while True:
            await asyncio.sleep(BEAT_S)
            if self._heard is not None:
                streams = self._head is not None and is_event_stream(self._head.headers)
                events = self._events if streams else 0
                self._heard(Progress(time.monotonic() - self._zero, self._size, events))
            if self._into is not None and len(self._parts) > self._kept:
                self._write()

    def close(self) -> Exchange:
        """Write what is left; the whole exchange."""
        ending = self._ending or Ending(Outcome.INTERRUPTED, "", self._now())
        if self._into is not None:
            self._trouble = None
            self._write(ending=ending)
            if self._trouble is not None:
                raise self._trouble
        made = replace(
            self._exchange,
            outcome=ending.outcome,
            detail=ending.detail,
            ended_at=ending.at,
            response=b"".join(data for _, data in self._parts),
            segments=tuple(Segment(at_s, len(data)) for at_s, data in self._parts),
        )
        if self._head is None:
            return made
        return replace(
            made,
            status=self._head.status,
            reason=self._head.reason,
            response_headers=self._head.headers,
            http_version=self._head.http_version,
            headers_at=self._head.at,
        )

    def _write(self, ending: Ending | None = None) -> None:
        """What the database refuses now is tried again with what comes next."""
        assert self._into is not None
        parts = self._parts[self._kept :]
        try:
            number = self._exchange.number
            self._into.advance(number, head=self._due, parts=parts, ending=ending)
        except RecordingError as error:
            self._trouble = error
        else:
            self._due = None
            self._kept += len(parts)

    def _now(self) -> datetime:
        return self._exchange.started_at + timedelta(seconds=time.monotonic() - self._zero)


def _plain(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
