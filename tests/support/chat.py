"""Exchanges made from plain values: chat requests, and replies as a llama-server sends them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from kimitap.conversation import Turn
from kimitap.dialects import Memo, decode
from kimitap.exchange import Body, Elements, Exchange, Headers, Outcome, Piece, Segment, digest

BEGIN = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
"""When exchange 0 would have started; exchange N starts N times ten seconds later."""

AGENT: Headers = (("User-Agent", "test-agent/1.0"), ("Content-Type", "application/json"))


def body(value: Mapping[str, Any]) -> Body:
    """A JSON object's body, cut at the elements of its top-level arrays as a recording has it."""
    pieces: list[Piece] = []
    runs: list[Elements] = []
    glue = b"{"
    for i, (name, field) in enumerate(value.items()):
        glue += (b"," if i else b"") + orjson.dumps(name) + b":"
        if not isinstance(field, list) or not field:
            glue += orjson.dumps(field)
            continue
        pieces.append(_piece(glue + b"["))
        start = len(pieces)
        pieces += [_piece((b"," if j else b"") + orjson.dumps(v)) for j, v in enumerate(field)]
        runs.append(Elements(name, start, len(pieces)))
        glue = b"]"
    pieces.append(_piece(glue + b"}"))
    return Body(tuple(pieces), tuple(runs))


def _piece(data: bytes) -> Piece:
    return Piece(digest(data), data)


def exchange(
    number: int,
    request: Mapping[str, Any],
    reply: Mapping[str, Any] | None = None,
    *,
    stream: bool = False,
    status: int = 200,
    started_at: datetime | None = None,
    duration_s: float = 1.0,
    headers: Headers = (),
    cut: bool = False,
    outcome: Outcome | None = None,
    path: str = "/v1/chat/completions",
    client: str = "127.0.0.1:50000",
    extra: Mapping[str, Any] | None = None,
) -> Exchange:
    """One chat exchange.

    `reply` is a choice: `{"message": {…}, "finish_reason": …}`. With a status of 400 or more it is
    the body of the error. None is a reply that was cut: a stream that stopped after its first
    chunk. `cut` takes the end off (finish chunk and `[DONE]`, or the last half of the JSON).
    `extra` goes into the body, or into the stream's last chunk (usage, timings). Model and ids are
    a llama-server's. `headers` follow a User-Agent; `stream` also goes into the request.
    """
    began = started_at or BEGIN + timedelta(seconds=10 * number)
    ended = began + timedelta(seconds=duration_s)
    sent = {**request, "stream": True} if stream else dict(request)
    streamed = stream and status < 400
    response = _response(reply, streamed, status, number, extra or {}, cut)
    if outcome is None:
        outcome = Outcome.SERVER_CUT if cut or reply is None else Outcome.COMPLETE
        outcome = Outcome.HTTP_ERROR if status >= 400 else outcome
    agent = AGENT if not any(k.lower() == "user-agent" for k, _ in headers) else AGENT[1:]
    kind = "text/event-stream" if streamed else "application/json; charset=utf-8"
    return Exchange(
        number=number,
        started_at=began,
        method="POST",
        scheme="http",
        host="127.0.0.1",
        port=8080,
        path=path,
        request_headers=(*agent, *headers),
        request=body(sent),
        client=client,
        outcome=outcome,
        status=status,
        reason="OK" if status == 200 else "",
        response_headers=(("Server", "llama.cpp"), ("Content-Type", kind)),
        response=response,
        segments=(Segment(duration_s / 2, len(response)),) if response else (),
        headers_at=began + timedelta(seconds=duration_s / 2),
        ended_at=None if outcome is Outcome.IN_FLIGHT else ended,
    )


def turn(
    number: int, request: Mapping[str, Any], reply: Mapping[str, Any] | None, **k: Any
) -> Turn:
    """The decoded turn of `exchange(…)`."""
    decoded = decode(exchange(number, request, reply, **k))
    assert decoded is not None
    return decoded


def turns(exchanges: Sequence[Exchange]) -> list[Turn]:
    """The turns of exchanges, decoded with one memo, as a recording's are."""
    memo = Memo()
    found = (decode(one, memo) for one in exchanges)
    return [one for one in found if one is not None]


