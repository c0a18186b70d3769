"""The words that findings share: how a call is named, and what is quoted from an exchange."""

from collections.abc import Sequence

import orjson

from kimitap.conversation import Message, Reasoning, ToolCall, ToolResult, Turn
from kimitap.rules.finding import Evidence, Proof
from kimitap.visible import one_line

LONGEST_QUOTE = 200
"""Characters of a quote; a longer text is cut and ends in `…`."""

NAMED_CALL = 70
"""Characters of a call that is named in a sentence."""

BLANK = "(blank)"
"""What stands in a quote for content that is null, empty, white space or not there."""

ENDINGS = {"openai-chat": "finish_reason", "anthropic-messages": "stop_reason"}
"""What dialects call the reason why a reply ended; others have none, or words of their own."""


def cut(text: str, limit: int = LONGEST_QUOTE) -> str:
    """The beginning of `text`, exactly as it stands; a cut ends in `…`."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def written(call: ToolCall) -> str:
    """A call as text: `write_to_file({"path":"Test.md"})`, the arguments as on the wire."""
    return f"{call.name or '(no name)'}({call.arguments})"


def named(calls: Sequence[ToolCall]) -> str:
    """Calls in a sentence: `call a({})`, `calls a({}) and b({})`, `calls a({}) and 3 more`."""
    first = _named(calls[0])
    if len(calls) == 1:
        return f"call {first}"
    if len(calls) == 2:
        return f"calls {first} and {_named(calls[1])}"
    return f"calls {first} and {len(calls) - 1} more"


def _named(call: ToolCall) -> str:
    """A call on one line; one that is too long is cut within its parentheses: `read({"pa…)`."""
    whole = one_line(written(call), NAMED_CALL)
    return f"{whole.removesuffix('…')[:-1]}…)" if whole.endswith("…") else whole


def spoken(message: Message) -> str:
    """A message in one quote: its role, then its text and calls; `(blank)` where it is so."""
    said = [message.text] if message.text.strip() else []
    said += [written(call) for call in message.tool_calls]
    return f"{message.role}: {' '.join(said) or BLANK}"


def answered(result: ToolResult) -> str:
    """A result in one quote, as a message of role tool."""
    return f"tool: {result.text if result.text.strip() else BLANK}"


def tagged(name: str | None, text: str) -> str:
    """A call or result behind its id."""
    return f"{name or '(no id)'}: {text}"


def fact(turn: Turn, text: str) -> Evidence:
    """What was counted, measured, or found missing in the exchange: no words of it."""
    return Evidence(turn.exchange, cut(text), Proof.FACT)


def quoted_ending(turn: Turn, reason: str | None) -> Evidence:
    """Why a reply ended, under the wire's name; else as a fact, where the wire has no such name, or
    no reason."""
    field = ENDINGS.get(turn.dialect)
    if reason is None:
        return fact(turn, "no finish reason")
    if field is None or turn.reply.error:
        return fact(turn, f"ended as {reason}")
    return Evidence(turn.exchange, cut(f'"{field}": {orjson.dumps(reason).decode()}'))


def quoted_call(turn: Turn, call: ToolCall) -> Evidence:
    """The call as the exchange's reply has it."""
    return Evidence(turn.exchange, cut(written(call)))


def quoted_reply(turn: Turn) -> Evidence:
    """What the exchange's reply says."""
    return Evidence(turn.exchange, cut(spoken(turn.reply.message)))


def quoted_reasoning(turn: Turn) -> Evidence:
    """The beginning of the reply's reasoning, after the wire's name for it."""
    part = next(p for p in turn.reply.message.parts if isinstance(p, Reasoning))
    return Evidence(turn.exchange, cut(f"{part.field}: {part.text}"))


def quoted_request(turn: Turn, index: int) -> Evidence:
    """What stands at `index` of the exchange's request; at its end, what stands last."""
    if not turn.messages:
        return fact(turn, "a request without messages")
    at = min(index, len(turn.messages) - 1)
    return Evidence(turn.exchange, cut(spoken(turn.messages[at])))


def times(number: int, word: str) -> str:
    """`1 turn`, `3 turns`."""
    return f"{number} {word}" + ("" if number == 1 else "s")


def around(old: str, new: str, before: int = 30, after: int = 120) -> tuple[str, str]:
    """Both texts around their first difference."""
    shortest = min(len(old), len(new))
    at = shortest
    if old[:shortest] != new[:shortest]:
        low, high = 0, shortest
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if old[:middle] == new[:middle] else (low, middle)
        at = low
    start = max(0, at - before)
    return old[start : at + after], new[start : at + after]
