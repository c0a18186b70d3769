"""Requests and replies in the shapes of llama-server and its agents, written by seed."""

import json
import random
from datetime import UTC, datetime, timedelta

from kimitap.exchange import Body, Exchange

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

TEXT = (
    "the file line error path def return import class test value list string number open read "
    "write function argument model server client request response token stream tool call "
    "result message agent context window prompt system user assistant print loop while if "
    "else raise"
)
WORDS = TEXT.split()


def prose(random_: random.Random, words: int) -> str:
    """Text that compresses about as text does."""
    return " ".join(
        random_.choice(WORDS) + random_.choice(("", "", ".", ",\n", f"_{random_.randrange(999)}"))
        for _ in range(words)
    )


def dumped(value: object) -> bytes:
    """Compact JSON, as agents in JavaScript write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def conversation(turns: int, seed: int = 1, words: int = 200) -> list[bytes]:
    """The request bodies of one session: each repeats the one before and adds two messages."""
    random_ = random.Random(seed)
    tools = [
        {"type": "function", "function": {"name": f"tool_{i}", "description": prose(random_, 60)}}
        for i in range(5)
    ]
    messages: list[object] = [
        {"role": "system", "content": prose(random_, 400)},
        {"role": "user", "content": prose(random_, 20)},
    ]
    bodies = []
    for turn in range(turns):
        bodies.append(dumped({"model": "m", "messages": messages, "tools": tools, "stream": True}))
        call = {"id": f"c{turn}", "type": "function", "function": {"name": "tool_1"}}
        messages += [
            {"role": "assistant", "content": prose(random_, 30), "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"c{turn}", "content": prose(random_, words)},
        ]
    return bodies


def reply(seed: int, events: int = 40) -> list[tuple[float, bytes]]:
    """A streamed reply as it arrives: seconds and bytes, an event a part."""
    random_ = random.Random(f"reply {seed}")
    parts, at_s = [], random_.uniform(0.1, 2)
    for _ in range(events):
        delta = {"content": " " + random_.choice(WORDS)}
        chunk = {
            "choices": [{"finish_reason": None, "index": 0, "delta": delta}],
            "created": 1795344595,
            "id": f"chatcmpl-{seed:032d}",
            "model": "m",
            "object": "chat.completion.chunk",
        }
        parts.append((round(at_s, 4), b"data: " + dumped(chunk) + b"\n\n"))
        at_s += abs(random_.gauss(0.02, 0.002))
    parts.append((round(at_s, 4), b"data: [DONE]\n\n"))
    return parts


def asked(body: bytes, second: int = 0, **more: object) -> Exchange:
    """An exchange whose request has just arrived."""
    values: dict[str, object] = {
        "number": 0,
        "started_at": START + timedelta(seconds=second),
        "method": "POST",
        "scheme": "http",
        "host": "127.0.0.1",
        "port": 8080,
        "path": "/v1/chat/completions?x=1",
        "request_headers": (
            ("Host", "127.0.0.1:9090"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ),
        "request": Body.whole(body),
        "client": "127.0.0.1:50000",
    }
    return Exchange(**(values | more))  # type: ignore[arg-type]
