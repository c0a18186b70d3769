"""The body of an answer: a stream of events or one JSON value, chosen by what it holds.

Servers answer a request for a stream with a JSON error, and a few stream what was not asked to be;
the Content-Type decides only where the body itself does not.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import orjson

from kimitap.dialects.chat_facts import Facts, error_of
from kimitap.dialects.encoding import decoded
from kimitap.dialects.fault import Faults
from kimitap.dialects.jsonread import UnreadableJson, doubled, kind_of, loads
from kimitap.dialects.runs import Grown, frame_of
from kimitap.exchange import Exchange, Outcome, header
from kimitap.sse import LIMIT, Decoder, Event, plain_event

_STREAM = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:data|event|id|retry|error|):")
_DONE = "[DONE]"
"""The data of a last event that is no JSON: chat's end, in other streams some gateway's."""
DONE = object()
"""What such an event says."""
PORTION = 1 << 20
"""Read so much of a stream at once: its events need not all be there at the same time."""
AT_ONCE = LIMIT
"""Bytes up to which a stream is cut into events at once, so that runs of them can be seen."""
CHOICES = 128
"""So many choices are read of one reply: as many as OpenAI gives; one more is a fault."""
PATIENCE = 8
"""After so many events alone of their kind no run of events is looked for in a stream."""
_ENDED = (Outcome.COMPLETE, Outcome.HTTP_ERROR)
_SHOWN = 160
"""Bytes of a body that cannot be read, by which a fault shows what it is."""


def body_of(exchange: Exchange, faults: Faults) -> bytes:
    """The answer's body without its Content-Encoding, as far as it came."""
    body, trouble = decoded(exchange.response, exchange.response_headers)
    if trouble:
        faults.add("response", trouble)
    if exchange.unkept:
        faults.add("response", exchange.unkept)
    return body


def is_stream(body: bytes, exchange: Exchange) -> bool:
    """True where the body is a stream of events."""
    typed = "event-stream" in header(exchange.response_headers, "content-type").lower()
    return bool(_STREAM.match(body)) or (typed and body.lstrip()[:1] != b"{")


def events_of(body: bytes, exchange: Exchange) -> Iterator[Event]:
    """The events of a stream; the one that it was cut in, too, unless it may still go on."""
    decoder = Decoder()
    for start in range(0, len(body), PORTION):
        yield from decoder.feed(body[start : start + PORTION])
    if exchange.outcome is not Outcome.IN_FLIGHT:
        yield from decoder.close()


class Streamed(Protocol):
    """What a dialect makes of the events of one stream."""

    events: int
    """How many there were."""

    def add(self, event: Event) -> Grown | None:
        """Takes one event; what it should not hold is a fault at `response.event[N]`.

        Where all that it did was adding letters to a text, it says to which.
        """


def read_stream(body: bytes, exchange: Exchange, stream: Streamed) -> bool:
    """Gives `stream` all events, but of a run of events that only add letters just these.

    True where all that came after the first is known to be unnamed events: no comment, no ping.
    """
    if b"\r" in body or len(body) > AT_ONCE:
        _add_all(events_of(body, exchange), stream)
        return False
    decoder = Decoder()
    at, patience, unnamed = 0, PATIENCE, True
    while (stop := body.find(b"\n\n", at)) >= 0:
        block = body[at:stop]
        event = plain_event(block) if at else None  # the first may begin with a mark
        grown = stream.add(event) if event else None
        if event is None:
            _add_all(decoder.feed(block + b"\n\n"), stream)
            unnamed = unnamed and not at
        elif event.kind != "message":
            unnamed = False
        at = stop + 2
        if grown is not None and patience:
            count, at = _add_run(block, grown, body, at, stream)
            patience = PATIENCE if count else patience - 1
    if at < len(body):
        unnamed = False
        _add_all(decoder.feed(body[at:]), stream)
    if exchange.outcome is not Outcome.IN_FLIGHT:
        _add_all(decoder.close(), stream)
    return unnamed


def _add_all(events: Iterable[Event], stream: Streamed) -> None:
    for event in events:
        stream.add(event)


def _add_run(block: bytes, grown: Grown, body: bytes, at: int, stream: Streamed) -> tuple[int, int]:
    """Adds the letters of the events after `block` that are like it: how many, and their end."""
    frame = frame_of(block, grown)
    if frame is None:
        return 0, at
    letters, stop = frame.letters(body, at)
    grown.text.extend(letters)
    stream.events += len(letters)
    return len(letters), stop


def value_of(event: Event, where: str, faults: Faults) -> Any:
    """The JSON value of an event; what is wrong or unusual in it is a fault.

    `DONE` for the mark of a stream's end; None where it is no JSON: an error need not be, and a
    ping says nothing anyway.
    """
    if event.data == _DONE:
        return DONE
    try:
        value = orjson.loads(event.data)
    except orjson.JSONDecodeError:
        return _reread(event, where, faults)
    if twice := doubled(event.data, value):
        faults.add(where, twice)
    return value


def _reread(event: Event, where: str, faults: Faults) -> Any:
    if event.data.strip() == _DONE:
        return DONE
    try:
        value, unusual = loads(event.data)
    except UnreadableJson as problem:
        if event.kind not in ("error", "ping"):
            faults.add(where, str(problem) if event.finished else "the stream ends in this event")
        return None
    faults.add(where, unusual)
    return value


def object_of(
    body: bytes, exchange: Exchange, facts: Facts, faults: Faults
) -> dict[str, Any] | None:
    """The JSON object that the body is, its error told to `facts`; None where it is no object.

    A body that is no JSON is an error page, or the beginning of an answer that was cut. Where this
    gives None the answer is complete if it is a whole error: see `refused`.
    """
    if not body.strip():
        facts.fail_with_status(exchange)
        return None
    try:
        value, unusual = loads(body)
    except UnreadableJson as problem:
        fail_unreadable(body, exchange, facts, faults, str(problem))
        return None
    if unusual:
        faults.add("response", unusual)
    error = error_of(value)
    if error is None and value and (exchange.status or 0) >= 400:
        error = value
    if error is not None:
        facts.fail(error, in_stream=False)
    facts.fail_with_status(exchange)
    if isinstance(value, dict):
        return value
    faults.add("response", f"a response is an object, not {kind_of(value)}")
    return None


def fail_unreadable(
    body: bytes, exchange: Exchange, facts: Facts, faults: Faults, problem: str
) -> None:
    """Takes a body that is no JSON: an error page, a fault, or an answer still under way."""
    if (exchange.status or 0) >= 400:
        facts.fail(body.decode("utf-8", "replace").strip(), in_stream=False)
        facts.fail_with_status(exchange)
    elif exchange.outcome is not Outcome.IN_FLIGHT:
        begins = " ".join(body[:_SHOWN].decode("utf-8", "replace").split())
        faults.add("response", f"{problem}: {begins}")


def refused(exchange: Exchange, facts: Facts) -> bool:
    """True where the answer is an error, and came to its end as HTTP has it."""
    return bool(facts.error) and exchange.outcome in _ENDED
