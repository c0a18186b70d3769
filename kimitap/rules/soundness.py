"""What is wrong with a reply in itself, before anybody gave it back."""

import json
import re

import orjson

from kimitap.conversation import ToolCall, Turn

_SPECIAL_TOKEN = re.compile(r"<[|｜][^|｜<>\n]{1,60}[|｜]>")
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
"""Code in a text: what is quoted there did not leak."""
_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens", "n_predict")
_CALL_MARKUP = ("<tool_call>", "<function=", "[TOOL_CALLS]", "to=functions.")


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
    text = _CODE.sub("", turn.reply.message.text)
    if _SPECIAL_TOKEN.search(text):
        return True
    return bool(turn.tools) and any(markup in text for markup in _CALL_MARKUP)


def filled_its_limit(turn: Turn) -> bool:
    """True where exactly as many tokens were generated as the request allowed.

    ik_llama.cpp calls such a reply finished, though it was cut.
    """
    made = turn.reply.timings.predicted_n or turn.reply.usage.completion_tokens
    return made is not None and any(turn.parameters.get(name) == made for name in _LIMITS)


def flaw(turn: Turn) -> str:
    """Why an agent may rightly throw the reply away; `""` where it is sound."""
    if any(malformed(call) for call in turn.reply.message.tool_calls):
        return "the arguments of its call are no JSON object"
    if turn.reply.finish_reason == "length":
        return "it was cut by the length limit"
    if leaked(turn):
        return "special tokens leaked into its text"
    return ""
