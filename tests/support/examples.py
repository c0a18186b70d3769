"""A rule's examples, played through the real decoder and weaver."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import orjson

from kimitap.conversation import Turn
from kimitap.exchange import Exchange, Outcome, Segment
from kimitap.lineage import Session
from kimitap.rules import check
from kimitap.rules.finding import Finding, Severity
from kimitap.rules.rule import Sample
from kimitap.weave import weave
from tests.support import chat

EVENT_S = 0.05
"""Seconds from one event of a stream to the next."""


def exchange_of(number: int, sample: Sample) -> Exchange:
    """The sample as an exchange: streamed, as llama-server would have sent it, if it is a chat."""
    made = _exchange_of(number, sample)
    return _paced(made, sample.pauses) if sample.pauses else made


def _paced(exchange: Exchange, pauses: Mapping[int, float]) -> Exchange:
    """The exchange with a segment for each event of its stream, and these silences before them."""
    at, segments = 0.0, []
    for i, event in enumerate(exchange.response.removesuffix(b"\n\n").split(b"\n\n")):
        at += pauses.get(i, EVENT_S)
        segments.append(Segment(at, len(event) + 2))
    ended = exchange.started_at + timedelta(seconds=at + EVENT_S)
    return replace(exchange, segments=tuple(segments), ended_at=ended)


def _exchange_of(number: int, sample: Sample) -> Exchange:
    if sample.raw is not None or not sample.path.endswith("/chat/completions"):
        return _whole(number, sample)
    reply = sample.reply
    unfinished = reply is None or (sample.status == 200 and reply["finish_reason"] is None)
    outcome = Outcome.CLIENT_HUNG_UP if sample.cancelled else None
    return chat.exchange(
        number,
        sample.request,
        reply,
        stream=True,
        status=sample.status,
        cut=unfinished,
        outcome=outcome,
        extra=sample.extra,
    )


def _whole(number: int, sample: Sample) -> Exchange:
    """The sample with its answer's body as it stands there."""
    body = orjson.dumps(sample.reply) if sample.raw is None else sample.raw
    streamed = body.startswith((b"data:", b"event:"))
    request = {**sample.request, "stream": True} if streamed else sample.request
    made = chat.exchange(number, request, None, status=sample.status, path=sample.path)
    kind = "text/event-stream" if streamed else "application/json"
    outcome = Outcome.COMPLETE if sample.status < 400 else Outcome.HTTP_ERROR
    return replace(
        made,
        response=body,
        segments=(Segment(0.5, len(body)),) if body else (),
        response_headers=(("Server", "llama.cpp"), ("Content-Type", kind)),
        outcome=Outcome.CLIENT_HUNG_UP if sample.cancelled else outcome,
    )


def turn_of(number: int, sample: Sample) -> Turn:
    """The sample, decoded."""
    (turn,) = chat.turns([exchange_of(number, sample)])
    return turn


def sessions_of(samples: Sequence[Sample]) -> tuple[Session, ...]:
    """What the samples are woven into, numbered from 1."""
    return weave(chat.turns(tuple(_in_turn(samples))))


def _in_turn(samples: Sequence[Sample]) -> Iterator[Exchange]:
    """The exchanges; what comes after a pause begins later by as much."""
    late = timedelta()
    for number, sample in enumerate(samples, 1):
        made = exchange_of(number, sample)
        ended = made.ended_at and made.ended_at + late
        yield replace(made, started_at=made.started_at + late, ended_at=ended)
        late += timedelta(seconds=sum(sample.pauses.values()))


def findings_of(samples: Sequence[Sample]) -> list[Finding]:
    """Everything that all rules find in the samples."""
    return [finding for session in sessions_of(samples) for finding in check(session)]


def defects_of(samples: Sequence[Sample]) -> list[Finding]:
    """Everything but the notes on the order of roles, which most short histories would get."""
    return [
        finding
        for finding in findings_of(samples)
        if (finding.rule, finding.severity) != ("unusual-role-order", Severity.INFO)
    ]
