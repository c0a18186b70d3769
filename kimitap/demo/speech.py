"""What a model says in one reply, and Kimi K2's spelling of it.

The spelling is the documented token format: it is what the scripted server counts as tokens, and
what the demo puts into a real small model's mouth.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

JSON = Mapping[str, object]
"""A JSON object as `json.loads` gives it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call: the tool's name, its arguments as JSON text, and the id the model gave it."""

    name: str
    arguments: str
    id: str


@dataclass(frozen=True, slots=True)
class Speech:
    """One reply: reasoning, then text, then tool calls; each may be empty."""

    reasoning: str = ""
    text: str = ""
    calls: tuple[Call, ...] = ()

    @property
    def finish_reason(self) -> str:
        """How llama-server ends such a reply."""
        return "tool_calls" if self.calls else "stop"


def spelled_call(call: Call) -> str:
    """A tool call between Kimi's markers."""
    return (
        f"<|tool_call_begin|>{call.id}<|tool_call_argument_begin|>{call.arguments}<|tool_call_end|>"
    )


def spelled_calls(calls: Iterable[Call]) -> str:
    """The section of a reply that holds its tool calls; `""` if there are none."""
    inner = "".join(spelled_call(call) for call in calls)
    return f"<|tool_calls_section_begin|>{inner}<|tool_calls_section_end|>" if inner else ""


def spelled(speech: Speech) -> str:
    """A whole reply as the model's own tokens spell it."""
    thought = f"<think>{speech.reasoning}</think>" if speech.reasoning else ""
    return thought + speech.text + spelled_calls(speech.calls)


def text_of(content: object) -> str:
    """The text of a message's `content`: a string, a list of parts, or nothing."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))


def calls_of(message: JSON) -> tuple[Call, ...]:
    """The tool calls that an assistant message of a request carries."""
    calls = []
    for call in as_objects(message.get("tool_calls")):
        function = call.get("function")
        if isinstance(function, Mapping):
            name, arguments = str(function.get("name", "")), str(function.get("arguments", ""))
            calls.append(Call(name, arguments, str(call.get("id") or "")))
    return tuple(calls)


def as_objects(value: object) -> Sequence[JSON]:
    """The JSON objects in a list; nothing where `value` is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def rendered(request: JSON) -> str:
    """The prompt that a Kimi K2 template makes of a request, up to the reply's beginning."""
    tools = request.get("tools")
    prompt = []
    if tools:
        prompt.append(f"<|im_system|>tool_declare<|im_middle|>{json.dumps(tools)}<|im_end|>")
    for message in as_objects(request.get("messages")):
        prompt.append(rendered_message(message))
    prompt.append("<|im_assistant|>assistant<|im_middle|>")
    return "".join(prompt)


def rendered_message(message: JSON) -> str:
    """One message of the prompt, from its opening marker to `<|im_end|>`."""
    role, text = str(message.get("role")), text_of(message.get("content"))
    match role:
        case "user":
            head, body = "<|im_user|>user", text
        case "assistant":
            reasoning = text_of(message.get("reasoning_content"))
            head, body = (
                "<|im_assistant|>assistant",
                spelled(Speech(reasoning, text, calls_of(message))),
            )
        case "tool":
            head = "<|im_system|>tool"
            body = f"## Return of {message.get('tool_call_id')}\n{text}"
        case _:
            head, body = "<|im_system|>system", text
    return f"{head}<|im_middle|>{body}<|im_end|>"
