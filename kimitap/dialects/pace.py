"""The longest silence of a stream, from the times at which its parts arrived.

A stream has begun to speak with the first part that holds a word of the reply: some servers send
an empty first event at once and read the prompt after it. Signs of life (comments, pings, progress)
are no speech: a stream may be silent for minutes between them.
"""

import re

from kimitap.conversation import Reply
from kimitap.exchange import Exchange, header

_SPEECH = re.compile(
    rb'"(?:content|reasoning_content|reasoning|text|thinking|arguments|partial_json|delta)"'
    rb'\s*:\s*"[^"]'
)
_LONGEST_SIGN = 200
"""Bytes: a longer part that begins with a comment or a ping holds more than that."""


def silence(exchange: Exchange, reply: Reply) -> tuple[float, float]:
    """How long it lasted and when it began, in seconds; (0, 0) where nothing was streamed.

    The end of a reply that was cut counts, too: the silence before a time-out is the longest.
    """
    if not reply.streamed:
        return 0.0, 0.0
    data, coded = exchange.response, bool(header(exchange.response_headers, "content-encoding"))
    longest, since, at = 0.0, 0.0, 0
    before: float | None = None
    for segment in exchange.segments:
        part = data[at : at + segment.length]
        at += segment.length
        if before is None:
            begun = bool(part) if coded else _SPEECH.search(part) is not None
            before = segment.at_s if begun else None
        elif part and (coded or not _is_sign_of_life(part)):
            if segment.at_s - before > longest:
                longest, since = segment.at_s - before, before
            before = segment.at_s
    if before is not None and not reply.complete and exchange.ended_at is not None:
        rest = (exchange.ended_at - exchange.started_at).total_seconds() - before
        if rest > longest:
            longest, since = rest, before
    return longest, since


def _is_sign_of_life(part: bytes) -> bool:
    """True for a comment, a ping, or llama-server's progress in reading the prompt."""
    if len(part) > _LONGEST_SIGN:
        return b'"prompt_progress"' in part
    start = part.lstrip()
    if start.startswith(b":"):
        return b"\ndata:" not in part
    return start.startswith((b"event: ping", b"event:ping")) and part.count(b"data:") < 2
