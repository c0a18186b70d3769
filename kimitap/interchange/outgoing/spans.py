"""A session as one trace: session → thread → turn → tool calls, with the recorded times.

Ids are digests of what names the exchanges, so that a second export gives the same spans. A tool
was out of sight while it ran: its span lasts from the end of the reply that asked for it to the
request that brought its result, and without such a request it ends where it began.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import blake2b

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from kimitap import __version__
from kimitap.conversation import ToolCall, ToolResult, Turn
from kimitap.interchange.outgoing import genai
from kimitap.interchange.outgoing.genai import Attributes
from kimitap.interchange.outgoing.told import Told
from kimitap.lineage import Thread
from kimitap.rules.finding import Finding, Severity

_SCOPE = InstrumentationScope("kimitap", __version__, "https://opentelemetry.io/schemas/1.37.0")


def spans(told: Iterable[Told], with_content: bool) -> Iterator[list[ReadableSpan]]:
    """The spans of each session. `with_content` adds what was said, which is opt-in."""
    for one in told:
        yield list(_Trace(one, with_content).spans())


class _Trace:
    """Makes the spans of one session; holds what they all share."""

    def __init__(self, told: Told, with_content: bool) -> None:
        self.told, self.with_content = told, with_content
        self.id = int.from_bytes(_digest(16, "trace", told.seed))
        self.agent = _clean_text(told.session.agent or "agent")
        self.conversation = _conversation(told)
        self.resource = Resource(
            {"service.name": self.agent, "telemetry.sdk.name": "kimitap"} | _version()
        )

    def spans(self) -> Iterator[ReadableSpan]:
        root = self.context("session", self.told.seed)
        threads = self.told.threads
        turns = [turn for thread in threads for turn in self.told.turns_of(thread)]
        attributes: Attributes = {
            **self.own(),
            "gen_ai.operation.name": "invoke_agent",
            "kimitap.session": self.told.session.name,
        }
        name = f"invoke_agent {self.agent}"
        broken = [f for f in self.told.findings if f.severity is Severity.ERROR]
        yield self.span(name, root, None, attributes, _begin(turns), _end(turns), _sum(broken))
        for thread in threads:
            yield from self.of_thread(thread, root)

    def of_thread(self, thread: Thread, root: SpanContext) -> Iterator[ReadableSpan]:
        context = self.context("thread", self.told.origins[thread.number])
        attributes: Attributes = {
            **self.own(),
            "gen_ai.operation.name": "invoke_agent",
            "kimitap.thread": thread.name,
            "kimitap.thread.kind": thread.kind,
        }
        found = [f for f in self.told.findings if f.thread == thread.name]
        broken = [f for f in found if f.severity is Severity.ERROR]
        turns = self.told.turns_of(thread)
        begin, end = _begin(turns), _end(turns)
        name = f"invoke_agent {self.agent} {thread.name}"
        yield self.span(name, context, root, attributes, begin, end, _sum(broken))
        for turn in turns:
            yield from self.of_turn(turn, thread, context)

    def of_turn(self, turn: Turn, thread: Thread, above: SpanContext) -> Iterator[ReadableSpan]:
        context = self.context("turn", self.told.origins[turn.exchange])
        host, port = self.told.addresses.get(turn.exchange, ("", 0))
        found = [f for f in self.told.findings if f.place.exchange == turn.exchange]
        status = _status(turn, found)
        attributes = self.own() | genai.of_turn(turn, host, port) | self.facts(turn, thread)
        if status.status_code is StatusCode.ERROR:
            attributes["error.type"] = _error_type(turn, found)
        if self.with_content:
            attributes |= genai.content(turn, thread.story_of(turn.exchange))
        name = _clean_text(f"{genai.operation(turn)} {turn.model}".strip())
        begin, end = _begin([turn]), _end([turn])
        kind = SpanKind.CLIENT
        events = [_event(f, begin) for f in found]
        yield self.span(name, context, above, attributes, begin, end, status, kind, events)
        at = thread.turns.index(turn)
        after = next(iter(thread.turns[at + 1 :]), None)
        for i, call in enumerate(turn.reply.message.tool_calls):
            yield self.of_call(call, i, turn, after, context)

    def of_call(
        self, call: ToolCall, at: int, turn: Turn, after: Turn | None, above: SpanContext
    ) -> ReadableSpan:
        context = self.context("call", f"{self.told.origins[turn.exchange]} {at}")
        begin = _end([turn])
        result = _result(call, at, turn, after) if after else None
        end = max(begin, _begin([after])) if result and after else begin
        attributes = self.own() | genai.of_call(call)
        attributes["kimitap.tool.answered"] = result is not None
        if self.with_content:
            attributes["gen_ai.tool.call.arguments"] = call.arguments
            if result:
                attributes["gen_ai.tool.call.result"] = result.text
        failed = result is not None and result.failed
        status = Status(StatusCode.ERROR, "the tool failed") if failed else Status()
        return self.span(
            f"execute_tool {call.name}", context, above, attributes, begin, end, status
        )

    def facts(self, turn: Turn, thread: Thread) -> Attributes:
        """What the conventions have no name for."""
        made: Attributes = {
            "kimitap.exchange": turn.exchange,
            "kimitap.thread": thread.name,
            "kimitap.outcome": turn.outcome.value,
            "kimitap.dialect": turn.dialect,
        }
        echo = thread.echo_of(turn.exchange)
        if echo is not None:
            made["kimitap.echo"] = echo.kind.value
        if turn.tokens_per_second:
            made["kimitap.tokens_per_second"] = turn.tokens_per_second
        return made

    def own(self) -> Attributes:
        return {"gen_ai.agent.name": self.agent, "gen_ai.conversation.id": self.conversation}

    def context(self, kind: str, name: str) -> SpanContext:
        span = int.from_bytes(_digest(8, kind, self.told.seed, name))
        return SpanContext(self.id, span, is_remote=False, trace_flags=TraceFlags(1))

    def span(
        self,
        name: str,
        context: SpanContext,
        above: SpanContext | None,
        attributes: Attributes,
        begin: int,
        end: int,
        status: Status,
        kind: SpanKind = SpanKind.INTERNAL,
        events: Sequence[Event] = (),
    ) -> ReadableSpan:
        return ReadableSpan(
            name,
            context,
            above,
            self.resource,
            {key: _clean(value) for key, value in attributes.items()},
            events,
            kind=kind,
            status=status,
            start_time=begin,
            end_time=max(begin, end),
            instrumentation_scope=_SCOPE,
        )


def _conversation(told: Told) -> str:
    """The agent's own name of the session, where it sent one; else a digest that stays the same."""
    scopes = (turn.scope.session for thread in told.threads for turn in thread.turns)
    return next(filter(None, scopes), "") or _digest(16, "trace", told.seed).hex()


