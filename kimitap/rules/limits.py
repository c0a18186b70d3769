"""How many tokens a reply was allowed, and whether it took all of them."""

from kimitap.conversation import Turn
from kimitap.rules.arguments import breaks_off

_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens", "n_predict")


def generated(turn: Turn) -> int | None:
    """How many tokens the reply took: as llama.cpp counted them, else as `usage` has it."""
    made = turn.reply.timings.predicted_n
    return turn.reply.usage.completion_tokens if made is None else made


def filled_its_limit(turn: Turn) -> bool:
    """True where exactly as many tokens were generated as the request allowed, or there was room
    for; or more, where that is in the middle of a call.

    ik_llama.cpp calls such a reply finished, though it was cut; vLLM's streams say `tool_calls`.
    """
    made = generated(turn)
    if made and made in _limits(turn):
        return True
    if filled_its_context(turn):
        return True
    calls = turn.reply.message.tool_calls
    return bool(calls) and limit_reached(turn) is not None and breaks_off(calls[-1])


def filled_its_context(turn: Turn) -> bool:
    """True where prompt and reply together took all of the server's context, as it tells."""
    prompt, made, room = turn.reply.usage.prompt_tokens, generated(turn), turn.reply.timings.n_ctx
    if not prompt or not made or not room:
        return False
    return prompt < room <= prompt + made + 1


def limit_reached(turn: Turn) -> int | None:
    """The tokens that the request allowed, where at least as many were generated; else None.

    Some servers count one more, for the end that did not come.
    """
    made = generated(turn) or 0
    return next((n for n in _limits(turn) if isinstance(n, int) and 0 < n <= made), None)


def is_probe(turn: Turn) -> bool:
    """True where the request allows one token at most: it asks whether the server answers."""
    limits = _limits(turn)
    return any(isinstance(limit, int | float) and 0 <= limit <= 1 for limit in limits)


def _limits(turn: Turn) -> list[object]:
    """What the request says under the names of limits; most say nothing."""
    sent = turn.parameters
    return [sent[name] for name in _LIMITS if name in sent]
