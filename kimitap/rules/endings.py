"""How a reply ended, by its finish reason and by what the recorder saw."""

from collections.abc import Iterator

from kimitap.conversation import Turn
from kimitap.exchange import NO_RESPONSE, NOT_KEPT
from kimitap.lineage import Thread

CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_context_window_exceeded"})
"""Finish reasons that say: it was cut for its length."""
CALLED = frozenset({"tool_calls", "function_call", "tool_use"})
"""Finish reasons that say: it ended for its calls."""
SAID = frozenset({"stop", "end_turn", "stop_sequence"})
"""Finish reasons that say: it ended by itself, without a call."""


def ended(thread: Thread) -> Iterator[Turn]:
    """The thread's turns whose replies are whole: a cut or failed one is another rule's."""
    return (turn for turn in thread.turns if turn.succeeded and not was_aborted(turn))


def was_cut(turn: Turn) -> bool:
    """True where the server says that it cut the reply for its length."""
    return turn.reply.finish_reason in CUT


def was_aborted(turn: Turn) -> bool:
    """True where the server says that it gave the request up: SGLang and vLLM do, when they must
    make room or are told to."""
    return turn.succeeded and turn.reply.finish_reason == "abort"


def is_unkept(turn: Turn) -> bool:
    """True where a part of the answer passed and was lost by the recorder or by the capture."""
    told = (fault.what for fault in turn.faults if fault.where == "response")
    return any(what.endswith((NOT_KEPT, NO_RESPONSE)) for what in told)
