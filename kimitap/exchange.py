"""One HTTP request and its response, bytes untouched: what the recorder saw, before any meaning.

A body is kept as pieces whose join is the body, byte for byte. Equal pieces of different bodies are
the same stored piece, so a reader can decode each piece once and compare two long histories by the
identity of their pieces.
"""

from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from itertools import accumulate
from operator import sub
from typing import NamedTuple


class Outcome(StrEnum):
    """How an exchange ended, as the recorder saw it."""

    IN_FLIGHT = "in flight"
    COMPLETE = "complete"
    HTTP_ERROR = "HTTP error"
    """A complete answer with a status of 400 or more."""
    CLIENT_HUNG_UP = "client hung up"
    SERVER_CUT = "server cut"
    """The server's connection ended before its answer did."""
    REFUSED = "refused"
    """The upstream could not be reached: there is no answer."""
    INTERRUPTED = "interrupted"
    """The recorder died before the end; what had arrived by then is there."""


def digest(data: bytes) -> bytes:
    """The 16-byte BLAKE2b digest by which equal bytes are known to be equal."""
    return blake2b(data, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of a body's bytes that is stored once. `key` is `digest(data)`."""

    key: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of one top-level JSON array of a body: `pieces[start:stop]`, one piece each.

    A piece after the first begins with the comma (and white space) that separates it from its
    predecessor, so that an element appended later leaves all earlier pieces unchanged.
    """

    name: str
    start: int
    stop: int


@dataclass(frozen=True)
class Body:
    """A body as pieces; `elements` says which of them are elements of top-level arrays.

    The join of all other pieces (`skeleton`) is valid JSON with those arrays empty. A body that
    could not be cut is one piece and has no elements; an empty body has no piece.
    """

    pieces: tuple[Piece, ...] = ()
    elements: tuple[Elements, ...] = ()

    @classmethod
    def whole(cls, data: bytes) -> "Body":
        """A body of one uncut piece."""
        return cls((Piece(digest(data), data),) if data else ())

    @cached_property
    def content(self) -> bytes:
        """The body's exact bytes."""
        return b"".join(piece.data for piece in self.pieces)

    @property
    def size(self) -> int:
        """The body's length in bytes, without joining it."""
        return sum(len(piece.data) for piece in self.pieces)

    @property
    def glue(self) -> list[Piece]:
        """The pieces that are no element."""
        kept: list[Piece] = []
        at = 0
        for run in self.elements:
            kept.extend(self.pieces[at : run.start])
            at = run.stop
        kept.extend(self.pieces[at:])
        return kept

    @property
    def skeleton(self) -> bytes:
        """The body without its arrays' elements: small, and valid JSON where the body was cut."""
        return b"".join(piece.data for piece in self.glue)


class Segment(NamedTuple):
    """A part of the response's body as it arrived: its length, and seconds since `started_at`."""

    at_s: float
    length: int


class Pauses(NamedTuple):
    """When the first and the last of some segments came, and the longest silence between two.

    In seconds since the request; the silence began at `since_s`.
    """

    first_s: float
    last_s: float
    longest_s: float
    since_s: float


class TimedSegments(Sequence[Segment]):
    """Segments that tell when they came without being made one by one."""

    @abstractmethod
    def times_since(self, byte: int) -> list[float]:
        """See the function of this name."""

    @abstractmethod
    def pauses_since(self, byte: int) -> Pauses | None:
        """See the function of this name."""

    @property
    @abstractmethod
    def first_s(self) -> float | None:
        """See the function of this name."""


def times_since(segments: Sequence[Segment], byte: int = 0) -> list[float]:
    """When the segments that hold bytes came, in seconds, from the one in which `byte` bytes ended.

    With 0 all of them.
    """
    if isinstance(segments, TimedSegments):
        return segments.times_since(byte)
    ends = list(accumulate(segment.length for segment in segments))
    return [s.at_s for s in segments[bisect_left(ends, byte) :] if s.length]


def first_s(segments: Sequence[Segment]) -> float | None:
    """When the first segment that holds bytes came, in seconds; None where none does."""
    if isinstance(segments, TimedSegments):
        return segments.first_s
    return next((segment.at_s for segment in segments if segment.length), None)


def pauses_since(segments: Sequence[Segment], byte: int = 0) -> Pauses | None:
    """The same segments' pauses; None where there are none."""
    if isinstance(segments, TimedSegments):
        return segments.pauses_since(byte)
    return pauses(times_since(segments, byte))


def pauses(times: Sequence[float]) -> Pauses | None:
    """The pauses between these times; None where there are none."""
    if not times:
        return None
    gaps = list(map(sub, times[1:], times))
    longest = max(gaps, default=0.0)
    since = times[gaps.index(longest)] if gaps else times[0]
    return Pauses(times[0], times[-1], longest, since)


NOT_KEPT = "not kept by the recorder"
NO_REQUEST = "the capture has no body of this request"
NO_RESPONSE = "the capture has no body of this response"
"""How `Exchange.detail` ends where a capture was made without bodies; both are told in a row."""

REPLAY = "X-Kimitap-Replay"
"""The request header by which a replay says so: the number of the exchange that it sends again, or
`elsewhere` where that stands in another recording; then what was done to it (`41; edited`)."""

Headers = tuple[tuple[str, str], ...]
"""Header fields in the order and letter case of the wire; credentials already masked."""


def header(headers: Headers, name: str) -> str:
    """The first value of the header `name`, whatever its letter case; `""` if there is none."""
    wanted = name.lower()
    for key, value in headers:
        if key.lower() == wanted:
            return value
    return ""


@dataclass(frozen=True)
class Exchange:
    """One HTTP request and its response.

    `number` is the exchange's number in its recording, from 1. Times are aware UTC datetimes.
    `path` is the request target with its query, credentials masked. `response` is the body as it
    was on the wire after HTTP framing (a `Content-Encoding` is not undone). `segments` cover the
    whole response in order; an imported flow, where no tee ran, has one.
    `client` is the peer's `address:port`, one value for all requests of one connection.
    """

    number: int
    started_at: datetime
    method: str
    scheme: str
    host: str
    port: int
    path: str
    request_headers: Headers = ()
    request: Body = field(default_factory=Body)
    client: str = ""
    http_version: str = "HTTP/1.1"
    outcome: Outcome = Outcome.IN_FLIGHT
    detail: str = ""
    """What ended an exchange that did not end well, in the words of the proxy."""
    status: int | None = None
    reason: str = ""
    response_headers: Headers = ()
    response: bytes = b""
    segments: Sequence[Segment] = ()
    headers_at: datetime | None = None
    """When the response's head arrived."""
    ended_at: datetime | None = None
    origin: str = ""
    """Identifies this exchange across captures (the flow's id), so that none is added twice."""
    lost_bytes: int = 0
    """Bytes of the response that passed but could not be kept (the recorder's memory bound)."""

    @property
    def unkept(self) -> str:
        """What of the response passed and is not recorded, in words; `""` where all of it is."""
        if self.detail.endswith(NO_RESPONSE):
            return NO_RESPONSE
        return f"{self.lost_bytes} bytes were {NOT_KEPT}" if self.lost_bytes else ""

    @property
    def endpoint(self) -> str:
        """The path without its query."""
        return self.path.split("?", 1)[0]
