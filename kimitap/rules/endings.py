"""How a reply ended, by its finish reason and by what the recorder saw.

Servers and gateways spell their reasons each in its own way (`length`, `MAX_TOKENS`,
`FinishReason.MAX_TOKENS`, `model_length`): the tables here say which of them mean the same, and
`spelled` makes one spelling of upper case, prefixes, hyphens and camel case.
"""

from collections.abc import Iterator
from functools import lru_cache

from kimitap.conversation import Turn
from kimitap.exchange import NO_RESPONSE, NOT_KEPT
from kimitap.lineage import Thread

CUT = frozenset(
    {
        "length",
        "max_tokens",
        "max_output_tokens",
        "max_completion_tokens",
        "max_length",
        "token_limit",
        "model_length",  # Mistral
        "model_context_window_exceeded",  # Anthropic
        "context_length_exceeded",
        "max_context_length",
    }
)
"""Finish reasons that say: it was cut for its length."""
CALLED = frozenset(
    {
        "tool_calls",
        "tool_call",  # Cohere
        "tool_use",  # Anthropic
        "function_call",
        "function_calls",
    }
)
"""Finish reasons that say: it ended for its calls."""
SAID = frozenset(
    {
        "stop",
        "end_turn",
        "stop_sequence",
        "eos",
        "eos_token",  # TGI
        "end_of_turn",
        "complete",  # Cohere
    }
)
"""Finish reasons that say: it ended by itself, without a call."""
WITHHELD = frozenset(
    {
        "content_filter",
        "content_filtered",
        "refusal",
        "cancelled",
        "safety",  # Gemini: this one and the next five
        "recitation",
        "prohibited_content",
        "blocklist",
        "spii",
        "image_safety",
        "sensitive",  # GLM
        "guardrail_intervened",  # Bedrock
    }
)
"""Finish reasons that say why nothing, or half, came: it was held back or called off."""
_PREFIXES = ("finishreason.", "finish_reason_", "stopreason.", "stop_reason_")


@lru_cache
def spelled(reason: str | None) -> str | None:
    """A finish reason as the tables spell it: `MAX_TOKENS`, `maxTokens` are `max_tokens`."""
    if reason is None or len(reason) > _LONGEST:
        return reason
    lower = reason.strip().casefold()
    for prefix in _PREFIXES:
        lower = lower.removeprefix(prefix)
    return _BY_LETTERS.get(_letters(lower), lower)


def _letters(word: str) -> str:
    return "".join(filter(str.isalpha, word))


_BY_LETTERS = {_letters(word): word for word in CUT | CALLED | SAID | WITHHELD}
_LONGEST = max(map(len, CUT | CALLED | SAID | WITHHELD)) + max(map(len, _PREFIXES))
"""Characters; a longer reason is none of these."""


def ended(thread: Thread) -> Iterator[Turn]:
    """The thread's turns whose replies are whole: a cut or failed one is another rule's."""
    return (turn for turn in thread.turns if turn.succeeded and not was_aborted(turn))


def was_cut(turn: Turn) -> bool:
    """True where the server says that it cut the reply for its length."""
    return spelled(turn.reply.finish_reason) in CUT


def was_called(turn: Turn) -> bool:
    """True where the server says that the reply ended for its calls."""
    return spelled(turn.reply.finish_reason) in CALLED


def was_said(turn: Turn) -> bool:
    """True where the server says that the reply ended by itself, without a call."""
    return spelled(turn.reply.finish_reason) in SAID


def was_withheld(turn: Turn) -> bool:
    """True where the server says that it held the reply back, or that it was called off."""
    return spelled(turn.reply.finish_reason) in WITHHELD


def was_aborted(turn: Turn) -> bool:
    """True where the server says that it gave the request up: SGLang and vLLM do, when they must
    make room or are told to."""
    return turn.succeeded and spelled(turn.reply.finish_reason) == "abort"


def is_unkept(turn: Turn) -> bool:
    """True where a part of the answer passed and was lost by the recorder or by the capture."""
    told = (fault.what for fault in turn.faults if fault.where == "response")
    return any(what.endswith((NOT_KEPT, NO_RESPONSE)) for what in told)
