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
from kimitap.exchange import Exchange, header

_SPEECH = re.compile(
    rb'"(?:content|reasoning_content|reasoning|text|thinking|arguments|partial_json|delta)"'
    rb'\s*:\s*"[^"]'
)
_SIGNS = (b"\n:", b"ping\n", b"ping\r", b'"prompt_progress"')
"""Of which every sign of life after the first event holds one."""
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
        return [segment.at_s for segment in segments if segment.length]
    said = _SPEECH.search(data)
    if said is None:
        return []
    ends = list(accumulate([segment.length for segment in segments]))
    first = bisect_left(ends, said.end())
    if not any(sign in data for sign in _SIGNS):
        return [segment.at_s for segment in segments[first:] if segment.length]
    bounds = zip(ends[first:], segments[first:], strict=True)
    parts = ((data[end - segment.length : end], segment.at_s) for end, segment in bounds)
    return [at_s for part, at_s in parts if part and not _is_sign_of_life(part)]


def _is_sign_of_life(part: bytes) -> bool:
    """True for a comment, a ping, or llama-server's progress in reading the prompt."""
    if len(part) > _LONGEST_SIGN:
        return b'"prompt_progress"' in part
    start = part.lstrip()
    if start.startswith(b":"):
        return b"\ndata:" not in part
    return start.startswith((b"event: ping", b"event:ping")) and part.count(b"data:") < 2
