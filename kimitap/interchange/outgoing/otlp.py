"""Spans in OpenTelemetry's protocol: as lines of OTLP JSON, or sent to a collector over HTTP."""

import base64
import logging
import socket
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

import orjson
import requests
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]  # its stubs are apart
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from kimitap.errors import UsageError
from kimitap.loopback import is_here

Traces = Iterable[Sequence[ReadableSpan]]
"""The spans of one session after another."""
_IDS = frozenset({"traceId", "spanId", "parentSpanId"})
_AT_ONCE = 200
"""Spans in one request: with content each may be large."""
TIMEOUT_S = 10.0


def json_lines(sessions: Traces) -> Iterator[str]:
    """An `ExportTraceServiceRequest` a line and session, as a collector's file exporter writes it.

    https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/: ids are hexadecimal there.
    """
    for spans in sessions:
        value = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
        yield orjson.dumps(_with_hex_ids(value)).decode() + "\n"


def _with_hex_ids(value: object) -> object:
    """Protobuf's JSON has bytes as base64; OTLP has ids as hexadecimal digits."""
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if isinstance(value, dict):
        return {k: _hex(v) if k in _IDS else _with_hex_ids(v) for k, v in value.items()}
    return value


def _hex(text: object) -> str:
    return base64.b64decode(str(text)).hex()


def is_loopback(endpoint: str) -> bool:
    """Whether spans sent there stay on this machine. Raises `UsageError` for no address."""
    return is_here(_host(endpoint))


def _host(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        port_is_fit = parts.port != 0
    except ValueError:
        parts, port_is_fit = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fit:
        shown = endpoint.rpartition("@")[2].partition("?")[0]
        raise UsageError(f"{shown!r} is no collector's address: say one like http://127.0.0.1:4318")
    return parts.hostname


def send(sessions: Traces, endpoint: str) -> int:
    """Send the spans to a collector; how many. Raises `UsageError` where it does not take them.

    `endpoint` is its base URL, to which `/v1/traces` is added as OpenTelemetry does, or a URL that
    ends so. Headers (a key) come from `OTEL_EXPORTER_OTLP_HEADERS`.
    """
    if is_loopback(endpoint):
        _demand_listener(endpoint)
    url = endpoint.rstrip("/")
    url = url if url.endswith("/v1/traces") else f"{url}/v1/traces"
    with requests.Session() as session, _Complaints() as complaints:
        session.trust_env = not is_loopback(endpoint)  # no proxy for this machine
        session.max_redirects = 0  # what was agreed to is this address, and no other
        exporter = OTLPSpanExporter(url, timeout=TIMEOUT_S, session=session)
        sent = 0
        for spans in sessions:
            for at in range(0, len(spans), _AT_ONCE):
                some = spans[at : at + _AT_ONCE]
                if not _taken(exporter, some):
                    why = complaints.last or "it did not answer"
                    raise UsageError(f"{_named(endpoint)} took {sent} spans and no more: {why}")
                sent += len(some)
    return sent


def _taken(exporter: OTLPSpanExporter, spans: Sequence[ReadableSpan]) -> bool:
    """Whether the collector took them; what it says against them is logged."""
    try:
        return exporter.export(spans) is SpanExportResult.SUCCESS
    except requests.RequestException as error:
        logging.getLogger("opentelemetry").warning("%s", error)
        return False


def _named(endpoint: str) -> str:
    """The address without what may be a key."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _demand_listener(endpoint: str) -> None:
    """Say at once that nobody listens: the exporter would try again and again before it gave up."""
    parts = urlsplit(endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), TIMEOUT_S).close()
    except OSError as error:
        raise UsageError(
            f"{_named(endpoint)} cannot be reached: {error.strerror or error}"
        ) from error


class _Complaints(logging.Handler):
    """What the exporter logs instead of raising: the last complaint, and nothing on stderr."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        self._logger = logging.getLogger("opentelemetry")

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()

    def __enter__(self) -> "_Complaints":
        self._passes_on = self._logger.propagate
        self._logger.propagate = False
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._passes_on
