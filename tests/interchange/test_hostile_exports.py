"""Hostile recordings in every format: valid of its kind, and never a traceback."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from kimitap.exchange import Body, Exchange, Segment
from kimitap.interchange.outgoing import otlp
from kimitap.interchange.outgoing.chats import chats
from kimitap.interchange.outgoing.har import har
from kimitap.interchange.outgoing.jsonl import lines
from kimitap.interchange.outgoing.spans import spans
from kimitap.interchange.outgoing.told import tell
from kimitap.interchange.outgoing.turns import turn_lines
from tests.support import chat
from tests.support.captured import every_kind
from tests.support.checks import HOSTILE

DEEP = "[" * 3000 + "]" * 3000
REQUESTS = (
    b"",
    b"\xff\xfe",
    b"null",
    b"[]",
    DEEP.encode(),
    b'{"messages":' + DEEP.encode() + b"}",
    b'{"messages":[{"role":"user","content":"\\ud800"}],"model":"\\udfff","stop":["\\ud800"]}',
    b'{"messages":[7,null,{"role":5},{"role":"x","content":{}}],"tools":[1,{"a":'
    + b"9" * 400
    + b"}]}",
    b'{"messages":[],"n":1e999,"seed":' + b"9" * 40 + b',"temperature":NaN,"max_tokens":-1}',
    json.dumps(chat.request(chat.user(HOSTILE), tools=[chat.tool(HOSTILE)])).encode(),
)
RESPONSES = (
    b"",
    b"\x00\xff",
    b'{"choices":[{"message":{"role":"assistant","content":"\\ud800"},"finish_reason":"\\udc00"}],'
    b'"usage":{"prompt_tokens":' + b"9" * 30 + b',"completion_tokens":-5},"id":"\\ud800"}',
    b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"","function":{"name":"\\ud800",'
    b'"arguments":"{"}}]}}]}\n\ndata: [DONE]\n\n',
    b'{"error":' + DEEP.encode() + b"}",
)


def hostile() -> list[Exchange]:
    """Every request with every response."""
    base = every_kind()[0]
    made = [
        replace(
            base,
            request=Body.whole(sent),
            response=got,
            segments=(Segment(1.0, len(got)),) if got else (),
            response_headers=(("Content-Type", kind), ("X", HOSTILE)),
            detail=HOSTILE,
            path=f"/v1/chat/completions?{HOSTILE}",
        )
        for sent in REQUESTS
        for got in RESPONSES
        for kind in ("application/json", "text/event-stream")
    ]
    return [replace(one, number=i, origin=f"h{i}") for i, one in enumerate(made, 1)]


def as_otlp(exchanges: Iterable[Exchange]) -> Iterable[str]:
    return otlp.json_lines(spans(tell(exchanges), with_content=True))


WRITES: dict[str, Callable[[list[Exchange]], Iterable[str]]] = {
    "jsonl": lines,
    "turns": lambda exchanges: turn_lines(tell(exchanges)),
    "chats": lambda exchanges: (c.line for c in chats(tell(exchanges)) if c.line),
    "otlp": as_otlp,
}


@pytest.mark.parametrize("kind", WRITES)
def test_every_line_is_json(kind: str) -> None:
    written = list(WRITES[kind](hostile()))
    assert all(line.endswith("\n") and "\n" not in line[:-1] for line in written)
    values: list[Any] = [json.loads(line) for line in written]
    assert kind == "chats" or values
    "".join(written).encode("utf-8")


def test_a_har_of_them_is_one_document() -> None:
    value = json.loads("".join(har(hostile())))
    assert len(value["log"]["entries"]) == len(hostile())
