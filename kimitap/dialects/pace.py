"""The longest silence of a stream, from the times at which its parts arrived.

A stream has begun to speak with the first part that holds a word of the reply: some servers send
an empty first event at once and read the prompt after it. Signs of life (comments, pings, progress)
are no speech: a stream may be silent for minutes between them.
"""

import re
from bisect import bisect_left
from itertools import accumulate
from operator import sub

from kimitap.conversation import Reply
from kimitap.exchange import Exchange, header, times_since

_SPEECH = re.compile(
    rb'"(?:content|reasoning_content|reasoning|text|thinking|arguments|partial_json|delta)"'
    rb'\s*:\s*"[^"]'
)
_PINGS = (b"event: ping", b"event:ping")
_LONGEST_SIGN = 200
"""Bytes: a longer part that begins with a comment or a ping holds more than that."""


def silence(exchange: Exchange, reply: Reply) -> tuple[float, float]:
    """How long it lasted and when it began, in seconds; (0, 0) where nothing was streamed.

    The end of a reply that was cut counts, too: the silence before a time-out is the longest.
    """
    if not reply.streamed:
        return 0.0, 0.0
    parts = speaking(exchange)
    longest, since, before = 0.0, 0.0, parts[0] if parts else None
    if len(parts) > 1:
        gaps = list(map(sub, parts[1:], parts))
        longest = max(gaps)
        since = parts[gaps.index(longest)]
        before = parts[-1]
    if before is not None and not reply.complete and exchange.ended_at is not None:
        rest = (exchange.ended_at - exchange.started_at).total_seconds() - before
        if rest > longest:
            longest, since = rest, before
    return longest, since


def speaking(exchange: Exchange) -> list[float]:
    """When each part came, from the first that holds a word of the reply, but signs of life."""
    data, segments = exchange.response, exchange.segments
    if header(exchange.response_headers, "content-encoding"):
        return times_since(segments)
    said = _SPEECH.search(data)
    if said is None:
        return []
    if not _may_hold_signs(data):
        return times_since(segments, said.end())
    ends = list(accumulate([segment.length for segment in segments]))
    first = bisect_left(ends, said.end())
    bounds = zip(ends[first:], segments[first:], strict=True)
    parts = ((data[end - segment.length : end], segment.at_s) for end, segment in bounds)
    return [at_s for part, at_s in parts if part and not _is_sign_of_life(part)]


def _may_hold_signs(data: bytes) -> bool:
    """False where no sign of life can stand after the first event.

    Nearly every stream is searched for nothing; from its end that takes half the time.
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
