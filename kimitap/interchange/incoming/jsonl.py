"""Kimitap's own JSON lines → the exchanges that they were, byte for byte."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from kimitap.exchange import Body, Exchange, Headers, Outcome, Segment
from kimitap.interchange.bodies import content_origin, from_base64
from kimitap.interchange.incoming.opening import lines
from kimitap.interchange.incoming.record import (
    Object,
    Read,
    Unreadable,
    at,
    count,
    each,
    inner,
    items,
    number,
    object_of,
    parsed,
    storable,
    text,
)

_KNOWN = 1
_A_YEAR_S = 366 * 86_400.0


def read(path: Path, key: bytes) -> Read:
    """The exchanges of a file that `kimitap export --format jsonl` wrote."""
    return each(lines(path), lambda data: exchange_of(object_of(parsed(data), "it"), key))


def exchange_of(line: Object, key: bytes) -> Exchange:
    """One line as an exchange; raises `Unreadable`."""
    version = line.get("kimitap")
    if not isinstance(version, int) or not 1 <= version <= _KNOWN:
        raise Unreadable("it is no line of this Kimitap's: update Kimitap, or export it anew")
    if line.get("kind") != "exchange":
        raise Unreadable("it is a turn, which is worked out from exchanges: export those (jsonl)")
    made = Exchange(
        number=0,
        started_at=at(line.get("started_at"), "its started_at"),
        method=text(line, "method"),
        scheme=text(line, "scheme"),
        host=text(line, "host"),
        port=count(line, "port"),
        path=text(line, "path"),
        request_headers=_headers(line, "request_headers"),
        request=Body.whole(_body(line, "request")),
        http_version=text(line, "http_version"),
        status=count(line, "status") or None,
        reason=text(line, "reason"),
        response_headers=_headers(line, "response_headers"),
        response=_body(line, "response"),
        client=text(line, "client"),
    )
    names = {"headersAt": "headers_at", "endedAt": "ended_at", "lostBytes": "lost_bytes"}
    own = {**line, **{theirs: line.get(ours) for theirs, ours in names.items()}}
    made = storable(own_facts(made, own), key)
    return made if made.origin else replace(made, origin=content_origin("kimitap", made))


def own_facts(made: Exchange, own: Object) -> Exchange:
    """The exchange with what Kimitap wrote of it beside its two messages."""
    ended = own.get("endedAt")
    head = own.get("headersAt")
    return replace(
        made,
        outcome=_outcome(text(own, "outcome"), made),
        detail=text(own, "detail"),
        client=text(own, "client"),
        origin=text(own, "origin")[:200],
        segments=_segments(items(own, "segments"), len(made.response)),
        headers_at=None if head is None else at(head, "its headersAt"),
        ended_at=None if ended is None else at(ended, "its endedAt"),
        lost_bytes=count(own, "lostBytes"),
    )


def _outcome(word: str, made: Exchange) -> Outcome:
    """The outcome; what was in flight when it was exported has no more to come here."""
    with suppress(ValueError):
        found = Outcome(word)
        return Outcome.INTERRUPTED if found is Outcome.IN_FLIGHT else found
    return made.outcome


def _segments(given: Sequence[object], size: int) -> tuple[Segment, ...]:
    """The segments, where they cover the body in order; else one for the whole of it."""
    found: list[Segment] = []
    for item in given:
        at_s, length = _pair(item)
        late = found[-1].at_s if found else 0.0
        if at_s is None or not late <= at_s < _A_YEAR_S:
            break
        found.append(Segment(at_s, length))
    if sum(segment.length for segment in found) == size and len(found) == len(given):
        return tuple(found)
    last_s = found[-1].at_s if found else 0.0
    return (Segment(last_s, size),) if size else ()


def _pair(item: object) -> tuple[float | None, int]:
    """Seconds and length of one segment; None where it is none."""
    if not isinstance(item, list) or len(item) != 2:
        return None, 0
    fields = {"at": item[0], "length": item[1]}
    length = number(fields, "length")
    fits = length is not None and length >= 0
    return number(fields, "at") if fits else None, count(fields, "length")


def _headers(line: Object, name: str) -> Headers:
    fields = items(line, name)
    return tuple(
        (field[0], field[1])
        for field in fields
        if isinstance(field, list) and len(field) == 2 and all(isinstance(x, str) for x in field)
    )


def _body(line: Object, name: str) -> bytes:
    given = inner(line, name)
    if "base64" in given:
        data = from_base64(text(given, "base64"))
        if data is None:
            raise Unreadable(f"its {name} is said to be base64, and is none")
        return data
    return text(given, "text").encode("utf-8", "surrogatepass")
