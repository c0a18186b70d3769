"""The shape of a reply: what two runs of one request can be held to have in common."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from kimitap.conversation import ToolCall, Turn
from kimitap.dialects import decode
from kimitap.errors import UsageError
from kimitap.exchange import Exchange, Outcome
from kimitap.lineage import Session, Thread
from kimitap.rules import RULES
from kimitap.rules.checker import Checker
from kimitap.rules.finding import Side
from kimitap.visible import one_line

_UUID = re.compile(r"(?:[a-z]+[_-])?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_KIMI = re.compile(r"functions\..+:\d+")
_PREFIXED = re.compile(r"([a-zA-Z]{2,12}[_-])[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class CallShape:
    """A tool call: its name, its arguments' keys (None: no JSON object), the form of its id."""

    name: str
    keys: tuple[str, ...] | None
    id_form: str


@dataclass(frozen=True)
class Shape:
    """What one run came to. Times are seconds since the request; None where nothing told it."""

    exchange: int
    status: int | None
    ending: str
    """How the exchange ended, in the words of its outcome."""
    error: str
    streamed: bool
    finish_reason: str | None
    calls: tuple[CallShape, ...]
    stands_for: tuple[tuple[str, str], ...]
    """The calls by name and canonical arguments, as `repeated-tool-call` compares them."""
    has_text: bool
    has_reasoning: bool
    found: tuple[str, ...]
    """The rules that strike at this reply by itself."""
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    first_event_s: float | None
    duration_s: float | None
    tokens_per_second: float | None


def shape_of(exchange: Exchange) -> Shape:
    """The shape of an exchange's reply. Raises `UsageError` where that is no model call."""
    turn = decode(exchange)
    if turn is None:
        raise UsageError(f"exchange {exchange.number} is no model call")
    return shape_of_turn(turn)


def shape_of_turn(turn: Turn) -> Shape:
    """The shape of a turn's reply."""
    reply = turn.reply
    return Shape(
        exchange=turn.exchange,
        status=turn.status,
        ending=_ending(turn),
        error=one_line(reply.error or turn.detail, 300),
        streamed=reply.streamed,
        finish_reason=reply.finish_reason,
        calls=tuple(map(_call, reply.message.tool_calls)),
        stands_for=tuple(call.stands_for for call in reply.message.tool_calls),
        has_text=bool(reply.message.text.strip()),
        has_reasoning=bool(reply.message.reasoning.strip()),
        found=tuple(_found(turn)),
        prompt_tokens=_prompt_tokens(turn),
        completion_tokens=_either(reply.usage.completion_tokens, reply.timings.predicted_n),
        cached_tokens=_either(reply.timings.cache_n, reply.usage.cached_tokens),
        first_event_s=turn.first_event_s,
        duration_s=turn.duration_s,
        tokens_per_second=turn.tokens_per_second,
    )


def _ending(turn: Turn) -> str:
    if turn.outcome is Outcome.COMPLETE:
        return "complete" if turn.reply.complete else "complete, but no reply"
    return str(turn.outcome)


def _call(call: ToolCall) -> CallShape:
    return CallShape(call.name, _keys(call), _id_form(call.id))


def _keys(call: ToolCall) -> tuple[str, ...] | None:
    if call.free:
        return ()
    try:
        value = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        return None
    return tuple(sorted(value)) if isinstance(value, dict) else None


def _id_form(identifier: str | None) -> str:
    """What ids of this kind have in common: `call_…`, `functions.NAME:N`, `32 characters`."""
    if identifier is None:
        return "none"
    if not identifier:
        return "empty"
    if _KIMI.fullmatch(identifier):
        return "functions.NAME:N"
    if _UUID.fullmatch(identifier.lower()):
        return "UUID"
    prefixed = _PREFIXED.fullmatch(identifier)
    return f"{prefixed[1]}…" if prefixed else f"{len(identifier)} characters"


def _found(turn: Turn) -> Iterator[str]:
    """The names of the rules that strike at the reply, in the order of the list of rules."""
    thread = Thread(turn.exchange, (turn,), (None,))
    checker = Checker(RULES)
    checker.update([Session(turn.exchange, (thread,))])
    struck = {
        finding.rule
        for finding in checker.findings
        if finding.place.message_index is None and finding.side is not Side.AGENT
    }
    yield from (rule.name for rule in RULES if rule.name in struck)


def _prompt_tokens(turn: Turn) -> int | None:
    told = turn.reply.timings
    if turn.reply.usage.prompt_tokens is not None:
        return turn.reply.usage.prompt_tokens
    if told.prompt_n is None:
        return None
    return told.prompt_n + (told.cache_n or 0)


def _either(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def words_for(shape: Shape) -> dict[str, str]:
    """The shape as words, by the name of each: what is the same in two runs reads the same."""
    names = [one_line(call.name, 60) for call in shape.calls]
    return {
        "status": str(shape.status) if shape.status is not None else "none",
        "ending": shape.ending,
        "error": shape.error or "none",
        "finish_reason": one_line(shape.finish_reason or "none", 60),
        "tool calls": ", ".join(names) if names else "none",
        "arguments": _each(_arguments(call) for call in shape.calls),
        "ids": _each(call.id_form for call in shape.calls),
        "text": "yes" if shape.has_text else "none",
        "reasoning": "yes" if shape.has_reasoning else "none",
        "found in it": ", ".join(shape.found) if shape.found else "nothing",
    }


def _arguments(call: CallShape) -> str:
    if call.keys is None:
        return "no JSON object"
    return "{" + ", ".join(one_line(key, 40) for key in call.keys[:12]) + "}"


def _each(words: Iterator[str]) -> str:
    told: Sequence[str] = list(words)
    return " ".join(told) if told else "none"
