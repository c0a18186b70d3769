"""The recording → mitmproxy's flow file: what `mitmdump -n -r` and `kimitap import` read again.

A flow holds bytes, headers, times and an error. It has no place for the segments of a response and
the recorder's own words for an outcome: those stand in the flow's comment, for a person.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import BinaryIO
from uuid import NAMESPACE_URL, uuid5

from mitmproxy import http
from mitmproxy.connection import Client, ConnectionState, Server
from mitmproxy.flow import Error
from mitmproxy.io import FlowWriter

from kimitap.exchange import NO_REQUEST, NO_RESPONSE, Exchange, Headers, Outcome
from kimitap.recorder.flows import CLIENT_DISCONNECTED

_ERRORS = {
    Outcome.IN_FLIGHT: Error.KILLED_MESSAGE,
    Outcome.INTERRUPTED: Error.KILLED_MESSAGE,
    Outcome.CLIENT_HUNG_UP: CLIENT_DISCONNECTED,
    Outcome.SERVER_CUT: "Server disconnected.",
    Outcome.REFUSED: "Connection refused.",
}
"""What stands as a flow's error where the recorder's words would be read as another outcome."""


def write_flows(exchanges: Iterable[Exchange], file: BinaryIO) -> int:
    """Write the exchanges as a flow file; how many."""
    writer = FlowWriter(file)  # type: ignore[no-untyped-call]  # as mitmproxy has it
    count = 0
    for exchange in exchanges:
        writer.add(flow_of(exchange))
        count += 1
    return count


def flow_of(exchange: Exchange) -> http.HTTPFlow:
    """One exchange as a flow, which `flows.exchange_of` reads as that exchange again."""
    began, ended = exchange.started_at.timestamp(), _seconds(exchange.ended_at)
    host, _, port = exchange.client.rpartition(":")
    known = port.isascii() and port.isdigit() and int(port) < 65_536
    peer = (host.strip("[]"), int(port)) if known else ("", 0)
    client = Client(peername=peer, sockname=("", 0), state=ConnectionState.CLOSED)
    server = Server(address=(exchange.host, exchange.port), state=ConnectionState.CLOSED)
    client.timestamp_start = server.timestamp_start = began
    if exchange.outcome is not Outcome.REFUSED:
        server.timestamp_tcp_setup = began
    flow = http.HTTPFlow(client, server)
    flow.id = exchange.origin or str(uuid5(NAMESPACE_URL, f"kimitap:{began}:{exchange.number}"))
    flow.timestamp_created = began
    flow.request = _request(exchange, began)
    flow.response = _response(exchange, began, ended)
    flow.error = _error(exchange, ended or began)
    flow.comment = f"exchange {exchange.number}: {exchange.outcome}"
    return flow


def _request(exchange: Exchange, began: float) -> http.Request:
    kept = NO_REQUEST not in exchange.detail
    return http.Request(
        host=exchange.host,
        port=exchange.port,
        method=_bytes(exchange.method),
        scheme=_bytes(exchange.scheme),
        authority=b"",
        path=_bytes(exchange.path),
        http_version=_bytes(exchange.http_version),
        headers=_fields(exchange.request_headers),
        content=exchange.request.content if kept else None,
        trailers=None,
        timestamp_start=began,
        timestamp_end=began,
    )


def _response(exchange: Exchange, began: float, ended: float | None) -> http.Response | None:
    if exchange.status is None:
        return None
    kept = not exchange.detail.endswith(NO_RESPONSE)
    return http.Response(
        http_version=_bytes(exchange.http_version),
        status_code=exchange.status,
        reason=_bytes(exchange.reason),
        headers=_fields(exchange.response_headers),
        content=exchange.response if kept else None,
        trailers=None,
        timestamp_start=_seconds(exchange.headers_at) or began,
        timestamp_end=ended,
    )


def _error(exchange: Exchange, at: float) -> Error | None:
    said = exchange.detail
    for unkept in (NO_REQUEST, NO_RESPONSE):
        said = said.removesuffix(unkept).removesuffix("; ")
    if exchange.outcome in (Outcome.COMPLETE, Outcome.HTTP_ERROR):
        return Error(said, at) if said else None
    return Error(_words(exchange, said), at)


def _words(exchange: Exchange, said: str) -> str:
    """The recorder's own words, where they are read again as the outcome that they stand for."""
    if exchange.outcome in (Outcome.SERVER_CUT, Outcome.REFUSED) and said:
        return said
    if exchange.outcome is Outcome.CLIENT_HUNG_UP and said.lower().startswith("client"):
        return said
    return _ERRORS[exchange.outcome]


def _fields(headers: Headers) -> http.Headers:
    return http.Headers([(_bytes(name), _bytes(value)) for name, value in headers])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
