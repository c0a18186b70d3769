"""What is wrong with a reply in itself, before anybody gave it back."""

import json
import re
from collections.abc import Iterator

import orjson

from kimitap.conversation import ToolCall, Turn
from kimitap.exchange import NO_RESPONSE, NOT_KEPT
from kimitap.lineage import Thread
from kimitap.rules import markers

_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens", "n_predict")

_FORMS = ("json_schema", "grammar", "guided_json", "structured_outputs")

_HOLE = re.compile(r"<[|｜]?fim[_▁-]?(?:middle|hole|begin|prefix)|<(?:MID|SUF)>|\[SUFFIX\]", re.I)
"""What stands in a prompt that is to be filled in, in the tokens of the families that can."""

CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_context_window_exceeded"})
"""Finish reasons that say: it was cut for its length."""
CALLED = frozenset({"tool_calls", "function_call", "tool_use"})
"""Finish reasons that say: it ended for its calls."""
SAID = frozenset({"stop", "end_turn", "stop_sequence"})
"""Finish reasons that say: it ended by itself, without a call."""

_BEGINNINGS = frozenset(
    word[:n] for word in ("true", "false", "null", "-") for n in range(len(word) + 1)
)
"""What may be left of a word that was cut; the empty rest is among them."""


def is_object(arguments: str) -> bool:
    """True where the text is a JSON object; `""` and `null` count as `{}`."""
    text = arguments.strip()
    if text in {"", "null"}:
        return True
    return text.startswith("{") and is_json(text)


def is_json(text: str) -> bool:
    """True for JSON, read as leniently as servers do (NaN, half surrogate pairs)."""
    for loads in (orjson.loads, json.loads):
        try:
            loads(text)
        except (ValueError, RecursionError):
            continue
        return True
    return False


def malformed(call: ToolCall) -> bool:
    """True where no agent can run the call, since its arguments are no JSON object."""
    return not call.free and not is_object(call.arguments)


def leaked(turn: Turn) -> bool:
    """True where the reply's text holds special tokens, or markup of calls to declared tools.

    Without declared tools the markup is an agent's own text protocol. In code it is quoted: people
    who write chat templates talk of such tokens all the time.
    """
    text = turn.reply.message.text
    if markers.tokens_in(text, tools=bool(turn.tools)):
        return True
    return bool(markers.calls_in(text, tool_names(turn)))


def tool_names(turn: Turn) -> frozenset[str]:
    """The names of the tools that the request declares."""
    return frozenset(tool.name for tool in turn.tools if tool.name)


def is_told_its_form(turn: Turn) -> bool:
    """True where the request says of what form the text must be: its JSON is the answer."""
    asked = turn.parameters
    form = asked.get("response_format") or asked.get("text")  # Responses: `text.format`
    form = form.get("format", form) if isinstance(form, dict) else None
    kind = form.get("type") if isinstance(form, dict) else None
    return kind in ("json_schema", "json_object") or any(map(asked.get, _FORMS))


def ended(thread: Thread) -> Iterator[Turn]:
    """The thread's turns whose replies are whole: a cut or failed one is another rule's."""
    return (turn for turn in thread.turns if turn.succeeded and not was_aborted(turn))


def is_unkept(turn: Turn) -> bool:
    """True where a part of the answer passed and was lost by the recorder or by the capture."""
    told = (fault.what for fault in turn.faults if fault.where == "response")
    return any(what.endswith((NOT_KEPT, NO_RESPONSE)) for what in told)


def was_cut(turn: Turn) -> bool:
    """True where the server says that it cut the reply for its length."""
    return turn.reply.finish_reason in CUT


def was_aborted(turn: Turn) -> bool:
    """True where the server says that it gave the request up: SGLang and vLLM do, when they must
    make room or are told to."""
    return turn.succeeded and turn.reply.finish_reason == "abort"


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
    if made and any(turn.parameters.get(name) == made for name in _LIMITS):
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
    limits = (turn.parameters.get(name) for name in _LIMITS)
    return next((n for n in limits if isinstance(n, int) and 0 < n <= made), None)


def is_probe(turn: Turn) -> bool:
    """True where the request allows one token at most: it asks whether the server answers."""
    limits = (turn.parameters.get(name) for name in _LIMITS)
    return any(isinstance(limit, int | float) and 0 <= limit <= 1 for limit in limits)


def is_filling_in(turn: Turn) -> bool:
    """True where an editor asks what to type next: nothing, or as much as fits, is an answer."""
    if turn.dialect != "completion":
        return False
    asked = turn.path.split("?", 1)[0].rstrip("/").endswith("/infill")
    if asked or turn.parameters.get("suffix"):
        return True
    return any(_HOLE.search(message.text) for message in turn.messages)


def breaks_off(call: ToolCall) -> bool:
    """True where the arguments are the beginning of a JSON object, and its end is missing."""
    text = call.arguments.strip()
    if call.free or not text.startswith("{"):
        return False
    try:
        json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        rest = text[error.pos :]
        if error.msg.startswith("Invalid \\u"):
            return len(rest) < len("uXXXX")
        return error.msg.startswith("Unterminated") or rest in _BEGINNINGS
    except (ValueError, RecursionError):
        return False
    return False


def flaw(turn: Turn) -> str:
    """Why an agent may rightly throw the reply away; `""` where it is sound."""
    if any(malformed(call) for call in turn.reply.message.tool_calls):
        return "the arguments of its call are no JSON object"
    if was_cut(turn):
        return "it was cut by the length limit"
    if was_aborted(turn):
        return "the server gave it up"
    if leaked(turn):
        return "special tokens leaked into its text"
    return ""
