"""Anthropic's Messages API, as Anthropic, llama-server and ik_llama.cpp speak it."""

from kimitap.conversation import Turn
from kimitap.dialects.anthropic_reply import reply_of
from kimitap.dialects.anthropic_request import NAME, request_of
from kimitap.dialects.fault import Faults
from kimitap.dialects.memo import Memo
from kimitap.dialects.turn import turn_of
from kimitap.exchange import Exchange

__all__ = ["NAME", "decode", "speaks"]


def speaks(exchange: Exchange) -> bool:
    """True for a POST to a path that ends in `/messages`; not `/messages/count_tokens`.

    Nor the messages of OpenAI's threads, which are another thing of the same name.
    """
    path = exchange.endpoint.rstrip("/")
    return exchange.method == "POST" and path.endswith("/messages") and "/threads/" not in path


def decode(exchange: Exchange, memo: Memo) -> Turn:
    """The turn that the exchange is, as far as it went. Never raises."""
    faults = Faults()
    request = request_of(exchange.request, exchange.request_headers, memo, faults)
    reply = reply_of(exchange, faults)
    return turn_of(exchange, NAME, request, reply, faults)
