"""What an exchange's bytes hold: bodies without their encoding, a stream's events and their times.

Nothing is interpreted here: what the bodies mean is the dialects' business.
"""

from collections.abc import Iterator
from typing import NamedTuple

from kimitap.dialects.answer import is_stream
from kimitap.dialects.encoding import decoded
from kimitap.dialects.pace import speaking
from kimitap.exchange import Exchange, Outcome, header
from kimitap.sse import Decoder

__all__ = [
    "Opened",
    "TimedEvent",
    "events",
    "is_stream",
    "request_body",
    "response_body",
    "speaking",
]


class Opened(NamedTuple):
    """A body as its sender wrote it. `encoding` was undone; `trouble` says what hindered that."""

    data: bytes
    encoding: str = ""
    trouble: str = ""


class TimedEvent(NamedTuple):
    """A server-sent event, and the seconds since the request at which its last byte arrived.

    None where that cannot be told: the segments of a compressed stream do not show it.
    """

    at_s: float | None
    kind: str
    data: str
    finished: bool = True
    fault: str = ""


def request_body(exchange: Exchange) -> Opened:
    """The request's body, its `Content-Encoding` undone."""
    data, trouble = decoded(exchange.request.content, exchange.request_headers)
    return Opened(data, header(exchange.request_headers, "content-encoding"), trouble)


def response_body(exchange: Exchange) -> Opened:
    """The response's body as far as it came, its `Content-Encoding` undone."""
    data, trouble = decoded(exchange.response, exchange.response_headers)
    return Opened(data, header(exchange.response_headers, "content-encoding"), trouble)


def events(exchange: Exchange) -> Iterator[TimedEvent]:
    """The events of a streamed response, also the one that it ended in, unless it may go on."""
    body = response_body(exchange)
    decoder = Decoder()
    for at_s, portion in _portions(exchange, body):
        for event in decoder.feed(portion):
            yield TimedEvent(at_s, event.kind, event.data, event.finished, event.fault)
    if exchange.outcome is not Outcome.IN_FLIGHT:
        last_s = exchange.segments[-1].at_s if exchange.segments and not body.encoding else None
        for event in decoder.close():
            yield TimedEvent(last_s, event.kind, event.data, event.finished, event.fault)


def _portions(exchange: Exchange, body: Opened) -> Iterator[tuple[float | None, bytes]]:
    if body.encoding:
        yield None, body.data
        return
    at = 0
    for segment in exchange.segments:
        yield segment.at_s, body.data[at : at + segment.length]
        at += segment.length
    yield None, body.data[at:]
