"""claude-tap's traces (https://github.com/liaohch3/claude-tap) → exchanges.

A trace is JSON lines, a record a line, or a compact bundle: one object in which values that repeat
stand once. Bodies were kept as parsed JSON, so the bytes here are written anew from it; of a stream
there are its events, if claude-tap was told to keep them, else the message that it put together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from kimitap.errors import CaptureError
from kimitap.exchange import NO_REQUEST, Body, Exchange, Headers, Outcome, Segment, header
from kimitap.interchange.bodies import content_origin
from kimitap.interchange.incoming.opening import content, lines
from kimitap.interchange.incoming.record import (
    Object,
    Read,
    Unreadable,
    at,
    count,
    each,
    inner,
    items,
    object_of,
    pairs,
    parsed,
    spelled,
    split_url,
    storable,
    text,
    whole,
    without,
)

BUNDLE = "__claude_tap_compact_trace__"
_RECORD = "__claude_tap_compact_record__"
_REFERENCE = "__claude_tap_blob_ref__"
_WRITTEN_ANEW = "its bytes are written anew from claude-tap's JSON"


def read(path: Path, key: bytes) -> Read:
    """The exchanges of a trace in JSON lines."""
    return each(lines(path), lambda data: exchange_of(object_of(parsed(data), "it"), key))


def read_bundle(path: Path, key: bytes) -> Read:
    """The exchanges of a compact bundle; raises `CaptureError` for what is none."""
    bundle = whole(path, content(path))
    if not isinstance(bundle, dict) or not isinstance(bundle.get("records"), list):
        raise CaptureError(f"{path}: the bundle has no records")
    blobs = inner(bundle, "blobs")
    records = ((f"record {i}", kept) for i, kept in enumerate(items(bundle, "records"), 1))
    return each(records, lambda kept: exchange_of(_unpacked(object_of(kept, "it"), blobs), key))


def _unpacked(kept: Object, blobs: Object) -> Object:
    """A record with what its references stand for; they stand in bodies, one or two deep."""
    record = object_of(kept.get("record"), "its record") if _RECORD in kept else kept
    made = dict(record)
    for side in ("request", "response"):
        message = dict(inner(record, side))
        body = message.get("body")
        if isinstance(body, dict):
            message["body"] = {name: _value(value, blobs) for name, value in body.items()}
            made[side] = message
    return made


def _value(value: object, blobs: Object) -> object:
    if isinstance(value, list):
        return [_blob(item, blobs) for item in value]
    return _blob(value, blobs)


def _blob(value: object, blobs: Object) -> object:
    if not isinstance(value, dict) or set(value) != {_REFERENCE}:
        return value
    blob = blobs.get(text(inner(value, _REFERENCE), "hash"))
    if not isinstance(blob, dict) or "payload" not in blob:
        raise Unreadable("it refers to a value that the bundle does not hold")
    payload: object = blob["payload"]
    return payload


def exchange_of(record: Object, key: bytes) -> Exchange:
    """One record as an exchange; raises `Unreadable`."""
    if text(record, "transport") == "websocket":
        raise Unreadable("it is a WebSocket's, which Kimitap does not record")
    asked, answer = (object_of(record.get(s), f"its {s}") for s in ("request", "response"))
    ended = at(record.get("timestamp"), "its timestamp")  # taken when the answer was complete
    lasted_s = min(count(record, "duration_ms") / 1000, 366 * 86_400.0)
    headers = pairs(inner(asked, "headers"))
    scheme, host, port, path = _address(record, asked, headers)
    body, detail = _request_body(asked, headers)
    made = Exchange(
        number=0,
        started_at=ended - timedelta(seconds=lasted_s),
        method=text(asked, "method"),
        scheme=scheme,
        host=host,
        port=port,
        path=path,
        request_headers=without(headers, "content-encoding"),
        request=Body.whole(body),
        detail=detail,
        ended_at=ended,
    )
    made = storable(_answered(made, answer, lasted_s), key)
    named = text(record, "request_id")
    origin = content_origin(f"claude-tap:{named[:60]}", made)
    return replace(made, origin=origin)


def _address(record: Object, asked: Object, headers: Headers) -> tuple[str, str, int, str]:
    path = text(asked, "path") or "/"
    base = text(record, "upstream_base_url").rstrip("/")
    if path.startswith(("http://", "https://")):
        return split_url(path)
    path = path if path.startswith("/") else f"/{path}"
    return split_url((base or f"http://{header(headers, 'host') or 'unknown.invalid'}") + path)


def _request_body(asked: Object, headers: Headers) -> tuple[bytes, str]:
    """The body's bytes, as the client may have written them, and what is to be said of them."""
    body = asked.get("body")
    if body is None:
        return b"", ""
    if isinstance(body, Mapping) and "_encoding" in body:
        return b"", NO_REQUEST
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass"), ""
    length = header(headers, "content-length")
    size = int(length) if length.isascii() and length.isdigit() and len(length) < 12 else 0
    return spelled(body, size)[0], ""


def _answered(made: Exchange, answer: Object, lasted_s: float) -> Exchange:
    status = count(answer, "status")
    failed = text(answer, "error")
    if not status:
        said = failed or "no response"
        return replace(made, outcome=Outcome.INTERRUPTED, detail=_joined(said, made.detail))
    headers = without(pairs(inner(answer, "headers")), "content-encoding", "content-length")
    events = items(answer, "sse_events")
    kept = answer.get("body")
    if events:
        body = b"".join(_events(events))
    else:
        body, headers = _whole_body(kept, headers)
    outcome = Outcome.SERVER_CUT if failed else Outcome.COMPLETE
    return replace(
        made,
        outcome=Outcome.HTTP_ERROR if status >= 400 else outcome,
        detail=_joined(failed, made.detail),
        status=status,
        response_headers=headers,
        response=body,
        segments=(Segment(lasted_s, len(body)),) if body else (),
        headers_at=made.ended_at,
    )


def _whole_body(kept: object, headers: Headers) -> tuple[bytes, Headers]:
    """A body that was put together: JSON, though the server streamed it."""
    if kept is None:
        return b"", headers
    if isinstance(kept, str):
        return kept.encode("utf-8", "surrogatepass"), headers
    if "event-stream" in header(headers, "content-type"):
        headers = (*without(headers, "content-type"), ("Content-Type", "application/json"))
    return spelled(kept)[0], headers


def _events(events: Sequence[object]) -> Iterator[bytes]:
    """Server-sent events as they may have been; `message` is what an event is without a name."""
    for event in events:
        if not isinstance(event, dict):
            continue
        name, data = text(event, "event"), event.get("data")
        if name and name != "message":
            yield b"event: " + " ".join(name.split()).encode("utf-8", "replace") + b"\n"
        written = data.encode("utf-8", "replace") if isinstance(data, str) else spelled(data)[0]
        yield b"data: " + written.replace(b"\n", b"\ndata: ") + b"\n\n"


def _joined(*said: str) -> str:
    return "; ".join(filter(None, said))
