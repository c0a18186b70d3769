"""What the hooks hand to the scribe's process, and what it says back: small values, in order.

A ticket names an exchange before the recording has given it a number.
"""

from datetime import datetime

import msgspec

from kimitap.exchange import Exchange, Headers, Outcome


class Slip(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Something that happened, to be written."""


class Begun(Slip, frozen=True, tag=True, array_like=True):
    """A request is complete. `exchange` is without its `body`, which is cut off the event loop.

    On its way a long body follows the frame, `follows` bytes (`frames.py`).
    """

    ticket: int
    exchange: Exchange
    body: bytes
    follows: int = 0


class Answered(Slip, frozen=True, tag=True, array_like=True):
    """The response's head has arrived."""

    ticket: int
    status: int
    reason: str
    headers: Headers
    http_version: str
    at: datetime


class Arrived(Slip, frozen=True, tag=True, array_like=True):
    """Parts of the response's body, each with its seconds since the exchange's start; `size` bytes
    in all, of which `start` came before."""

    ticket: int
    parts: list[tuple[float, bytes]]
    size: int
    start: int = 0


class Ended(Slip, frozen=True, tag=True, array_like=True):
    """Nothing more will come."""

    ticket: int
    outcome: Outcome
    detail: str
    at: datetime
    lost_bytes: int = 0


class Captured(Slip, frozen=True, tag=True, array_like=True):
    """A whole exchange out of a capture file."""

    ticket: int
    exchange: Exchange


class Missed(Slip, frozen=True, tag=True, array_like=True):
    """`count` exchanges are missing from the recording, wholly or in part."""

    ticket: int
    count: int
    reason: str
    at: datetime


class Resumed(Slip, frozen=True, tag=True, array_like=True):
    """The first that a scribe hears: what another, which died, had begun, as ticket and origin.

    All that this one had not acknowledged comes once more, in the same order.
    """

    under_way: list[tuple[int, str]]


class News(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Something that the scribe says."""


class Opened(News, frozen=True, tag=True, array_like=True):
    """The recording is open; `where` is its path or URL as a person may read it, `newest_s` the
    latest time in it, as seconds since 1970; 0 where there is none."""

    where: str
    newest_s: float = 0.0


class Kept(News, frozen=True, tag=True, array_like=True):
    """The request of this ticket is on disk."""

    ticket: int


class Settled(News, frozen=True, tag=True, array_like=True):
    """The whole exchange of this ticket is on disk."""

    ticket: int


class Freed(News, frozen=True, tag=True, array_like=True):
    """Of each of these tickets so many slips, the oldest, wait no more: they are on disk, or given
    up."""

    slips: list[tuple[int, int]]


class Taken(News, frozen=True, tag=True, array_like=True):
    """A captured exchange was added, or was already there."""

    new: bool


class Trouble(News, frozen=True, tag=True, array_like=True):
    """The recording cannot be written now; what is not yet written waits. `lasting`: no patience
    will mend it, a person must."""

    reason: str
    lasting: bool = False


class Recovered(News, frozen=True, tag=True, array_like=True):
    """The recording can be written again, and nothing waits any more."""


class Spoiled(News, frozen=True, tag=True, array_like=True):
    """A slip could not be written for a reason of its own; its exchange was given up."""

    ticket: int
    reason: str


class Left(News, frozen=True, tag=True, array_like=True):
    """The scribe stops; so many exchanges lose something that could not be written."""

    unwritten: int


OneSlip = Begun | Answered | Arrived | Ended | Captured | Missed
AnySlip = OneSlip | Resumed
AnyNews = Opened | Kept | Settled | Freed | Taken | Trouble | Recovered | Spoiled | Left

_OVERHEAD = 512
"""Bytes that a slip costs beside its content, about."""
PART_BYTES = 120
"""Bytes that a part of a response costs beside its content, about."""


def weight(slip: AnySlip) -> int:
    """The memory that `slip` holds while it waits, in bytes, about."""
    match slip:
        case Begun(exchange=exchange, body=body):
            return _OVERHEAD + _fields(exchange.request_headers) + len(body)
        case Captured(exchange=exchange):
            fields = _fields(exchange.request_headers) + _fields(exchange.response_headers)
            return _OVERHEAD + fields + exchange.request.size + len(exchange.response)
        case Arrived(parts=parts, size=size):
            return _OVERHEAD + size + PART_BYTES * len(parts)
        case Answered(headers=headers):
            return _OVERHEAD + _fields(headers)
        case _:
            return _OVERHEAD


def _fields(headers: Headers) -> int:
    return sum(len(name) + len(value) + 128 for name, value in headers)
