"""Recognising a tool call that an agent wrote out as text instead of giving it back as a call.

Only text that renders a call counts. Text that merely names the tool does not: models and agents
talk about their tools all the time.
"""

from collections.abc import Callable

from kimitap.conversation import ToolCall

IN_ASSISTANT: tuple[Callable[[str], tuple[str, ...]], ...] = (
    lambda name: (f"[Tool Use: {name}]",),  # Roo Code, Cline: OpenAI's legacy format
    lambda name: (f"[tool_use: {name}]", f"[Tool call: {name}"),
    lambda name: ("Calling tools:", f"'name': '{name}'"),  # smolagents
    lambda name: ("Calling tools:", f'"name": "{name}"'),
    lambda name: (f'"name": "{name}"', '"arguments"'),
    lambda name: (f'"name":"{name}"', '"arguments"'),
    lambda name: (f"'name': '{name}'", "'arguments'"),
    lambda name: (f"<{name}>", f"</{name}>"),  # Cline's and Roo's XML
    lambda name: (f"<function={name}>",),  # Qwen, Llama
    lambda name: (f'<invoke name="{name}">',),  # Anthropic's XML
    lambda name: (f"@{name}(", "): "),  # gptme
    lambda name: (f"functions.{name}:",),  # Kimi's own tokens
)
"""What an assistant's text holds where it renders a call of `name`: all strings of one line."""

IN_RESULT: tuple[Callable[[str], tuple[str, ...]], ...] = (
    lambda name: (f"[{name} for ", "] Result"),  # Roo Code: a result whose call had no id
    lambda name: (f"[{name}] Result",),
    lambda name: (f"[Tool Use: {name}]",),
    lambda name: (f"[Tool Result: {name}]",),
)
"""What a user's text holds where it renders a call's result instead."""


def rendered(call: ToolCall, text: str) -> bool:
    """True where an assistant's `text` renders `call`."""
    return bool(call.name) and (_holds(IN_ASSISTANT, call.name, text) or call.is_answer(text))


def result_rendered(call: ToolCall, text: str) -> bool:
    """True where a user's `text` renders the call by way of its result."""
    return bool(call.name) and _holds(IN_RESULT, call.name, text)


def _holds(table: tuple[Callable[[str], tuple[str, ...]], ...], name: str, text: str) -> bool:
    return any(all(part in text for part in line(name)) for line in table)
