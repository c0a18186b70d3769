"""Roo Code 3.34.2's serialisers of one and the same history, by what they put on the wire.

The R1 one is the demo's own (`kimitap.demo.history.r1`).
"""

from collections.abc import Sequence

from kimitap.demo.history import (
    ENVIRONMENT,
    SYSTEM,
    TASK,
    Entry,
    Memory,
    Result,
    assistant_message,
    tool_message,
)
from kimitap.demo.stage import named


def opening() -> list[Entry]:
    """The system prompt, and the task with what Roo knows of the editor."""
    return [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": f"{TASK}\n{ENVIRONMENT}"},
    ]


def default(past: Sequence[Memory]) -> list[Entry]:
    """Native tool calling: calls and results right, but the model's reasoning is not given back."""
    messages = opening()
    for memory in past:
        messages.append(assistant_message(memory.reply, with_reasoning=False))
        messages.extend(tool_message(result) for result in memory.results)
        messages.append({"role": "user", "content": ENVIRONMENT})
    return messages


def legacy(past: Sequence[Memory]) -> list[Entry]:
    """ "Legacy OpenAI format": every part of a message becomes a line of text."""
    messages = opening()
    for memory in past:
        spoken = [memory.reply.text] if memory.reply.text else []
        used = [f"[Tool Use: {call.name}]" for call in memory.reply.calls]
        told = [result.text for result in memory.results]
        messages.append({"role": "assistant", "content": "\n".join([*spoken, *used])})
        messages.append({"role": "user", "content": "\n".join([*told, ENVIRONMENT])})
    return messages


def without_ids(past: Sequence[Memory]) -> list[Entry]:
    """What is left of calls that came without an id: Roo takes them for its old text calls."""
    messages = opening()
    for memory in past:
        told = [labelled(result) for result in memory.results]
        messages.append({"role": "assistant", "content": memory.reply.text})
        messages.append({"role": "user", "content": "\n".join([*told, ENVIRONMENT])})
    return messages


def labelled(result: Result) -> str:
    """A result under the name of its tool and the file it is about."""
    tool, _, path = named(result.call).partition(" ")
    return f"[{tool} for '{path}'] Result:\n{result.text}"
