"""Chat streams as various servers send them, chunk by chunk, and the request that they answer."""

from collections.abc import Mapping

import orjson

from kimitap.rules.examples import TASK, TOOLS, Json
from kimitap.rules.rule import Sample

END = b"data: [DONE]\n\n"
ARGUMENTS = '{"path": "notes.txt"}'


def chunk(
    delta: Json, reason: str | None = None, choice: Json | None = None, **top: object
) -> bytes:
    """One event: a delta, with further fields of the choice and of the chunk."""
    made = {"index": 0, "delta": delta, "finish_reason": reason, **(choice or {})}
    return event({"id": "c-1", "object": "chat.completion.chunk", "choices": [made], **top})


def event(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def usage(prompt: int, completion: int, **more: object) -> bytes:
    """The last chunk, which has counts and no choice."""
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, **more}
    return event({"choices": [], "usage": counts})


def piece(
    index: int | None = 0, /, name: object = "", arguments: object = "", **more: object
) -> Json:
    """A piece of a call in a delta: `id` and `type` among `more`; blank fields are left out."""
    function = {"name": name, "arguments": arguments}
    said: Mapping[str, object] = {k: v for k, v in function.items() if v != ""}
    return {**({} if index is None else {"index": index}), **more, "function": said}


def streamed(*events: bytes, end: bytes = END, **asked: object) -> Sample:
    """A reply of these events to the examples' task."""
    request = {"model": "m", "messages": list(TASK), "tools": TOOLS, **asked}
    return Sample(request, None, raw=b"".join(events) + end)
