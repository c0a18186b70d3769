"""An agent on the official `openai` client: the demo's loop, its tools and its histories."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from openai import OpenAI, Stream
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from kimitap.demo.history import Entry, History, Memory, Result
from kimitap.demo.model import next_speech
from kimitap.demo.speech import Call, Speech, spelled
from kimitap.demo.tools import TOOLS, run_tool

END = [[2, 100]]
"""Makes the small model end its message: token 2 is `<|im_end|>`."""


def saying(speech: Speech) -> dict[str, Any]:
    """Further fields that make the small model say `speech`, through the real parser."""
    return {"chat_template_kwargs": {"suffix": spelled(speech)}, "logit_bias": END}


def complete(
    client: OpenAI, messages: Iterable[Entry], *, stream: bool, speech: Speech, **more: Any
) -> Speech:
    """One chat completion that says `speech`, as the official client hears it."""
    answer = client.chat.completions.create(
        model="kimi-k2",
        messages=cast(Any, list(messages)),
        tools=cast(Any, TOOLS),
        max_tokens=64,
        temperature=0,
        stream=stream,
        extra_body=saying(speech),
        **more,
    )
    return heard_stream(answer) if isinstance(answer, Stream) else heard_whole(answer)


def heard_whole(answer: ChatCompletion) -> Speech:
    """The reply of a request that did not stream."""
    message = answer.choices[0].message
    calls = [c for c in message.tool_calls or () if c.type == "function"]
    said = tuple(Call(c.function.name, c.function.arguments, c.id) for c in calls)
    return Speech(getattr(message, "reasoning_content", None) or "", message.content or "", said)


def heard_stream(chunks: Stream[ChatCompletionChunk]) -> Speech:
    """The reply put together from a stream's deltas."""
    reasoning = text = ""
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        for choice in chunk.choices:
            reasoning += getattr(choice.delta, "reasoning_content", None) or ""
            text += choice.delta.content or ""
            for part in choice.delta.tool_calls or ():
                call = calls.setdefault(part.index, ["", "", ""])
                if part.function:
                    call[0] += part.function.name or ""
                    call[1] += part.function.arguments or ""
                call[2] += part.id or ""
    return Speech(reasoning, text, tuple(Call(*calls[index]) for index in sorted(calls)))


def run(
    client: OpenAI, history: History, folder: Path, *, most_turns: int = 6, stream: bool = True
) -> list[Memory]:
    """Let an agent with this history do the demo's task; what it remembers in the end."""
    past: list[Memory] = []
    while len(past) < most_turns:
        messages = history(past)
        speech = next_speech({"messages": messages})
        reply = complete(client, messages, stream=stream, speech=speech)
        past.append(Memory(reply, tuple(Result(c, run_tool(c, folder)) for c in reply.calls)))
        if not reply.calls:
            break
    return past
