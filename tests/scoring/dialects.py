"""The three APIs in which a session of the scoreboard is spoken, and which fault exists in which.

Sessions and faults are written as chat completions; `translate` says the same in the others.
"""

from enum import StrEnum


class Dialect(StrEnum):
    """An API, by the name that its turns carry."""

    CHAT = "openai-chat"
    MESSAGES = "anthropic-messages"
    RESPONSES = "openai-responses"


OTHERS = (Dialect.MESSAGES, Dialect.RESPONSES)

CANNOT: dict[tuple[str, Dialect], str] = {
    ("arguments as an object", Dialect.MESSAGES): "a call's `input` is always an object",
    ("finish_reason_stop", Dialect.RESPONSES): "the API has no finish reason",
    **dict.fromkeys(
        (("empty_block", Dialect.CHAT), ("empty_block", Dialect.RESPONSES)),
        "only Anthropic's API refuses empty blocks",
    ),
    **dict.fromkeys(
        (("thinking_rewritten", Dialect.CHAT), ("thinking_rewritten", Dialect.RESPONSES)),
        "only Anthropic's API wants the thinking back as it was",
    ),
    **dict.fromkeys(
        (("ids_refused", Dialect.CHAT), ("ids_refused", Dialect.RESPONSES)),
        "only Anthropic's API minds the characters of an id",
    ),
    **dict.fromkeys(
        (
            ("one_index_for_two_calls", Dialect.MESSAGES),
            ("one_index_for_two_calls", Dialect.RESPONSES),
        ),
        "a call is a block or item of its own there; see `arguments glued`",
    ),
    **dict.fromkeys(
        (
            ("flaw_in_the_second_choice", Dialect.MESSAGES),
            ("flaw_in_the_second_choice", Dialect.RESPONSES),
        ),
        "the API gives one reply to a request",
    ),
    **dict.fromkeys(
        (("results_not_rendered", Dialect.MESSAGES), ("results_not_rendered", Dialect.RESPONSES)),
        "llama-server tells the prompt in chat answers only",
    ),
}
"""(fault, dialect) → why the fault cannot exist there."""
