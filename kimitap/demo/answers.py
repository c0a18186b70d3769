"""What llama-server answers, byte for byte in shape: bodies, stream events, errors.

Shapes and the order of keys are those of llama.cpp b10068; only the values are the demo's own.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kimitap.demo.speech import JSON, Speech

MODEL = "kimi-k2-demo"
FINGERPRINT = "b0-demo"
DONE = b"data: [DONE]\n\n"

TOKEN = re.compile(r"<\|\w+\|>|</?think>| ?\w+|\n+|[^\w\s]+|\s+")
"""About as coarse as a real tokenizer, so that counts and speeds look familiar."""


def tokens(text: str) -> list[str]:
    """`text` cut into tokens whose join is `text`."""
    return TOKEN.findall(text)


def compact(value: object) -> bytes:
    """JSON as the server writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens and milliseconds of a reply; `cached` tokens of the prompt were not computed anew."""

    prompt: int
    cached: int
    predicted: int
    prompt_ms: float
    predicted_ms: float

    @property
    def usage(self) -> dict[str, object]:
        return {
            "completion_tokens": self.predicted,
            "prompt_tokens": self.prompt,
            "total_tokens": self.prompt + self.predicted,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }

    @property
    def timings(self) -> dict[str, object]:
        fresh = self.prompt - self.cached
        return {
            "cache_n": self.cached,
            "prompt_n": fresh,
            **speed("prompt", fresh, self.prompt_ms),
            "predicted_n": self.predicted,
            **speed("predicted", self.predicted, self.predicted_ms),
        }


def speed(what: str, count: int, total_ms: float) -> dict[str, float]:
    """llama.cpp's three ways of saying how long `count` tokens took."""
    total_ms = round(max(total_ms, 0.001), 3)
    return {
        f"{what}_ms": total_ms,
        f"{what}_per_token_ms": total_ms / max(count, 1),
        f"{what}_per_second": 1000 * count / total_ms,
    }


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every object of one reply repeats: its id and when it was created (Unix seconds)."""

    id: str
    created: int

    def event(self, delta: JSON | None, finish_reason: str | None = None, **extra: object) -> bytes:
        """One event of the stream; without a delta it is the closing one that only counts."""
        choice = {"finish_reason": finish_reason, "index": 0, "delta": delta}
        chunk = {
            "choices": [] if delta is None else [choice],
            "created": self.created,
            "id": self.id,
            "model": MODEL,
            "system_fingerprint": FINGERPRINT,
            "object": "chat.completion.chunk",
            **extra,
        }
        return b"data: " + compact(chunk) + b"\n\n"

    def body(self, speech: Speech, counts: Counts) -> bytes:
        """The whole reply of a request that did not ask for a stream."""
        message: dict[str, object] = {"role": "assistant", "content": speech.text}
        if speech.reasoning:
            message["reasoning_content"] = speech.reasoning
        if speech.calls:
            message["tool_calls"] = [
                {
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                    "id": call.id,
                }
                for call in speech.calls
            ]
        choice = {"finish_reason": speech.finish_reason, "index": 0, "message": message}
        return compact(
            {
                "choices": [choice],
                "created": self.created,
                "model": MODEL,
                "system_fingerprint": FINGERPRINT,
                "object": "chat.completion",
                "usage": counts.usage,
                "id": self.id,
                "timings": counts.timings,
            }
        )


def deltas(speech: Speech) -> Iterator[JSON]:
    """The reply as a stream tells it, one token a delta, after the one that names the role."""
    for token in tokens(speech.reasoning):
        yield {"reasoning_content": token}
    for token in tokens(speech.text):
        yield {"content": token}
    for index, call in enumerate(speech.calls):
        first, *rest = tokens(call.arguments) or [""]
        function = {"name": call.name, "arguments": first}
        head = {"index": index, "id": call.id, "type": "function", "function": function}
        yield {"tool_calls": [head]}
        for token in rest:
            yield {"tool_calls": [{"index": index, "function": {"arguments": token}}]}


def error(code: int, message: str, kind: str = "invalid_request_error", **extra: object) -> bytes:
    """The body of an error."""
    return compact({"error": {"code": code, "message": message, "type": kind, **extra}})


def not_found() -> bytes:
    """The body for a path that the server does not know; its keys stand in another order."""
    return compact({"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}})


def models(n_ctx: int, created: int) -> bytes:
    """The answer to `GET /v1/models`."""
    meta = {"vocab_type": 2, "n_vocab": 163840, "n_ctx": n_ctx, "n_ctx_train": 131072}
    entry = {
        "id": MODEL,
        "aliases": [MODEL],
        "tags": [],
        "object": "model",
        "created": created,
        "owned_by": "llamacpp",
        "meta": meta,
    }
    old = {"name": MODEL, "model": MODEL, "type": "model", "capabilities": ["completion"]}
    return compact({"models": [old], "object": "list", "data": [entry]})


def props(n_ctx: int, slots: int) -> bytes:
    """The answer to `GET /props`."""
    caps = dict.fromkeys(
        ("supports_tools", "supports_tool_calls", "supports_parallel_tool_calls"), True
    )
    return compact(
        {
            "default_generation_settings": {"params": {}, "n_ctx": n_ctx},
            "total_slots": slots,
            "model_alias": MODEL,
            "model_path": f"{MODEL}.gguf",
            "modalities": {"vision": False, "audio": False},
            "chat_template": "",
            "chat_template_caps": caps,
            "build_info": FINGERPRINT,
        }
    )
