"""What a change of the history cost: the tokens that the server read again, and the seconds.

A server keeps the prompt that it read last, and its own reply after it; of the next request it
reads only what comes after the first difference (see `segment`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kimitap.lineage import EchoKind, Link


@dataclass(frozen=True, slots=True)
class Price:
    """What the server read again: tokens, and seconds where it says how long it took."""

    tokens: int
    seconds: float | None = None

    def __str__(self) -> str:
        took = "" if self.seconds is None else f" ({self.seconds:.1f} s)"
        return f"{self.tokens:,} tokens{took}"

    def __add__(self, other: "Price") -> "Price":
        known = [s for s in (self.seconds, other.seconds) if s is not None]
        return Price(self.tokens + other.tokens, sum(known) if known else None)


def price(link: Link) -> Price | None:
    """What of the parent's prompt and reply was read again for the child; None where not counted.

    Of a reply whose reasoning did not come back only the rest could have been kept.
    """
    before, after = link.parent.reply.usage, link.child.reply.usage
    if before.prompt_tokens is None or after.prompt_tokens is None or after.cached_tokens is None:
        return None
    read = after.prompt_tokens - after.cached_tokens
    known = before.prompt_tokens + _given_back(link) - 1
    tokens = max(0, min(read, known - after.cached_tokens))
    told = link.child.reply.timings
    seconds = None
    if told.prompt_ms is not None and told.prompt_n:
        seconds = told.prompt_ms / 1000 * min(1.0, tokens / told.prompt_n)
    return Price(tokens, seconds)


def total(links: Iterable[Link]) -> Price | None:
    """The price of several changes; None where none was counted or nothing was read again."""
    prices = [found for link in links if (found := price(link)) is not None]
    spent = sum(prices, Price(0))
    return spent if spent.tokens else None


def _given_back(link: Link) -> int:
    """About how many tokens of the parent's reply stand in the child's request."""
    usage, message = link.parent.reply.usage, link.parent.reply.message
    given = link.echo.kind in (EchoKind.SAME, EchoKind.ALTERED, EchoKind.PARTIAL)
    if usage.completion_tokens is None or not given:
        return 0
    if usage.reasoning_tokens is not None:
        return max(0, usage.completion_tokens - usage.reasoning_tokens)
    said = len(message.text) + sum(len(c.name) + len(c.arguments) for c in message.tool_calls)
    thought = len(message.reasoning)
    if not said + thought:
        return 0
    return usage.completion_tokens * said // (said + thought)
