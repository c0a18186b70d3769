"""Names, for people, of the endpoints that no dialect reads: what was asked beside the talk.

The paths of llama-server (tools/server/README.md), of the APIs that it serves beside its own, and
of Ollama, wherever they are mounted.
"""

import re

from kimitap.exchange import Exchange

_NAMES: tuple[tuple[str, str], ...] = (
    (r"POST .*/(messages/count_tokens|(chat/completions|responses)/input_tokens)", "token count"),
    (r"\w+ .*/chat/completions/control", "reply control"),
    (r"POST .*/responses/compact", "compaction"),
    (r"POST .*/responses/[^/]+/cancel", "cancelled reply"),
    (r"GET .*/responses/[^/]+(/input_items)?", "stored reply"),
    (r"DELETE .*/responses/[^/]+", "deleted reply"),
    (r"\w+ .*/conversations(/.*)?", "stored conversation"),
    (r"POST .*/messages/batches(/.*)?", "batch"),
    (r"\w+ .*/batches(/.*)?", "batch"),
    (r"\w+ .*/files(/.*)?", "files"),
    (r"POST .*/(embedding|embeddings|embed)", "embeddings"),
    (r"POST .*/(rerank|reranking)", "rerank"),
    (r"POST .*/tokenize", "tokenize"),
    (r"POST .*/detokenize", "detokenize"),
    (r"POST .*/apply-template", "template"),
    (r"POST .*/moderations", "moderation"),
    (r"POST .*/audio/transcriptions", "transcription"),
    (r"POST .*/audio/translations", "translation"),
    (r"POST .*/audio/speech", "speech"),
    (r"POST .*/images/\w+", "images"),
    (r"POST .*/props", "settings"),
    (r"\w+ .*/props", "properties"),
    (r"POST .*/slots/\d+", "slot cache"),
    (r"\w+ .*/slots", "slots"),
    (r"\w+ .*/(health|healthz|ping|ready)", "health"),
    (r"\w+ .*/(metrics|stats)", "metrics"),
    (r"\w+ .*/lora-adapters", "lora"),
    (r"POST .*/models/load", "model load"),
    (r"POST .*/models/unload", "model unload"),
    (r"\w+ .*/models/?", "models"),
    (r"\w+ .*/models/.+", "model"),
    (r"POST /api/chat", "Ollama chat"),
    (r"POST /api/generate", "Ollama prompt"),
    (r"\w+ /api/(tags|ps)", "models"),
    (r"POST /api/show", "model"),
    (r"\w+ (/api)?/version", "version"),
    (r"HEAD /?", "probe"),
    (r"GET /?", "web page"),
    (r"GET .*\.(html|js|css|ico|png|svg|webmanifest|json)", "web page"),
)
_TABLE = tuple((re.compile(pattern), name) for pattern, name in _NAMES)
_LONGEST = 2000


def named(exchange: Exchange) -> str | None:
    """One or two words for what an exchange asked, by its method and path; None for no known one.

    A conversation's own endpoints have the name of their dialect instead: see `speaks`.
    """
    if exchange.method == "OPTIONS":
        return "preflight"
    asked = f"{exchange.method} {exchange.endpoint[:_LONGEST].rstrip('/') or '/'}"
    return next((name for pattern, name in _TABLE if pattern.fullmatch(asked)), None)
