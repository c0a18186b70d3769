"""The names of the endpoints beside the conversation."""

from dataclasses import replace

import pytest

from kimitap.dialects import speaks
from kimitap.dialects.endpoints import named
from tests.support.wire import IK, MAINLINE, load, names


@pytest.mark.parametrize(
    "asked, name",
    [
        ("POST /v1/embeddings", "embeddings"),
        ("POST /embedding", "embeddings"),
        ("POST /v1/rerank", "rerank"),
        ("POST /reranking", "rerank"),
        ("POST /tokenize", "tokenize"),
        ("POST /detokenize", "detokenize"),
        ("POST /apply-template", "template"),
        ("POST /v1/messages/count_tokens?beta=true", "token count"),
        ("POST /v1/chat/completions/input_tokens", "token count"),
        ("POST /v1/responses/input_tokens", "token count"),
        ("GET /props", "properties"),
        ("POST /props", "settings"),
        ("GET /slots?fail_on_no_slot=1", "slots"),
        ("POST /slots/0?action=save", "slot cache"),
        ("GET /health", "health"),
        ("GET /v1/health", "health"),
        ("GET /v1/models", "models"),
        ("GET /v1/models/", "models"),
        ("GET /v1/models/kimi/k2.5", "model"),
        ("POST /models/load", "model load"),
        ("GET /metrics", "metrics"),
        ("GET /lora-adapters", "lora"),
        ("POST /lora-adapters", "lora"),
        ("POST /v1/audio/transcriptions", "transcription"),
        ("GET /v1/responses/resp_1", "stored reply"),
        ("DELETE /v1/responses/resp_1", "deleted reply"),
        ("POST /v1/responses/resp_1/cancel", "cancelled reply"),
        ("POST /v1/conversations", "stored conversation"),
        ("GET /v1/conversations/c/items", "stored conversation"),
        ("GET /api/tags", "models"),
        ("POST /api/chat", "Ollama chat"),
        ("HEAD /", "probe"),
        ("GET /", "web page"),
        ("GET /bundle.js", "web page"),
        ("OPTIONS /v1/chat/completions", "preflight"),
        ("GET /nope", None),
        ("GET /v1/chat/completions", None),
        ("POST /v1/models-of-mine", None),
    ],
)
def test_an_endpoint_is_named_for_people(asked: str, name: str | None) -> None:
    method, path = asked.split(" ")
    assert named(replace(load("tokenize"), method=method, path=path)) == name


def test_every_sample_of_a_real_server_is_a_dialects_or_has_a_name() -> None:
    for folder in (MAINLINE, IK):
        for sample in names(folder):
            one = load(sample, folder)
            nobodys = sample in {"get_404", "err_method"}
            assert bool(speaks(one) or named(one)) != nobodys, sample


def test_a_path_of_any_length_costs_little() -> None:
    one = load("tokenize")
    assert named(replace(one, path="/" + "v1/messages/" * 100_000)) is None
    assert named(replace(one, path="")) is None
