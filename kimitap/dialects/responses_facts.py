"""What stands beside the output in a response of the Responses API: counts, times, errors."""

from typing import Any

from kimitap.dialects.chat_facts import Facts

_COUNTS = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens_details": "completion_tokens_details",
}


def read_facts(response: dict[str, Any], facts: Facts) -> None:
    """Takes what a response says beside its output; the counts under the names of chat's."""
    facts.read({name: value for name, value in response.items() if name != "usage"})
    usage = response.get("usage")
    if isinstance(usage, dict):
        facts.count({_COUNTS.get(name, name): value for name, value in usage.items()})
