"""What stands beside the message in a chat completion: counts, times, names, and errors.

A stream may say these in any chunk and more than once (ik_llama.cpp counts in every one): the last
word of a number counts, the first of a name.
"""

from collections.abc import Sequence
from typing import Any

from kimitap.conversation import Message, Reply, Timings, Usage
from kimitap.dialects.jsonread import dumps
from kimitap.exchange import Exchange

_LONGEST_ERROR = 4000
_SILENT = Message("assistant", (), "assistant")


class Facts:
    """Gathers them from one body or from many chunks."""

    def __init__(self) -> None:
        self.model = ""
        self.fingerprint = ""
        self.provider = ""
        self.error = ""
        self.error_in_stream = False
        self.prompt = ""
        self.truncated = False
        self._usage: dict[str, Any] = {}
        self._timings: dict[str, Any] = {}

    def read(self, value: dict[str, Any]) -> None:
        """Takes what a body or chunk says, but for its error."""
        if not self.model and isinstance(value.get("model"), str):
            self.model = value["model"]
        if not self.fingerprint and isinstance(value.get("system_fingerprint"), str):
            self.fingerprint = value["system_fingerprint"]
        if not self.provider and isinstance(value.get("provider"), str):
            self.provider = value["provider"]
        if "usage" in value:
            self.count(value["usage"])
        if "timings" in value and isinstance(value["timings"], dict):
            self._timings.update(value["timings"])
        if "__verbose" in value:
            self._read_verbose(value["__verbose"])

    def _read_verbose(self, told: Any) -> None:
        """Takes what llama-server adds where the request asks for `verbose`."""
        if isinstance(told, dict):
            prompt = told.get("prompt")
            self.prompt = prompt if isinstance(prompt, str) else self.prompt
            self.truncated = self.truncated or told.get("truncated") is True

    def count(self, usage: Any) -> None:
        """Takes a `usage`; servers that do not count yet send null."""
        if isinstance(usage, dict):
            self._usage.update(usage)

    def fail(self, value: Any, in_stream: bool) -> None:
        """Takes an error; the first one counts."""
        if not self.error:
            self.error = error_text(value)
            self.error_in_stream = in_stream

    def fail_with_status(self, exchange: Exchange) -> None:
        """Takes the status of 400 or more as the error, where nothing else told it."""
        if exchange.status is not None and exchange.status >= 400:
            self.fail(f"{exchange.status} {exchange.reason}".strip(), in_stream=False)

    def reply(
        self,
        messages: Sequence[Message],
        finish_reason: str | None,
        complete: bool,
        *,
        other_reasons: Sequence[str | None] = (),
        streamed: bool = False,
        events: int = 0,
        name: str = "",
        signs: bool = True,
    ) -> Reply:
        """The reply that these messages, one for each choice, are with what stands beside them.

        `finish_reason` is the first choice's, `other_reasons` are those of the further ones.
        """
        timings = self.timings
        return Reply(
            message=messages[0] if messages else _SILENT,
            finish_reason=finish_reason,
            complete=complete,
            error=self.error,
            error_in_stream=self.error_in_stream,
            usage=self._counts(timings),
            timings=timings,
            model=self.model,
            fingerprint=self.fingerprint,
            provider=self.provider,
            streamed=streamed,
            events=events,
            others=tuple(messages[1:]),
            other_reasons=tuple(other_reasons),
            id=name,
            truncated=self.truncated,
            prompt=self.prompt,
            signs=signs,
        )

    @property
    def usage(self) -> Usage:
        """The counts that were told so far."""
        return self._counts(self.timings)

    def _counts(self, times: Timings) -> Usage:
        """The counts. Where `usage` is silent or lags behind, llama.cpp's timings know better.

        Cached tokens: `cache_n`, else `cached_tokens` (Moonshot's stand in `usage` itself,
        DeepSeek's have a name of their own), else what was in the prompt but was not processed
        (ik_llama.cpp).
        """
        prompt = count_of(self._usage.get("prompt_tokens"))
        completion = count_of(self._usage.get("completion_tokens"))
        cached = self._cached() if times.cache_n is None else times.cache_n
        if cached is None and prompt is not None and times.prompt_n is not None:
            cached = max(0, prompt - times.prompt_n)
        if prompt is None and times.cache_n is not None and times.prompt_n is not None:
            prompt = times.cache_n + times.prompt_n
        counted = [n for n in (completion, times.predicted_n) if n is not None]
        return Usage(prompt, max(counted, default=None), cached, self._reasoning())

    def _cached(self) -> int | None:
        details = self._usage.get("prompt_tokens_details")
        for said in (details, self._usage):
            if isinstance(said, dict) and count_of(said.get("cached_tokens")) is not None:
                return count_of(said["cached_tokens"])
        return count_of(self._usage.get("prompt_cache_hit_tokens"))

    def _reasoning(self) -> int | None:
        details = self._usage.get("completion_tokens_details")
        return count_of(details.get("reasoning_tokens")) if isinstance(details, dict) else None

    @property
    def timings(self) -> Timings:
        said = self._timings
        return Timings(
            cache_n=count_of(said.get("cache_n")),
            prompt_n=count_of(said.get("prompt_n")),
            prompt_ms=_number(said.get("prompt_ms")),
            predicted_n=count_of(said.get("predicted_n")),
            predicted_ms=_number(said.get("predicted_ms")),
            n_ctx=count_of(said.get("n_ctx")),
        )


def _number(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18:
        return float(value)
    return None


def count_of(value: Any) -> int | None:
    """The number of tokens that a value is; None where it is none."""
    number = _number(value)
    return int(number) if number is not None and number >= 0 else None


def error_of(value: Any) -> Any:
    """The error in a JSON body or chunk, or None: `error`, or a bare object that is one."""
    if not isinstance(value, dict):
        return None
    if value.get("error"):
        return value["error"]
    if "choices" in value:
        return None
    if "message" in value and ("code" in value or value.get("object") == "error"):
        return value
    return value.get("detail")


def error_text(value: Any) -> str:
    """An error in words: its type and message where it has them, else all of it."""
    while isinstance(value, dict) and value.get("error"):
        value = value["error"]
    if isinstance(value, str):
        return value[:_LONGEST_ERROR]
    if not isinstance(value, dict):
        return dumps(value)[:_LONGEST_ERROR]
    message, kind = value.get("message"), value.get("type") or value.get("code")
    if not isinstance(message, str):
        return dumps(value)[:_LONGEST_ERROR]
    named = isinstance(kind, str) and kind and kind not in message
    return (f"{kind}: {message}" if named else message)[:_LONGEST_ERROR]
