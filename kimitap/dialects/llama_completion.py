"""Text completion: llama.cpp's own `/completion` and `/infill`, and OpenAI's `/v1/completions`.

https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md. There are no messages: the
prompt is text, which becomes one message of the user. The agent has rendered the template itself.
"""

from kimitap.conversation import Turn
from kimitap.dialects.completion_reply import reply_of
from kimitap.dialects.completion_request import request_of
from kimitap.dialects.fault import Faults
from kimitap.dialects.memo import Memo
from kimitap.dialects.turn import turn_of
from kimitap.exchange import Exchange

NAME = "completion"
_ENDS = ("/completion", "/completions", "/infill")


def speaks(exchange: Exchange) -> bool:
    """True for a POST to a path that ends so, wherever that is mounted; not for chat's."""
    path = exchange.endpoint.rstrip("/")
    chat = path.endswith("/chat/completions")
    return exchange.method == "POST" and path.endswith(_ENDS) and not chat


def decode(exchange: Exchange, memo: Memo) -> Turn:
    """The turn that the exchange is, as far as it went. Never raises."""
    faults = Faults()
    request = request_of(exchange.request, exchange.request_headers, memo, faults)
    return turn_of(exchange, NAME, request, reply_of(exchange, faults), faults)
