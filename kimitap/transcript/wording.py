"""The words and numbers of a row."""

from collections.abc import Iterator
from datetime import datetime

import orjson

from kimitap.conversation import (
    Image,
    Message,
    Other,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from kimitap.exchange import Outcome
from kimitap.rules.endings import CALLED, SAID
from kimitap.visible import one_line

WIDEST = 400
"""Characters of a text that a row shows before it is unfolded."""


def clock(moment: datetime) -> str:
    """The local time of day."""
    return moment.astimezone().strftime("%H:%M:%S")


def count(number: int) -> str:
    """A number of tokens in at most five characters: 812, 17.4k, 1.2M."""
    if number < 1000:
        return str(number)
    return f"{number / 1000:.1f}k" if number < 999_950 else f"{number / 1e6:.1f}M"


def plural(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def size_of(text: str) -> str:
    """`1 line`, `214 lines · 11,088 chars`: how much there is to unfold."""
    lines = text.count("\n") + 1
    chars = plural(len(text), "char")
    return chars if lines == 1 else f"{plural(lines, 'line')} · {chars}"


def prompt_tokens(turn: Turn) -> int | None:
    usage, timings = turn.reply.usage, turn.reply.timings
    if usage.prompt_tokens is not None:
        return usage.prompt_tokens
    if timings.prompt_n is None:
        return None
    return timings.prompt_n + (timings.cache_n or 0)


def reply_tokens(turn: Turn) -> int | None:
    usage, timings = turn.reply.usage, turn.reply.timings
    return timings.predicted_n if usage.completion_tokens is None else usage.completion_tokens


def cached_tokens(turn: Turn) -> int | None:
    """Prompt tokens that the server did not evaluate again, by the first source that tells."""
    usage, timings = turn.reply.usage, turn.reply.timings
    if timings.cache_n is not None:
        return timings.cache_n
    if usage.cached_tokens is not None:
        return usage.cached_tokens
    if usage.prompt_tokens is not None and timings.prompt_n is not None:
        return usage.prompt_tokens - timings.prompt_n
    return None


def turn_numbers(turn: Turn) -> Iterator[str]:
    """`17.4k in`, `185 out`, `2.5 s`, `cache 96%`, as far as known."""
    sent, said, cached = prompt_tokens(turn), reply_tokens(turn), cached_tokens(turn)
    if sent is not None:
        yield f"{count(sent)} in"
    if said is not None:
        yield f"{count(said)} out"
    if turn.duration_s is not None:
        yield f"{turn.duration_s:.1f}s"
    if sent and cached is not None:
        yield f"cache {100 * cached // sent}%"


def models_of(turn: Turn) -> str:
    """The model that a turn asked for, and the one that answered where it says another."""
    asked, answered = one_line(turn.model, 60), one_line(turn.reply.model, 60)
    if not asked or not answered or asked == answered:
        return asked or answered
    return f"{asked}, answered by {answered}"


def turn_ending(turn: Turn) -> str:
    """How the turn ended, where that is not simply well."""
    if turn.outcome is Outcome.IN_FLIGHT:
        return "in flight"
    if turn.outcome is Outcome.HTTP_ERROR or (turn.status or 200) >= 400:
        return f"HTTP {turn.status}"
    if turn.outcome is not Outcome.COMPLETE and not turn.reply.complete:
        return turn.outcome.value
    if turn.reply.finish_reason in {None, *SAID, *CALLED}:
        return ""
    return f"finish: {one_line(str(turn.reply.finish_reason), 40)}"


def turn_facts(turn: Turn) -> str:
    """What unfolding a turn's header shows."""
    reply = turn.reply
    facts = {
        "started": turn.started_at.astimezone().isoformat(timespec="milliseconds"),
        "request": f"{turn.path} · {turn.dialect} · {plural(len(turn.messages), 'message')} · "
        f"{plural(len(turn.tools), 'tool')}{' · streamed' if turn.stream else ''}",
        "agent": turn.agent,
        "server": turn.server,
        "model": " → ".join(dict.fromkeys(m for m in (turn.model, reply.model) if m)),
        "fingerprint": reply.fingerprint,
        "session": turn.scope.session and f"{turn.scope.session} ({turn.scope.source})",
        "outcome": f"{turn.outcome.value}{turn.detail and ': ' + turn.detail}",
        "first event": "" if turn.first_event_s is None else f"{turn.first_event_s:.3f}s",
        "finish": reply.finish_reason or "",
        "parameters": ", ".join(f"{k}={v}" for k, v in turn.parameters.items())[:2000],
    }
    return "\n".join(f"{name:<12}{value}" for name, value in facts.items() if value)


def call_line(call: ToolCall, limit: int = WIDEST) -> str:
    """`name(key="value", …)`; arguments that are no JSON object stand as they are."""
    return one_line(f"{call.name}({_arguments(call.arguments)})", limit)


def _arguments(text: str) -> str:
    if len(text) > 50 * WIDEST:
        return text[: 50 * WIDEST]
    try:
        value = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return text
    if not isinstance(value, dict):
        return "" if value is None else text
    try:
        return ", ".join(f"{key}={_plain_json(item)}" for key, item in value.items())
    except orjson.JSONEncodeError:  # nested too deep to be written again
        return text


def _plain_json(value: object) -> str:
    return orjson.dumps(value).decode()


def pretty_call(call: ToolCall) -> str:
    """The call's id and its arguments, indented where they are JSON."""
    try:
        arguments = orjson.dumps(orjson.loads(call.arguments), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        arguments = call.arguments
    named = "no id" if call.id is None else f"id {call.id or '(empty)'}"
    return f"{call.name}  {named}\n{arguments}"


def part_line(part: Part) -> str:
    """What one part says, on one line."""
    match part:
        case Reasoning("", signature=signature) if signature:
            line = f"(not shown to the agent: {len(signature):,} characters for the server)"
        case Text(text) | Reasoning(text):
            line = text
        case ToolCall():
            return call_line(part)
        case ToolResult():
            line = part.text
        case Image():
            line = f"image {part.media_type} {part.size:,} B {part.digest}"
        case Other():
            line = f"{part.kind}: {part.json}"
    return one_line(line, WIDEST) or "(blank)"


def message_line(message: Message, limit: int = WIDEST) -> str:
    """What a whole message says, on one line: its text, then its calls."""
    said = [one_line(message.text, limit)] if message.text.strip() else []
    said += [call_line(call, limit) for call in message.tool_calls]
    return one_line(" · ".join(said), limit) or "(blank)"


def message_text(message: Message) -> str:
    """A whole message for unfolding: reasoning, text, calls."""
    said = [f"(reasoning) {message.reasoning}"] if message.reasoning.strip() else []
    said += [message.text] if message.text.strip() else []
    said += [pretty_call(call) for call in message.tool_calls]
    return "\n".join(said)
