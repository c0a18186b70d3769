"""OpenAI's Responses API, which llama-server and most local servers speak beside chat."""

from kimitap.conversation import Turn
from kimitap.dialects.fault import Faults
from kimitap.dialects.memo import Memo
from kimitap.dialects.responses_reply import reply_of
from kimitap.dialects.responses_request import request_of
from kimitap.dialects.turn import turn_of
from kimitap.exchange import Exchange

NAME = "openai-responses"


def speaks(exchange: Exchange) -> bool:
    """True for a POST to a path that ends in `/responses`, wherever that is mounted."""
    return exchange.method == "POST" and exchange.endpoint.rstrip("/").endswith("/responses")


def decode(exchange: Exchange, memo: Memo) -> Turn:
    """The turn that the exchange is, as far as it went. Never raises."""
    faults = Faults()
    request = request_of(exchange.request, exchange.request_headers, memo, faults)
    return turn_of(exchange, NAME, request, reply_of(exchange, memo, faults), faults)
