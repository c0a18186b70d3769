"""The tokens of Anthropic's `usage`, as all dialects count them."""

from typing import Any

from kimitap.dialects.chat_facts import count_of

_READ = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


class Counts:
    """Gathers `usage` from a reply's body, or from the first and last events of a stream.

    The last word of a number counts, but for a zero after a number: some servers send an
    `input_tokens` of 0 with the last count.
    """

    def __init__(self) -> None:
        self._said: dict[str, Any] = {}

    def add(self, usage: Any) -> None:
        """Takes a `usage`; what is no number is left out."""
        if isinstance(usage, dict):
            self._said.update((k, v) for k, v in usage.items() if v or k not in self._said)

    def as_chat(self) -> dict[str, Any]:
        """The counts under the names of the chat completions.

        `input_tokens` leaves out what came from the cache and what was written to it, so that the
        prompt is the sum of all three.
        """
        read = [count_of(self._said.get(name)) for name in _READ]
        counts: dict[str, Any] = {"completion_tokens": self._said.get("output_tokens")}
        if read[0] is not None:
            counts["prompt_tokens"] = sum(n for n in read if n is not None)
        counts["prompt_tokens_details"] = {"cached_tokens": read[1]}
        return counts
