"""The longest silence of a stream, from the times at which its parts arrived.

A stream has begun to speak with the first part that holds a word of the reply: some servers send
an empty first event at once and read the prompt after it. Signs of life (comments, pings, progress)
are no speech: a stream may be silent for minutes between them.
"""

import re
from bisect import bisect_left
from itertools import accumulate, islice

from kimitap.conversation import Reply
from kimitap.exchange import (
    Exchange,
    Pauses,
    header,
    pauses,
    pauses_since,
    times_since,
)

_SPEECH = re.compile(
    rb'"(?:content|reasoning_content|reasoning|text|thinking|arguments|partial_json|delta)"'
    rb'\s*:\s*"[^"]'
)
_REASON = re.compile(rb'"(?:finish_reason|stop_reason)"\s*:\s*"(?!null")[^"]')
_NOTICED_S = 1.0
"""Below, nobody minds where a silence stands."""
_PINGS = (b"event: ping", b"event:ping")
_LONGEST_SIGN = 200
"""Bytes: a longer part that begins with a comment or a ping holds more than that."""


def silence(exchange: Exchange, reply: Reply) -> tuple[float, float]:
    """How long it lasted and when it began, in seconds; (0, 0) where nothing was streamed.

    The end of a reply that was cut counts, too: the silence before a time-out is the longest.
    """
    if not reply.streamed:
        return 0.0, 0.0
    found = _pauses(exchange, reply)
    if found is None:
        return 0.0, 0.0
    if not reply.complete and exchange.ended_at is not None:
        rest = (exchange.ended_at - exchange.started_at).total_seconds() - found.last_s
        if rest > found.longest_s:
            return rest, found.last_s
    if reply.complete and found.longest_s > _NOTICED_S:
        found = _until_its_end(exchange, found, len(reply.others))
    return (found.longest_s, found.since_s) if found.last_s > found.first_s else (0.0, 0.0)


def _until_its_end(exchange: Exchange, found: Pauses, others: int) -> Pauses:
    """The pauses up to the reason why the reply ended, where the longest comes after it: counts and
    the end of the stream may come late, and no word is missing then. Each choice has a reason."""
    reasons = list(islice(_REASON.finditer(exchange.response), 1 + others))
    said = reasons[-1] if reasons else None
    ended_s = times_since(exchange.segments, said.end())[:1] if said else []
    if not ended_s or found.since_s < ended_s[0]:
        return found
    return pauses([at_s for at_s in speaking(exchange) if at_s <= ended_s[0]]) or found


def _pauses(exchange: Exchange, reply: Reply) -> Pauses | None:
    """Those between the parts that are `speaking`."""
    begun = _begun(exchange)
    if begun is None:
        return None
    if begun and reply.signs and _may_hold_signs(exchange.response):
        return pauses(_but_signs(exchange, begun))
    return pauses_since(exchange.segments, begun)


def speaking(exchange: Exchange) -> list[float]:
    """When each part came, from the first that holds a word of the reply, but signs of life."""
    begun = _begun(exchange)
    if begun is None:
        return []
    if begun and _may_hold_signs(exchange.response):
        return _but_signs(exchange, begun)
    return times_since(exchange.segments, begun)


def _begun(exchange: Exchange) -> int | None:
    """The bytes in which the first word of the reply ends; None where there is none.

    0 where nobody can see it, in a compressed stream.
    """
    if header(exchange.response_headers, "content-encoding"):
        return 0
    said = _SPEECH.search(exchange.response)
    return None if said is None else said.end()


def _but_signs(exchange: Exchange, begun: int) -> list[float]:
    data, segments = exchange.response, exchange.segments
    ends = list(accumulate([segment.length for segment in segments]))
    first = bisect_left(ends, begun)
    bounds = zip(ends[first:], segments[first:], strict=True)
    parts = ((data[end - segment.length : end], segment.at_s) for end, segment in bounds)
    return [at_s for part, at_s in parts if part and not _is_sign_of_life(part)]


def _may_hold_signs(data: bytes) -> bool:
    """False where no sign of life can stand after the first event.

    Most streams are searched for nothing; from its end that takes half the time.
    """
    return (
        data.rfind(b"\n:") >= 0
        or data.rfind(b'"prompt_progress"') >= 0
        or (data.rfind(b"event:") >= 0 and any(ping in data for ping in _PINGS))
    )


def _is_sign_of_life(part: bytes) -> bool:
    """True for a comment, a ping, or llama-server's progress in reading the prompt."""
    if len(part) > _LONGEST_SIGN:
        return b'"prompt_progress"' in part
    start = part.lstrip()
    if start.startswith(b":"):
        return b"\ndata:" not in part
    return start.startswith(_PINGS) and part.count(b"data:") < 2
