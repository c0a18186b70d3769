"""What real requests hold beside the conversation: a clock in the prompt, a tool that comes later.

A session is broken first and dressed then, so that the agent which loses a turn also tells the
time: a lost turn must be seen though the messages before it differ.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from kimitap.rules.examples import Json
from kimitap.rules.rule import Sample
from tests.scoring.cutting import messages_of, with_messages


class Dress(StrEnum):
    """One of these ways, or none."""

    PLAIN = "as it is"
    CLOCK_IN_PROMPT = "a clock in the system prompt"
    CLOCK_IN_TASK = "a clock in the first user message"
    TOOL_ADDED = "a tool that is added"


_OF_PROMPTS = frozenset({"prompt-cache-broken", "shortened-prompt"})
"""Rules that ask whether a prompt is the one before it and more: here none is."""
OWN_RULES = {
    Dress.PLAIN: frozenset[str](),
    Dress.CLOCK_IN_PROMPT: _OF_PROMPTS | {"changed-system"},
    Dress.CLOCK_IN_TASK: _OF_PROMPTS | {"edited-history"},
    Dress.TOOL_ADDED: _OF_PROMPTS | {"changed-tools"},
}
"""The rules that take note of the dress itself: a fault of theirs is not told apart from it."""

MCP_TOOL: Json = {
    "type": "function",
    "function": {"name": "search_docs", "parameters": {"type": "object", "properties": {}}},
}
"""As a server of the Model Context Protocol brings it, once it is connected."""


def dressed(samples: Sequence[Sample], dress: Dress) -> list[Sample]:
    """The session with a clock in each request, or with one tool more from the second one on."""
    match dress:
        case Dress.CLOCK_IN_PROMPT:
            return [_told(s, "system", f"It is Monday, {_time(i)}.") for i, s in enumerate(samples)]
        case Dress.CLOCK_IN_TASK:
            told = (f"(sent at 2026-11-23T{_time(i)}Z)" for i in range(len(samples)))
            return [_told(s, "user", text) for s, text in zip(samples, told, strict=True)]
        case Dress.TOOL_ADDED:
            return [samples[0], *map(_with_tool, samples[1:])]
        case _:
            return list(samples)


def _time(number: int) -> str:
    return f"10:{number:02}:{7 * number % 60:02}"


def _told(sample: Sample, role: str, clock: str) -> Sample:
    """The request with the clock at the end of its first message of that role."""
    messages = messages_of(sample)
    at = next((i for i, message in enumerate(messages) if message["role"] == role), None)
    if at is None or not isinstance(messages[at]["content"], str):
        return sample
    messages[at] = {**messages[at], "content": f"{messages[at]['content']}\n{clock}"}
    return with_messages(sample, messages)


def _with_tool(sample: Sample) -> Sample:
    tools: Sequence[Json] = sample.request.get("tools") or ()  # type: ignore[assignment] # a test's JSON
    if not tools:
        return sample
    return replace(sample, request={**sample.request, "tools": [*tools, MCP_TOOL]})
