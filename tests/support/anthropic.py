"""Exchanges of Anthropic's Messages API, made from plain values."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from kimitap.conversation import Turn
from kimitap.dialects import Memo, anthropic_messages
from kimitap.exchange import Exchange, Headers, Outcome, Segment
from tests.support import chat

Json = dict[str, Any]


def text(said: str, **fields: Any) -> Json:
    return {"type": "text", "text": said, **fields}


def thinking(said: str, signature: str = "") -> Json:
    return {"type": "thinking", "thinking": said, "signature": signature}


def use(call_id: str, name: str, **arguments: Any) -> Json:
    """A call of a tool."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def result(call_id: str, content: Any = "done", **fields: Any) -> Json:
    """The result of a tool."""
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **fields}


def user(*content: Any) -> Json:
    """A user's message: blocks, or one string."""
    return {"role": "user", "content": _content(content)}


def assistant(*content: Any) -> Json:
    return {"role": "assistant", "content": _content(content)}


def _content(content: Sequence[Any]) -> Any:
    return content[0] if len(content) == 1 and isinstance(content[0], str) else list(content)


def request(*messages: Any, **fields: Any) -> Json:
    return {"model": "k", "max_tokens": 64, "messages": list(messages), **fields}


def reply(*blocks: Any, stop: str | None = "end_turn", **fields: Any) -> Json:
    """The body of an answer that was not streamed."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": list(blocks),
        "model": "kimi-k2",
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 7},
        **fields,
    }


def event(kind: str, **fields: Any) -> bytes:
    """One event as it stands in a stream."""
    return (
        b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **fields}) + b"\n\n"
    )


def start(**fields: Any) -> bytes:
    return event("message_start", message=reply(stop=None) | fields)


def begin(index: Any, block: Any) -> bytes:
    return event("content_block_start", index=index, content_block=block)


def delta(index: Any, kind: str, **fields: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": kind, **fields})


def stop(index: int) -> bytes:
    return event("content_block_stop", index=index)


def end(reason: Any = "end_turn", tokens: int = 7) -> bytes:
    """The last two events of a stream."""
    last = event("message_delta", delta={"stop_reason": reason}, usage={"output_tokens": tokens})
    return last + event("message_stop")


_DELTAS = {"text": "text_delta", "thinking": "thinking_delta"}


def stream_of(body: Json, step: int = 5) -> bytes:
    """The events by which a server would say `body`, `step` characters a delta."""
    out = start(**{name: body[name] for name in ("id", "model", "role")})
    for index, block in enumerate(body["content"]):
        kind = block["type"]
        if kind in _DELTAS:
            out += begin(
                index, {**block, kind: "", **({"signature": ""} if kind != "text" else {})}
            )
            said, name = block[kind], kind
        else:
            out += begin(index, {**block, "input": {}})
            said, name = orjson.dumps(block["input"]).decode(), "partial_json"
        for at in range(0, len(said), step):
            shown = _DELTAS.get(kind, "input_json_delta")
            out += delta(index, shown, **{name: said[at : at + step]})
        if block.get("signature"):
            out += delta(index, "signature_delta", signature=block["signature"])
        out += stop(index)
    return out + end(body["stop_reason"], body["usage"]["output_tokens"])


def exchange(
    sent: Json,
    answer: Json | bytes = b"",
    *,
    number: int = 1,
    status: int = 200,
    headers: Headers = (),
    outcome: Outcome | None = None,
    path: str = "/v1/messages?beta=true",
) -> Exchange:
    """One exchange; an answer in bytes is a stream where it begins as one."""
    body = answer if isinstance(answer, bytes) else orjson.dumps(answer)
    streamed = body.startswith(b"event:")
    made = chat.exchange(number, sent, None, status=status, path=path, headers=headers)
    ended = Outcome.COMPLETE if status < 400 else Outcome.HTTP_ERROR
    kind = "text/event-stream" if streamed else "application/json"
    return replace(
        made,
        response=body,
        segments=(Segment(0.5, len(body)),) if body else (),
        response_headers=(("Server", "llama.cpp"), ("Content-Type", kind)),
        outcome=outcome or ended,
    )


def read(sent: Json, answer: Json | bytes = b"", memo: Memo | None = None, **fields: Any) -> Turn:
    """The turn, from the dialect itself, so that nothing catches a mistake."""
    return anthropic_messages.decode(exchange(sent, answer, **fields), memo or Memo())


def said(answer: Json | bytes, **fields: Any) -> Turn:
    """The turn of an answer to an ordinary request."""
    return read(request(user("Hello.")), answer, **fields)
