"""What a turn cost, in numbers: tokens, what of them was cached or read again, and the times."""

from dataclasses import dataclass

from kimitap.conversation import Turn
from kimitap.lineage import Link, Relation, Thread
from kimitap.rules.each import each
from kimitap.rules.price import price
from kimitap.transcript.wording import cached_tokens, prompt_tokens, reply_tokens

_GOES_ON = frozenset({Relation.CONTINUES, Relation.RETRY, Relation.WINDOW})
"""Where a request repeats what the server had read; elsewhere other words stand in its place."""


@dataclass(frozen=True, slots=True)
class TurnNumbers:
    """The numbers of one turn; None where nobody told one.

    `prompt`, `reply`: tokens. `cached` are those of the prompt that the server had in its cache;
    `again` those that it had read for the turn before, and read once more. `first_s` is the time to
    first token in seconds, known of streams only; `speed` is in tokens per second.
    """

    exchange: int
    prompt: int | None = None
    cached: int | None = None
    again: int | None = None
    reply: int | None = None
    first_s: float | None = None
    speed: float | None = None

    @property
    def read(self) -> int | None:
        """Tokens of the prompt that were not in the cache, for the first time or again."""
        if self.prompt is None or self.cached is None:
            return None
        return max(0, self.prompt - self.cached)

    @property
    def cached_share(self) -> int | None:
        """How much of the prompt was cached, in whole per cent, rounded down."""
        if not self.prompt or self.cached is None:
            return None
        return 100 * min(self.cached, self.prompt) // self.prompt


def numbers_of(thread: Thread) -> tuple[TurnNumbers, ...]:
    """The numbers of each turn of a thread, in order; of a thread that grew, only new ones cost."""
    return tuple(each(thread, _numbers_at))


def _numbers_at(thread: Thread, at: int) -> TurnNumbers:
    return turn_numbers_of(thread.turns[at], thread.links[at])


def turn_numbers_of(turn: Turn, link: Link | None = None) -> TurnNumbers:
    """The numbers of one turn; `link` is how it follows the one before, if it does."""
    spent = price(link) if link is not None and link.relation in _GOES_ON else None
    return TurnNumbers(
        turn.exchange,
        prompt_tokens(turn),
        cached_tokens(turn),
        spent.tokens if spent else None,
        reply_tokens(turn),
        first_token_s(turn),
        turn.tokens_per_second,
    )


def first_token_s(turn: Turn) -> float | None:
    """Seconds from the request to the first token; None where the reply was not streamed.

    No token comes before the prompt was read: where the server says that this took longer than its
    first bytes (some send an empty event at once), that is the time.
    """
    if not turn.reply.streamed or turn.first_event_s is None:
        return None
    read_ms = turn.reply.timings.prompt_ms
    return max(turn.first_event_s, 0.0 if read_ms is None else read_ms / 1000)
