"""Exchanges of every kind that a capture may hold, and how two of them are compared."""

import gzip
from dataclasses import replace
from datetime import timedelta

from kimitap.exchange import NO_RESPONSE, Body, Exchange, Outcome, Segment
from tests.support import chat

ACCENTED = (
    'data: {"choices":[{"delta":{"content":"Grüße, é – 你好"},"finish_reason":null}]}\n\n'.encode()
)
"""An event that Latin-1 would spoil."""


def every_kind() -> list[Exchange]:
    """One exchange of each kind, numbered from 1, each with an origin of its own."""
    made = [
        _plain(),
        _streamed(),
        _compressed(),
        _binary(),
        _binary_request(),
        _failed(),
        _hung_up(),
        _cut(),
        _refused(),
        _bodiless(),
        _asked_for_props(),
    ]
    return [
        replace(one, number=i, origin=f"origin-{i}", started_at=chat.BEGIN + timedelta(seconds=i))
        for i, one in enumerate(made, 1)
    ]


def told(exchange: Exchange) -> dict[str, object]:
    """All that a lossless format keeps; the number is the recording's."""
    return {
        **{name: getattr(exchange, name) for name in _KEPT},
        "request": exchange.request.content,
        "segments": [(round(s.at_s, 4), s.length) for s in exchange.segments],
    }


_KEPT = (
    "started_at", "method", "scheme", "host", "port", "path", "request_headers", "client",
    "http_version", "outcome", "detail", "status", "reason", "response_headers", "response",
    "headers_at", "ended_at", "origin", "lost_bytes",
)  # fmt: skip


def _plain() -> Exchange:
    said = chat.choice(chat.assistant("Guten Tag: ü"))
    return chat.exchange(1, chat.request(chat.user("Hallo ü")), said)


def _streamed() -> Exchange:
    done = chat.choice(chat.assistant("Yes."))
    made = chat.exchange(2, chat.request(chat.user("Say yes.")), done, stream=True)
    body = ACCENTED + made.response
    parts = (
        Segment(0.25, len(ACCENTED)),
        Segment(0.5, 10),
        Segment(0.75, len(body) - len(ACCENTED) - 10),
    )
    return replace(made, response=body, segments=parts)


def _compressed() -> Exchange:
    made = _plain()
    packed = gzip.compress(made.response, mtime=0)
    headers = (*made.response_headers, ("Content-Encoding", "gzip"))
    segments = (Segment(0.5, len(packed)),)
    return replace(made, response=packed, response_headers=headers, segments=segments)


def _binary() -> Exchange:
    data = bytes(range(256))
    headers = (("Content-Type", "image/png"),)
    segments = (Segment(0.5, len(data)),)
    return replace(_plain(), response=data, response_headers=headers, segments=segments)


def _binary_request() -> Exchange:
    headers = (("Content-Type", "application/octet-stream"),)
    return replace(_plain(), request=Body.whole(b"\xff\xfe\x00 audio"), request_headers=headers)


def _failed() -> Exchange:
    return chat.exchange(1, chat.request(chat.user("Fail.")), None, status=500)


def _hung_up() -> Exchange:
    made = chat.exchange(1, chat.request(chat.user("Stop.")), None, stream=True)
    return replace(made, outcome=Outcome.CLIENT_HUNG_UP, detail="Client disconnected.")


def _cut() -> Exchange:
    made = chat.exchange(1, chat.request(chat.user("Break.")), None, stream=True)
    return replace(made, detail="server closed connection")


def _refused() -> Exchange:
    return replace(
        _plain(),
        outcome=Outcome.REFUSED,
        detail="connection refused",
        status=None,
        reason="",
        response_headers=(),
        response=b"",
        segments=(),
        headers_at=None,
    )


def _bodiless() -> Exchange:
    return replace(_plain(), response=b"", segments=(), detail=NO_RESPONSE, lost_bytes=14)


def _asked_for_props() -> Exchange:
    made = replace(_plain(), method="GET", path="/props?a=1&b=%C3%A4", request=Body())
    return replace(made, host="::1", response=b'{"n_ctx":8192}', segments=(Segment(0.5, 14),))
