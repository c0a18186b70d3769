"""What an exchange means: one file for each variant of the API.

A dialect never raises, whatever the bytes: what it cannot read becomes a `Fault` in the turn.
"""

from collections.abc import Callable
from typing import NamedTuple

from kimitap.conversation import Fault, Message, Reply, Turn
from kimitap.dialects import anthropic_messages, llama_completion, openai_chat, openai_responses
from kimitap.dialects.memo import Memo
from kimitap.exchange import Exchange

__all__ = ["DIALECTS", "Dialect", "Memo", "decode", "speaks"]


class Dialect(NamedTuple):
    """One variant of the API."""

    name: str
    speaks: Callable[[Exchange], bool]
    decode: Callable[[Exchange, Memo], Turn]


DIALECTS: tuple[Dialect, ...] = (
    Dialect(openai_chat.NAME, openai_chat.speaks, openai_chat.decode),
    Dialect(openai_responses.NAME, openai_responses.speaks, openai_responses.decode),
    Dialect(anthropic_messages.NAME, anthropic_messages.speaks, anthropic_messages.decode),
    Dialect(llama_completion.NAME, llama_completion.speaks, llama_completion.decode),
)


def speaks(exchange: Exchange) -> str | None:
    """The name of the dialect of an exchange, by its method and path; None where there is none."""
    return next((dialect.name for dialect in DIALECTS if dialect.speaks(exchange)), None)


def decode(exchange: Exchange, memo: Memo | None = None) -> Turn | None:
    """The turn that an exchange is, finished or in flight; None where no dialect speaks it.

    With one `memo` for a whole recording each message is decoded once, however many requests carry
    it, and equal pieces give one `Message` object.
    """
    dialect = next((dialect for dialect in DIALECTS if dialect.speaks(exchange)), None)
    if dialect is None:
        return None
    try:
        return dialect.decode(exchange, Memo() if memo is None else memo)
    except Exception as bug:  # a decoder's own mistake must not hide the other exchanges
        return _unread(exchange, dialect.name, bug)


def _unread(exchange: Exchange, dialect: str, bug: Exception) -> Turn:
    fault = Fault("exchange", f"the decoder failed: {type(bug).__name__}: {str(bug)[:200]}")
    return Turn(
        exchange=exchange.number,
        dialect=dialect,
        path=exchange.path,
        started_at=exchange.started_at,
        ended_at=exchange.ended_at,
        outcome=exchange.outcome,
        messages=(),
        reply=Reply(Message("assistant", (), "assistant")),
        status=exchange.status,
        detail=exchange.detail,
        faults=(fault,),
    )
