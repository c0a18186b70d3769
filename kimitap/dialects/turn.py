"""What every dialect's turn is made of: a request's meaning, and the facts of the exchange."""

from dataclasses import dataclass, field

from kimitap.conversation import Message, Reply, Tool, Turn
from kimitap.dialects.fault import Faults
from kimitap.dialects.fields import Rest
from kimitap.dialects.pace import silence
from kimitap.dialects.program import program_of
from kimitap.dialects.scope import scope_of
from kimitap.exchange import REPLAY, Exchange, first_s, header


@dataclass(frozen=True)
class Request:
    """What a request says. `fields` are the top-level fields that became no message and no tool.

    `wire_indexes` are those of `Turn`.
    """

    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    fields: Rest = field(default_factory=Rest)
    wire_indexes: tuple[int, ...] = ()

    @property
    def model(self) -> str:
        model = self.fields.get("model")
        return model if isinstance(model, str) else ""

    @property
    def stream(self) -> bool:
        return self.fields.get("stream") is True


def turn_of(
    exchange: Exchange, dialect: str, request: Request, reply: Reply, faults: Faults
) -> Turn:
    """The turn of an exchange whose request and reply a dialect has read."""
    gap_s, gap_at_s = silence(exchange, reply)
    return Turn(
        exchange=exchange.number,
        dialect=dialect,
        path=exchange.path,
        started_at=exchange.started_at,
        ended_at=exchange.ended_at,
        outcome=exchange.outcome,
        messages=request.messages,
        reply=reply,
        status=exchange.status,
        detail=exchange.detail,
        first_event_s=first_s(exchange.segments),
        gap_s=gap_s,
        gap_at_s=gap_at_s,
        agent=header(exchange.request_headers, "user-agent"),
        program=program_of(exchange.request_headers, request.messages),
        server=header(exchange.response_headers, "server"),
        client=exchange.client,
        model=request.model,
        tools=request.tools,
        parameters=request.fields.parameters,
        stream=request.stream,
        retry_count=_retries(header(exchange.request_headers, "x-stainless-retry-count")),
        scope=scope_of(exchange.request_headers, request.fields),
        faults=faults.told(),
        wire_indexes=request.wire_indexes,
        replay_of=_replayed(header(exchange.request_headers, REPLAY)),
    )


def _replayed(value: str) -> int | None:
    """The number in `41; edited`; 0 where no exchange of this recording is named."""
    number = value.partition(";")[0].strip()
    if not number:
        return None
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0


def _retries(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0
