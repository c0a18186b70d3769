"""kvprof's traces → exchanges: a JSON file a request (its schema 2), or a folder of them.

kvprof parses requests, and keeps their length and SHA-256: where one of the usual spellings of the
JSON has both, the bytes are the wire's. Of a stream it keeps the lines. A body of more than 1 MiB
that is no stream is cut there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from kimitap.errors import CaptureError
from kimitap.exchange import NO_REQUEST, Body, Exchange, Outcome, Segment, header
from kimitap.interchange.incoming.opening import content
from kimitap.interchange.incoming.record import (
    LeftOut,
    Object,
    Read,
    Unreadable,
    after,
    at,
    count,
    inner,
    number,
    object_of,
    pairs,
    parsed,
    spelled,
    split_url,
    storable,
    text,
)

SCHEMA = 2
_OUTCOMES = {
    "ok": Outcome.COMPLETE,
    "http_error": Outcome.HTTP_ERROR,
    "client_disconnect": Outcome.CLIENT_HUNG_UP,
    "upstream_closed": Outcome.SERVER_CUT,
}


def files(folder: Path) -> list[Path]:
    """A folder's traces, without kvprof's analyses and caches, in their order."""
    found = sorted(folder.glob("*.json"))
    return [p for p in found if not p.name.startswith(".") and not p.match("*.analysis.json")]


def read(path: Path, key: bytes) -> Read:
    """The exchanges of a trace file, or of all in a folder."""
    paths = files(path) if path.is_dir() else [path]
    for one in paths:
        yield from _read(one, key, one.name if path.is_dir() else "the trace")


def _read(path: Path, key: bytes, where: str) -> Iterator[Exchange | LeftOut]:
    try:
        yield exchange_of(object_of(parsed(content(path)), "it"), key)
    except (Unreadable, CaptureError) as why:
        yield LeftOut(where, str(why))


def exchange_of(trace: Object, key: bytes) -> Exchange:
    """One trace as an exchange; raises `Unreadable`."""
    if trace.get("schema") != SCHEMA:
        raise Unreadable(f"it is no trace of kvprof's schema {SCHEMA}")
    word = text(trace, "outcome")
    if word not in _OUTCOMES:
        raise Unreadable(
            "its request had no end yet" if word == "inflight" else "it has no outcome"
        )
    asked, times = object_of(trace.get("request"), "its request"), inner(trace, "timing")
    began = at(times.get("t_request", trace.get("t_request")), "its t_request")
    headers = pairs(inner(asked, "headers"))
    path, query = text(trace, "path") or "/", text(trace, "query")
    url = f"http://{header(headers, 'host') or 'unknown.invalid'}{path}"
    scheme, host, port, path = split_url(f"{url}?{query}" if query else url)
    body, detail = _request_body(asked)
    made = Exchange(
        number=0,
        started_at=began,
        method=text(trace, "method"),
        scheme=scheme,
        host=host,
        port=port,
        path=path,
        request_headers=headers,
        request=Body.whole(body),
        client=f"kvprof connection {count(trace, 'tap_pid')}.{count(trace, 'conn')}",
        outcome=_OUTCOMES[word],
        detail=detail if word in ("ok", "http_error") else _joined(word, detail),
        ended_at=after(began, _since(times, "t_last_byte")),
    )
    answer = trace.get("response")
    if isinstance(answer, dict):
        made = _answered(made, answer, times)
    made = storable(made, key)
    return replace(made, origin=f"kvprof:{text(trace, 'id')[:60]}:{_named(asked)}")


def _named(asked: Object) -> str:
    return text(asked, "body_sha256")[:16]


def _request_body(asked: Object) -> tuple[bytes, str]:
    """The body's bytes, and what is to be said where they are not all of it."""
    body, size = asked.get("body"), count(asked, "body_bytes")
    if isinstance(body, dict) and set(body) == {"_unparsed"}:
        data = text(body, "_unparsed").encode("utf-8", "surrogatepass")
        return data, "" if len(data) == size else NO_REQUEST
    return spelled(body, size, text(asked, "body_sha256"))[0], ""


def _answered(made: Exchange, answer: Object, times: Object) -> Exchange:
    body = _response_body(answer)
    lost = max(count(answer, "bytes") - len(body), 0)
    first_s, last_s = _since(times, "t_first_event"), _since(times, "t_last_byte") or 0.0
    head_s = _since(times, "t_response_headers")
    return replace(
        made,
        status=count(answer, "status") or None,
        response_headers=pairs(inner(answer, "headers")),
        response=body,
        segments=_segments(body, first_s, last_s),
        headers_at=after(made.started_at, head_s if head_s is not None else last_s),
        lost_bytes=lost if answer.get("sse_lines") is None else 0,
    )


def _response_body(answer: Object) -> bytes:
    lines = answer.get("sse_lines")
    if isinstance(lines, list):
        ended = answer.get("complete") is True
        return _stream(lines, ended, count(answer, "bytes"))
    return text(answer, "body_text").encode("utf-8", "surrogatepass")


def _stream(lines: Sequence[object], ended: bool, size: int) -> bytes:
    """The lines as they were; kvprof takes the line ends off, so their length tells of CR LF."""
    kept = [line for line in lines if isinstance(line, str)]
    for end in ("\n", "\r\n"):
        data = end.join(kept).encode("utf-8", "surrogatepass")
        for whole in (data, data + end.encode()):
            if len(whole) == size:
                return whole
    data = "\n".join(kept).encode("utf-8", "surrogatepass")
    return data + b"\n" if ended else data


def _segments(body: bytes, first_s: float | None, last_s: float) -> tuple[Segment, ...]:
    """The first event's time is known, and the last byte's: two segments."""
    first = body.find(b"\n\n") + 2
    if first_s is None or first < 2 or first >= len(body) or first_s > last_s:
        return (Segment(last_s, len(body)),) if body else ()
    return (Segment(first_s, first), Segment(last_s, len(body) - first))


def _since(times: Object, name: str) -> float | None:
    """Seconds from the request to a time of kvprof's."""
    then, began = number(times, name), number(times, "t_request")
    if then is None or began is None:
        return None
    return min(max(then - began, 0.0), 366 * 86_400.0)


def _joined(*said: str) -> str:
    return "; ".join(filter(None, said))