def _response(
    reply: Mapping[str, Any] | None,
    streamed: bool,
    status: int,
    number: int,
    extra: Mapping[str, Any],
    cut: bool,
) -> bytes:
    if status >= 400:
        return orjson.dumps(reply or {"error": {"code": status, "message": "failed"}})
    if streamed:
        return stream_of(reply, number, extra, cut=cut)
    if reply is None:
        return b""
    value = orjson.dumps(
        {
            "choices": [{"finish_reason": "stop", "index": 0, **reply}],
            **_names(number),
            "object": "chat.completion",
            **extra,
        }
    )
    return value[: len(value) // 2] if cut else value


def _names(number: int) -> dict[str, Any]:
    return {
        "created": 1_770_000_000 + number,
        "id": f"chatcmpl-{number:032d}",
        "model": "kimi-k2",
        "system_fingerprint": "b1-571d0d5",
    }


def stream_of(
    choice: Mapping[str, Any] | None,
    number: int = 1,
    extra: Mapping[str, Any] | None = None,
    *,
    cut: bool = False,
    step: int = 6,
) -> bytes:
    """The events of a llama-server that says `choice`, `step` characters of text a delta."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    message = dict(choice["message"]) if choice else {}
    for name in ("reasoning_content", "reasoning", "content"):
        text = message.get(name) or ""
        deltas += [{name: text[i : i + step]} for i in range(0, len(text), step)]
    for index, call in enumerate(message.get("tool_calls") or ()):
        deltas += _call_deltas(index, call, step)
    chunks = [_chunk(delta, None, number, None) for delta in deltas]
    ended = choice is not None and not cut
    if choice is not None and ended:
        chunks.append(_chunk({}, choice.get("finish_reason", "stop"), number, extra))
    events = b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks)
    return events + (b"data: [DONE]\n\n" if ended else b"")


def _call_deltas(index: int, call: Mapping[str, Any], step: int) -> list[dict[str, Any]]:
    function = call["function"]
    arguments = function["arguments"]
    first = {**call, "index": index, "function": {"name": function["name"], "arguments": ""}}
    if not isinstance(arguments, str):
        return [{"tool_calls": [{**first, "function": function}]}]
    rest = [arguments[i : i + step] for i in range(0, len(arguments), step)]
    return [
        {"tool_calls": [first]},
        *({"tool_calls": [{"index": index, "function": {"arguments": a}}]} for a in rest),
    ]


def _chunk(
    delta: Mapping[str, Any], reason: str | None, number: int, extra: Mapping[str, Any] | None
) -> dict[str, Any]:
    return {
        "choices": [{"finish_reason": reason, "index": 0, "delta": delta}],
        **_names(number),
        "object": "chat.completion.chunk",
        **(extra or {}),
    }


def system(text: str) -> dict[str, Any]:
    return {"role": "system", "content": text}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str | None = None, *calls: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """An assistant's message; `fields` such as `reasoning_content` go in as they are."""
    message: dict[str, Any] = {"role": "assistant", "content": text, **fields}
    return {**message, "tool_calls": list(calls)} if calls else message


def call(name: str, arguments: Any, id: str | None = "call_1") -> dict[str, Any]:
    """A tool call; `arguments` that are no string are written as JSON. `id` None leaves it out."""
    text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
    made = {"type": "function", "function": {"name": name, "arguments": text}}
    return made if id is None else {"id": id, **made}


def result(text: str, id: str | None = "call_1") -> dict[str, Any]:
    """A tool's result."""
    made = {"role": "tool", "content": text}
    return made if id is None else {**made, "tool_call_id": id}


def tool(name: str, **properties: Any) -> dict[str, Any]:
    """The declaration of a tool; `properties` are its parameters' schemas, all required."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def request(
    *messages: Mapping[str, Any], tools: Sequence[Any] = (), **fields: Any
) -> dict[str, Any]:
    """A request's JSON."""
    made: dict[str, Any] = {"model": "kimi-k2", "messages": list(messages), **fields}
    return {**made, "tools": list(tools)} if tools else made


def choice(message: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """A server's choice; by default it ended for its calls, or stopped."""
    reason = finish_reason or ("tool_calls" if message.get("tool_calls") else "stop")
    return {"message": dict(message), "finish_reason": reason}
