"""What a llama-server would say of its prompt cache, for sessions whose answers do not say."""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from kimitap.rules.examples import Json
from kimitap.rules.rule import Sample
from tests.scoring.cutting import message_of, messages_of

MS_A_TOKEN = 20.0
"""A big model at home reads fifty tokens a second."""


def counted(samples: Sequence[Sample]) -> list[Sample]:
    """The session with the usage and timings of a server that keeps every prompt it has read.

    Answers that have them already, and failed ones, stay as they are.
    """
    known: list[list[bytes]] = []
    made = []
    for sample in samples:
        prompt = [orjson.dumps(sample.request.get("tools")), *map(_bytes, messages_of(sample))]
        answered = sample.status == 200 and message_of(sample) and sample.raw is None
        if answered and not sample.extra:
            cached = max((_tokens(_shared(prompt, old)) for old in known), default=0)
            read = max(1, _tokens(prompt) - cached)
            sample = replace(
                sample, extra=said(cached, read, _tokens([_bytes(message_of(sample))]))
            )
        if answered:
            known.append([*prompt, _bytes(message_of(sample))])
        made.append(sample)
    return made


def said(cached: int, read: int, written: int) -> Json:
    """The usage and timings of an answer: tokens from the cache, read, and written."""
    return {
        "usage": {
            "prompt_tokens": cached + read,
            "completion_tokens": written,
            "total_tokens": cached + read + written,
            "prompt_tokens_details": {"cached_tokens": cached},
        },
        "timings": {
            "cache_n": cached,
            "prompt_n": read,
            "prompt_ms": read * MS_A_TOKEN,
            "predicted_n": written,
            "predicted_ms": written * 5 * MS_A_TOKEN,
        },
    }


def _bytes(message: Json) -> bytes:
    return orjson.dumps(dict(message))


def _tokens(pieces: Sequence[bytes]) -> int:
    return sum(4 + len(piece) // 4 for piece in pieces)


def _shared(one: Sequence[bytes], other: Sequence[bytes]) -> list[bytes]:
    same = []
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        same.append(left)
    return same
