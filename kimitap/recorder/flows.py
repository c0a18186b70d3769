"""mitmproxy's flow → our values: times, headers, addresses, outcome; credentials are masked."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from mitmproxy import http
from mitmproxy.flow import Error

from kimitap.exchange import (
    NO_REQUEST,
    NO_RESPONSE,
    Body,
    Exchange,
    Headers,
    Outcome,
    Segment,
    header,
)
from kimitap.recorder.ending import has_ended, is_event_stream
from kimitap.redact import mask_headers, mask_url

CLIENT_DISCONNECTED = "Client disconnected."
_CLIENT_SIDE = (
    CLIENT_DISCONNECTED,
    "stream reset by client",
    "stream closed by client",
    "client disconnected",  # while mitmproxy was connecting to the server
)


def instant(timestamp: float | None) -> datetime:
    """A flow's timestamp as an aware UTC datetime; now, where the flow has none."""
    return datetime.now(UTC) if timestamp is None else datetime.fromtimestamp(timestamp, UTC)


def plain(data: bytes) -> str:
    """Text of a head's bytes: UTF-8 where it is that, else each byte as the character it is."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def headers_of(message: http.Message, key: bytes) -> Headers:
    """The header fields in the wire's order and letter case, credentials masked under `key`."""
    fields = tuple((plain(name), plain(value)) for name, value in message.headers.fields)
    return mask_headers(fields, key)


def request_of(flow: http.HTTPFlow, key: bytes) -> Exchange:
    """An exchange in flight, without its body; its number is still unknown (0)."""
    request, peer = flow.request, flow.client_conn.peername
    return Exchange(
        number=0,
        started_at=instant(request.timestamp_start),
        method=plain(request.data.method),
        scheme=plain(request.data.scheme),
        host=request.host,
        port=request.port,
        path=mask_url(plain(request.data.path), key),
        request_headers=headers_of(request, key),
        client=f"{peer[0]}:{peer[1]}" if peer else "",
        http_version=plain(request.data.http_version),
        origin=flow.id,
    )


def outcome_of(flow: http.HTTPFlow, said_all: bool) -> tuple[Outcome, str]:
    """How the flow ended, and in whose words; `said_all`: its last event had already arrived."""
    if flow.error is None:
        if flow.response is None:
            return Outcome.INTERRUPTED, "no response"
        failed = flow.response.status_code >= 400
        return (Outcome.HTTP_ERROR if failed else Outcome.COMPLETE), ""
    detail = flow.error.msg
    if flow.response is not None and said_all:
        return Outcome.COMPLETE, detail
    half_a_request = flow.request.timestamp_end is None and "closed connection" in detail
    if half_a_request or detail.startswith(_CLIENT_SIDE):
        return Outcome.CLIENT_HUNG_UP, detail
    if detail == Error.KILLED_MESSAGE:
        return Outcome.INTERRUPTED, detail
    if flow.response is None and flow.server_conn.timestamp_tcp_setup is None:
        return Outcome.REFUSED, detail
    return Outcome.SERVER_CUT, detail


def exchange_of(flow: http.HTTPFlow, key: bytes) -> Exchange:
    """The whole exchange of a flow from a capture, with its own times; bodies as the flow has them.

    No tee saw this response, so it is one segment, dated at the response's end.
    """
    begun = request_of(flow, key)
    response = flow.response
    body = (response.raw_content or b"") if response else b""
    headers = headers_of(response, key) if response else ()
    outcome, detail = outcome_of(flow, is_event_stream(headers) and has_ended(body))
    detail = "; ".join(filter(None, (detail, *_unkept(flow))))
    ended_at = instant(_end(flow))
    begun = replace(
        begun,
        request=Body.whole(flow.request.raw_content or b""),
        outcome=outcome,
        detail=detail,
        ended_at=ended_at,
    )
    if response is None:
        return begun
    seconds = max(0.0, (ended_at - begun.started_at).total_seconds())
    return replace(
        begun,
        status=response.status_code,
        reason=plain(response.data.reason),
        response_headers=headers,
        response=body,
        segments=(Segment(seconds, len(body)),) if body else (),
        headers_at=instant(response.timestamp_start or flow.request.timestamp_start),
        lost_bytes=_announced(headers) if _lacks_body(flow) else 0,
    )


def _unkept(flow: http.HTTPFlow) -> Iterator[str]:
    """What the capture leaves out of a flow that went well, as with `stream_large_bodies`."""
    if flow.request.raw_content is None:
        yield NO_REQUEST
    if _lacks_body(flow) and flow.error is None:
        yield NO_RESPONSE


def _lacks_body(flow: http.HTTPFlow) -> bool:
    response = flow.response
    return response is not None and response.raw_content is None and not flow.websocket


def _end(flow: http.HTTPFlow) -> float:
    """When the flow ended, by the last of its own times."""
    times = [flow.request.timestamp_start, flow.request.timestamp_end]
    if flow.response:
        times += [flow.response.timestamp_start, flow.response.timestamp_end]
    if flow.error:
        times.append(flow.error.timestamp)
    return max((time for time in times if time and math.isfinite(time)), default=0.0)


def _announced(headers: Headers) -> int:
    length = header(headers, "content-length")
    return int(length) if length.isascii() and length.isdigit() else 0
