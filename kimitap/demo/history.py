"""How an agent writes its own past into the next request: the healthy way, and the lossy one.

An agent keeps what happened in a form of its own and serialises it anew for each request. The bug
that Kimitap was made for is a serialiser that leaves out tool calls and their results.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kimitap.demo.speech import Call, Speech

SYSTEM = (
    "You are a careful assistant that works in one folder. "
    "Use the tools to do what the user asks, one at a time, and end with a short sentence."
)

TASK = "<task>\nWrite a three-line poem about tea to Test.md, then check the file.\n</task>"

ENVIRONMENT = (
    "<environment_details>\n# Open tabs\nTest.md\n\n# Current mode\ncode\n</environment_details>"
)
"""What agents of this family append to every user message; the same each time here."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool answered to a call."""

    call: Call
    text: str


@dataclass(frozen=True, slots=True)
class Memory:
    """One model call of the agent's past: what the model said, and what its tools answered."""

    reply: Speech
    results: tuple[Result, ...]


Entry = dict[str, object]
"""One message of a request, as it goes on the wire."""

History = Callable[[Sequence[Memory]], list[Entry]]
"""A serialiser: the past so far to the messages of the next request."""


def healthy(past: Sequence[Memory]) -> list[Entry]:
    """Native tool calling: every call, result and thought comes back as it was."""
    messages: list[Entry] = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": f"{TASK}\n{ENVIRONMENT}"},
    ]
    for memory in past:
        messages.append(assistant_message(memory.reply))
        messages.extend(tool_message(result) for result in memory.results)
    return messages


def assistant_message(reply: Speech, *, with_reasoning: bool = True) -> Entry:
    """A reply as a message of the history."""
    message: Entry = {"role": "assistant", "content": reply.text}
    if with_reasoning and reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in reply.calls
        ]
    return message


def tool_message(result: Result) -> Entry:
    """A tool's answer as a message of the history."""
    return {"role": "tool", "tool_call_id": result.call.id, "content": result.text}


def r1(past: Sequence[Memory]) -> list[Entry]:
    """What Roo Code 3.34.2 sends with "R1 model parameters" turned on.

    The system prompt stands in the first user message, and of every later message only its text is
    kept: a reply that was nothing but a tool call becomes `""`, and its result vanishes.
    """
    messages: list[Entry] = [{"role": "user", "content": f"{SYSTEM}\n{TASK}\n{ENVIRONMENT}"}]
    for memory in past:
        messages.append({"role": "assistant", "content": memory.reply.text})
        messages.append({"role": "user", "content": ENVIRONMENT})
    return messages