def _version() -> dict[str, str]:
    return {"telemetry.sdk.version": __version__, "telemetry.sdk.language": "python"}


def _digest(size: int, *words: str) -> bytes:
    data = "\0".join(words).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=size).digest()


def _begin(turns: Sequence[Turn]) -> int:
    return min((_ns(turn.started_at) for turn in turns), default=0)


def _end(turns: Sequence[Turn]) -> int:
    return max((_ns(turn.ended_at or turn.started_at) for turn in turns), default=0)


def _ns(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000


def _result(call: ToolCall, at: int, turn: Turn, after: Turn) -> ToolResult | None:
    """The result that the next request has for the call: by its id, else by its place."""
    results = [r for message in after.messages for r in message.tool_results]
    fresh = results[sum(len(message.tool_results) for message in turn.messages) :]
    by_id = next((r for r in fresh if call.id and r.call_id == call.id), None)
    same = len(fresh) == len(turn.reply.message.tool_calls)
    return by_id or (fresh[at] if same else None)


def _status(turn: Turn, found: Sequence[Finding]) -> Status:
    """An error where the exchange did not end well, or an error was found in it."""
    if not turn.succeeded:
        said = turn.reply.error or turn.detail or turn.outcome.value
        return Status(StatusCode.ERROR, _clean_text(said)[:200])
    return _sum([f for f in found if f.severity is Severity.ERROR])


def _sum(broken: Sequence[Finding]) -> Status:
    if not broken:
        return Status()
    return Status(StatusCode.ERROR, ", ".join(dict.fromkeys(f.rule for f in broken)))


def _error_type(turn: Turn, found: Sequence[Finding]) -> str:
    if turn.status is not None and turn.status >= 400:
        return str(turn.status)
    if not turn.succeeded:
        return turn.outcome.value.replace(" ", "_") if turn.detail else "incomplete"
    return next((f.rule for f in found if f.severity is Severity.ERROR), "_OTHER")


def _event(finding: Finding, at: int) -> Event:
    attributes: dict[str, str] = {
        "kimitap.rule": finding.rule,
        "kimitap.severity": finding.severity.value,
        "kimitap.side": finding.side.value,
    }
    if finding.message:
        attributes["kimitap.message"] = _clean_text(finding.message)
    return Event("kimitap.finding", attributes, at)


def _clean(value: genai.Value) -> genai.Value:
    if isinstance(value, str):
        return _clean_text(value)
    return tuple(map(_clean_text, value)) if isinstance(value, tuple) else value


def _clean_text(text: str) -> str:
    """Halves of surrogate pairs have no place in protobuf's strings."""
    return text.encode("utf-8", "backslashreplace").decode()
