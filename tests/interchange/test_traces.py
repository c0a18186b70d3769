"""Traces: spans by the GenAI conventions, as OTLP JSON and as what a collector receives."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.trace import SpanKind, StatusCode

from kimitap.errors import UsageError
from kimitap.exchange import Exchange
from kimitap.interchange.outgoing import otlp
from kimitap.interchange.outgoing.spans import spans
from kimitap.interchange.outgoing.told import tell
from tests.support.chat import assistant, call, choice, exchange, request, result, tool, user
from tests.support.collector import collector
from tests.support.proxy import free_port
from tests.support.recordings import healthy_tool_turn, lost_tool_turn


def made(exchanges: Sequence[Exchange], content: bool = False) -> list[ReadableSpan]:
    (one,) = spans(tell(exchanges), content)
    return one


def named(found: Sequence[ReadableSpan], begin: str) -> list[ReadableSpan]:
    return [span for span in found if span.name.startswith(begin)]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_trace_is_session_thread_turns_and_tool_calls() -> None:
    found = made(healthy_tool_turn())
    by_id = {span.context.span_id: span for span in found}
    (root,) = [span for span in found if span.parent is None]
    assert attributes(root)["kimitap.session"] == "s1"
    for span in found:
        if span.parent:
            above = by_id[span.parent.span_id]
            kinds = {"chat": "invoke_agent", "execute_tool": "chat", "invoke_agent": "invoke_agent"}
            assert above.name.split()[0] == kinds[span.name.split()[0]]
    assert len({span.context.trace_id for span in found}) == 1
    assert len(named(found, "chat kimi")) == len(healthy_tool_turn())


def test_a_turn_has_what_the_conventions_ask_for() -> None:
    sent = request(user("Hi."), temperature=0, max_tokens=9, seed=4, stop=["x"], top_p=0.5)
    extra = {"usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    one = exchange(1, sent, choice(assistant("Yes.")), stream=True, extra=extra)
    (turn,) = named(made([one]), "chat")
    assert turn.name == "chat kimi-k2" and turn.kind is SpanKind.CLIENT
    told = attributes(turn)
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "llama_cpp",
        "gen_ai.request.model": "kimi-k2",
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.seed": 4,
        "gen_ai.request.stop_sequences": ("x",),
        "gen_ai.request.stream": True,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.model": "kimi-k2",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
        "server.address": "127.0.0.1",
        "server.port": 8080,
    }
    assert {key: told.get(key) for key in expected} == expected
    assert turn.status.status_code is StatusCode.UNSET


def test_every_name_is_one_of_the_conventions() -> None:
    known = {value for value in vars(gen_ai_attributes).values() if isinstance(value, str)}
    used = {
        key
        for span in [*made(healthy_tool_turn(), True), *made(lost_tool_turn(), True)]
        for key in attributes(span)
        if key.startswith("gen_ai.")
    }
    assert used <= known, used - known
    assert len(used) > 15


def test_what_was_said_is_told_only_where_it_was_asked_for() -> None:
    silent = json.dumps([attributes(span) for span in made(healthy_tool_turn())])
    spoken = [attributes(span) for span in made(healthy_tool_turn(), content=True)]
    assert "gen_ai.input.messages" not in silent
    assert "gen_ai.tool.call.arguments" not in silent
    last = [told for told in spoken if "gen_ai.output.messages" in told][-1]
    heard = json.loads(last["gen_ai.input.messages"])
    assert {part["type"] for m in heard for part in m["parts"]} >= {"text", "tool_call_response"}
    (said,) = json.loads(last["gen_ai.output.messages"])
    assert said["role"] == "assistant" and said["finish_reason"] == "stop"
    (ran, *_) = [told for told in spoken if told["gen_ai.operation.name"] == "execute_tool"]
    assert json.loads(ran["gen_ai.tool.call.arguments"]) and ran["gen_ai.tool.call.result"]


def test_a_tool_ran_from_the_replys_end_to_the_next_request() -> None:
    tools = [tool("ls", path={"type": "string"})]
    asks = assistant(None, call("ls", {"path": "/"}, "c1"))
    first = exchange(1, request(user("List."), tools=tools), choice(asks))
    sent = request(user("List."), asks, result("a b", "c1"), tools=tools)
    second = exchange(2, sent, choice(assistant("a and b")))
    found = made([first, second])
    (ran,) = named(found, "execute_tool ls")
    assert ran.start_time and ran.end_time
    assert (ran.end_time - ran.start_time) / 1e9 == pytest.approx(9.0)
    assert attributes(ran)["gen_ai.tool.call.id"] == "c1"
    assert attributes(ran)["kimitap.tool.answered"] is True


def test_a_call_that_nobody_answered_has_no_length() -> None:
    (ran, *_) = named(made(lost_tool_turn()), "execute_tool")
    assert ran.start_time == ran.end_time
    assert attributes(ran)["kimitap.tool.answered"] is False


def test_a_finding_is_an_event_and_an_error() -> None:
    found = made(lost_tool_turn())
    broken = [span for span in found if span.events]
    (event, *_) = broken[0].events
    assert event.name == "kimitap.finding"
    assert dict(event.attributes or {})["kimitap.rule"] == "tool-turn-lost"
    assert broken[0].status.status_code is StatusCode.ERROR
    assert attributes(broken[0])["error.type"] == "tool-turn-lost"
    (root,) = [span for span in found if span.parent is None]
    assert root.status.description == "tool-turn-lost"


def test_a_failed_request_is_an_error() -> None:
    failed = exchange(1, request(user("Hi.")), None, status=500)
    (turn,) = named(made([failed]), "chat")
    assert turn.status.status_code is StatusCode.ERROR
    assert attributes(turn)["error.type"] == "500"


def test_a_second_export_gives_the_same_spans() -> None:
    def ids() -> list[tuple[int, int]]:
        return [(s.context.trace_id, s.context.span_id) for s in made(lost_tool_turn())]

    assert ids() == ids()
    assert len(set(ids())) == len(ids())


def test_the_times_are_the_recorded_ones() -> None:
    one = healthy_tool_turn()[0]
    turn = named(made(healthy_tool_turn()), "chat")[0]
    assert turn.start_time == round(one.started_at.timestamp() * 1e6) * 1000


def test_a_line_is_the_request_that_a_collector_would_get() -> None:
    sessions = list(spans(tell(lost_tool_turn()), True))
    (line,) = otlp.json_lines(sessions)
    value = json.loads(line)
    first = value["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert len(first["traceId"]) == 32 and int(first["traceId"], 16)
    assert len(first["spanId"]) == 16 and isinstance(first["kind"], int)
    assert isinstance(first["startTimeUnixNano"], str)
    _with_base64_ids(value)
    request = ParseDict(value, ExportTraceServiceRequest())
    assert len(request.resource_spans[0].scope_spans[0].spans) == len(sessions[0])


def test_a_collector_gets_every_span() -> None:
    sessions = list(spans(tell(healthy_tool_turn()), False))
    with collector() as received:
        assert otlp.send(sessions, received.url) == len(sessions[0])
    assert received.paths == ["/v1/traces"]
    (request,) = received.requests
    (resource,) = request.resource_spans
    names = [span.name for scope in resource.scope_spans for span in scope.spans]
    assert sorted(names) == sorted(span.name for span in sessions[0])
    told = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert told["service.name"] == "test-agent 1.0"


@pytest.mark.parametrize("status", [400, 404, 307])
def test_a_collector_that_refuses_is_one_line(status: int) -> None:
    sessions = list(spans(tell(healthy_tool_turn()), False))
    with collector(status) as received, pytest.raises(UsageError, match="took 0 spans"):
        otlp.send(sessions, received.url)


def test_a_collector_that_is_not_there_is_told_at_once() -> None:
    sessions = list(spans(tell(healthy_tool_turn()), False))
    with pytest.raises(UsageError, match=r"cannot be reached: Connection refused"):
        otlp.send(sessions, f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    ("endpoint", "here"),
    [
        ("http://127.0.0.1:4318", True),
        ("http://localhost:4318/v1/traces", True),
        ("http://[::1]:4318", True),
        ("https://collector.example", False),
        ("http://127.0.0.1.example:4318", False),
        ("http://localhost.example", False),
        ("http://127.0.0.1@collector.example", False),
        ("http://0.0.0.0:4318", False),
    ],
)
def test_only_loopback_is_here(endpoint: str, here: bool) -> None:
    assert otlp.is_loopback(endpoint) is here


@pytest.mark.parametrize("endpoint", ["", "127.0.0.1:4318", "ftp://x", "http://", "http://h:99999"])
def test_what_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(UsageError, match="no collector's address"):
        otlp.is_loopback(endpoint)


def _with_base64_ids(value: Any) -> None:
    """Ids as protobuf's own JSON has them."""
    if isinstance(value, list):
        for item in value:
            _with_base64_ids(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in ("traceId", "spanId", "parentSpanId"):
                value[key] = base64.b64encode(bytes.fromhex(inner)).decode()
            else:
                _with_base64_ids(inner)
