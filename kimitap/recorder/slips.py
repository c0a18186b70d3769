"""What the hooks hand to the writer: small frozen values, in the order in which things happened.

A ticket names an exchange before the recording has given it a number.
"""

from dataclasses import dataclass
from datetime import datetime

from kimitap.exchange import Exchange, Headers, Outcome


@dataclass(frozen=True, slots=True)
class Begun:
    """A request is complete; it has not been sent on yet. `exchange` is still without its `body`,
    which is hashed off the event loop."""

    ticket: int
    exchange: Exchange
    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """The response's head has arrived."""

    ticket: int
    status: int
    reason: str
    headers: Headers
    http_version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Arrived:
    """A part of the response's body, `at_s` seconds after the exchange's start."""

    ticket: int
    at_s: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more will come."""

    ticket: int
    outcome: Outcome
    detail: str
    at: datetime
    lost_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Captured:
    """A whole exchange out of a capture file."""

    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Missed:
    """`count` exchanges are missing from the recording, wholly or in part."""

    count: int
    reason: str
    at: datetime


Slip = Begun | Answered | Arrived | Ended | Captured | Missed

_OVERHEAD = 512
"""Bytes that a slip costs beside its content, about."""


def weight(slip: Slip) -> int:
    """The memory that `slip` holds while it waits, in bytes, about."""
    match slip:
        case Begun(exchange=exchange, body=body):
            return _OVERHEAD + _fields(exchange.request_headers) + len(body)
        case Captured(exchange=exchange):
            fields = _fields(exchange.request_headers) + _fields(exchange.response_headers)
            return _OVERHEAD + fields + exchange.request.size + len(exchange.response)
        case Arrived(data=data):
            return _OVERHEAD // 4 + len(data)
        case Answered(headers=headers):
            return _OVERHEAD + _fields(headers)
        case _:
            return _OVERHEAD


def _fields(headers: Headers) -> int:
    return sum(len(name) + len(value) + 128 for name, value in headers)
