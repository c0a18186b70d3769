"""OpenAI's chat completions: the dialect that llama-server and most local servers speak."""

from kimitap.conversation import Turn
from kimitap.dialects.chat_reply import reply_of
from kimitap.dialects.chat_request import request_of
from kimitap.dialects.fault import Faults
from kimitap.dialects.memo import Memo
from kimitap.dialects.scope import scope_of
from kimitap.exchange import Exchange, header

NAME = "openai-chat"


def speaks(exchange: Exchange) -> bool:
    """True for a POST to a path that ends in `/chat/completions`, wherever that is mounted."""
    return exchange.method == "POST" and exchange.endpoint.rstrip("/").endswith("/chat/completions")


def decode(exchange: Exchange, memo: Memo) -> Turn:
    """The turn that the exchange is, as far as it went. Never raises."""
    faults = Faults()
    request = request_of(exchange.request, exchange.request_headers, memo, faults)
    reply = reply_of(exchange, faults)
    return Turn(
        exchange=exchange.number,
        dialect=NAME,
        path=exchange.path,
        started_at=exchange.started_at,
        ended_at=exchange.ended_at,
        outcome=exchange.outcome,
        messages=request.messages,
        reply=reply,
        status=exchange.status,
        detail=exchange.detail,
        first_event_s=next((s.at_s for s in exchange.segments if s.length), None),
        agent=header(exchange.request_headers, "user-agent"),
        server=header(exchange.response_headers, "server"),
        client=exchange.client,
        model=request.model,
        tools=request.tools,
        parameters=request.parameters,
        stream=request.stream,
        retry_count=_retries(header(exchange.request_headers, "x-stainless-retry-count")),
        scope=scope_of(exchange.request_headers, request.fields),
        faults=faults.told(),
    )


def _retries(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0
