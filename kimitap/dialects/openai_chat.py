"""OpenAI's chat completions: the dialect that llama-server and most local servers speak."""

from kimitap.conversation import Turn
from kimitap.dialects.chat_reply import reply_of
from kimitap.dialects.chat_request import request_of
from kimitap.dialects.fault import Faults
from kimitap.dialects.memo import Memo
from kimitap.dialects.turn import turn_of
from kimitap.exchange import Exchange

NAME = "openai-chat"


def speaks(exchange: Exchange) -> bool:
    """True for a POST to a path that ends in `/chat/completions`, wherever that is mounted."""
    return exchange.method == "POST" and exchange.endpoint.rstrip("/").endswith("/chat/completions")


def decode(exchange: Exchange, memo: Memo) -> Turn:
    """The turn that the exchange is, as far as it went. Never raises."""
    faults = Faults()
    request = request_of(exchange.request, exchange.request_headers, memo, faults)
    reply = reply_of(exchange, faults)
    return turn_of(exchange, NAME, request, reply, faults)
